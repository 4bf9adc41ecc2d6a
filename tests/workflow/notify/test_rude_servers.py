"""Mail servers that break the rules of the conversation: they cost one e-mail a try, and nobody behind it anything."""

from __future__ import annotations

import smtplib
import socket
import socketserver
from base64 import b64decode
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from accounts_review.models import AuditEntry, Case, Workspace
from accounts_review.workflow.notify.send import Notices
from cleanup_portal.smtp import MailServer
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.kit import send

PEOPLE = ("anna", "bela", "cleo")
MORE_THAN_A_LINE = b"550 " + b"x" * 9_000 + b"\r\n"
NO_SUCH_USER = b"550 5.1.1 No such user\r\n"
HANG_UP, DRIBBLE, REPEAT = b"hang up", b"dribble", b"repeat"
REPLIES = {
    ("RCPT", "refuses and hangs up"): NO_SUCH_USER,
    ("RSET", "refuses and hangs up"): HANG_UP,
    ("RCPT", "refuses, then babbles"): NO_SUCH_USER,
    ("RSET", "refuses, then babbles"): MORE_THAN_A_LINE,
    ("RCPT", "babbles"): MORE_THAN_A_LINE,
    ("RCPT", "dribbles"): DRIBBLE,
    ("DATA", "takes it and dribbles"): DRIBBLE,
    ("DATA", "takes it with another number"): b"252 taken\r\n",
    ("RCPT", "speaks no SMTP"): b"<html>\r\n",
    ("EHLO", "repeats the password"): b"250-rude\r\n250 AUTH PLAIN\r\n",
    ("AUTH", "repeats the password"): REPEAT,
}
"""What it answers to a command in some way, where that is not yes."""


class Rude(socketserver.ThreadingTCPServer):
    """Takes every e-mail, but answers as ``way`` says to Anna, the first."""

    allow_reuse_address, daemon_threads, way = True, True, ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.taken: list[str] = []


class Conversation(socketserver.StreamRequestHandler):
    server: Rude

    def handle(self) -> None:
        self.wfile.write(b"220 rude\r\n")
        recipient = ""
        for line in self.rfile:
            verb = line[:4].strip().upper().decode()
            if verb == "RCPT":
                recipient = line.decode().partition("<")[2].partition("@")[0]
            if verb == "DATA":
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() != b".\r\n":
                    pass
                self.server.taken.append(recipient)
            answer = REPLIES.get((verb, self.server.way if recipient in ("", "anna") else ""), b"250 fine\r\n")
            if verb == "QUIT" or answer is HANG_UP:
                return
            if answer is DRIBBLE:
                self._dribble()
                return
            if answer is REPEAT:
                given = line.split()[-1]
                answer = b"535 5.7.8 Wrong: " + b64decode(given).replace(b"\0", b" ") + b" as " + given + b"\r\n"
            self.wfile.write(answer)

    def _dribble(self) -> None:
        """A reply that never ends and never pauses for long, until the other side has had enough."""
        try:
            while True:
                self.wfile.write(b"250-still here\r\n")
                self.connection.settimeout(0.1)
                try:
                    if not self.connection.recv(1):
                        return
                except TimeoutError:
                    continue
        except OSError:
            return


@pytest.fixture
def rude(settings: Any) -> Iterator[Rude]:
    server = Rude()
    Thread(target=server.serve_forever, daemon=True).start()
    settings.EMAIL_BACKEND = "cleanup_portal.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.server_address[1], 1
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*(someone(name) for name in PEOPLE), policy=policy_text(notice=30), launched=PEOPLE)


def test_who_is_refused_by_a_server_that_hangs_up_costs_the_next_nothing(stage: Stage, rude: Rude) -> None:
    rude.way = "refuses and hangs up"
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left, done.error) == (2, 1, 0, "")
    assert rude.taken == ["bela", "cleo"]
    assert not Case.objects.exclude(account__username="anna").exclude(tried_at=None).exists()


@pytest.mark.parametrize("way", ["babbles", "refuses, then babbles", "dribbles", "speaks no SMTP"])
def test_a_reply_without_an_end_stops_nobody_behind(stage: Stage, rude: Rude, way: str) -> None:
    rude.way = way
    done = send(stage)
    assert (done.sent, done.left) == (2, 1)
    assert rude.taken == ["bela", "cleo"]
    rude.way = ""
    assert send(stage) == Notices(sent=1)
    assert rude.taken == ["bela", "cleo", "anna"]


def test_a_server_that_took_one_and_never_ends_its_reply_is_left(stage: Stage, rude: Rude) -> None:
    """Whether it was taken nobody knows then, so it is offered once more, by a later run and behind the others."""
    rude.way = "takes it and dribbles"
    assert send(stage).sent == 2
    assert rude.taken == ["anna", "bela", "cleo"]


def test_a_server_that_repeats_the_password_is_quoted_without_it(stage: Stage, rude: Rude, settings: Any) -> None:
    """What a server says is shown on every page and kept in the audit for ever."""
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portal", "correct-horse"
    rude.way = "repeats the password"
    assert "535 5.7.8 Wrong: portal ***" in send(stage).error
    kept = [str(Workspace.objects.get().mail_stopped), *map(str, AuditEntry.objects.values_list("data", flat=True))]
    assert "535 5.7.8" in kept[0]
    assert not [
        text for text in kept if "correct-horse" in text or "Y29ycmVjdC1ob3JzZQ" in text or "AHBvcnRhbA" in text
    ]


def test_any_number_that_begins_with_a_two_took_the_email(stage: Stage, rude: Rude) -> None:
    """Else it would be offered for days, and its reader taken for one who cannot be warned."""
    rude.way = "takes it with another number"
    assert send(stage) == Notices(sent=3)
    assert rude.taken == ["anna", "bela", "cleo"]


def test_what_speaks_no_smtp_is_named_as_such(stage: Stage, rude: Rude, settings: Any) -> None:
    def speak_http() -> None:
        with listener.accept()[0] as peer:
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.EMAIL_PORT = listener.getsockname()[1]
        Thread(target=speak_http, daemon=True).start()
        done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (0, 0, 3)
    assert "its answer is not SMTP" in done.error


@pytest.mark.parametrize("said", ["bad cG9ydGFsLXMzY3JldA", "bad AHBvcnRhbABwb3J0YWwtczNjcmV0", "bad portal-s3cret"])
def test_a_password_is_taken_out_of_a_reply_however_it_was_sent(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtplib.SMTP, "getreply", lambda self: (535, said.encode()))
    server = MailServer()
    server.user, server.password = "portal", "portal-s3cret"
    assert server.getreply() == (535, b"bad ***")


def test_a_password_of_a_letter_is_not_told_by_what_it_is_taken_out_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtplib.SMTP, "getreply", lambda self: (550, b"mailbox full"))
    server = MailServer()
    server.user, server.password = "portal", "a"
    assert server.getreply() == (550, b"mailbox full")
