"""The share of the population is one of everybody and of thirty days, however many launches there are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from environ import Env

from accounts_review.models import Account, Case, Cleanup, Workspace
from accounts_review.workflow.launch import launch, limits
from accounts_review.workflow.review import decide
from tests.stage import NOW, SetStage, Stage, policy_text, someone

NAMES = [f"person.{number}" for number in range(12)]


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Twelve dormant people among twenty: with the robot thirty-three, of whom a fifth is six."""
    return set_stage(*map(someone, NAMES), policy=policy_text(share=0.2))


def test_several_launches_share_one_limit(stage: Stage) -> None:
    assert limits.room(stage.workspace, now=NOW).allows == 6
    stage.launch(*NAMES[:2])
    stage.launch(*NAMES[2:4])
    assert limits.room(stage.workspace, now=NOW).allows == 2
    stage.launch(*NAMES[4:8])
    assert sorted(stage.states().values()) == ["due"] * 6 + ["in_draft"] * 2
    with pytest.raises(launch.CannotLaunch, match="at most 6 accounts, 6 are about to be removed"):
        stage.launch(NAMES[8])


def test_who_is_refused_is_told_when_the_next_launch_becomes_possible_and_then_it_is(stage: Stage) -> None:
    stage.launch(*NAMES[:6])
    stage.revoke()
    assert len([state for state in stage.states().values() if state == "revoked"]) == 6
    stage.approve(NAMES[6])
    draft = stage.cleanup()
    with pytest.raises(launch.CannotLaunch, match=r"becomes possible on 15 Jul 2026, 08:00"):
        launch.launch(cleanup=draft, actor=stage.staff("operator"), now=stage.clock())
    stage.clock.instant = NOW + timedelta(days=30) - timedelta(seconds=1)
    assert limits.room(stage.workspace, now=stage.clock()).allows == 0
    stage.clock.instant = NOW + timedelta(days=30)
    assert limits.room(stage.workspace, now=stage.clock()).allows == 5, "a fifth of the twenty-seven who are left"
    launch.launch(cleanup=draft, actor=stage.staff("operator"), now=stage.clock())


def test_the_date_holds_where_people_leave_the_window_one_by_one(stage: Stage) -> None:
    for number in range(6):
        stage.launch(NAMES[number])
        stage.revoke()
        stage.clock.advance(days=1)
    told = limits.room(stage.workspace, now=stage.clock()).next_at
    assert told
    assert limits.room(stage.workspace, now=told - timedelta(seconds=1)).allows == 0
    assert limits.room(stage.workspace, now=told).allows == 1


def test_the_share_is_one_of_the_population_before_anybody_was_removed(stage: Stage) -> None:
    stage.launch(*NAMES[:3])
    stage.revoke()
    assert Account.objects.listed().count() == 30
    assert limits.room(stage.workspace, now=NOW).allows == 3


@pytest.mark.matrix(fast=2, reason="each step is a clean-up of its own")
@pytest.mark.parametrize(
    "state", ["awaiting_notice", "noticed", "undeliverable", "due", "claimed", "intended", "unknown"]
)
def test_whoever_is_on_the_way_counts_at_every_step(stage: Stage, state: str) -> None:
    stage.launch(*NAMES[:6])
    Case.objects.update(state=state)
    for cleanup_state in ("running", "paused"):
        Cleanup.objects.update(state=cleanup_state)
        assert limits.room(stage.workspace, now=NOW).allows == 0


def test_a_launch_that_awaits_its_confirmation_counts(stage: Stage) -> None:
    stage.adopt(policy_text(share=0.2, two_people=True))
    stage.launch(*NAMES[:6])
    assert limits.room(stage.workspace, now=NOW).allows == 0


def test_who_keeps_the_access_counts_no_longer(stage: Stage) -> None:
    stage.launch(*NAMES[:6])
    staying: dict[str, Any] = {"actor": stage.staff("reviewer"), "reason": "stays", "now": NOW}
    decide.withdraw(accounts=stage.accounts(*NAMES[:2]), **staying)
    assert limits.room(stage.workspace, now=NOW).allows == 2
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="no", now=NOW)
    assert limits.room(stage.workspace, now=NOW).allows == 6


def test_a_dry_run_takes_no_room_and_waits_for_none(stage: Stage) -> None:
    stage.set_mode(Workspace.Mode.DRY_RUN)
    stage.launch(*NAMES[:6])
    stage.set_mode(Workspace.Mode.LIVE)
    assert limits.room(stage.workspace, now=NOW).allows == 6
    stage.launch(*NAMES[6:])
    assert limits.room(stage.workspace, now=NOW).allows == 0
    stage.set_mode(Workspace.Mode.DRY_RUN)
    stage.workspace.refresh_from_db()
    assert limits.room(stage.workspace, now=NOW).allows == 6


def test_the_date_is_that_of_the_promise_where_nobody_was_removed_yet(stage: Stage) -> None:
    stage.adopt(policy_text(share=0.2, notice=20))
    stage.launch(*NAMES[:6])
    assert limits.room(stage.workspace, now=NOW).next_at == NOW + timedelta(days=20 + 30)


@pytest.mark.parametrize("share", [1e-17, 1e-320])
def test_a_share_that_allows_nobody_is_said_to_be_too_small(stage: Stage, share: float) -> None:
    stage.adopt(policy_text(share=share))
    assert limits.room(stage.workspace, now=NOW).objection == {"code": "share_too_small"}


def test_however_a_division_is_rounded_enough_are_counted() -> None:
    for percent in range(1, 51):
        for count in range(300):
            share = percent / 100
            assert count <= int(limits.of_whom_the_share_is(count, share=share) * share), (percent, count)


@pytest.mark.parametrize(
    ("host", "mode", "notice", "is_launched"),
    [
        ("ville.example.org", Workspace.Mode.LIVE, 30, False),
        ("ville.example.org", Workspace.Mode.LIVE, 0, True),
        ("ville.example.org", Workspace.Mode.DRY_RUN, 30, True),
        ("127.0.0.1:8055", Workspace.Mode.LIVE, 30, True),
        ("sandbox:8055", Workspace.Mode.LIVE, 30, True),
    ],
)
def test_of_a_real_workspace_nobody_is_launched_whose_notice_would_be_a_file(
    stage: Stage, settings: Any, host: str, mode: Workspace.Mode, notice: int, is_launched: bool
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    stage.adopt(policy_text(notice=notice))
    stage.set_mode(mode)
    Workspace.objects.update(host=host)
    [case] = stage.approve(NAMES[0])
    act: dict[str, Any] = {"cleanup": case.cleanup, "actor": stage.staff("operator"), "now": stage.clock()}
    if is_launched:
        launch.launch(**act)
        return
    with pytest.raises(launch.CannotLaunch, match=r"reach nobody.*EMAIL_URL"):
        launch.launch(**act)


@pytest.mark.parametrize("scheme", ["filemail:///tmp/mail", "consolemail://", "dummymail://", "memorymail://"])
def test_nor_where_it_would_go_anywhere_but_to_a_mail_server(stage: Stage, settings: Any, scheme: str) -> None:
    settings.EMAIL_BACKEND = Env.email_url_config(scheme)["EMAIL_BACKEND"]
    stage.adopt(policy_text(notice=30))
    Workspace.objects.update(host="ville.example.org")
    [case] = stage.approve(NAMES[0])
    with pytest.raises(launch.CannotLaunch, match=r"reach nobody.*EMAIL_URL"):
        launch.launch(cleanup=case.cleanup, actor=stage.staff("operator"), now=stage.clock())
