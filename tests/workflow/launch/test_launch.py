"""A launch freezes what was previewed, holds back what exceeds the limits, and can be stopped."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts_review.models import AuditEntry, Cleanup, Workspace
from accounts_review.workflow.launch import launch
from tests.stage import SetStage, Stage, policy_text, someone


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Three dormant people: omar idle longest, then marie, then zoe."""
    return set_stage(someone("marie", idle=1100), someone("omar", idle=1200), someone("zoe", idle=1000))


def draft(stage: Stage) -> Cleanup:
    return stage.approve("marie", "omar", "zoe")[0].cleanup


def turning(stage: Stage, cleanup: Cleanup, *, by: str = "operator") -> dict[str, Any]:
    return {"cleanup": cleanup, "actor": stage.staff(by), "reason": "asked to wait", "now": stage.clock()}


def test_what_exceeds_the_limit_stays_for_the_next_draft_and_those_idle_longest_go_first(stage: Stage) -> None:
    stage.adopt(policy_text(per_cleanup=2))
    cleanup = draft(stage)
    assert [case.account.username for case in launch.ranked_cases(cleanup)] == ["omar", "marie", "zoe"]
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
    with pytest.raises(launch.CannotLaunch, match="already been launched"):
        launch.launch(cleanup=cleanup, actor=stage.staff("operator"), now=stage.clock())
    empty = stage.approve("omar")[0].cleanup
    empty.cases.all().delete()
    with pytest.raises(launch.CannotLaunch, match="empty"):
        launch.launch(cleanup=empty, actor=stage.staff("operator"), now=stage.clock())


def test_a_paused_cleanup_revokes_nobody_until_it_is_resumed(stage: Stage) -> None:
    cleanup = stage.launch("marie")
    turn = turning(stage, cleanup)
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
    with pytest.raises(launch.CannotLaunch, match="Give a reason; it is recorded in the audit"):
        verb(cleanup=cleanup, actor=stage.staff("operator"), reason=" ", now=stage.clock())  # type: ignore[operator]


@pytest.mark.parametrize("two_people", [True, False])
def test_resuming_is_no_way_around_a_confirmation_or_a_launch(stage: Stage, two_people: bool) -> None:
    stage.adopt(policy_text(two_people=True))
    cleanup = draft(stage)
    if two_people:
        launch.launch(cleanup=cleanup, actor=stage.staff("operator"), now=stage.clock())
    before = stage.cleanup().state
    with pytest.raises(launch.CannotLaunch, match="not paused"):
        launch.resume(**turning(stage, cleanup))
    assert stage.cleanup().state == before != "running"
    assert set(stage.states().values()) == {"in_draft"}


@pytest.mark.parametrize("verb", [launch.pause, launch.resume, launch.cancel])
def test_stopping_and_going_on_take_the_permission(stage: Stage, verb: Any) -> None:
    cleanup = stage.launch("marie")
    with pytest.raises(PermissionDenied, match="operator"):
        verb(**turning(stage, cleanup, by="reviewer"))
    assert stage.cleanup().state == "running"


def test_resuming_wants_a_reason_too(stage: Stage) -> None:
    cleanup = stage.launch("marie")
    launch.pause(**turning(stage, cleanup))
    with pytest.raises(launch.CannotLaunch, match="Give a reason; it is recorded in the audit"):
        launch.resume(**(turning(stage, cleanup) | {"reason": ""}))
    assert stage.cleanup().state == "paused"
    assert stage.cleanup().stopped_because == {"code": "paused", "reason": "asked to wait"}


def test_every_step_is_in_the_record_with_who_and_why(stage: Stage) -> None:
    stage.adopt(policy_text(two_people=True, per_cleanup=2))
    cleanup = launch.launch(cleanup=draft(stage), actor=stage.staff("operator"), now=stage.clock())
    launch.confirm(cleanup=cleanup, actor=stage.staff("administrator"), now=stage.clock())
    launch.pause(**turning(stage, cleanup))
    launch.resume(**turning(stage, cleanup))
    launch.cancel(**turning(stage, cleanup))
    told = (
        AuditEntry.objects.filter(kind__startswith="cleanup.")
        .order_by("seq")
        .values_list("kind", "cleanup", "actor_ref__name")
    )
    assert list(told) == [
        ("cleanup.launched", 1, "operator"),
        ("cleanup.held_back", 2, "portal"),
        ("cleanup.confirmed", 1, "administrator"),
        ("cleanup.paused", 1, "operator"),
        ("cleanup.resumed", 1, "operator"),
        ("cleanup.cancelled", 1, "operator"),
    ]
    launched = AuditEntry.objects.get(kind="cleanup.launched").data
    assert launched == {
        "cases": 2,
        "held_back": 1,
        "policy": stage.workspace.current_policy.number,
        "dry_run": False,
        "notice_days": 0,
        "from": "draft",
        "to": "awaiting_confirmation",
    }
    assert stage.cleanup().state == "draft"


def test_what_a_policy_lets_go_at_all_is_asked_before_the_launch(stage: Stage) -> None:
    stage.adopt(policy_text(share=0.01))
    cleanup = draft(stage)
    with pytest.raises(launch.CannotLaunch, match="share_of_population"):
        launch.launch(cleanup=cleanup, actor=stage.staff("operator"), now=stage.clock())
    assert stage.cleanup().state == "draft"
