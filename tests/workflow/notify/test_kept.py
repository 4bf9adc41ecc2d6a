"""The threat is over, and they are told: every warned person who keeps their access after all, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from accounts_review.models import Account, Case, Workspace
from accounts_review.workflow import advance, answer
from accounts_review.workflow.answer import AnswerKind, Said
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import bounces
from accounts_review.workflow.notify.send import EmailsSent, send_closings, send_notices
from accounts_review.workflow.review import decide
from tests.stage import SetStage, Stage, days_ago, policy_text, someone

LEAVE = Said(kind=AnswerKind.LEAVE)


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie and Omar were warned today."""
    stage = set_stage(
        someone("marie"), someone("omar"), someone("zoe"), policy=policy_text(notice=30), launched=("marie", "omar")
    )
    warn(stage)
    mail.outbox.clear()
    return stage


def warn(stage: Stage) -> None:
    send_notices(workspace=stage.workspace, now=stage.clock())


def tell(stage: Stage, **options: Any) -> EmailsSent:
    return send_closings(workspace=stage.workspace, now=stage.clock(), **options)


def told() -> dict[str, str]:
    """To whom something was sent, and its text."""
    return {message.to[0].partition("@")[0]: str(message.body) for message in mail.outbox}


def withdraw(stage: Stage, *names: str) -> None:
    actor = stage.staff("reviewer")
    decide.withdraw(accounts=stage.accounts(*names), actor=actor, reason="a mistake", now=stage.clock())


def cancel(stage: Stage) -> None:
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=stage.clock())


def say(stage: Stage, said: Said, who: str = "marie") -> None:
    answer.answer(case=stage.case(who), said=said, now=stage.clock())


def test_a_cancelled_cleanup_is_called_off_with_everyone_who_was_warned_once(stage: Stage) -> None:
    cancel(stage)
    assert tell(stage) == EmailsSent(sent=2)
    assert tell(stage) == EmailsSent()
    assert set(told()) == {"marie", "omar"}
    assert "On Monday 15 June 2026 we wrote to you" in told()["marie"]
    assert "We have called this off" in told()["marie"]
    assert stage.entries("marie")[-1] == "case.kept_told"
    assert stage.case("marie").closing_told_at == stage.clock()


def test_who_is_withdrawn_or_exempted_is_told(stage: Stage) -> None:
    withdraw(stage, "marie")
    until = stage.clock() + timedelta(days=90)
    actor = stage.staff("reviewer")
    decide.exempt(accounts=stage.accounts("omar"), actor=actor, reason="on leave", until=until, now=stage.clock())
    assert tell(stage) == EmailsSent(sent=2)
    assert all("We have called this off" in text for text in told().values())
    assert "on leave" not in str(told())


def test_who_is_back_is_told_so(stage: Stage) -> None:
    stage.update("marie", last_seen_at=days_ago(0))
    stage.sync()
    advance.spare_returned(workspace=stage.workspace, now=stage.clock())
    assert tell(stage) == EmailsSent(sent=1)
    assert "You have signed in since" in told()["marie"]


def test_who_is_skipped_at_the_final_check_is_told(stage: Stage) -> None:
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.update("marie", permissions=["explore_restricted_dataset"])
    assert stage.revoke()["spared"] == 1
    assert tell(stage) == EmailsSent(sent=2)
    assert "We have called this off" in told()["marie"]
    assert "We removed your access" in told()["omar"]


def turn_the_delete_away(stage: Stage, *, had_effect: bool, status: int = 302) -> None:
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.order({"method": "DELETE", "kind": "status", "status": status})
    stage.revoke()
    assert stage.entries("marie")[-1] == "case.turned_away"
    if had_effect:
        stage.remove("marie")
    stage.order()


def look_again(stage: Stage) -> None:
    """Twice, as one list proves nothing."""
    for _ in range(2):
        stage.clock.advance(hours=1)
        stage.sync()
    tell(stage)


@pytest.mark.parametrize("status", [302, 401])
@pytest.mark.parametrize("had_effect", [True, False])
def test_after_a_delete_that_was_turned_away_a_sync_says_what_is_told(
    stage: Stage, status: int, *, had_effect: bool
) -> None:
    turn_the_delete_away(stage, had_effect=had_effect, status=status)
    cancel(stage)

    assert tell(stage) == EmailsSent(sent=1)
    assert set(told()) == {"omar"}, "who may be gone is not told that they stay"
    look_again(stage)
    if had_effect:
        assert "We removed your access" in told()["marie"]
        assert "on Wednesday 15 July 2026" in told()["marie"], "the day on which we asked for it"
        assert stage.entries("marie")[-1] == "case.closing_told"
    else:
        assert "We have called this off: you keep your access" in told()["marie"]
        assert stage.entries("marie")[-1] == "case.kept_told"
    assert tell(stage) == EmailsSent()


@pytest.mark.parametrize("had_effect", [True, False])
def test_who_asked_to_leave_and_was_cancelled_hears_what_became_of_it(stage: Stage, *, had_effect: bool) -> None:
    say(stage, LEAVE)
    turn_the_delete_away(stage, had_effect=had_effect)
    cancel(stage)
    stage.clock.advance(days=20)
    look_again(stage)
    expected = "As you asked, your access" if had_effect else "That has not happened: you still have your access"
    assert expected in told()["marie"]


@pytest.mark.parametrize("had_effect", [True, False])
def test_who_asked_to_keep_it_after_a_delete_that_was_turned_away_hears_how_it_ended(
    stage: Stage, *, had_effect: bool
) -> None:
    turn_the_delete_away(stage, had_effect=had_effect)
    say(stage, Said(kind=AnswerKind.KEEP))
    assert tell(stage) == EmailsSent(), "nobody knows yet"
    look_again(stage)
    expected = "before your answer reached us" if had_effect else "you keep your access"
    assert expected in told()["marie"]


def test_who_asked_to_leave_and_went_otherwise_is_told_that_they_are_gone(stage: Stage) -> None:
    say(stage, LEAVE)
    stage.remove("marie")
    cancel(stage)
    look_again(stage)
    assert "As you asked, your access" in told()["marie"]


def test_who_asked_to_leave_and_was_invited_anew_is_told_that_they_have_access(stage: Stage) -> None:
    say(stage, LEAVE)
    stage.update("marie", joined_at=days_ago(0))
    stage.sync()
    assert stage.revoke()["spared"] == 1
    look_again(stage)
    assert "you still have your access" in told()["marie"]


def test_who_asked_to_leave_is_told_although_something_came_back_later(stage: Stage) -> None:
    say(stage, LEAVE)
    bounces.mark_bounced(message_id="", recipient="marie@ville.example", why="marked as spam", now=stage.clock())
    assert stage.states()["marie"] == "undeliverable"
    cancel(stage)
    tell(stage)
    assert "you still have your access" in told()["marie"]


def test_who_was_seen_after_the_delete_and_left_later_is_not_told_that_we_removed_them(stage: Stage) -> None:
    turn_the_delete_away(stage, had_effect=False)
    stage.clock.advance(hours=1)
    stage.sync()
    stage.remove("marie")
    cancel(stage)
    look_again(stage)
    assert "marie" not in told()


def test_who_was_never_warned_hears_nothing(stage: Stage) -> None:
    stage.launch("zoe")
    cancel(stage)
    assert stage.states()["zoe"] == "withdrawn"
    assert tell(stage) == EmailsSent()


def test_whose_warning_bounced_hears_nothing(stage: Stage) -> None:
    bounces.mark_bounced(message_id="", recipient="marie@ville.example", why="550", now=stage.clock())
    cancel(stage)
    tell(stage)
    assert set(told()) == {"omar"}


def test_whose_address_changed_before_the_second_warning_is_told_there(stage: Stage) -> None:
    stage.update("marie", email="marie@new.example")
    stage.sync()
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    assert stage.states()["marie"] == "awaiting_notice"
    withdraw(stage, "marie")
    assert tell(stage) == EmailsSent(sent=1)
    assert mail.outbox[0].to == ["marie@new.example"]
    assert "We wrote to you that we would remove" in told()["marie"]


@pytest.mark.parametrize("kind", [AnswerKind.KEEP, AnswerKind.AWAY])
def test_who_kept_it_by_their_own_answer_has_read_so(stage: Stage, kind: AnswerKind) -> None:
    until = stage.clock() + timedelta(days=9) if kind is AnswerKind.AWAY else None
    say(stage, Said(kind=kind, until=until))
    assert tell(stage) == EmailsSent()


def test_who_left_otherwise_meanwhile_is_not_told_that_they_keep_it(stage: Stage) -> None:
    stage.remove("marie")
    stage.sync()
    cancel(stage)
    tell(stage)
    assert set(told()) == {"omar"}


def test_who_is_warned_again_already_is_not_told_that_it_is_over(stage: Stage) -> None:
    withdraw(stage, "marie")
    stage.launch("marie")
    assert tell(stage) == EmailsSent()
    warn(stage)
    assert tell(stage) == EmailsSent()


def test_a_dry_run_and_a_workspace_that_is_not_live_tell_nobody(stage: Stage) -> None:
    cancel(stage)
    stage.set_mode(Workspace.Mode.DRY_RUN)
    assert tell(stage) == EmailsSent()
    stage.set_mode(Workspace.Mode.LIVE)
    assert tell(stage) == EmailsSent(sent=2)


def test_a_week_later_it_would_only_confuse(stage: Stage) -> None:
    cancel(stage)
    stage.clock.advance(days=8)
    assert tell(stage) == EmailsSent()


def test_who_asked_to_leave_is_told_when_it_is_done(stage: Stage) -> None:
    say(stage, LEAVE)
    assert stage.revoke() == {"revoked": 1}
    assert tell(stage) == EmailsSent(sent=1)
    assert "As you asked, your access" in told()["marie"]


@pytest.mark.parametrize("end", ["refused", "withdrawn", "already_gone"])
def test_who_asked_to_leave_is_told_whatever_becomes_of_it(stage: Stage, end: str) -> None:
    say(stage, LEAVE)
    Case.objects.filter(account__username="marie").update(state=end, moved_at=stage.clock())
    stage.clock.advance(days=20)  # The mail server was out of order for long.
    assert tell(stage) == EmailsSent(sent=1)
    expected = "As you asked" if end == "already_gone" else "That has not happened: you still have your access"
    assert expected in told()["marie"]


def test_a_refused_removal_is_told_to_who_was_warned(stage: Stage) -> None:
    Case.objects.filter(account__username="marie").update(state="refused", moved_at=stage.clock())
    assert tell(stage) == EmailsSent(sent=1)
    assert "That has not happened: you still have your access." in told()["marie"]
    assert "still want it removed" not in told()["marie"]


def test_a_refused_mail_is_recorded_and_not_tried_again(stage: Stage) -> None:
    cancel(stage)
    Account.objects.filter(username="marie").update(email="no address")
    assert tell(stage) == EmailsSent(sent=1, refused=1)
    assert stage.entries("marie")[-1] == "case.kept_refused"
    assert tell(stage) == EmailsSent()
