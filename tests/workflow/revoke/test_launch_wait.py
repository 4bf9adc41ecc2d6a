"""Where no notice gives time, a live launch waits before its first removal, and can be cancelled meanwhile."""

from __future__ import annotations

from datetime import timedelta

from accounts_review.models import Workspace
from accounts_review.workflow.launch import launch
from accounts_review.workflow.revoke.standstill import standstill
from tests.stage import SetStage, policy_text, someone


def test_nothing_is_sent_before_the_time_is_over(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(wait=24))
    cleanup = stage.launch("marie")
    end = stage.clock() + timedelta(hours=24)
    assert standstill(cleanup, now=stage.clock()) == [{"code": "launch_waits", "until": end.isoformat()}]
    stage.clock.advance(minutes=24 * 60 - 1)
    assert stage.revoke() == {}
    assert stage.deletes == []
    stage.clock.advance(minutes=2)
    stage.sync()
    assert stage.revoke() == {"revoked": 1}


def test_cancelled_in_time_it_takes_nobodys_access(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(wait=24))
    cleanup = stage.launch("marie")
    launch.cancel(cleanup=cleanup, actor=stage.staff("operator"), reason="a mistake", now=stage.clock())
    stage.clock.advance(minutes=25 * 60)
    assert stage.revoke() == {}
    assert stage.states() == {"marie": "withdrawn"}


def test_a_dry_run_waits_for_nothing(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(wait=24))
    stage.set_mode(Workspace.Mode.DRY_RUN)
    stage.launch("marie")
    assert stage.revoke() == {"would_revoke": 1}


def test_a_shorter_wait_in_a_later_policy_does_not_shorten_this_one(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(wait=24), launched=("marie",))
    stage.adopt(policy_text(wait=0))
    assert stage.revoke() == {}
