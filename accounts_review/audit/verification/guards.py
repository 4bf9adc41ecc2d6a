"""Do the triggers that keep the audit append-only still stand, and can the running role do no more than it should?"""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from accounts_review.audit.verification.flaws import Flaw

ENTRIES, PERSONAL = "accounts_review_auditentry", "accounts_review_personaldata"
APPEND_ONLY, ERASE_ONLY = "accounts_review_append_only", "accounts_review_erase_only"

TRIGGERS = {
    (ENTRIES, "append_only_rows"): (APPEND_ONLY, 27),
    (ENTRIES, "append_only_table"): (APPEND_ONLY, 34),
    (PERSONAL, "erase_only_rows"): (ERASE_ONLY, 27),
    (PERSONAL, "erase_only_table"): (ERASE_ONLY, 34),
}
"""Of each trigger its function and ``pg_trigger.tgtype``: before, for which acts, each row or the whole table."""

FUNCTIONS = {
    APPEND_ONLY: "c77f816adfbe8a9f1ebd7cc6ce30e971855682dddd3c3b3823c4d280f30baeb8",
    ERASE_ONLY: "78cd50bf2c5a51101a93d22a636296b9a3ad5294bd033e2284b3e0f9af790587",
}
"""The SHA-256 of each function's text."""

_TRIGGERS = """
SELECT c.relname, t.tgname, p.proname, p.prosrc, t.tgtype, t.tgenabled, t.tgqual IS NULL
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.oid IN (%s::regclass, %s::regclass)
"""
_RULES = "SELECT tablename, rulename FROM pg_rules WHERE tablename IN (%s, %s)"
_POWERS = """
SELECT r.rolsuper, pg_has_role(r.oid, c.relowner, 'USAGE'),
       has_table_privilege(r.oid, c.oid, 'UPDATE'), has_table_privilege(r.oid, c.oid, 'DELETE'),
       has_table_privilege(r.oid, c.oid, 'TRUNCATE'), has_table_privilege(r.oid, c.oid, 'TRIGGER')
FROM pg_class c, pg_roles r WHERE c.oid = %s::regclass AND r.rolname = coalesce(%s, current_user)
"""


def check_guards() -> list[Flaw]:
    """Triggers that are missing, switched off or changed, rules that swallow what is written, and a role too mighty."""
    flaws = [*check_triggers(), *_rules()]
    if settings.HAS_TWO_ROLES:
        flaws += [Flaw(0, _("the portal's role can do this to the audit"), row=power) for power in powers()]
    return flaws


def check_triggers() -> list[Flaw]:
    """The triggers that do not stand as they were made."""
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS, [ENTRIES, PERSONAL])
        found = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
        cursor.execute("SHOW session_replication_role")
        role = cursor.fetchone()
    flaws = [_flaw(key, found.get(key)) for key in TRIGGERS]
    foreign = [
        Flaw(0, _("it does not belong there"), row=f"trigger {name} on {table}")
        for table, name in found.keys() - TRIGGERS
    ]
    if role and role[0] != "origin":
        flaws.append(
            Flaw(0, _("triggers are switched off for the portal's connections"), row="session_replication_role")
        )
    return [flaw for flaw in flaws if flaw] + sorted(foreign, key=str)


def powers() -> list[str]:
    """What the running role can do to the audit beyond reading and adding; empty as it should be.

    It is the one that is signed in, whatever an address says of it; only where that is the owner, who migrates, the
    one that the address of the portal names.
    """
    is_owner = settings.HAS_OWNER_ROLE and connection.settings_dict["USER"] == settings.OWNER_ROLE
    with connection.cursor() as cursor:
        cursor.execute(_POWERS, [ENTRIES, (is_owner and settings.RUNNING_ROLE[0]) or None])
        held = cursor.fetchone() or ()
    names = ("SUPERUSER", "OWNER", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
    return [name for name, is_held in zip(names, held, strict=False) if is_held]


def _flaw(key: tuple[str, str], found: tuple[object, ...] | None) -> Flaw | None:
    row = f"trigger {key[1]} on {key[0]}"
    if found is None:
        return Flaw(0, _("it was removed"), row=row)
    function, source, kind, enabled, is_unconditional = found
    if enabled not in ("O", "A"):
        return Flaw(0, _("it is switched off"), row=row)
    expected, shape = TRIGGERS[key]
    if (function, kind) != (expected, shape) or not is_unconditional or _sha256(str(source)) != FUNCTIONS[expected]:
        return Flaw(0, _("it was changed"), row=row)
    return None


def _rules() -> list[Flaw]:
    with connection.cursor() as cursor:
        cursor.execute(_RULES, [ENTRIES, PERSONAL])
        return [
            Flaw(0, _("it does not belong there"), row=f"rule {rule} on {table}") for table, rule in cursor.fetchall()
        ]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
