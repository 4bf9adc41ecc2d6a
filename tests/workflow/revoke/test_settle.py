"""Settling: an answer that proves nothing is settled by reading, never by sending again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts_review.models import AuditEntry
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke import worker
from tests.stage import NOW, SetStage, Stage, days_ago, someone

DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*"}
LOOK: dict[str, Any] = {"method": "GET", "path": "/users/m*"}


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie, Omar and Zoé are due, in this order."""
    stage: Stage = set_stage(someone("marie"), someone("omar"), someone("zoé"), launched=("marie", "omar", "zoé"))
    return stage


def resume(stage: Stage) -> None:
    launch.resume(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="looked", now=stage.clock())


UNKNOWN = {
    "500, no effect": ({"kind": "status", "status": 500}, False),
    "502 from a proxy": ({"kind": "status", "status": 502, "body": "<h1>Bad gateway</h1>"}, False),
    "408 from a proxy": ({"kind": "status", "status": 408, "body": "<h1>Request time-out</h1>"}, False),
    "cut off before it had effect": ({"kind": "cut_before"}, False),
    "cut off after it had effect": ({"kind": "cut_after"}, True),
    "a success it never promised": ({"kind": "status", "status": 200, "body": {}}, False),
    "404 of a proxy": ({"kind": "status", "status": 404, "body": "<h1>Not found</h1>"}, False),
}


@pytest.mark.matrix(fast=2, reason="each answer is a clean-up of its own")
@pytest.mark.parametrize(("fault", "had_effect"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_answer_that_proves_nothing_is_settled_by_two_rechecks(
    stage: Stage, fault: dict[str, Any], had_effect: bool
) -> None:
    stage.order(DELETE | fault | {"times": 1})
    assert stage.revoke(quiet=60) == {"unknown": 1}, "the others wait until the first is settled"
    assert len(stage.deletes) == 1
    assert stage.states() == {"marie": "unknown", "omar": "due", "zoé": "due"}

    assert stage.revoke(quiet=60) == {}, "before the quiet period nothing is read"
    stage.clock.advance(seconds=60)
    assert stage.revoke(quiet=60) == {}, "one recheck settles nothing"
    assert [recheck["found"] for recheck in stage.case("marie").rechecks] == ["absent" if had_effect else "present"]
    assert stage.revoke(quiet=60) == {}
    assert len(stage.deletes) == 1

    stage.clock.advance(seconds=60)
    stage.revoke(quiet=60)
    assert set(stage.states().values()) == {"revoked"}
    effective = sorted(name for name, _, removed in stage.deletes if removed)
    assert effective == ["marie", "omar", "zoé"]
    assert len(stage.deletes) == 3 if had_effect else 4
    intents = AuditEntry.objects.filter(kind="case.intended").count()
    assert intents == len(stage.deletes), "each DELETE has an intent of its own"


def tries_for_marie(stage: Stage) -> int:
    return [name for name, _, _ in stage.deletes].count("marie")


def test_a_second_unknown_of_the_same_case_stops_the_cleanup_for_a_person(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "status", "status": 500, "path": "/users/marie*"})
    for _ in range(8):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)
    assert tries_for_marie(stage) == 2, "no third DELETE without a person"
    assert stage.cleanup().state == "paused"
    assert stage.cleanup().stopped_because == {"code": "unknown_again", "times": 2}
    assert stage.states() == {"marie": "due", "omar": "revoked", "zoé": "revoked"}, "it is settled all the same"
    resume(stage)
    for _ in range(3):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)
    assert tries_for_marie(stage) == 3, "one more, and a person looks again"
    assert stage.cleanup().stopped_because == {"code": "unknown_again", "times": 3}
    stage.order()
    resume(stage)
    stage.clock.advance(minutes=2)
    stage.revoke(quiet=60)
    assert set(stage.states().values()) == {"revoked"}


def test_whoever_the_workspace_never_removes_can_be_withdrawn(stage: Stage) -> None:
    odd = {"error_code": "NoSuchRoute", "message": "not here"}
    stage.order(DELETE | {"kind": "status", "status": 404, "body": odd, "path": "/users/marie*"})
    for _ in range(8):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)
    assert stage.cleanup().stopped_because == {"code": "unknown_again", "times": 2}
    reviewer = stage.staff("reviewer")
    decide.withdraw(accounts=stage.accounts("marie"), actor=reviewer, reason="by hand", now=stage.clock())
    resume(stage)
    stage.clock.advance(minutes=2)
    stage.revoke(quiet=60)
    assert tries_for_marie(stage) == 2
    assert stage.states() == {"marie": "withdrawn", "omar": "revoked", "zoé": "revoked"}
    assert stage.cleanup().state == "closed"


def test_two_unknowns_in_a_row_are_so_although_the_first_was_settled_meanwhile(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "status", "status": 500})
    for _ in range(8):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)
    assert [name for name, _, _ in stage.deletes] == ["marie", "omar"]
    assert stage.cleanup().stopped_because == {"code": "unknown_in_a_row"}


def test_a_worker_that_dies_twice_over_the_same_case_stops_the_cleanup(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))

    def die(label: str) -> None:
        if label == "s5":
            raise KeyboardInterrupt

    def die_at_work() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(worker, "crashpoint", die)
            stage.revoke()

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            die_at_work()
        stage.clock.advance(minutes=5)
        stage.revoker().settle()
    assert stage.cleanup().stopped_because == {"code": "unknown_again", "times": 2}
    assert stage.deletes == []


def test_what_was_inferred_from_rechecks_says_so(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "cut_after", "times": 1})
    stage.revoke()
    stage.revoke()
    outcome = stage.outcome("marie")
    assert outcome["inferred"]
    assert len(outcome["rechecks"]) == 2
    assert "answer was cut off" in outcome["error"]
    assert stage.account("marie").gone_at == NOW


def test_somebody_who_came_back_while_it_was_unknown_is_spared(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "cut_before", "times": 1})
    stage.revoke()
    stage.update("marie", last_seen_at=NOW.isoformat())
    stage.revoke()
    assert stage.states()["marie"] == "spared"
    assert "marie" in stage.members


def test_a_new_account_of_the_same_name_shows_that_the_old_one_went(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "cut_after", "times": 1})
    stage.revoke()
    stage.site.workspace.put(someone("marie", joined_at=days_ago(1), last_seen_at=None))
    stage.revoke()
    assert stage.states()["marie"] == "revoked"
    assert "marie" in stage.members
    assert stage.outcome("marie")["rechecks"][-1]["found"] == "re-created"


def test_rechecks_that_disagree_settle_nothing(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "cut_before", "times": 1})
    stage.revoke(quiet=60)
    for absent in (True, False, True):
        stage.clock.advance(seconds=60)
        stage.order(*[LOOK | {"kind": "status", "status": 404}] if absent else [])
        stage.revoke(quiet=60)
    assert stage.states()["marie"] == "unknown"
    assert [recheck["found"] for recheck in stage.case("marie").rechecks] == ["absent", "present", "absent"]
    assert len(stage.deletes) == 1


def test_an_unknown_outcome_that_cannot_be_read_stays_unknown(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "cut_before", "times": 1})
    stage.revoke(quiet=60)
    stage.order(LOOK | {"kind": "status", "status": 500})
    stage.clock.advance(minutes=10)
    stage.revoke(quiet=60)
    assert stage.states()["marie"] == "unknown"
    assert stage.case("marie").rechecks == []


def test_two_unknown_outcomes_in_a_row_stop_the_cleanup(set_stage: SetStage) -> None:
    people = [someone(f"person.{n}") for n in range(6)]
    stage = set_stage(*people, launched=[person["username"] for person in people])
    stage.order(DELETE | {"kind": "cut_before", "after": 1})
    stage.clock.tick, stage.at_once = timedelta(milliseconds=1), 1
    assert stage.revoke(quiet=60) == {"revoked": 1, "unknown": 2}
    assert stage.cleanup().state == "paused"
    assert stage.cleanup().stopped_because == {"code": "unknown_in_a_row"}
    assert len(stage.deletes) == 3


def test_an_unknown_outcome_between_known_ones_stops_nothing(set_stage: SetStage) -> None:
    people = [someone(f"person.{n}") for n in range(6)]
    stage = set_stage(*people, launched=[person["username"] for person in people])
    stage.order(*(DELETE | {"kind": "cut_after", "after": after, "times": 1} for after in (1, 3)))
    stage.clock.tick, stage.at_once = timedelta(milliseconds=1), 1
    stage.revoke(quiet=60)
    assert stage.cleanup().state == "running"
    assert sorted(stage.states().values()) == ["revoked"] * 4 + ["unknown"] * 2


def test_unknown_outcomes_of_a_paused_cleanup_are_settled_all_the_same(stage: Stage) -> None:
    stage.order(DELETE | {"kind": "cut_after", "times": 1})
    cleanup = stage.cleanup()
    stage.revoke()
    type(cleanup).objects.filter(pk=cleanup.pk).update(state="paused")
    stage.revoke()
    assert stage.states() == {"marie": "revoked", "omar": "due", "zoé": "due"}
