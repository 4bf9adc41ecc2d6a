"""Judging keeps what many accounts have in common, and nothing of what only a hostile workspace says."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable

from accounts_review.workflow.assess.judging import Judging
from tests.stage import NOW, SetStage, someone


def kept_of(judge: Callable[[int], object]) -> int:
    """So many bytes are left of a hundred accounts, after those that any first one leaves."""
    judge(0)
    tracemalloc.start()
    for number in range(1, 101):
        judge(number)
    kept, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept


def test_rights_of_any_length_leave_nothing_in_memory(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    judging = Judging(stage.workspace, stage.workspace.current_policy.rules)

    def judge(number: int) -> object:
        user = someone(f"person.{number}", permissions=[f"{number}{'x' * 50_000}"])
        return judging.row(str(number), json.dumps(user), NOW.isoformat(), False, (), None, None, "")

    assert kept_of(judge) < 1_000_000


def test_groups_that_nobody_else_has_leave_nothing_in_memory(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    judging = Judging(stage.workspace, stage.workspace.current_policy.rules)

    def judge(number: int) -> object:
        groups = [{"uid": f"group-{number}-{place}"} for place in range(500)]
        return judging.row(
            str(number), json.dumps(someone("marie", groups=groups)), NOW.isoformat(), False, (), None, None, ""
        )

    assert kept_of(judge) < 4_000_000
