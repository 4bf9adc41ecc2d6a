"""Back-test: what a policy would have said on a past day, held against the silences that syncs saw end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accounts_review.models import ActivityGap, Sync
from accounts_review.workflow.policy import backtest as backtest_module
from accounts_review.workflow.policy import preview
from accounts_review.workflow.policy.backtest import LookBack, backtest, returned
from tests.stage import NOW, SetStage, Stage, days_ago, policy_text, someone


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Read for half a year, with a limit of 365 days."""
    stage = set_stage(
        someone("silent", idle=800),
        someone("back", idle=800),
        someone("short", idle=200),
        someone("boss", idle=800, permissions=["edit_domain"]),
        others=0,
    )
    stage.adopt(policy_text(limit=365))
    return stage


def looked_back(stage: Stage, *, days: float) -> LookBack:
    (found,) = backtest(workspace=stage.workspace, policy_preview=None, on=stage.clock() - timedelta(days=days))
    return found


def come_back(stage: Stage, *usernames: str) -> None:
    """They are seen in half a year, and read the day after."""
    stage.clock.advance(days=180)
    for username in usernames:
        stage.update(username, last_seen_at=stage.clock().isoformat())
    stage.clock.advance(days=1)
    stage.sync()


def test_who_is_still_silent_and_who_came_back(stage: Stage) -> None:
    come_back(stage, "back", "short")
    found = looked_back(stage, days=100)
    assert (found.segment, found.silent, found.returned, found.unknown) == ("everyone", 1, 1, 0)
    (account,) = returned(workspace=stage.workspace, policy_preview=None, on=stage.clock() - timedelta(days=100))
    assert account.username == "back"
    assert (account.silent_since, account.seen_at) == (NOW - timedelta(days=800), NOW + timedelta(days=180))  # type: ignore[attr-defined]


def test_who_came_back_within_the_limit_is_no_false_alarm(stage: Stage) -> None:
    come_back(stage, "short")
    assert looked_back(stage, days=100).returned == 0
    assert looked_back(stage, days=2).returned == 1  # after 379 days, on the eve of coming back


def test_on_a_day_before_the_first_reading_it_is_not_known_who_was_silent(stage: Stage) -> None:
    come_back(stage)
    ActivityGap.objects.all().delete()
    stage.update("back", last_seen_at=days_ago(-180))
    stage.sync()
    ActivityGap.objects.all().delete()
    found = looked_back(stage, days=300)
    assert (found.silent, found.returned, found.unknown) == (1, 0, 1)
    assert Sync.objects.filter(state="complete").exists()


def test_of_very_many_a_sample_tells_of_how_many_it_is_not_known(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [someone(f"n{number}", joined_at=days_ago(3000), idle=10) for number in range(59)]
    stage = set_stage(someone("silent", idle=3000), *people, others=0)
    exact = looked_back(stage, days=300)
    assert (exact.silent, exact.unknown, exact.is_about) == (1, 59, False)
    monkeypatch.setattr(backtest_module, "SAMPLE", 20)
    found = looked_back(stage, days=300)
    assert (found.silent, found.is_about) == (1, True)
    assert 50 <= found.unknown <= 60
    assert looked_back(stage, days=-1) == replace(exact, silent=1, unknown=0)


def test_only_a_long_silence_is_kept_and_only_once(stage: Stage) -> None:
    assert not ActivityGap.objects.exists()
    come_back(stage, "back")
    stage.clock.advance(days=20)
    stage.update("back", last_seen_at=stage.clock().isoformat())
    stage.sync()
    stage.sync()
    assert ActivityGap.objects.count() == 1


def test_a_preview_is_tested_by_its_own_limits(stage: Stage) -> None:
    come_back(stage, "back")
    policy_preview = preview.propose(
        workspace=stage.workspace, text=policy_text(limit=2000), actor=None, reason="", now=NOW
    )
    preview.judge(policy_preview=policy_preview, clock=stage.clock)
    (found,) = backtest(
        workspace=stage.workspace, policy_preview=policy_preview, on=stage.clock() - timedelta(days=100)
    )
    assert found.called == 0
