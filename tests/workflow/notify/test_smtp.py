"""Against a real SMTP server that accepts, puts off, refuses and hangs up: every case ends where it should."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any, AnyStr

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from accounts_review.workflow import advance
from accounts_review.workflow.notify.send import Notices, send_closings, send_reminders, send_test
from tests.run import unused_port
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.kit import send

PEOPLE = ("anna", "bela", "cleo", "dina", "emil", "fran")


REPLIES = {
    ("connect", "defer"): "421 4.3.2 Too busy",
    ("connect", "refuse"): "554 5.7.1 No service here",
    ("DATA", "defer"): "451 4.3.0 Try again later",
    ("DATA", "refuse"): "554 5.7.1 No thanks",
    ("MAIL", "defer"): "451 4.3.0 Try again later",
    ("MAIL", "refuse"): "550 5.7.1 Not from you",
    ("RCPT", "defer"): "451 4.7.1 Greylisted, come back later",
    ("RCPT", "refuse"): "550 5.1.1 No such user",
    ("content", "defer"): "451 4.3.0 Try again later",
    ("content", "refuse"): "554 5.7.1 Looks like spam",
}
"""What a server says at each stage of an e-mail where it puts it off or refuses it."""

SILENCE = 0.6


class Capricious(SMTP):
    """A server that misbehaves once, at one stage: it puts off, refuses, hangs up, or says nothing for too long."""

    stage, mood = "", "accept"

    async def push(self, status: AnyStr) -> None:
        text = status.decode() if isinstance(status, bytes) else status
        at = "connect" if text.startswith("220") else ""
        if reply := await self._instead(at):
            await super().push(reply)
        else:
            await super().push(status)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        await self._unless("MAIL", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        await self._unless("RCPT", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        await self._unless("DATA", super().smtp_DATA, arg)

    async def _unless(self, at: str, act: Callable[[str], Awaitable[None]], arg: str) -> None:
        if reply := await self._instead(at):
            await self.push(reply)
        elif self.transport and not self.transport.is_closing():
            await act(arg)

    async def _instead(self, at: str) -> str:
        """What to say in place of what it would; "" where it behaves."""
        if at != self.stage or self.mood == "accept":
            return ""
        mood, type(self).mood = self.mood, "accept"
        if mood == "silent":
            await asyncio.sleep(SILENCE)
        if mood in ("silent", "drop"):
            hang_up(self)
            return ""
        return REPLIES[at, mood]


def hang_up(server: SMTP) -> None:
    assert server.transport is not None
    server.transport.close()


def received(envelope: Envelope) -> Message:
    assert isinstance(envelope.content, bytes)
    return message_from_bytes(envelope.content)


async def after_content(server: SMTP, accepted: list[Message], envelope: Envelope) -> str:
    """The last stage: what is said when the whole e-mail was handed over; a server that hangs up has taken it."""
    assert isinstance(server, Capricious)
    if server.stage == "content" and server.mood in ("drop", "silent"):
        accepted.append(received(envelope))
    reply = await server._instead("content")
    return reply or ("421 Gone" if server.transport and server.transport.is_closing() else "")


class Moody:
    """Handles mail: accepts, but for addresses of which it was told otherwise."""

    def __init__(self) -> None:
        self.moods: dict[str, str] = {}
        self.dies_after: int | None = None
        self.accepted: list[Message] = []

    async def handle_RCPT(  # noqa: N802 (the server looks for this name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        match self.mood(address):
            case "defer":
                return "451 4.7.1 Greylisted, come back later"
            case "refuse":
                return "550 5.1.1 No such user"
            case "drop":
                hang_up(server)
            case "shut":
                return "421 4.3.2 Shutting down"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if reply := await after_content(server, self.accepted, envelope):
            return reply
        match self.mood(envelope.rcpt_tos[0]):
            case "refuse data":
                return "554 5.6.0 Not this one"
            case "defer data":
                return "451 4.3.0 Try again later"
            case "take and drop":
                self.accepted.append(received(envelope))
                hang_up(server)
                return "250 OK"
        if self.dies_after is not None and len(self.accepted) >= self.dies_after:
            hang_up(server)
            return "421 Dying"
        self.accepted.append(received(envelope))
        return "250 OK"

    def mood(self, address: str) -> str:
        return self.moods.get(address.partition("@")[0], "")

    def received(self) -> Counter[str]:
        return Counter(str(message["To"]).partition("@")[0] for message in self.accepted)


@pytest.fixture
def moody(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moody]:
    handler = Moody()
    monkeypatch.setattr(Capricious, "stage", "")
    controller = Controller(handler, hostname="127.0.0.1", port=unused_port())
    controller.factory = lambda: Capricious(handler)  # type: ignore[method-assign]
    controller.start()
    settings.EMAIL_BACKEND = "cleanup_portal.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", controller.port, 5
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield handler
    controller.stop()


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*(someone(name) for name in PEOPLE), policy=policy_text(notice=30), launched=PEOPLE)


def test_a_server_that_accepts_gets_one_email_each_with_text_and_html(stage: Stage, moody: Moody) -> None:
    assert send(stage) == Notices(sent=6)
    assert moody.received() == Counter(PEOPLE)
    message = moody.accepted[0]
    assert message["To"] == "anna@ville.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.walk()][1:] == ["text/plain", "text/html"]


STAGES = ("connect", "MAIL", "RCPT", "DATA", "content")
MATRIX = [(at, mood) for at in STAGES for mood in ("defer", "refuse", "drop", "silent")]


@pytest.mark.matrix(fast=3, reason="a mail server for each stage")
@pytest.mark.parametrize(("at", "mood"), [("", "accept"), *MATRIX])
def test_whatever_the_server_does_once_at_any_stage_every_case_ends_where_it_should(
    stage: Stage, moody: Moody, monkeypatch: pytest.MonkeyPatch, settings: Any, at: str, mood: str
) -> None:
    """Anna is the first; what concerns her stops no other, and what concerns everybody is nobody's fault.

    A connection, a sender and a text are everybody's; a refusal that does not say whose is hers once others are taken.
    """
    settings.EMAIL_TIMEOUT = SILENCE / 2
    monkeypatch.setattr(Capricious, "stage", at)
    monkeypatch.setattr(Capricious, "mood", mood)
    done = send(stage)
    refused, broken = mood == "refuse" and at in ("RCPT", "DATA"), mood in ("drop", "silent")
    if at == "connect" or (at == "MAIL" and not broken) or (at, mood) == ("content", "refuse"):
        assert (done.sent, done.undeliverable, done.left) == (0, 0, 6)
        assert "EMAIL_URL" in done.error
    elif at:
        assert (done.sent, done.undeliverable, done.left) == (5, int(refused), int(not refused))
        assert bool(done.error) is broken
    assert send(stage).left == 0
    assert stage.states() == dict.fromkeys(PEOPLE, "noticed") | ({"anna": "undeliverable"} if refused else {})
    twice = Counter(["anna"]) if at == "content" and broken else Counter[str]()
    assert moody.received() == Counter(PEOPLE) + twice - (Counter(["anna"]) if refused else Counter[str]())
    assert len({message["Message-ID"] for message in moody.accepted}) == 6 - refused


def test_each_address_ends_where_it_should_and_stops_no_other(stage: Stage, moody: Moody) -> None:
    moody.moods = {"anna": "defer", "bela": "refuse", "cleo": "refuse data", "dina": "drop", "emil": "defer data"}
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (1, 2, 3)
    assert stage.states() == {
        "anna": "awaiting_notice",
        "bela": "undeliverable",
        "cleo": "undeliverable",
        "dina": "awaiting_notice",
        "emil": "awaiting_notice",
        "fran": "noticed",
    }
    assert "No such user" in (stage.case("bela").outcome or {})["why"]
    assert "Not this one" in (stage.case("cleo").outcome or {})["why"]


def test_what_was_put_off_is_sent_by_the_next_run_and_nothing_twice(stage: Stage, moody: Moody) -> None:
    moody.moods = {"anna": "defer", "dina": "drop", "emil": "defer data"}
    send(stage)
    moody.moods = {}
    assert send(stage) == Notices(sent=3)
    assert moody.received() == Counter(PEOPLE)


@pytest.mark.matrix(fast=2, reason="a mail server for each stage")
@pytest.mark.parametrize("survivors", range(6))
def test_a_server_that_dies_midway_is_resumed_without_a_second_email(
    stage: Stage, moody: Moody, survivors: int
) -> None:
    moody.dies_after = survivors
    done = send(stage)
    assert (done.sent, done.left) == (survivors, 6 - survivors)
    assert "EMAIL_URL" in done.error
    moody.dies_after = None
    assert send(stage).sent == 6 - survivors
    assert moody.received() == Counter(PEOPLE)


def test_a_server_that_shuts_down_ends_the_run(stage: Stage, moody: Moody) -> None:
    moody.moods = dict.fromkeys(PEOPLE, "shut")
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (0, 0, 6)
    assert set(stage.states().values()) == {"awaiting_notice"}


def test_a_email_taken_whose_receipt_was_lost_is_sent_again_and_can_be_recognised(stage: Stage, moody: Moody) -> None:
    moody.moods = {"anna": "take and drop"}
    send(stage)
    moody.moods = {}
    send(stage)
    assert moody.received() == Counter(PEOPLE) + Counter(["anna"])
    assert len({message["Message-ID"] for message in moody.accepted}) == 6


def test_without_a_server_every_case_waits(stage: Stage, moody: Moody, settings: Any) -> None:
    settings.EMAIL_PORT = unused_port()
    done = send(stage)
    assert (done.sent, done.left) == (0, 6)
    assert "EMAIL_URL" in done.error


def test_reminders_and_closings_go_the_same_way_and_change_no_state(stage: Stage, moody: Moody) -> None:
    stage.adopt(policy_text(notice=30, reminders=(7,)))
    cleanup = stage.cleanup()
    cleanup.policy = stage.workspace.current_policy
    cleanup.save(update_fields=["policy"])
    send(stage)
    stage.clock.advance(days=24)
    moody.moods = {"anna": "refuse", "bela": "drop", "cleo": "defer"}
    done = send_reminders(workspace=stage.workspace, now=stage.clock())
    assert (done.sent, done.refused) == (3, 1)
    assert set(stage.states().values()) == {"noticed"}
    stage.clock.advance(days=6)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    told = send_closings(workspace=stage.workspace, now=stage.clock())
    assert (told.sent, told.refused) == (3, 1)
    moody.moods = {}
    assert send_closings(workspace=stage.workspace, now=stage.clock()).sent == 2
    assert set(stage.states().values()) == {"revoked"}


def test_a_test_email_says_what_the_server_said(stage: Stage, moody: Moody) -> None:
    operator = stage.staff("operator")
    assert send_test(workspace=stage.workspace, kind="notice", actor=operator, now=stage.clock()) == ""
    moody.moods = {"operator": "refuse"}
    problem = send_test(workspace=stage.workspace, kind="notice", actor=operator, now=stage.clock())
    assert "No such user" in problem
    assert str(moody.accepted[0]["Subject"]).startswith("[Test]")
