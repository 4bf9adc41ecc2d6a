"""What is missing is no evidence: where the last look cannot tell, the case is held, and a person is told in time."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.huwise import UnexpectedAnswer
from accounts_review.models import AuditEntry
from accounts_review.web.overview import attention
from accounts_review.workflow.notify import digest
from accounts_review.workflow.review import decide
from huwise_sandbox import records
from tests.stage import NOW, SetStage, Stage, days_ago, someone
from tests.workflow.mishaps import Act

READERS = records.group("readers", "Readers", [])
GONE = {"last_seen_at": None, "last_login_at": None}

UNCLEAR: dict[str, tuple[Act, str]] = {
    "dates are gone": (lambda s: s.update("marie", **GONE), "earlier_activity"),
    "dates went back": (lambda s: s.update("marie", last_seen_at=days_ago(1200)), "earlier_activity"),
    "the date that counts is unreadable": (lambda s: s.update("marie", last_seen_at="soon"), "earlier_activity"),
    "another address": (lambda s: s.update("marie", email="m@elsewhere.example"), "another_address"),
    "another date is unreadable": (lambda s: s.update("marie", last_login_at="yesterday"), "verdict_uncertain"),
    "no joining date": (lambda s: s.update("marie", joined_at=None), "unreadable_record"),
    "a record of somebody else": (lambda s: answer(s, {"username": "omar"}), "unreadable_record"),
    "a record without a name": (lambda s: answer(s, {"username": None}), "unreadable_record"),
    "an empty record": (lambda s: answer(s, {}), "unreadable_record"),
    "a list": (lambda s: answer(s, []), "unreadable_record"),
    "a page of a proxy": (lambda s: answer(s, "<h1>Sign in</h1>"), "unreadable_record"),
    "their group vanished": (lambda s: s.site.workspace._groups.clear(), "verdict_uncertain"),
    "their address is gone": (lambda s: s.update("marie", email=None), "verdict_uncertain"),
    "their rights are gone": (lambda s: s.update("marie", permissions=None), "verdict_uncertain"),
    "their groups are gone": (lambda s: s.update("marie", groups=None), "verdict_uncertain"),
}


def answer(stage: Stage, body: object) -> None:
    """The workspace answers with this when it is asked for Marie."""
    stage.order({"method": "GET", "path": "/users/marie", "kind": "status", "status": 200, "body": body})


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie and Omar are dormant."""
    return set_stage(someone("marie", groups=[{"uid": "readers"}]), someone("omar"), groups=[READERS])


@pytest.mark.matrix(fast=3, reason="each record is a clean-up of its own")
@pytest.mark.parametrize(("happens", "code"), UNCLEAR.values(), ids=UNCLEAR)
def test_who_cannot_be_judged_at_the_last_look_is_held_and_bars_nobodys_way(
    stage: Stage, happens: Act, code: str
) -> None:
    stage.launch("marie", "omar")
    happens(stage)
    stage.revoke()
    assert stage.states() == {"marie": "due", "omar": "revoked"}
    assert stage.why("marie")[0] == code
    stage.revoke()
    assert stage.states()["marie"] == "due"
    assert [username for username, _, _ in stage.deletes] == ["omar"]


@pytest.mark.matrix(fast=2, reason="each record is a clean-up of its own")
@pytest.mark.parametrize("field", GONE)
@pytest.mark.parametrize("value", [None, "", days_ago(1500)])
def test_one_date_less_than_the_last_sync_saw_holds_although_the_other_is_newer(
    set_stage: SetStage, field: str, value: str | None
) -> None:
    other = next(name for name in GONE if name != field)
    stage = set_stage(someone("marie") | {field: days_ago(1100), other: days_ago(1000)}, launched=("marie",))
    stage.update("marie", **{field: value})
    stage.revoke()
    assert (stage.states(), stage.deletes) == ({"marie": "due"}, [])
    stage.update("marie", **{field: days_ago(1100)})
    stage.revoke()
    assert stage.states() == {"marie": "revoked"}


def test_somebody_held_goes_on_once_the_dates_are_there_again(stage: Stage) -> None:
    stage.launch("marie")
    stage.update("marie", **GONE)
    stage.revoke()
    stage.update("marie", last_seen_at=days_ago(1000))
    stage.revoke()
    assert stage.states() == {"marie": "revoked"}


def test_somebody_held_who_signs_in_is_spared(stage: Stage) -> None:
    stage.launch("marie")
    stage.update("marie", **GONE)
    stage.revoke()
    stage.update("marie", last_seen_at=days_ago(0))
    stage.revoke()
    assert stage.states() == {"marie": "spared"}


def test_an_address_that_a_sync_has_seen_change_holds_until_somebody_approves_anew(stage: Stage) -> None:
    stage.launch("marie", "omar")
    stage.update("marie", email="m@elsewhere.example")
    stage.sync()
    stage.revoke()
    assert (stage.states(), stage.why("marie")) == ({"marie": "due", "omar": "revoked"}, ["another_address"])
    decide.withdraw(accounts=stage.accounts("marie"), actor=stage.staff("reviewer"), reason="asked", now=NOW)
    stage.launch("marie")
    assert stage.revoke() == {"revoked": 1}


def test_the_same_address_written_another_way_holds_nobody(stage: Stage) -> None:
    stage.launch("marie")
    stage.update("marie", email=stage.account("marie").email.upper())
    assert stage.revoke() == {"revoked": 1}


def test_the_worker_leaves_who_is_held_alone_for_a_while(stage: Stage) -> None:
    stage.launch("marie")
    stage.update("marie", **GONE)
    stage.revoke()
    entries = AuditEntry.objects.count()
    patient = stage.revoker()
    patient.patience = tasks_patience()
    assert patient.claim() is None
    assert AuditEntry.objects.count() == entries
    stage.clock.advance(hours=1, seconds=1)
    assert patient.claim()


def tasks_patience() -> Any:
    from accounts_review.tasks.jobs import HELD_PATIENCE

    return HELD_PATIENCE


def test_a_person_is_told_after_a_day_and_once(stage: Stage) -> None:
    stage.launch("marie")
    stage.update("marie", **GONE)

    def told() -> list[str]:
        return [said for _, said, _ in digest._items(stage.workspace) if "on hold" in said]

    stage.revoke()
    assert told() == []
    for _ in range(3):
        stage.clock.advance(hours=20)
        stage.revoke()
    assert told() == ["clean-up 1: 1 account has been on hold for a day and needs a check"]
    assert stage.entries("marie").count("case.held_for_a_day") == 1


def test_the_overview_says_so_at_once(stage: Stage) -> None:
    stage.launch("marie")
    stage.update("marie", **GONE)
    stage.revoke()
    (need,) = attention._of_held(stage.workspace)
    assert need.text == "1 account in clean-up 1 is on hold: its data is unclear."


@pytest.mark.parametrize("joined", [None, "soon"])
def test_an_unknown_outcome_is_not_settled_by_a_record_that_does_not_say_whose_it_is(
    stage: Stage, joined: object
) -> None:
    stage.launch("marie")
    stage.order({"method": "DELETE", "path": "/users/*", "kind": "status", "status": 500})
    stage.revoke(quiet=60)
    stage.order()
    stage.update("marie", joined_at=joined)
    for _ in range(3):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)
    assert stage.states() == {"marie": "unknown"}


def test_a_group_listed_twice_counts_with_both_its_rights(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.launch("marie")
    twice = [b'{"uid": "readers", "permissions": ["edit_domain"]}', b'{"uid": "readers", "permissions": []}']
    monkeypatch.setattr(type(stage.client), "groups", lambda client: twice)
    stage.revoke()
    assert stage.states() == {"marie": "spared"}


def test_an_answer_that_is_no_record_is_an_error_of_its_kind(stage: Stage) -> None:
    answer(stage, [])
    with pytest.raises(UnexpectedAnswer):
        stage.client.user("marie")


def test_a_look_stays_with_who_is_put_back_before_the_gate(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    revoker.see(case)
    revoker.put_back(case)
    assert (stage.case("marie").last_look or {})["found"] is True
