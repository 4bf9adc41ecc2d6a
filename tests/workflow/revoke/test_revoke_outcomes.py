"""What became of the DELETE: only 204 is success, the unknown is settled by reading, some answers stop it all."""

from __future__ import annotations

import time
from typing import Any

import pytest

from accounts_review.models import AuditEntry, Workspace
from accounts_review.workflow.launch import launch
from accounts_review.workflow.revoke import worker
from tests.stage import KEY, SetStage, Stage, someone

DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*"}
LOOK: dict[str, Any] = {"method": "GET", "path": "/users/m*"}


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie, Omar and Zoé are due, in this order."""
    stage: Stage = set_stage(someone("marie"), someone("omar"), someone("zoé"), launched=("marie", "omar", "zoé"))
    return stage


NO_PORTAL = {"kind": "status", "status": 404, "body": {"error_code": "domain_not_found", "message": "No such portal."}}


def test_a_404_to_the_delete_that_speaks_of_something_else_is_unknown_and_settled_by_reading(stage: Stage) -> None:
    stage.order(DELETE | NO_PORTAL | {"times": 1})
    stage.revoke(limit=1, quiet=60)
    assert stage.states()["marie"] == "unknown"
    assert "marie" in stage.members
    for _ in range(3):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)
    assert stage.states() == {"marie": "revoked", "omar": "revoked", "zoé": "revoked"}
    assert len([name for name, _, _ in stage.deletes if name == "marie"]) == 2


def test_a_404_to_the_last_look_that_speaks_of_something_else_holds(stage: Stage) -> None:
    stage.order(LOOK | NO_PORTAL)
    stage.revoke()
    assert (stage.states()["marie"], stage.why("marie")) == ("due", ["unreadable_record"])


def test_the_refusal_to_remove_the_last_administrator_ends_the_case_and_stops_nobody(stage: Stage) -> None:
    body = {
        "error_code": "last_domain_administrator",
        "message": "Removing the only domain administrator is not allowed.",
    }
    stage.order(DELETE | {"kind": "status", "status": 400, "body": body, "times": 1})
    assert stage.revoke() == {"refused": 1, "revoked": 2}
    outcome = stage.outcome("marie")
    assert (outcome["status"], outcome["error_code"]) == (400, "last_domain_administrator")
    assert "only domain administrator" in outcome["error"]
    assert stage.cleanup().state == "closed"


def resume(stage: Stage) -> None:
    launch.resume(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="looked", now=stage.clock())


STOPPING = {
    "401": {"kind": "status", "status": 401},
    "403": {"kind": "status", "status": 403},
    "redirect": {"kind": "redirect", "location": "https://elsewhere.example/login"},
}


@pytest.mark.parametrize("fault", STOPPING.values(), ids=STOPPING)
def test_a_delete_answered_so_stops_the_cleanup(stage: Stage, fault: dict[str, Any]) -> None:
    stage.order(DELETE | fault)
    stage.revoke()
    assert len(stage.deletes) == 1
    assert stage.members == {"marie", "omar", "zoé"}
    assert stage.cleanup().state == "paused"
    assert stage.cleanup().stopped_because["code"] == "api"
    assert stage.states() == {"marie": "due", "omar": "due", "zoé": "due"}
    assert stage.entries("marie")[-1] == "case.turned_away"
    stage.order()
    stage.clock.advance(hours=1)
    stage.revoke()
    assert len(stage.deletes) == 1, "it goes on before a person resumed it"
    resume(stage)
    assert stage.revoke() == {"revoked": 3}
    assert AuditEntry.objects.filter(kind="case.intended", subject_ref__name="marie").count() == 2


@pytest.mark.parametrize("fault", STOPPING.values(), ids=STOPPING)
def test_a_delete_that_had_effect_although_the_door_was_shut_is_a_revocation(
    stage: Stage, fault: dict[str, Any]
) -> None:
    stage.order(DELETE | fault)
    stage.revoke()
    stage.remove("marie")
    stage.order()
    resume(stage)
    stage.revoke()
    assert stage.states()["marie"] == "revoked"
    assert stage.outcome("marie")["inferred"]
    assert stage.case("marie").is_restorable


@pytest.mark.parametrize("fault", STOPPING.values(), ids=STOPPING)
def test_a_last_look_answered_so_stops_the_cleanup_and_keeps_the_case(stage: Stage, fault: dict[str, Any]) -> None:
    stage.order(LOOK | fault)
    assert stage.revoke() == {"due": 1}
    assert stage.deletes == []
    assert stage.cleanup().state == "paused"
    assert stage.states()["marie"] == "due"


@pytest.mark.parametrize("fault", [STOPPING["401"], STOPPING["redirect"]], ids=["401", "redirect"])
def test_a_key_that_no_longer_opens_the_door_stops_the_cleanup(stage: Stage, fault: dict[str, Any]) -> None:
    stage.order(fault)
    assert stage.revoke() == {}
    assert stage.cleanup().state == "paused"
    assert AuditEntry.objects.filter(kind="cleanup.stopped").count() == 1


def test_a_workspace_that_is_down_stops_nothing_and_is_tried_again(stage: Stage) -> None:
    stage.order({"kind": "status", "status": 503})
    assert stage.revoke() == {}
    assert stage.cleanup().state == "running"
    stage.order(LOOK | {"kind": "status", "status": 503})
    assert stage.revoke() == {"due": 1}
    assert stage.cleanup().state == "running"
    stage.order()
    assert stage.revoke() == {"revoked": 3}


def test_a_lease_that_ran_out_before_sending_sends_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def freeze(label: str) -> None:
        if label == "s5":
            time.sleep(0.3)

    monkeypatch.setattr(worker, "crashpoint", freeze)
    assert stage.revoker(lease=0.2, quiet=60).run(limit=1) == {"unknown": 1}
    assert stage.deletes == []
    assert stage.outcome("marie")["why"] == {"code": "lease_over"}


def test_a_worker_whose_machine_was_suspended_past_its_lease_sends_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monotonic clock stands still meanwhile; Marie came back, and another worker spared her."""

    def suspend(label: str) -> None:
        if label == "s5":
            monkeypatch.setattr(worker, "crashpoint", lambda label: None)
            stage.clock.advance(hours=1)
            stage.update("marie", last_seen_at=stage.clock().isoformat())
            stage.revoke()

    monkeypatch.setattr(worker, "crashpoint", suspend)
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    revoker.process(case)
    assert stage.states()["marie"] == "spared"
    assert "marie" not in [name for name, _, _ in stage.deletes]


def test_an_answer_after_the_lease_changes_nothing_that_another_worker_found_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_over(label: str) -> None:
        if label == "s6":
            monkeypatch.setattr(worker, "crashpoint", lambda label: None)
            stage.clock.advance(seconds=121)
            stage.revoker(quiet=60).settle()

    monkeypatch.setattr(worker, "crashpoint", take_over)
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    revoker.process(case)
    assert stage.states()["marie"] == "unknown"
    stage.clock.advance(seconds=61)
    stage.revoker(quiet=0).settle()
    assert stage.states()["marie"] == "revoked"
    assert [name for name, _, _ in stage.deletes] == ["marie"]


def test_a_claim_whose_worker_died_is_freed_when_its_lease_is_over(stage: Stage) -> None:
    stage.revoker().claim()
    assert stage.revoke() == {}, "the first of the staged batch is still claimed"
    stage.clock.advance(seconds=121)
    assert stage.revoke()["revoked"] == 3


def test_a_worker_that_lost_its_claim_does_not_pass_the_gate(stage: Stage) -> None:
    sleeper = stage.revoker()
    lost = sleeper.claim()
    assert lost
    stage.clock.advance(seconds=121)
    stage.revoke(limit=2)
    before = stage.deletes
    assert before == [("omar", 204, True)]
    sleeper.process(lost)
    assert stage.deletes == before


def test_a_worker_that_lost_its_claim_does_not_give_up_the_one_of_another(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))
    sleeper, other = stage.revoker(), stage.revoker()
    lost = sleeper.claim()
    stage.clock.advance(seconds=121)
    other.settle()
    taken = other.claim()
    assert lost
    assert taken
    assert taken.pk == lost.pk
    stage.order(LOOK | {"kind": "status", "status": 500})
    sleeper.process(lost)
    assert (stage.case("marie").state, stage.case("marie").claim) == ("claimed", taken.claim)


def test_the_api_key_appears_nowhere(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "status", "status": 400, "body": {"error_code": "x", "message": f"bad key {KEY}"}})
    stage.revoke()
    case = stage.case("marie")
    kept = [str(entry.data) for entry in AuditEntry.objects.all()]
    kept += [str(case.outcome), str(case.snapshot), str(case.last_look), str(case.evidence)]
    assert "bad key" in str(case.outcome)
    assert not [text for text in kept if KEY in text]


NOBODY = {"method": "GET", "path": "/users/?*", "kind": "status", "status": 404}


def test_where_not_even_our_keys_owner_is_found_nobody_counts_as_gone(stage: Stage) -> None:
    stage.order(NOBODY)
    stage.revoke()
    assert stage.states() == {"marie": "due", "omar": "due", "zoé": "due"}
    assert (stage.deletes, stage.why("marie")) == ([], ["unreadable_record"])
    assert "not even that of our key's owner" in str(stage.case("marie").outcome)

    stage.order()
    assert stage.revoke() == {"revoked": 3}


def test_nor_do_such_answers_settle_what_is_unknown(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "status", "status": 500, "times": 1})
    stage.revoke(limit=1, quiet=60)
    stage.order(NOBODY)
    for _ in range(3):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)
    assert stage.states()["marie"] == "unknown"


def test_an_outage_that_ends_between_two_readings_makes_nobody_gone(stage: Stage) -> None:
    stage.order(NOBODY | {"times": 1})
    assert stage.revoke() == {"revoked": 3}


def test_an_owner_who_fits_in_no_address_is_not_looked_for(stage: Stage) -> None:
    stage.order({"method": "GET", "path": "/apikeys/", "kind": "status", "status": 403})
    Workspace.objects.update(key_owner="export")
    stage.remove("marie")
    assert stage.revoke() == {"already_gone": 1, "revoked": 2}


def test_whoever_is_not_found_is_gone_where_the_owner_is(stage: Stage) -> None:
    stage.remove("marie")
    assert stage.revoke() == {"already_gone": 1, "revoked": 2}
