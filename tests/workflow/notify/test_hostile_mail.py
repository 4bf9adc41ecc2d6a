"""Mail servers that refuse for reasons of their own: whose fault it is decides who waits, and nobody pays for ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import Message
from email.policy import SMTPUTF8
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from accounts_review.models import AuditEntry, Case, Workspace
from accounts_review.workflow import advance
from accounts_review.workflow.notify import bounces, digest
from accounts_review.workflow.notify.send import Notices, send_closings, send_notices, send_reminders, send_test
from tests.run import unused_port
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.test_smtp import received

PEOPLE = ("anna", "bela", "cleo", "dina", "emil", "fran", "gina")

Reply = Callable[[str, int], str]
"""What the server says to an address, told how many letters it has taken; "" for yes."""


class Server:
    """Takes mail as its rules for recipients and contents say."""

    def __init__(self) -> None:
        self.to_recipient: Reply = lambda address, taken: ""
        self.to_content: Reply = lambda address, taken: ""
        self.accepted: list[Message] = []
        self.recipients: list[str] = []

    async def handle_RCPT(  # noqa: N802 (the server looks for this name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self.to_recipient(address, len(self.accepted)):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if reply := self.to_content(envelope.rcpt_tos[0], len(self.accepted)):
            return reply
        self.recipients += envelope.rcpt_tos
        self.accepted.append(received(envelope))
        return "250 OK"


@pytest.fixture
def serve(settings: Any) -> Iterator[Callable[..., Server]]:
    """Starts a mail server, with SMTPUTF8 or without."""
    running: list[Controller] = []

    def start(*, utf8: bool = False) -> Server:
        server = Server()
        controller = Controller(server, hostname="127.0.0.1", port=unused_port(), enable_SMTPUTF8=utf8)
        controller.start()
        running.append(controller)
        settings.EMAIL_BACKEND = "cleanup_portal.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", controller.port, 5
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        return server

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    stage = set_stage(*(someone(name) for name in PEOPLE), policy=policy_text(notice=30))
    stage.launch(*PEOPLE)
    return stage


def send(stage: Stage) -> Notices:
    return send_notices(workspace=stage.workspace, now=stage.clock())


def stopped(stage: Stage) -> str:
    """The code of what stopped the e-mails of the workspace, or ""."""
    return str((Workspace.objects.get(pk=stage.workspace.pk).mail_stopped or {}).get("code", ""))


OURS = {
    "quota": "550 5.4.5 Daily user sending limit exceeded",
    "block list": "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org",
    "not our address": "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    "relay": "554 relay access denied",
    "rate, for now": "450 4.7.1 Sending rate limit reached",
}


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
    assert AuditEntry.objects.filter(kind="mail.stopped").count() == 1
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


def test_one_refusal_that_does_not_say_is_theirs_as_soon_as_another_letter_is_taken(
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
    advance.ripen(workspace=stage.workspace, now=stage.clock())
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
    assert "Daily user sending limit" in server.accepted[0].get_payload()
    assert digest.send_digest(workspace=stage.workspace, now=stage.clock()) == 0


def test_a_test_letter_that_arrives_says_that_mail_works_again(stage: Stage, server: Server) -> None:
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


# Addresses

ODD = {
    "plus": "a+b@ville.example",
    "percent": "a%b@ville.example",
    "dots": "a..b@ville.example",
    "quote": "o'hara@ville.example",
    "like an option": "-oQ@ville.example",
    "IDN": "anna@exämple.org",
    "IDN by the newer rule": "anna@straße.example",
}


@pytest.mark.parametrize("address", ODD.values(), ids=ODD)
def test_the_server_is_given_exactly_the_address(set_stage: SetStage, server: Server, address: str) -> None:
    stage = set_stage(someone("anna", email=address), policy=policy_text(notice=30))
    stage.launch("anna")
    assert send(stage).sent == 1
    local, _, domain = address.partition("@")
    known = {"exämple.org": "xn--exmple-cua.org", "straße.example": "xn--strae-oqa.example"}
    expected = f"{local}@{known.get(domain, domain)}"
    assert server.recipients == [expected]
    assert server.accepted[0]["To"] == expected


@pytest.mark.parametrize(
    "address",
    ['"a b"@ville.example', "=?utf-8?q?eve=40evil.example=3e?=@ville.example", "a@b.org\nBcc: eve@evil.example"],
)
def test_what_could_be_read_as_another_address_is_never_written_to(
    set_stage: SetStage, server: Server, address: str
) -> None:
    stage = set_stage(someone("anna", email=address), policy=policy_text(notice=30))
    assert stage.verdicts()["anna"] == "uncertain"


def test_an_address_outside_ascii_cannot_be_warned_where_the_server_does_not_take_it(
    set_stage: SetStage, server: Server
) -> None:
    people = [someone("jose", email="josé.martin@ville.example"), someone("omar")]
    stage = set_stage(*people, policy=policy_text(notice=30))
    stage.launch("jose", "omar")
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left, done.error) == (1, 1, 0, "")
    assert server.recipients == ["omar@ville.example"]
    assert stage.why("jose") == ["no_smtputf8"]
    stage.clock.advance(days=31)
    advance.ripen(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    assert stage.states() == {"jose": "undeliverable", "omar": "revoked"}


def test_an_address_outside_ascii_is_written_to_as_it_is_where_the_server_takes_it(
    set_stage: SetStage, serve: Callable[..., Server]
) -> None:
    server = serve(utf8=True)
    people = [someone("jose", email="josé.martin@exämple.org"), someone("omar")]
    stage = set_stage(*people, policy=policy_text(notice=30))
    stage.launch("jose", "omar")
    assert send(stage).sent == 2
    assert server.recipients == ["josé.martin@xn--exmple-cua.org", "omar@ville.example"]
    assert server.accepted[0].as_bytes(policy=SMTPUTF8).count("To: josé.martin@xn--exmple-cua.org".encode()) == 1


def test_our_own_address_that_is_wrong_is_charged_to_nobody(stage: Stage, server: Server, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "Portal <not an address"
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (0, 0, 7)
    assert done.error


# An address that changes


def ripe_and_revoked(stage: Stage) -> dict[str, str]:
    advance.ripen(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    return stage.states()


@pytest.mark.parametrize("synced", [True, False])
def test_who_has_another_address_now_is_warned_anew_for_the_full_time(
    set_stage: SetStage, server: Server, *, synced: bool
) -> None:
    """The last look sees it, where no sync has."""
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(notice=30, expires=90))
    stage.launch("marie", "omar")
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
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    stage.launch("marie")
    send(stage)
    later = stage.clock() + timedelta(days=50)
    Case.objects.update(promised_at=later)
    stage.update("marie", email="other@ville.example")
    stage.sync()
    send(stage)
    assert stage.case("marie").promised_at == later


@pytest.mark.parametrize("same", ["Marie@Ville.example", "MARIE@VILLE.EXAMPLE"])
def test_the_same_mailbox_in_other_letters_is_no_change(set_stage: SetStage, server: Server, same: str) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    stage.launch("marie")
    send(stage)
    stage.clock.advance(days=31)
    stage.update("marie", email=same)
    assert ripe_and_revoked(stage) == {"marie": "revoked"}


def test_nobody_is_reminded_at_an_address_that_was_never_warned(set_stage: SetStage, server: Server) -> None:
    policy = policy_text(notice=30).replace("days = 30", "days = 30\nreminders_days_before = [7]")
    stage = set_stage(someone("marie"), policy=policy)
    stage.launch("marie")
    send(stage)
    stage.clock.advance(days=25)
    stage.update("marie", email="other@ville.example")
    stage.sync()
    assert send_reminders(workspace=stage.workspace, now=stage.clock()).sent == 0
    assert stage.states() == {"marie": "awaiting_notice"}


def test_bounces_follow_the_newest_address(set_stage: SetStage, server: Server) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    stage.launch("marie")
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
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    stage.launch("marie")
    server.to_recipient = lambda address, taken: "" if address.startswith("other") else "550 5.1.1 No such user"
    assert send(stage).undeliverable == 1
    stage.update("marie", email="other@ville.example")
    stage.sync()
    assert send(stage).sent == 1
    assert stage.states() == {"marie": "noticed"}


# A bounce that comes too late


@pytest.mark.parametrize("by", ["message_id", "recipient"])
def test_a_bounce_after_the_removal_is_kept_and_told_once(set_stage: SetStage, server: Server, by: str) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    stage.launch("marie")
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
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    stage.launch("marie")
    send(stage)
    stage.clock.advance(days=31)
    ripe_and_revoked(stage)
    given: dict[str, Any] = {"actor": stage.staff("operator"), "now": now()}
    bounces.mark_undeliverable(case=stage.case("marie"), why="came back today", **given)
    assert stage.case("marie").bounced_at
    assert stage.states() == {"marie": "revoked"}
