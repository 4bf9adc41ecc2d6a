"""What a bulk decision leaves in the audit is what decisions on each account leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts_review import audit
from accounts_review.models import AuditEntry
from accounts_review.workflow.review import bulk, decide
from tests.stage import Stage
from tests.workflow.review.test_bulk import NAMES, carry_on, confirm, stage

__all__ = ["stage"]


@pytest.mark.parametrize("decision", ["approve", "exempt", "snooze"])
def test_a_bulk_decision_leaves_the_same_entries_as_decisions_on_each(stage: Stage, decision: str) -> None:
    reviewer, now = stage.staff("reviewer"), stage.clock()
    until: dict[str, Any] = {"until": now + timedelta(days=100)} if decision == "exempt" else {}
    for name in NAMES:
        act: dict[str, Any] = {"accounts": stage.accounts(name), "actor": reviewer, "now": now}
        getattr(decide, decision)(reason="left", **until, **act)
        decide.withdraw(reason="undone", **act)
    one_by_one = told(after=0)

    last = audit.newest_checkpoint().seq
    carry_on(stage, first := confirm(stage, decision, **until))
    first.refresh_from_db()
    carry_on(stage, bulk.undo(bulk=first, actor=reviewer, now=stage.clock()))

    assert one_by_one == told(after=last)
    assert len(one_by_one) == 2 * len(NAMES)


def told(*, after: int) -> list[tuple[Any, ...]]:
    """What entries about accounts say, but for their numbers and times."""
    entries = AuditEntry.objects.filter(seq__gt=after).exclude(account_id=None).order_by("account_id", "seq")
    return [(e.subject, e.kind, e.actor, e.workspace, e.cleanup, e.data, e.details) for e in entries]
