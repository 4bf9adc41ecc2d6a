"""Transitions: the only place where a case or a clean-up changes state, and where that is logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Func, JSONField, TextField, Value
from django.db.models.functions import Cast, Concat

from accounts_review.audit.chain import append
from accounts_review.audit.events import Event
from accounts_review.audit.log import Data, details_of, entry_about
from accounts_review.models import Case, Cleanup
from accounts_review.models.keys import Among
from accounts_review.rules.lifecycle import (
    CASE_TRANSITIONS,
    CLEANUP_TRANSITIONS,
    CaseState,
    CleanupState,
    IllegalTransition,
)

Movable = TypeVar("Movable", Case, Cleanup)

_STATE = Concat("state", Value(""), output_field=TextField())
"""The state without its indexes: rows are found by their keys."""


class Conflict(RuntimeError):
    """The row was not in the state it was thought to be in; nothing was changed."""

    def __init__(self, subject: object) -> None:
        self.subject = subject
        super().__init__(f"{subject} was changed by someone else meanwhile; reload it and decide again.")


@transaction.atomic
def transition(
    rows: Sequence[Movable],
    to: CaseState | CleanupState,
    *,
    kind: Event,
    actor: str,
    now: datetime,
    data: Data | Callable[[Movable], Data] | None = None,
    expect: Mapping[str, Any] | None = None,
    own: Callable[[Movable], Data] | None = None,
    **changes: Any,
) -> None:
    """Move cases or clean-ups that stand in one state to another, change columns with it, and record it.

    All or nothing. ``expect`` adds conditions on the row (a claim's token). ``data`` goes into the entry, made
    by a function where each row has its own; ``own`` makes such columns, the same for all, each of a JSON object. The
    rows in memory are brought up to date.

    Raises :class:`IllegalTransition` where the table forbids it, :class:`Conflict` where a row was not as expected.
    """
    if not rows:
        return
    model, allowed = type(rows[0]), CASE_TRANSITIONS if isinstance(rows[0], Case) else CLEANUP_TRANSITIONS
    stamp = {"moved_at": now} if model is Case else {}
    columns = {"state": to.value} | stamp | changes
    owned = {row.pk: own(row) for row in rows} if own else {}
    for origin in dict.fromkeys(row.state for row in rows):
        together = [row for row in rows if row.state == origin]
        if to not in allowed[origin]:  # type: ignore[index]
            raise IllegalTransition(subject=together[0], origin=origin, target=to)
        # By the state, of which the database may think that few have it, it would look at all who do.
        standing = model._default_manager.alias(origin=_STATE).filter(origin=origin, **(expect or {}))
        each = _by_key([(row.pk, owned[row.pk]) for row in together]) if owned else {}
        moved = standing.filter(pk__in=Among(row.pk for row in together)).update(**columns, **each)
        if moved != len(together):
            raise Conflict(together[0])
        append(
            entry_about(
                row, kind=kind, actor=actor, now=now, data={**details_of(data, row), "from": origin, "to": to.value}
            )
            for row in together
        )
    for row in rows:
        for name, value in (columns | dict(owned.get(row.pk, {}))).items():
            setattr(row, name, value)


def _by_key(owned: Sequence[tuple[int, Data]]) -> dict[str, Any]:
    """Columns of which each row takes its own JSON object, found by the row's key in one that holds them all."""
    return {
        name: Func(
            Value({str(key): columns[name] for key, columns in owned}, JSONField()),
            Cast("pk", TextField()),
            function="jsonb_extract_path",
            output_field=JSONField(),
        )
        for name in owned[0][1]
    }
