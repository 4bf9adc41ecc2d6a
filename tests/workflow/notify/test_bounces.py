"""A warning that comes back is no warning: its case stops, however far it had got, and a person decides (law 10)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.models import AuditEntry, Case, Workspace
from accounts_review.workflow import advance
from accounts_review.workflow.notify import bounces, smtp
from accounts_review.workflow.notify.send import send_notices
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.kit import send
from tests.workflow.notify.mail_server import Server
from tests.workflow.notify.test_rewarn import ripe_and_revoked


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie and Omar have been warned."""
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(notice=30), launched=("marie", "omar"))
    send_notices(workspace=stage.workspace, now=stage.clock())
    return stage


def bounce(stage: Stage, *, message_id: str = "", recipient: str = "", why: str = "mailbox full") -> int:
    return bounces.mark_bounced(message_id=message_id, recipient=recipient, why=why, now=stage.clock())


def make_due(stage: Stage) -> None:
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())


def test_the_server_s_name_of_the_notice_is_kept(stage: Stage) -> None:
    assert f"<{stage.case('marie').message_id}>" == mail.outbox[0].extra_headers["Message-ID"]


@pytest.mark.parametrize("by", ["message_id", "recipient"])
def test_a_bounce_makes_the_case_undeliverable_and_no_other(stage: Stage, by: str) -> None:
    known = {"message_id": f"<{stage.case('marie').message_id}>", "recipient": "Marie@Ville.example"}
    assert bounce(stage, **{by: known[by]}) == 1
    assert stage.states() == {"marie": "undeliverable", "omar": "noticed"}
    entry = AuditEntry.objects.get(kind="case.undeliverable")
    assert (entry.subject, entry.actor, entry.details["why"]) == ("marie", "portal", "mailbox full")
    make_due(stage)
    stage.revoke()
    assert stage.states() == {"marie": "undeliverable", "omar": "revoked"}
    assert audit.verify()[1] is None


def test_saying_it_twice_changes_nothing(stage: Stage) -> None:
    name = stage.case("marie").message_id
    assert [bounce(stage, message_id=name, recipient="marie@ville.example") for _ in range(3)] == [1, 0, 0]
    assert stage.entries("marie").count("case.undeliverable") == 1


def test_the_identifier_is_believed_before_the_address(stage: Stage) -> None:
    bounce(stage, message_id=stage.case("omar").message_id, recipient="marie@ville.example")
    assert stage.states() == {"marie": "noticed", "omar": "undeliverable"}


@pytest.mark.parametrize("known", [{}, {"message_id": "x@elsewhere"}, {"recipient": "nobody@ville.example"}])
def test_what_concerns_nobody_changes_nothing(stage: Stage, known: dict[str, str]) -> None:
    assert bounce(stage, **known) == 0
    assert set(stage.states().values()) == {"noticed"}


def test_the_address_that_was_written_to_counts_even_after_it_changed(stage: Stage) -> None:
    stage.update("marie", email="new@ville.example")
    stage.sync()
    assert bounce(stage, recipient="marie@ville.example") == 1


def test_a_bounce_of_somebody_not_warned_yet_is_a_person_s_to_look_at(set_stage: SetStage) -> None:
    """It may be of an older e-mail, or of the one that is just leaving: nobody can tell, and either way it matters."""
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    assert bounce(stage, recipient="marie@ville.example") == 1
    assert stage.states() == {"marie": "undeliverable"}


def test_a_bounce_when_the_case_is_due_or_during_the_last_look_still_counts(stage: Stage) -> None:
    make_due(stage)
    bounce(stage, recipient="omar@ville.example")
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    bounce(stage, recipient="marie@ville.example")
    assert revoker.process(case)
    assert set(stage.states().values()) == {"undeliverable"}
    assert stage.deletes == []


def test_a_bounce_after_the_intent_forbids_a_second_one(stage: Stage) -> None:
    """The DELETE had no effect and no answer; by the time that this is known, the notice has come back."""
    make_due(stage)
    stage.order({"method": "DELETE", "path": "/users/marie", "kind": "cut_before", "times": 1})
    stage.revoke(limit=1, quiet=60)
    assert stage.case("marie").state == "unknown"
    assert bounce(stage, recipient="marie@ville.example") == 1
    for _ in range(4):
        stage.clock.advance(seconds=61)
        advance.make_due(workspace=stage.workspace, now=stage.clock())
        stage.revoke(quiet=60)
    assert stage.states() == {"marie": "undeliverable", "omar": "revoked"}
    assert "case.bounced" in stage.entries("marie")
    assert [name for name, _, _ in stage.deletes].count("marie") == 1


def test_a_bounce_of_what_has_ended_rewrites_nothing(stage: Stage) -> None:
    make_due(stage)
    stage.revoke()
    bounce(stage, message_id=stage.case("marie").message_id)
    assert set(stage.states().values()) == {"revoked"}
    assert Case.objects.filter(noticed_at=None).count() == 0


def test_a_retry_after_a_bounce_is_a_email_of_its_own(stage: Stage) -> None:
    first = stage.case("marie").message_id
    bounce(stage, message_id=first)
    stage.clock.advance(days=1)
    bounces.retry_notice(case=stage.case("marie"), actor=stage.staff("operator"), now=stage.clock())
    send_notices(workspace=stage.workspace, now=stage.clock())
    assert stage.case("marie").message_id != first
    assert bounce(stage, message_id=first) == 0, "the old e-mail came back once more; the new one has not"
    assert stage.case("marie").promised_at == stage.clock() + timedelta(days=30)


def test_a_bounce_that_is_faster_than_our_own_record_counts(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(notice=30), launched=("marie", "omar"))
    send = smtp.deliver

    def deliver(message: EmailMessage, **how: Any) -> Any:
        answer = send(message, **how)
        if message.to == ["marie@ville.example"]:
            assert bounce(stage, message_id="first.seen@provider", recipient=message.to[0]) == 1
        return answer

    with patch("accounts_review.workflow.notify.send.deliver", deliver):
        send_notices(workspace=stage.workspace, now=stage.clock())
    assert stage.states() == {"marie": "undeliverable", "omar": "noticed"}


def test_in_a_dry_run_nothing_can_have_come_back(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), mode=Workspace.Mode.DRY_RUN, launched=("marie",))
    with pytest.raises(ValueError, match="dry run warns nobody"):
        bounces.mark_undeliverable(case=stage.case("marie"), actor=stage.staff("operator"), why="x", now=stage.clock())


# A bounce that comes too late


@pytest.mark.parametrize("by", ["message_id", "recipient"])
def test_a_bounce_after_the_removal_is_kept_and_told_once(set_stage: SetStage, server: Server, by: str) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    send(stage)
    stage.clock.advance(days=31)
    assert ripe_and_revoked(stage) == {"marie": "revoked"}
    known = {"message_id": stage.case("marie").message_id, "recipient": "marie@ville.example"}
    for _ in range(2):
        report = {"message_id": "", "recipient": ""} | {by: known[by]}
        assert bounces.mark_bounced(**report, why="expired in the queue", now=stage.clock()) == 1
    case = stage.case("marie")
    assert (case.state, case.bounced_at) == ("revoked", stage.clock())
    assert stage.entries("marie").count("case.bounced") == 1


def test_a_bounce_after_the_removal_can_be_entered_by_hand(set_stage: SetStage, server: Server) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    send(stage)
    stage.clock.advance(days=31)
    ripe_and_revoked(stage)
    given: dict[str, Any] = {"actor": stage.staff("operator"), "now": now()}
    bounces.mark_undeliverable(case=stage.case("marie"), why="came back today", **given)
    assert stage.case("marie").bounced_at
    assert stage.states() == {"marie": "revoked"}
