"""Nobody is told of their access what is not so, nor twice, nor of what is long past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from accounts_review.huwise import decode_groups
from accounts_review.models import Case
from accounts_review.web.public.status import Stand, status_of
from accounts_review.workflow import advance, answer
from accounts_review.workflow.answer import AnswerKind, Said
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.send import EmailsSent, send_closings, send_notices
from tests.stage import SetStage, Stage, days_ago, policy_text, someone

LEAVE = Said(kind=AnswerKind.LEAVE)


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie and Omar were warned today."""
    stage = set_stage(
        someone("marie"), someone("omar"), someone("zoe"), policy=policy_text(notice=30), launched=("marie", "omar")
    )
    send_notices(workspace=stage.workspace, now=stage.clock())
    mail.outbox.clear()
    return stage


def tell(stage: Stage) -> EmailsSent:
    return send_closings(workspace=stage.workspace, now=stage.clock())


def texts_to(address: str) -> list[str]:
    return [str(message.body) for message in mail.outbox if message.to == [address]]


def cancel(stage: Stage) -> None:
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=stage.clock())


def look_again(stage: Stage) -> None:
    stage.clock.advance(hours=1)
    stage.sync()
    tell(stage)


def test_who_asked_to_leave_is_not_told_that_they_stay_because_another_has_their_username(stage: Stage) -> None:
    answer.answer(case=stage.case("marie"), said=LEAVE, now=stage.clock())
    stage.update("marie", joined_at=days_ago(0), email="marie.two@ville.example")
    cancel(stage)
    look_again(stage)
    assert not [text for text in texts_to("marie@ville.example") if "you still have your access" in text]


def test_who_was_found_there_after_an_unclear_delete_and_left_later_is_not_told_that_we_did_it(stage: Stage) -> None:
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.order({"method": "DELETE", "kind": "status", "status": 500})
    stage.revoke(limit=1)
    stage.order()
    stage.clock.advance(minutes=10)
    stage.revoke(limit=0)
    assert "case.still_there" in stage.entries("marie")
    assert stage.states()["marie"] == "due"
    cancel(stage)
    stage.remove("marie")
    look_again(stage)
    assert not texts_to("marie@ville.example")


def test_who_asked_to_leave_and_was_removed_by_a_later_cleanup_is_told_once(stage: Stage) -> None:
    answer.answer(case=stage.case("marie"), said=LEAVE, now=stage.clock())
    cancel(stage)
    stage.launch("marie")
    tell(stage)
    send_notices(workspace=stage.workspace, now=stage.clock())
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    mail.outbox.clear()
    assert stage.revoke()["revoked"] == 1
    tell(stage)
    look_again(stage)
    assert len(texts_to("marie@ville.example")) == 1, texts_to("marie@ville.example")


def test_who_is_missing_from_one_list_is_not_told_that_they_are_gone(stage: Stage) -> None:
    """Absence from a list proves nothing."""
    answer.answer(case=stage.case("marie"), said=LEAVE, now=stage.clock())
    cancel(stage)
    stage.remove("marie")
    look_again(stage)
    assert not texts_to("marie@ville.example")
    look_again(stage)
    assert "As you asked, your access" in texts_to("marie@ville.example")[0]


def test_who_went_while_a_sync_was_reading_is_told_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It began before the DELETE that was turned away and yet had effect, and did not list them any more."""
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())

    def meanwhile(groups: Any) -> Any:
        monkeypatch.undo()
        stage.clock.advance(minutes=1)
        stage.order({"method": "DELETE", "kind": "status", "status": 302})
        stage.revoke()
        stage.order()
        assert stage.entries("marie")[-1] == "case.turned_away"
        stage.remove("marie")
        stage.clock.advance(minutes=1)
        return decode_groups(groups)

    monkeypatch.setattr("accounts_review.workflow.sync.sync.decode_groups", meanwhile)
    stage.sync()
    cancel(stage)
    look_again(stage)
    look_again(stage)
    assert "We removed your access" in texts_to("marie@ville.example")[0]


def test_whom_their_page_promises_an_email_gets_it_although_no_sync_was_complete_for_long(stage: Stage) -> None:
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.order({"method": "DELETE", "kind": "status", "status": 302})
    stage.revoke()
    stage.order()
    cancel(stage)
    assert status_of(stage.case("marie"), now=stage.clock()).stand is Stand.UNCERTAIN
    stage.clock.advance(days=8)
    look_again(stage)
    assert "you keep your access" in texts_to("marie@ville.example")[0]


@pytest.mark.parametrize("is_listed", [True, False])
def test_of_what_ended_years_ago_nobody_is_told_after_an_upgrade(stage: Stage, *, is_listed: bool) -> None:
    """As releases before this one left it: their case ended without an e-mail, and there was none owed."""
    answer.answer(case=stage.case("marie"), said=LEAVE, now=stage.clock())
    cancel(stage)
    if is_listed:
        at = stage.clock()
        Case.objects.filter(account__username="marie").update(
            answer={"kind": "keep", "at": at.isoformat()}, state="spared", intended_at=at - timedelta(hours=1)
        )
    else:
        stage.remove("marie")
    stage.clock.advance(days=800)
    stage.sync()
    tell(stage)
    assert not texts_to("marie@ville.example"), texts_to("marie@ville.example")


def turn_the_delete_away(stage: Stage) -> None:
    """Marie's: by what was answered, nobody knows whether it had effect."""
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.order({"method": "DELETE", "kind": "status", "status": 302})
    stage.revoke(limit=1)
    stage.order()
    assert stage.entries("marie")[-1] == "case.turned_away"
    stage.clock.advance(hours=1)


def leave_otherwise(stage: Stage) -> None:
    stage.remove("marie")
    look_again(stage)
    look_again(stage)


def test_who_was_seen_by_a_last_look_and_left_later_is_not_told_that_we_did_it(stage: Stage) -> None:
    """The gate held them for a reason of its own, after the look had shown that the DELETE had no effect."""
    turn_the_delete_away(stage)
    launch.resume(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="mended", now=stage.clock())
    stage.update("marie", email="marie@new.example")
    stage.revoke()
    assert stage.why("marie") == ["address_changed"]
    cancel(stage)
    assert status_of(stage.case("marie"), now=stage.clock()).stand is Stand.CALLED_OFF
    leave_otherwise(stage)
    assert not texts_to("marie@new.example")


def test_whose_last_look_showed_somebody_else_may_still_be_gone(stage: Stage) -> None:
    turn_the_delete_away(stage)
    launch.resume(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="mended", now=stage.clock())
    body = {"username": "omar"}
    stage.order({"method": "GET", "path": "/users/marie", "kind": "status", "status": 200, "body": body})
    stage.revoke()
    stage.order()
    assert stage.why("marie")[0] == "unreadable_record"
    cancel(stage)
    assert status_of(stage.case("marie"), now=stage.clock()).stand is Stand.UNCERTAIN


def quarantined(stage: Stage) -> str:
    """Read that nobody was ever active, which is wrong."""
    dates = ("last_seen_at", "last_login_at")
    people = {name: stage.site.workspace.user(name) or {} for name in stage.site.workspace.usernames()}
    before = {name: {date: record[date] for date in dates} for name, record in people.items() if name != "marie"}
    for name in before:
        stage.update(name, **dict.fromkeys(dates))
    state = stage.sync().state
    for name, fields in before.items():
        stage.update(name, **fields)
    return state


def incomplete(stage: Stage) -> str:
    stage.order({"path": "/users", "kind": "wrong_total", "delta": 1})
    state = stage.sync().state
    stage.order()
    return state


@pytest.mark.parametrize("read_badly", [quarantined, incomplete], ids=["quarantined", "incomplete"])
@pytest.mark.parametrize("changed", [{}, {"first_name": "Marie-Claire"}], ids=["as_known", "changed"])
def test_who_was_listed_by_a_sync_that_was_not_accepted_and_left_later_is_not_told_that_we_did_it(
    stage: Stage, read_badly: Callable[[Stage], str], changed: dict[str, Any]
) -> None:
    turn_the_delete_away(stage)
    stage.update("marie", **changed)
    assert read_badly(stage) == read_badly.__name__
    cancel(stage)
    leave_otherwise(stage)
    assert not texts_to("marie@ville.example"), texts_to("marie@ville.example")


@pytest.mark.parametrize("read_badly", [quarantined, incomplete], ids=["quarantined", "incomplete"])
def test_who_was_not_listed_by_a_sync_that_was_not_accepted_is_told_that_we_did_it(
    stage: Stage, read_badly: Callable[[Stage], str]
) -> None:
    turn_the_delete_away(stage)
    stage.remove("marie")
    assert read_badly(stage) == read_badly.__name__
    cancel(stage)
    look_again(stage)
    look_again(stage)
    assert "We removed your access" in texts_to("marie@ville.example")[0]
