"""An outcome that no reading tells is settled by an administrator who has looked; nothing is sent for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts_review import audit
from accounts_review.audit import Conflict
from accounts_review.audit.sentences import of_entry
from accounts_review.models import AuditEntry, Case
from accounts_review.rules.lifecycle import IllegalTransition
from accounts_review.workflow.launch import launch
from accounts_review.workflow.revoke.by_hand import settle_by_hand
from tests.stage import SetStage, Stage, someone

FOREIGN = {"kind": "status", "status": 404, "body": {"error_code": "NoSuchUser", "message": "gone"}}


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie's DELETE met a 404 in foreign words, as does whoever looks for her since."""
    stage: Stage = set_stage(someone("marie"), someone("omar"), launched=("marie", "omar"))
    stage.order({"method": "DELETE", "path": "/users/marie*"} | FOREIGN)
    stage.revoke(quiet=60)
    stage.order({"method": "*", "path": "/users/marie*"} | FOREIGN)
    for _ in range(3):
        stage.clock.advance(hours=1)
        stage.revoke(quiet=60)
    assert stage.states() == {"marie": "unknown", "omar": "due"}
    return stage


def settle(stage: Stage, *, is_gone: bool, role: str = "administrator", **given: Any) -> None:
    said: dict[str, Any] = {"reason": "looked in Huwise", "now": stage.clock()} | given
    settle_by_hand(case=stage.case("marie"), actor=stage.staff(role), is_gone=is_gone, **said)


def cancel(stage: Stage) -> None:
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=stage.clock())


def test_one_that_is_gone_was_revoked_and_the_others_have_their_turn(stage: Stage) -> None:
    settle(stage, is_gone=True, reason="nobody of that name")
    assert stage.states()["marie"] == "revoked"
    assert stage.account("marie").gone_at == stage.clock()
    assert stage.outcome("marie")["kind"] == "by_hand"
    entry = AuditEntry.objects.get(kind="case.revoked", account_id=stage.account("marie").pk)
    assert entry.actor == "administrator"
    assert of_entry(entry) == "recorded as revoked after looking in Huwise: nobody of that name"

    stage.revoke(quiet=60)
    assert stage.states() == {"marie": "revoked", "omar": "revoked"}
    assert stage.cleanup().state == "closed"
    assert [name for name, _, _ in stage.deletes] == ["marie", "omar"]


def test_one_that_is_still_there_needs_another_look_before_anything_is_sent(stage: Stage) -> None:
    settle(stage, is_gone=False)
    entry = AuditEntry.objects.get(kind="case.still_there", account_id=stage.account("marie").pk)
    assert of_entry(entry) == "it is still there in Huwise: looked in Huwise"
    stage.revoke(quiet=60)
    assert [name for name, _, _ in stage.deletes].count("marie") == 1, "the look meets the same 404"

    stage.order()
    stage.clock.advance(minutes=2)
    stage.revoke(quiet=60)
    assert stage.states() == {"marie": "revoked", "omar": "revoked"}
    assert AuditEntry.objects.filter(kind="case.intended", account_id=stage.account("marie").pk).count() == 2


def test_in_a_cancelled_cleanup_one_that_is_still_there_leaves_it_at_once(stage: Stage) -> None:
    """Nobody checks it again, so that nothing says so; its access is kept."""
    cancel(stage)
    settle(stage, is_gone=False)
    assert stage.states() == {"marie": "withdrawn", "omar": "withdrawn"}
    *_, there, withdrawn = AuditEntry.objects.filter(account_id=stage.account("marie").pk).order_by("seq")
    assert (there.actor, of_entry(there)) == ("administrator", "it is still there in Huwise: looked in Huwise")
    assert of_entry(withdrawn) == "taken out of the clean-up: The clean-up was cancelled"
    stage.order()
    stage.revoke(quiet=60)
    assert [name for name, _, _ in stage.deletes].count("marie") == 1
    assert audit.verify()[1] is None


def test_in_a_cancelled_cleanup_one_that_rechecks_find_leaves_it_and_nothing_promises_a_check(stage: Stage) -> None:
    cancel(stage)
    stage.order()
    for _ in range(2):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)
    assert stage.states()["marie"] == "withdrawn"
    entry = AuditEntry.objects.get(kind="case.still_there", account_id=stage.account("marie").pk)
    assert of_entry(entry) == "the removal had no effect; the account is still there"


def test_only_an_administrator_with_a_reason_and_not_while_it_is_being_checked(stage: Stage) -> None:
    with pytest.raises(PermissionDenied):
        settle(stage, is_gone=True, role="operator")
    with pytest.raises(ValueError, match="reason"):
        settle(stage, is_gone=True, reason=" ")
    with pytest.raises(ValueError, match="still checking"):
        settle(stage, is_gone=True, now=stage.case("marie").moved_at + timedelta(minutes=59))
    assert stage.states()["marie"] == "unknown"


@pytest.mark.parametrize("is_gone", [True, False])
def test_what_is_known_by_now_is_not_settled_again(stage: Stage, is_gone: bool) -> None:
    settle(stage, is_gone=True)
    with pytest.raises(IllegalTransition):
        settle(stage, is_gone=is_gone, now=stage.clock() + timedelta(hours=2))
    assert stage.states()["marie"] == "revoked"


@pytest.mark.parametrize("is_gone", [True, False])
def test_what_became_unknown_once_more_since_it_was_looked_at_is_not_settled(stage: Stage, is_gone: bool) -> None:
    seen = stage.case("marie")
    Case.objects.filter(pk=seen.pk).update(moved_at=stage.clock())
    actor = stage.staff("administrator")
    with pytest.raises(Conflict):
        settle_by_hand(case=seen, actor=actor, is_gone=is_gone, reason="looked", now=stage.clock())
    assert stage.states()["marie"] == "unknown"


@pytest.mark.parametrize("is_gone", [True, False])
@pytest.mark.parametrize("state", ["claimed", "intended"])
def test_what_a_worker_has_in_hand_is_left_to_it(stage: Stage, state: str, is_gone: bool) -> None:
    Case.objects.filter(pk=stage.case("marie").pk).update(state=state)
    with pytest.raises(IllegalTransition):
        settle(stage, is_gone=is_gone)
    assert stage.states()["marie"] == state
