"""Whether the tables of the database are those of this version of the portal."""

from __future__ import annotations

from pkgutil import iter_modules

from django.apps import apps
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import ForeignKey

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
        return newer(alias) or cut_off(alias)
    state = "lacks changes of this version of the portal" if _applied(alias) else "is empty"
    return newer(alias) or cut_off(alias) or f"The database {state}. Run `manage.py migrate`, then try again."


def cut_off(alias: str = "default") -> str:
    """What to do where a backup was not restored to its end: rows come before foreign keys; or ""."""
    tables, there = _references(alias)
    if f"{APP}_workspace" in tables and not _applied(alias):
        return (
            "The database holds tables of the portal, and not by which version they were made: a restore was cut off. "
            "Stop the portal, and restore the backup again."
        )
    meant = {one for one in _references_meant() if one[0] in tables}
    missing = meant - there
    if not missing or _known() - _applied(alias):
        return ""
    return (
        f"The database lacks {len(missing)} of its {len(meant)} foreign keys, such as that of "
        f"{'.'.join(min(missing))}: a restore was cut off. Stop the portal, and restore the backup again; "
        "where only keys are missing, `pg_restore --section=post-data` adds them from the backup."
    )


def _references_meant() -> set[tuple[str, str]]:
    """Tables and columns that name a row of another table."""
    models = apps.get_models(include_auto_created=True)
    fields = [field for model in models if model._meta.managed for field in model._meta.local_concrete_fields]
    return {
        (field.model._meta.db_table, field.column)
        for field in fields
        if isinstance(field, ForeignKey) and getattr(field, "db_constraint", True)
    }


def _references(alias: str) -> tuple[set[str], set[tuple[str, str]]]:
    """The tables there are, and which of their columns the database itself keeps true."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT relname, attname FROM pg_class"
            " LEFT JOIN pg_constraint ON conrelid = pg_class.oid AND contype = 'f'"
            " LEFT JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]"
            " WHERE relkind = 'r' AND pg_table_is_visible(pg_class.oid)"
        )
        rows = cursor.fetchall()
    return {table for table, _ in rows}, {(table, column) for table, column in rows if column}


def _known() -> set[str]:
    return {module.name for module in iter_modules(migrations.__path__) if not module.name.startswith("_")}


def _applied(alias: str) -> set[str]:
    return {name for app, name in MigrationRecorder(connections[alias]).applied_migrations() if app == APP}
