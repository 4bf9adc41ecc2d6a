"""Odd answers to the DELETE: whatever does not say plainly what became of the account is settled by reading it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.models import AuditEntry
from accounts_review.workflow.revoke import worker
from tests.stage import SetStage, Stage, someone

DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*", "kind": "status"}
NOT_FOUND: dict[str, Any] = DELETE | {"status": 404}
PAGE = "<h1>Blocked</h1>"

ODD: dict[str, tuple[int, Any]] = {
    "no such user, it says": (404, None),
    "gone": (410, {"error_code": "gone", "message": "This user is gone."}),
    "gone, in a page": (410, PAGE),
    "method not allowed, in a page": (405, PAGE),
    "conflict, without a word": (409, ""),
    "locked, in a page": (423, PAGE),
    "forbidden by law, in a page": (451, PAGE),
    "a refusal that is not the API's": (400, {"error": "blocked by policy"}),
    "a refusal cut short": (400, '{"error_code": "bad_requ'),
    "a code that is no number": (400, '{"error_code": NaN}'),
    "two codes in one": (404, '{"error_code": "domain_not_found", "error_code": "not_found"}'),
}


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie, Omar and Zoé are due, in this order."""
    stage: Stage = set_stage(someone("marie"), someone("omar"), someone("zoé"), launched=("marie", "omar", "zoé"))
    return stage


@pytest.fixture
def vanish(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marie is removed by somebody else between her last look and her DELETE."""

    def step(label: str) -> None:
        if label == "s5" and "marie" in stage.members:
            stage.remove("marie")

    monkeypatch.setattr(worker, "crashpoint", step)


def work(stage: Stage, times: int = 3) -> None:
    for _ in range(times):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)


def sent_for(stage: Stage, name: str) -> int:
    return [who for who, _, _ in stage.deletes].count(name)


@pytest.mark.matrix(fast=2, reason="each answer is a clean-up of its own")
@pytest.mark.parametrize(("status", "body"), ODD.values(), ids=ODD)
def test_it_is_unknown_and_who_is_still_there_is_looked_at_and_removed_anew(
    stage: Stage, status: int, body: Any
) -> None:
    stage.order(DELETE | {"status": status, "body": body, "times": 1})
    assert stage.revoke(quiet=60) == {"unknown": 1}
    assert stage.account("marie").gone_at is None
    work(stage)
    assert stage.states() == {"marie": "revoked", "omar": "revoked", "zoé": "revoked"}
    assert sent_for(stage, "marie") == 2
    assert AuditEntry.objects.filter(kind="case.intended", subject_ref__name="marie").count() == 2
    assert stage.members == set()


@pytest.mark.matrix(fast=2, reason="each answer is a clean-up of its own")
@pytest.mark.parametrize(("status", "body"), ODD.values(), ids=ODD)
@pytest.mark.usefixtures("vanish")
def test_who_is_gone_is_recorded_as_gone_once_two_rechecks_have_seen_it(stage: Stage, status: int, body: Any) -> None:
    stage.order(DELETE | {"status": status, "body": body, "times": 1})
    assert stage.revoke(quiet=60) == {"unknown": 1}
    work(stage)
    outcome = stage.outcome("marie")
    assert stage.states()["marie"] in ("revoked", "already_gone")
    assert [recheck["found"] for recheck in outcome["rechecks"]] == ["absent", "absent"]
    assert (outcome["status"], outcome["inferred"]) == (status, True)
    assert stage.account("marie").gone_at
    assert sent_for(stage, "marie") == 1


@pytest.mark.usefixtures("vanish")
def test_who_was_not_found_and_is_gone_was_gone_already(stage: Stage) -> None:
    """Nobody was removed by us, so that nobody is told so, and the one DELETE stays the only one."""
    assert stage.revoke(quiet=60) == {"unknown": 1}
    work(stage)
    assert stage.states() == {"marie": "already_gone", "omar": "revoked", "zoé": "revoked"}
    assert stage.entries("marie")[-2:] == ["case.unknown", "case.already_gone"]
    assert stage.cleanup().state == "closed"


def test_who_is_not_found_after_an_earlier_delete_was_removed_by_it(set_stage: SetStage) -> None:
    """The first DELETE took effect only after both rechecks."""
    stage = set_stage(someone("marie"), launched=("marie",))
    stage.order(DELETE | {"status": 500, "times": 1}, NOT_FOUND | {"after": 1})
    work(stage)
    assert (stage.states()["marie"], sent_for(stage, "marie")) == ("unknown", 2)
    stage.remove("marie")
    work(stage)
    assert stage.states()["marie"] == "revoked"
    assert stage.case("marie").is_restorable


def test_a_workspace_that_finds_nobody_it_lists_stops_the_cleanup(stage: Stage) -> None:
    """As where a key may read and not delete: before, all of them were recorded as gone."""
    stage.order(NOT_FOUND)
    work(stage, times=8)
    assert stage.members == {"marie", "omar", "zoé"}
    assert "already_gone" not in stage.states().values()
    assert stage.cleanup().state == "paused"
    assert len(stage.deletes) == 2


def test_a_proxy_that_lets_no_delete_through_stops_the_cleanup(stage: Stage) -> None:
    """Before, each of them ended as refused by the workspace, and was told to keep access."""
    stage.order(DELETE | {"status": 405, "body": PAGE})
    work(stage, times=8)
    assert "refused" not in stage.states().values()
    assert stage.cleanup().state == "paused"
    assert len(stage.deletes) == 2
