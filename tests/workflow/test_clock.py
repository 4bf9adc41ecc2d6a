"""By a clock that was set back, a promised day would come early: nobody is warned, and nothing is launched."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.notify.waiting import no_notices
from tests.stage import SetStage, policy_text, someone


def test_nobody_is_promised_a_day_by_a_clock_that_was_set_back(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    cleanup = stage.launch("marie")
    stage.clock.advance(days=-700)
    outcome = send_notices(workspace=stage.workspace, now=stage.clock())
    assert (outcome.sent, outcome.left, mail.outbox) == (0, 1, [])
    assert "clock is behind" in outcome.error
    assert [found["code"] for found in no_notices(cleanup, pace=Pace(), now=stage.clock())] == ["clock_behind"]
    stage.clock.advance(days=700)
    assert send_notices(workspace=stage.workspace, now=stage.clock()).sent == 1
    assert stage.case("marie").promised_at == stage.clock() + timedelta(days=30)


def test_where_nobody_is_to_be_warned_a_clock_that_was_set_back_fails_nothing(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    stage.clock.advance(days=-700)
    assert send_notices(workspace=stage.workspace, now=stage.clock()).error == ""


def test_a_launch_waits_for_a_clock_that_is_right(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    stage.approve("marie")
    cleanup = stage.workspace.cleanups.get(state="draft")
    stage.clock.advance(hours=-1)
    with pytest.raises(launch.CannotLaunch, match="clock is behind"):
        launch.launch(cleanup=cleanup, actor=stage.staff("operator"), now=stage.clock())
    stage.clock.advance(hours=1)
    launch.launch(cleanup=cleanup, actor=stage.staff("operator"), now=stage.clock())
    assert stage.states() == {"marie": "due"}


def test_minutes_between_two_machines_stop_nothing_and_a_newer_sync_settles_it(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    stage.launch("marie")
    stage.clock.advance(minutes=-4)
    assert send_notices(workspace=stage.workspace, now=stage.clock()).sent == 1
    stage.clock.advance(days=-1)
    stage.sync()
    assert no_notices(stage.case("marie").cleanup, pace=Pace(), now=stage.clock()) == []
