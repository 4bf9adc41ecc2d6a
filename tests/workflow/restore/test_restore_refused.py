"""Restore, where it cannot be done: what is not sent, what the workspace refuses, and what is not known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.utils.translation import override

from accounts_review.audit import sentences
from accounts_review.models import AuditEntry, Case
from accounts_review.workflow.restore import invite
from huwise_sandbox.records import Record
from tests.stage import KEY, NOW, SetStage, Stage, client_of, someone

from .test_restore import entry, posts, restored, revoked


def test_a_member_again_already_is_told_so(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"))
    stage.site.workspace.put(someone("marie.2", email="MARIE@ville.example"))
    (result,) = restored(stage, "marie")
    assert str(result) == "marie: is already a member again; the next sync will show it"
    assert (stage.case("marie").restored_at, stage.case("marie").restored_by) == (None, "")
    failed = entry("account.restore_failed")
    assert failed.data["error_code"] == "already_member"
    assert sentences.of_entry(failed) == "could not be invited back: it is a member again; the next sync will show it"


def test_an_error_inside_a_success_is_told_and_can_be_tried_again(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"))
    error = {"error_code": "license-users-exceeded", "message": f"No seat for {KEY}", "detail": {"email": ["Full."]}}
    answer = {"0": {"status_code": "error", "error": error}}
    stage.order({"kind": "status", "method": "POST", "status": 200, "body": answer})
    (result,) = restored(stage, "marie")
    assert "license-users-exceeded" in result.problem
    assert "No seat for ***. email: Full." in result.problem
    assert stage.case("marie").restored_at is None
    assert KEY not in str(list(AuditEntry.objects.values()))
    stage.order()
    assert restored(stage, "marie")[0].problem == ""


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "cut_after"}, {"kind": "truncate"}])
def test_an_outcome_that_is_not_known_is_sent_once_and_said_to_be_open(set_stage: SetStage, fault: Record) -> None:
    stage = revoked(set_stage, someone("marie"))
    stage.order(fault | {"method": "POST"})
    with override("fr"):
        (result,) = restored(stage, "marie")
    assert result.problem.endswith("la prochaine synchronisation le montrera.")
    told = sentences.of_entry(entry("account.restore_failed"))
    assert told.startswith("could not be invited back: The workspace"), told
    assert told.endswith("The invitation may have been sent; the next sync will show it."), "in the reader's language"
    assert posts(stage) == 1
    assert stage.case("marie").is_restorable
    assert stage.entries("marie")[-2:] == ["account.restoring", "account.restore_failed"]


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_failure_that_concerns_everybody_ends_the_sending(set_stage: SetStage, status: int) -> None:
    stage = revoked(set_stage, someone("marie"), someone("omar"))
    stage.order({"kind": "status", "method": "POST", "status": status})
    first, second = restored(stage, "marie", "omar")
    assert first.problem == second.problem != ""
    assert posts(stage) == 1
    assert Case.objects.filter(restored_at=None).count() == 2


def test_a_redirect_may_have_sent_the_invitation(set_stage: SetStage) -> None:
    """As a 303 does that leads to what was made."""
    stage = revoked(set_stage, someone("marie"), someone("omar"))
    stage.order({"kind": "redirect", "method": "POST", "location": "/users/marie/", "status": 303})
    first, second = restored(stage, "marie", "omar")
    assert first.problem.endswith("The invitation may have been sent; the next sync will show it.")
    assert "may have been sent" not in second.problem
    assert posts(stage) == 1


def test_nothing_is_sent_where_the_groups_cannot_be_read(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"), someone("omar"))
    stage.order({"kind": "status", "method": "GET", "path": "/groups/", "status": 500})
    results = restored(stage, "marie", "omar")
    assert all(result.problem.startswith("The workspace reported an error while reading groups") for result in results)
    assert not any("may have been sent" in result.problem for result in results)
    assert posts(stage) == 0


def test_rights_of_one_workspace_are_not_given_in_another(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"))
    with client_of("http://127.0.0.1:9") as elsewhere:
        operator = stage.staff("operator")
        (result,) = invite.restore(cases=[stage.case("marie")], client=elsewhere, actor=operator, now=NOW)
    assert "HUWISE_URL now names 127.0.0.1:9" in result.problem


def spared(stage: Stage) -> None:
    stage.approve("omar")


def listed_again(stage: Stage) -> None:
    stage.site.workspace.put(someone("marie"))
    stage.sync()


def restored_before(stage: Stage) -> None:
    restored(stage, "marie")


def came_back(stage: Stage) -> None:
    Case.objects.update(returned_at=NOW)


def without_snapshot(stage: Stage) -> None:
    Case.objects.update(snapshot=None)


def with_a_broken_snapshot(stage: Stage) -> None:
    Case.objects.update(snapshot={"user": '{"user'})


@pytest.mark.matrix(fast=2, reason="each case is a clean-up of its own")
@pytest.mark.parametrize(
    ("spoil", "username", "why"),
    [
        (spared, "omar", "its access was not revoked"),
        (listed_again, "marie", "the workspace lists it again"),
        (restored_before, "marie", "operator invited it back on 15 Jun 2026"),
        (came_back, "marie", "it came back on 15 Jun 2026"),
        (without_snapshot, "marie", "the data needed to invite it back was not recorded"),
        (with_a_broken_snapshot, "marie", "its recorded data cannot be read"),
    ],
)
def test_what_cannot_be_restored_is_not_sent(
    set_stage: SetStage, spoil: Callable[[Stage], None], username: str, why: str
) -> None:
    stage = set_stage(someone("marie"), someone("omar"), launched=("marie",))
    stage.revoke()
    spoil(stage)
    before = posts(stage)
    (result,) = restored(stage, username)
    assert result.problem == why
    assert posts(stage) == before


@pytest.mark.parametrize("role", ["nobody", "auditor", "reviewer"])
def test_restoring_takes_an_operator(set_stage: SetStage, role: str) -> None:
    stage = revoked(set_stage, someone("marie"))
    with pytest.raises(PermissionDenied):
        restored(stage, "marie", by=role)
    assert posts(stage) == 0
