"""A launch freezes what was previewed, holds back what exceeds the limits, and can be stopped."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts_review.models import Cleanup, Workspace
from accounts_review.workflow import launch
from tests.stage import SetStage, Stage, days_ago, policy_text, someone


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Three dormant people: omar idle longest, then marie, then zoe."""
    return set_stage(someone("marie", idle=1100), someone("omar", idle=1200), someone("zoe", idle=1000))


def draft(stage: Stage) -> Cleanup:
    return stage.approve("marie", "omar", "zoe")[0].cleanup


def test_the_preview_counts_what_would_happen(stage: Stage) -> None:
    cleanup = draft(stage)
    stage.update("zoe", last_seen_at=days_ago(1))
    stage.sync()
    seen = launch.preview(cleanup=cleanup, now=stage.clock())
    assert (seen.launching, seen.held_back, seen.returned, seen.live) == (3, 0, 1, True)
    assert seen.by_segment == {"everyone": 3}


def test_what_exceeds_the_limit_stays_for_the_next_draft_and_those_idle_longest_go_first(stage: Stage) -> None:
    stage.adopt(policy_text(per_cleanup=2))
    cleanup = draft(stage)
    assert launch.preview(cleanup=cleanup, now=stage.clock()).held_back == 1
    launch.launch(cleanup=cleanup, actor=stage.staff("operator"), now=stage.clock())
    assert {case.account.username for case in cleanup.cases.all()} == {"omar", "marie"}
    assert [case.account.username for case in stage.workspace.cleanups.get(state="draft").cases.all()] == ["zoe"]


def test_the_share_of_the_population_is_a_limit_too(stage: Stage) -> None:
    stage.adopt(policy_text(share=0.09))
    launch.launch(cleanup=draft(stage), actor=stage.staff("operator"), now=stage.clock())
    assert stage.states() == {"omar": "due", "marie": "due", "zoe": "in_draft"}


def test_the_mode_is_frozen_at_launch(stage: Stage) -> None:
    stage.set_mode(Workspace.Mode.DRY_RUN)
    cleanup = launch.launch(cleanup=draft(stage), actor=stage.staff("operator"), now=stage.clock())
    stage.set_mode(Workspace.Mode.LIVE)
    cleanup.refresh_from_db()
    assert cleanup.dry_run is True


def test_with_a_notice_people_wait_for_it_and_in_a_dry_run_they_do_not(stage: Stage) -> None:
    stage.adopt(policy_text(notice=30))
    stage.launch("marie")
    stage.set_mode(Workspace.Mode.DRY_RUN)
    stage.launch("omar")
    assert stage.states() == {"marie": "awaiting_notice", "omar": "due"}


def test_two_people_launch_and_confirm(stage: Stage) -> None:
    stage.adopt(policy_text(two_people=True))
    cleanup = launch.launch(cleanup=draft(stage), actor=stage.staff("operator"), now=stage.clock())
    assert (cleanup.state, set(stage.states().values())) == ("awaiting_confirmation", {"in_draft"})
    with pytest.raises(launch.CannotLaunch, match="another person"):
        launch.confirm(cleanup=cleanup, actor=stage.staff("operator"), now=stage.clock())
    launch.confirm(cleanup=cleanup, actor=stage.staff("administrator"), now=stage.clock())
    assert set(stage.states().values()) == {"due"}


def test_launching_takes_the_permission(stage: Stage) -> None:
    with pytest.raises(PermissionDenied, match="operator"):
        launch.launch(cleanup=draft(stage), actor=stage.staff("reviewer"), now=stage.clock())


def test_a_cleanup_is_launched_once_and_never_empty(stage: Stage) -> None:
    cleanup = stage.launch("marie")
    with pytest.raises(launch.CannotLaunch, match="launched already"):
        launch.launch(cleanup=cleanup, actor=stage.staff("operator"), now=stage.clock())
    empty = stage.approve("omar")[0].cleanup
    empty.cases.all().delete()
    with pytest.raises(launch.CannotLaunch, match="empty"):
        launch.launch(cleanup=empty, actor=stage.staff("operator"), now=stage.clock())


def test_a_paused_cleanup_revokes_nobody_until_it_is_resumed(stage: Stage) -> None:
    cleanup = stage.launch("marie")
    turn: dict[str, Any] = {"cleanup": cleanup, "actor": stage.staff("operator"), "reason": "asked to wait", "now": stage.clock()}
    launch.pause(**turn)
    stage.revoke()
    assert stage.deletes == []
    launch.resume(**turn)
    stage.revoke()
    assert stage.states() == {"marie": "revoked"}


def test_a_cancelled_cleanup_lets_everybody_go(stage: Stage) -> None:
    cleanup = stage.launch("marie", "omar")
    launch.cancel(cleanup=cleanup, actor=stage.staff("operator"), reason="wrong list", now=stage.clock())
    stage.revoke()
    assert (stage.states(), stage.deletes) == ({"marie": "withdrawn", "omar": "withdrawn"}, [])


@pytest.mark.parametrize("verb", [launch.pause, launch.cancel])
def test_stopping_wants_a_reason(stage: Stage, verb: object) -> None:
    cleanup = stage.launch("marie")
    with pytest.raises(launch.CannotLaunch, match="Say why"):
        verb(cleanup=cleanup, actor=stage.staff("operator"), reason=" ", now=stage.clock())  # type: ignore[operator]
