"""Mail servers that refuse for reasons of their own: whose fault it is decides who waits, and nobody pays for ours."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts_review.models import AuditEntry, Case
from accounts_review.workflow import advance
from accounts_review.workflow.notify import digest
from accounts_review.workflow.notify.send import Notices, send_closings, send_test
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.kit import send, stopped
from tests.workflow.notify.mail_server import Server

PEOPLE = ("anna", "bela", "cleo", "dina", "emil", "fran", "gina")


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*(someone(name) for name in PEOPLE), policy=policy_text(notice=30), launched=PEOPLE)


OURS = {
    "quota": "550 5.4.5 Daily user sending limit exceeded",
    "block list": "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org",
    "not our address": "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    "relay": "554 relay access denied",
    "rate, for now": "450 4.7.1 Sending rate limit reached",
}


@pytest.mark.matrix(fast=2, reason="a mail server for each refusal")
@pytest.mark.parametrize("reply", OURS.values(), ids=OURS)
def test_a_refusal_of_the_sender_is_charged_to_nobody(stage: Stage, server: Server, reply: str) -> None:
    server.to_recipient = lambda address, taken: reply
    for _ in range(12):
        done = send(stage)
        assert (done.sent, done.undeliverable, done.left) == (0, 0, 7)
        assert reply[4:] in done.error
        stage.clock.advance(days=1)
    assert set(stage.states().values()) == {"awaiting_notice"}
    assert stopped(stage) == "sender_refused"
    (entry,) = AuditEntry.objects.filter(kind="mail.stopped")
    assert reply[4:] in entry.details["reply"]
    assert reply[4:] not in str(entry.data), "it may name somebody, and from the chain nothing can be erased"
    server.to_recipient = lambda address, taken: ""
    assert send(stage) == Notices(sent=7)
    assert stopped(stage) == ""


@pytest.mark.parametrize("reply", ["554 spam", "554 5.7.1 Looks like spam", "552 5.7.0 Message content rejected"])
def test_a_text_that_is_refused_is_charged_to_nobody(stage: Stage, server: Server, reply: str) -> None:
    server.to_content = lambda address, taken: reply
    assert [send(stage).undeliverable for _ in range(9)] == [0] * 9
    assert set(stage.states().values()) == {"awaiting_notice"}


def test_a_quota_that_is_used_up_stops_the_run_where_it_is(stage: Stage, server: Server) -> None:
    server.to_recipient = lambda address, taken: OURS["quota"] if taken >= 3 else ""
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (3, 0, 4)
    assert Counter(stage.states().values()) == Counter(noticed=3, awaiting_notice=4)


@pytest.mark.parametrize("reply", ["550 5.1.1 No such user", "550 no such user", "552 5.2.2 mailbox full"])
def test_dead_mailboxes_in_a_row_are_their_own(stage: Stage, server: Server, reply: str) -> None:
    server.to_recipient = lambda address, taken: "" if address.startswith("gina") else reply
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left, done.error) == (1, 6, 0, "")
    assert stopped(stage) == ""


def test_every_mailbox_may_be_dead(stage: Stage, server: Server) -> None:
    server.to_recipient = lambda address, taken: "550 5.1.1 No such user"
    assert send(stage) == Notices(undeliverable=7)


@pytest.mark.parametrize("reply", ["550 rejected", "550 5.7.1 Command rejected", "554 Transaction failed"])
def test_refusals_that_do_not_say_whose_and_come_alike_stop_the_run(stage: Stage, server: Server, reply: str) -> None:
    server.to_recipient = lambda address, taken: f"{reply} ({address}, q{taken}x)"
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (0, 0, 7)
    assert stopped(stage) == "all_refused"
    assert set(stage.states().values()) == {"awaiting_notice"}


def test_one_refusal_that_does_not_say_is_theirs_as_soon_as_another_email_is_taken(
    stage: Stage, server: Server
) -> None:
    server.to_recipient = lambda address, taken: "550 rejected" if address.startswith(("anna", "cleo")) else ""
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left, done.error) == (5, 2, 0, "")


def test_the_last_one_refused_without_a_reason_waits(stage: Stage, server: Server) -> None:
    server.to_recipient = lambda address, taken: "550 rejected" if address.startswith("gina") else ""
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (6, 0, 1)
    for _ in range(12):
        stage.clock.advance(days=1)
        send(stage)
    assert stage.states()["gina"] == "awaiting_notice", "nothing was taken since, so nobody knows"
    assert stopped(stage) == "all_refused"


def test_a_mixture_is_told_apart(stage: Stage, server: Server) -> None:
    replies = {"anna": "550 5.1.1 gone", "bela": "451 4.7.1 Greylisted", "cleo": "550 hm", "dina": "552 5.2.2 full"}
    server.to_recipient = lambda address, taken: replies.get(address.partition("@")[0], "")
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left, done.error) == (3, 3, 1, "")


@pytest.mark.parametrize("number", ["5.1.1", "5.4.5", "4.7.1"])
def test_what_a_server_says_is_kept_as_a_line_of_text(stage: Stage, server: Server, number: str) -> None:
    server.to_recipient = lambda address, taken: f"{number[0]}50 {number} \x00\x07<b>no</b>" + "x" * 400
    done = send(stage)
    assert done.sent == 0
    kept = [str((case.outcome or {}).get("why", "")) for case in Case.objects.all()]
    assert all(line.isprintable() for line in [*kept, done.error.replace("\n", "")])


def test_greylisting_puts_everybody_off_once(stage: Stage, server: Server) -> None:
    seen: set[str] = set()

    def greylist(address: str, taken: int) -> str:
        is_new = address not in seen
        seen.add(address)
        return "451 4.7.1 Greylisted, come back later" if is_new else ""

    server.to_recipient = greylist
    assert (send(stage).left, send(stage).sent) == (7, 7)


def test_a_server_that_only_ever_puts_off_makes_nobody_undeliverable(stage: Stage, server: Server) -> None:
    server.to_recipient = lambda address, taken: "451 4.3.0 Try again later"
    for _ in range(12):
        assert send(stage).undeliverable == 0
        stage.clock.advance(days=1)


def test_without_tls_where_it_is_asked_for_nothing_leaves(stage: Stage, server: Server, settings: Any) -> None:
    settings.EMAIL_USE_TLS = True
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (0, 0, 7)
    assert "STARTTLS" in done.error
    assert stopped(stage) == "unreachable"


def test_reminders_and_closing_mails_are_nobodys_fault_either(stage: Stage, server: Server) -> None:
    send(stage)
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    server.to_recipient = lambda address, taken: OURS["quota"]
    told = send_closings(workspace=stage.workspace, now=stage.clock())
    assert (told.sent, told.refused, stopped(stage)) == (0, 0, "sender_refused")
    server.to_recipient = lambda address, taken: ""
    assert send_closings(workspace=stage.workspace, now=stage.clock()).sent == 7
    assert stopped(stage) == ""


def test_operators_are_mailed_once_that_mails_were_stopped(stage: Stage, server: Server) -> None:
    stage.staff("operator")
    server.to_recipient = lambda address, taken: OURS["quota"]
    send(stage)
    assert digest.send_digest(workspace=stage.workspace, now=stage.clock()) == 0
    server.to_recipient = lambda address, taken: ""
    assert digest.send_digest(workspace=stage.workspace, now=stage.clock()) == 2
    text = next(part for part in server.accepted[0].walk() if part.get_content_type() == "text/plain")
    assert "Daily user sending limit" in text.get_payload()
    assert digest.send_digest(workspace=stage.workspace, now=stage.clock()) == 0


def test_a_test_email_that_arrives_says_that_mail_works_again(stage: Stage, server: Server) -> None:
    server.to_recipient = lambda address, taken: "550 rejected"
    send(stage)
    assert stopped(stage)
    server.to_recipient = lambda address, taken: ""
    operator = stage.staff("operator")
    assert send_test(workspace=stage.workspace, kind="notice", actor=operator, now=stage.clock()) == ""
    assert stopped(stage) == ""


def test_by_hand_it_is_tried_at_once_and_exits_with_the_reason(
    stage: Stage, server: Server, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.HUWISE = {stage.workspace.name: {"url": stage.url, "api_key": "x", "key_owner": ""}}
    server.to_recipient = lambda address, taken: OURS["quota"]
    with pytest.raises(CommandError, match=r"5\.4\.5"):
        call_command("send_notices")
    assert "7 awaiting notice" in capsys.readouterr().out
    server.to_recipient = lambda address, taken: ""
    call_command("send_notices")
    assert "sent 7; 0 awaiting notice" in capsys.readouterr().out
