"""``manage.py check --database default``: whether the database guards the audit as it should."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError, connections

from accounts_review.audit.verification.guards import ENTRIES, check_triggers, powers


def register() -> None:
    """Have Django ask, wherever it checks the database; ``migrate`` does."""
    checks.register(_check_guards, checks.Tags.database)


def _check_guards(
    app_configs: Any = None, *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    if not databases or "default" not in databases:
        return []
    connection = connections["default"]
    try:
        if ENTRIES not in connection.introspection.table_names():
            return []
        found: list[checks.CheckMessage] = [
            checks.Error(str(flaw), hint="Have the database's owner make it anew; see docs/backup.md.", id="audit.E001")
            for flaw in check_triggers()
        ]
        held = powers() if "embedded" not in connection.settings_dict["ENGINE"] else []
    except DatabaseError as error:
        return [checks.Warning(f"The guards of the audit could not be looked at: {error}", id="audit.W002")]
    if held:
        message = f"The portal's database role can do this to the audit: {', '.join(held)}."
        hint = "Give it a role of its own: manage.py database_roles prints the SQL."
        found.append(checks.Warning(message, hint=hint, id="audit.W001"))
    return found
