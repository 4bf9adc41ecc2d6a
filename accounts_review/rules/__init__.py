"""The law: who is dormant, who is protected, what must hold before a DELETE. Pure: no Django, no clock."""
