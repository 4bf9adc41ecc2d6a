"""People: who may use the portal, and what they are told when that changes."""
