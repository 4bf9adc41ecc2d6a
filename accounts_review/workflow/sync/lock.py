"""The lock of a sync: one process at a time reads a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from accounts_review.models import Workspace
from accounts_review.models.alone import alone


class AlreadyRunning(RuntimeError):
    """Another process is syncing this workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(f"A sync of {workspace} is already running; wait for it to end and try again.")


def _key(workspace: Workspace) -> list[int]:
    """The workspace's lock among PostgreSQL's advisory locks."""
    return [0x73796E63, workspace.pk]


def is_locked(workspace: Workspace) -> bool:
    """Whether some process syncs the workspace now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            _key(workspace),
        )
        return bool(cursor.fetchone()[0])


def is_free_until_the_end(workspace: Workspace) -> bool:
    """Whether no process syncs the workspace, nor begins to before the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", _key(workspace))
        return bool(cursor.fetchone()[0])


@contextmanager
def only_one(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's lock, which the database frees by itself when this process dies."""
    with alone(*_key(workspace)) as is_alone:
        if not is_alone:
            raise AlreadyRunning(workspace)
        yield
