"""An address that changes: its person is warned anew, for the full time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts_review.models import Case
from accounts_review.workflow import advance
from accounts_review.workflow.notify import bounces
from accounts_review.workflow.notify.send import send_closings, send_reminders
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.kit import send
from tests.workflow.notify.mail_server import Server

# An address that changes


def ripe_and_revoked(stage: Stage) -> dict[str, str]:
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    return stage.states()


@pytest.mark.parametrize("synced", [True, False])
def test_who_has_another_address_now_is_warned_anew_for_the_full_time(
    set_stage: SetStage, server: Server, *, synced: bool
) -> None:
    """The last look sees it, where no sync has."""
    stage = set_stage(
        someone("marie"), someone("omar"), policy=policy_text(notice=30, expires=90), launched=("marie", "omar")
    )
    send(stage)
    stage.clock.advance(days=31)
    stage.update("marie", email="other@ville.example")
    if synced:
        stage.sync()
    assert ripe_and_revoked(stage) == {"marie": "awaiting_notice" if synced else "due", "omar": "revoked"}
    assert send(stage).sent == 1
    assert server.recipients[-1] == "other@ville.example"
    case = stage.case("marie")
    assert case.promised_at == stage.clock() + timedelta(days=30)
    stage.clock.advance(days=29)
    assert ripe_and_revoked(stage)["marie"] == "noticed"
    stage.clock.advance(days=1)
    assert ripe_and_revoked(stage)["marie"] == "revoked"
    assert send_closings(workspace=stage.workspace, now=stage.clock()).sent == 1
    assert server.recipients[-1] == "other@ville.example"


def test_a_promise_is_not_earlier_for_the_new_address(set_stage: SetStage, server: Server) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    send(stage)
    later = stage.clock() + timedelta(days=50)
    Case.objects.update(promised_at=later)
    stage.update("marie", email="other@ville.example")
    stage.sync()
    send(stage)
    assert stage.case("marie").promised_at == later


@pytest.mark.parametrize("same", ["Marie@Ville.example", "MARIE@VILLE.EXAMPLE"])
def test_the_same_mailbox_in_other_emails_is_no_change(set_stage: SetStage, server: Server, same: str) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    send(stage)
    stage.clock.advance(days=31)
    stage.update("marie", email=same)
    assert ripe_and_revoked(stage) == {"marie": "revoked"}


def test_nobody_is_reminded_at_an_address_that_was_never_warned(set_stage: SetStage, server: Server) -> None:
    policy = policy_text(notice=30, reminders=(7,))
    stage = set_stage(someone("marie"), policy=policy, launched=("marie",))
    send(stage)
    stage.clock.advance(days=25)
    stage.update("marie", email="other@ville.example")
    stage.sync()
    assert send_reminders(workspace=stage.workspace, now=stage.clock()).sent == 0
    assert stage.states() == {"marie": "awaiting_notice"}


def test_bounces_follow_the_newest_address(set_stage: SetStage, server: Server) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    send(stage)
    first = stage.case("marie").message_id
    stage.update("marie", email="other@ville.example")
    stage.sync()
    stage.clock.advance(days=1)
    send(stage)
    report: dict[str, Any] = {"why": "gone", "now": stage.clock()}
    assert bounces.mark_bounced(message_id=first, recipient="marie@ville.example", **report) == 0
    assert bounces.mark_bounced(message_id="", recipient="other@ville.example", **report) == 1
    assert stage.states() == {"marie": "undeliverable"}


def test_who_could_not_be_warned_is_warned_at_a_new_address(set_stage: SetStage, server: Server) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    server.to_recipient = lambda address, taken: "" if address.startswith("other") else "550 5.1.1 No such user"
    assert send(stage).undeliverable == 1
    stage.update("marie", email="other@ville.example")
    stage.sync()
    assert send(stage).sent == 1
    assert stage.states() == {"marie": "noticed"}
