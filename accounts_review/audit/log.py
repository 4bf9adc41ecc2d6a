"""Log an act that changes no state: an exemption, a new policy, a sync, an export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from accounts_review.audit.chain import NewEntry, append
from accounts_review.audit.events import Event
from accounts_review.models import Account, Case, Cleanup, Workspace

Logged = TypeVar("Logged", Account, Case, Cleanup, Workspace)
Data = Mapping[str, Any]


# Within an act's transaction, without a point to return to: an act whose entry fails fails with it.
@transaction.atomic(savepoint=False)
def log(
    rows: Sequence[Logged],
    *,
    kind: Event,
    actor: str,
    now: datetime,
    data: Data | Callable[[Logged], Data] | None = None,
) -> None:
    """Log an act that changes no state: an exemption, a new policy, a sync, an export."""
    append(entry_about(row, kind=kind, actor=actor, now=now, data=details_of(data, row)) for row in rows)


def everywhere() -> list[Workspace]:
    """What an act is logged about that concerns the whole portal: every workspace; before the first, one without name.

    Such an entry is read by who exports the whole audit.
    """
    return list(Workspace.objects.all()) or [Workspace()]


def details_of(data: Data | Callable[[Logged], Data] | None, row: Logged) -> Data:
    return data(row) if callable(data) else data or {}


def entry_about(
    row: Account | Case | Cleanup | Workspace, *, kind: Event, actor: str, now: datetime, data: Data
) -> NewEntry:
    match row:
        case Workspace():
            where: dict[str, Any] = {"workspace": row.name}
        case Cleanup():
            where = {"workspace": row.workspace.name, "cleanup": row.number}
        case Account():
            where = {"workspace": row.workspace.name, "subject": row.username, "account_id": row.pk}
        case Case():
            where = {
                "workspace": row.cleanup.workspace.name,
                "cleanup": row.cleanup.number,
                "subject": row.account.username,
                "account_id": row.account_id,
            }
    return NewEntry(at=now, actor=actor, kind=kind, data=data, **where)
