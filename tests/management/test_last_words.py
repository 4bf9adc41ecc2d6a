"""Last words: what is left, on standard output; beside it why it does not go on, and until when; the exit status."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from accounts_review.models import Account, Case, Cleanup, Workspace
from accounts_review.workflow import answer, brake, workspaces
from accounts_review.workflow.launch import launch
from tests.management.test_command_safety import run
from tests.stage import KEY, NOW, SetStage, Stage, policy_text, someone

DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*"}


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Iterator[Stage]:
    """Marie, Omar and Zoe are due; the portal runs at the instant of the other tests."""
    stage = set_stage(*map(someone, ("marie", "omar", "zoe")))
    settings.HUWISE = {"main": {"url": stage.url, "api_key": KEY, "key_owner": ""}}
    settings.QUIET_SECONDS = 600
    stage.launch("marie", "omar", "zoe")
    with time_machine.travel(NOW, tick=False):
        yield stage


def test_an_outcome_that_is_unknown_is_left_too(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "cut_before", "times": 1})
    out, err = run("revoke_due", status=1)
    assert out == "unknown 1; 2 due, 1 unknown\n"
    assert "the workspace's answer was cut off" in err
    out, err = run("revoke_due")
    assert out == "nothing; 2 due, 1 unknown\n"
    assert "clean-up 1 waits: the next ones wait until the outcome of the first is known" in err


def test_whom_another_worker_has_is_told_with_when_they_go_on_should_it_have_died(stage: Stage) -> None:
    assert stage.revoker(lease=60).claim()
    out, err = run("revoke_due")
    assert out == "nothing; 3 due\n"
    assert "clean-up 1 waits: another worker has 1 of its cases; if it has died, they go on at 08:01" in err


def test_with_nothing_due_an_unknown_outcome_is_still_told(stage: Stage) -> None:
    Case.objects.exclude(account__username="marie").update(state="withdrawn")
    stage.order(DELETE | {"kind": "cut_before", "times": 1})
    run("revoke_due", status=1)
    assert run("revoke_due")[0] == "nothing; 0 due, 1 unknown\n"


def test_the_hourly_limit_is_named_with_the_time_at_which_it_ends(stage: Stage) -> None:
    stage.adopt(policy_text(per_hour=1))
    with time_machine.travel(NOW + timedelta(minutes=57, seconds=1), tick=False):
        assert run("revoke_due")[0] == "revoked 1; 2 due\n"
    with time_machine.travel(NOW + timedelta(minutes=100), tick=False):
        out, err = run("revoke_due")
    assert out == "nothing; 2 due\n"
    assert "clean-up 1 waits: hourly limit reached; continues at 09:58" in err
    with time_machine.travel(NOW + timedelta(minutes=118), tick=False):
        assert run("revoke_due")[0] == "revoked 1; 1 due\n"


def test_a_tripped_breaker_is_a_rule_of_ours_and_no_failure(stage: Stage) -> None:
    stage.workspace.syncs.update(state="quarantined")
    out, err = run("revoke_due")
    assert out == "nothing; 3 due\n"
    assert "clean-up 1 waits: a sync looked wrong" in err


def test_so_is_a_hold(stage: Stage) -> None:
    run("hold", "--actor", stage.staff("operator").username, "--reason", "something is odd")
    out, err = run("revoke_due")
    assert out == "nothing; 3 due\n"
    assert "clean-up 1 waits: everything is held." in err
    assert "something is odd" in err


def test_so_is_an_account_whose_dates_are_gone(stage: Stage) -> None:
    for name in ("marie", "omar", "zoe"):
        stage.update(name, last_seen_at=None)
    out, err = run("revoke_due")
    assert out == "nothing; 3 due\n"
    why = "its dates are earlier than at the approval, or missing. Check these accounts on the clean-up's page."
    assert f"clean-up 1 waits: not yet for 3: {why}\n" in err


def test_so_is_an_account_that_was_warned_and_has_no_address_any_more(stage: Stage) -> None:
    Case.objects.exclude(account__username="marie").update(state="withdrawn")
    Case.objects.update(noticed_at=NOW - timedelta(days=30), promised_at=NOW, warned_to="marie@ville.example")
    stage.update("marie", email=None)
    stage.sync()
    out, err = run("revoke_due")
    assert out == "nothing; 1 due\n"
    assert "clean-up 1 waits: not yet for 1: is now uncertain. Check these accounts on the clean-up's page.\n" in err
    assert not stage.deletes


def test_so_is_a_workspace_in_dry_run(stage: Stage) -> None:
    stage.set_mode(Workspace.Mode.DRY_RUN)
    out, err = run("revoke_due")
    assert out == "nothing; 3 due\n"
    assert "the workspace is in dry run" in err


def test_the_cases_of_a_paused_cleanup_are_due_and_whoever_paused_it_said_why(stage: Stage) -> None:
    launch.pause(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="Ask the council", now=NOW)
    out, err = run("revoke_due")
    assert out == "nothing; 3 due\n"
    assert "clean-up 1 is paused: Ask the council" in err
    assert "manage.py resume_cleanup 1 --workspace main" in err


def test_so_are_those_of_a_paused_cleanup_whose_date_came_meanwhile(stage: Stage) -> None:
    Case.objects.update(state="noticed", noticed_at=NOW - timedelta(days=30), promised_at=NOW)
    Cleanup.objects.update(state="paused")
    assert run("revoke_due")[0] == "nothing; 3 due\n"
    Case.objects.filter(account__username="zoe").update(promised_at=NOW + timedelta(seconds=1))
    assert run("revoke_due")[0] == "nothing; 2 due\n"


@pytest.mark.matrix(fast=2, reason="each failure is a clean-up of its own")
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "status", "status": 503}, "the workspace reported an error"),
        ({"kind": "status", "status": 401}, "the workspace does not accept the API key"),
        ({"kind": "redirect", "location": "https://elsewhere.example/"}, "redirected to another address"),
        ({"method": "GET", "path": "/users/m*", "kind": "status", "status": 500}, "the workspace reported an error"),
        (DELETE | {"kind": "status", "status": 403}, "the API key is not allowed to do this"),
    ],
    ids=["down", "key refused", "redirect", "no look", "no DELETE"],
)
def test_a_workspace_that_fails_is_an_error(stage: Stage, fault: dict[str, Any], said: str) -> None:
    stage.order(fault)
    out, err = run("revoke_due", status=1)
    assert out == "nothing; 3 due\n"
    assert said in err
    assert Workspace.objects.get().failure["code"] == "api"
    stage.order()
    if stage.cleanup().state == "paused":
        assert run("revoke_due")[0] == "nothing; 3 due\n", "a person has to look first, and that is no failure"
        run("resume_cleanup", "1", "--actor", "operator", "--reason", "mended")
    assert run("revoke_due")[0] == "revoked 3; 0 due\n"
    assert Workspace.objects.get().failure == {}


def test_resuming_says_what_it_cannot_do(stage: Stage) -> None:
    by = ("--actor", "operator", "--reason", "x")
    assert "There is no clean-up 9" in run("resume_cleanup", "9", *by, status=1)[1]
    assert "not paused" in run("resume_cleanup", "1", *by, status=1)[1]


def test_notices_that_cannot_leave_say_why(stage: Stage, settings: Any) -> None:
    stage.adopt(policy_text(notice=30))
    Case.objects.update(state="awaiting_notice")
    Cleanup.objects.update(policy=stage.workspace.current_policy)
    stage.set_mode(Workspace.Mode.DRY_RUN)
    out, err = run("send_notices")
    assert out == "nothing; 3 awaiting notice\n"
    assert "clean-up 1 waits: this clean-up is live, but the workspace is in dry run" in err
    stage.set_mode(Workspace.Mode.LIVE)
    settings.NOTICES_PER_HOUR = 2
    out, err = run("send_notices")
    assert out == "sent 2; 1 awaiting notice\n"
    assert "clean-up 1 waits: hourly limit of e-mails reached; continues at 09:00" in err
    launch.pause(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="wait", now=NOW)
    out, err = run("send_notices")
    assert out == "nothing; 1 awaiting notice\n"
    assert "clean-up 1 waits: wait" in err


def test_a_pause_is_told_by_the_command_that_caused_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brake, "FEWEST", 2)
    Case.objects.update(state="noticed", noticed_at=NOW, promised_at=NOW + timedelta(days=30))
    for name in ("marie", "omar"):
        answer.answer(case=stage.case(name), said=answer.Said(kind=answer.AnswerKind.KEEP), now=NOW)
    out, err = run("send_notices")
    assert out == "nothing; 0 awaiting notice\n"
    assert "clean-up 1 waits: too many objections, 2 of 3 people" in err
    assert "clean-up 1 is paused: too many objections, 2 of 3 people" in run("revoke_due")[1]


def test_a_launch_that_leaves_somebody_behind_says_when_the_next_is_possible(stage: Stage) -> None:
    stage.adopt(policy_text(share=0.17))
    stage.site.workspace.put(someone("nora"))
    stage.site.workspace.put(someone("ole"))
    workspaces.set_mode(
        workspace=stage.workspace, mode=Workspace.Mode.LIVE, actor=stage.staff("administrator"), now=NOW
    )
    stage.sync()
    assert Account.objects.listed().count() == 26
    stage.approve("nora", "ole")
    out, err = run("launch_cleanup", "--actor", "operator")
    assert out.endswith("due 1; 1 held back\n")
    assert "The next launch becomes possible on 15 Jul 2026, 08:00" in err
    assert "becomes possible on 15 Jul 2026, 08:00" in run("launch_cleanup", "--actor", "operator", status=1)[1]
