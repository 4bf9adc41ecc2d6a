"""Whether the tables of the database are those of this version of the portal."""

from __future__ import annotations

from pkgutil import iter_modules

from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from accounts_review import migrations

APP = "accounts_review"


def newer(alias: str = "default") -> str:
    """What to do where a newer version of the portal has changed the tables, of which this one knows nothing; or ""."""
    known, applied = _known(), _applied(alias)
    if not (later := max(applied, default="")) > max(known):
        return ""
    return (
        f"The database was changed by a newer version of the portal: it has {later}, and this version knows up to "
        f"{max(known)}. Install the newer version again, or restore a backup from before."
    )


def mismatch(alias: str = "default") -> str:
    """What to do where the tables are not those of this version; "" where they are."""
    missing = _known() - _applied(alias)
    if not missing:
        return newer(alias)
    state = "lacks changes of this version of the portal" if _applied(alias) else "is empty"
    return newer(alias) or f"The database {state}. Run `manage.py migrate`, then try again."


def _known() -> set[str]:
    return {module.name for module in iter_modules(migrations.__path__) if not module.name.startswith("_")}


def _applied(alias: str) -> set[str]:
    return {name for app, name in MigrationRecorder(connections[alias]).applied_migrations() if app == APP}
