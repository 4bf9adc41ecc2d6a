"""Notices: e-mails to a mail server that only says yes, beside a bare loop that sends it as many."""

from __future__ import annotations

import smtplib
import socketserver
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import launched
from frame import Figure, Ground, cost_of

MOST = 2_000


def measure(ground: Ground) -> Iterator[Figure]:
    count = int(cost_of(launched.launch, min(MOST, ground.shape.accounts // 6), 30).result)
    with _server() as port:
        floor, ours = cost_of(bare_loop, port, count), cost_of(send, port)
    cost_of(launched.end)
    sent = ours.result["sent"]
    # Of those who were approved under another policy before, some are not dormant under this one.
    assert count / 2 < sent <= count, ours  # noqa: S101
    bare, each = floor.cpus / count, (ours.result["cpu"] + ours.database) / sent
    yield Figure("a bare SMTP loop, CPU an e-mail", against="itself", ratio=bare * 1000, unit="ms", cost=floor)
    yield Figure("a notice, CPU", against="", ratio=each * 1000, target=2, unit="ms", cost=ours)
    yield Figure("a notice, CPU", against="a bare SMTP loop", ratio=each / bare)
    yield Figure("a notice", against="", ratio=ours.result["wall"] / sent * 1000, target=2, unit="ms")


def bare_loop(port: int, count: int) -> None:
    """As many e-mails of that size, over one connection, with nothing read or written down."""
    text = "Subject: notice\r\n\r\n" + "A line of an e-mail that says what will happen, and when.\r\n" * 80
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in range(count):
            server.sendmail("portal@example.org", [f"person.{number}@example.org"], text)


def send(port: int) -> dict[str, float]:
    """What the command and the worker do, without a limit for each hour; what is imported once is not counted."""
    from django.conf import settings
    from django.urls import reverse
    from django.utils.timezone import now

    from accounts_review.models import Workspace
    from accounts_review.workflow.notify.send import send_notices

    settings.EMAIL_BACKEND = "cleanup_portal.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", port, False
    reverse("answer", kwargs={"token": "imports"})
    began, cpu = time.monotonic(), time.process_time()
    sent = send_notices(workspace=Workspace.objects.get(), now=now()).sent
    return {"sent": sent, "cpu": time.process_time() - cpu, "wall": time.monotonic() - began}


class Sink(socketserver.StreamRequestHandler):
    """Says yes to everything."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        self._say(b"220 sink")
        for line in self.rfile:
            match line[:4].upper():
                case b"DATA":
                    self._say(b"354 go on")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    self._say(b"250 taken")
                case b"QUIT":
                    self._say(b"221 bye")
                    return
                case _:
                    self._say(b"250 yes")

    def _say(self, reply: bytes) -> None:
        self.wfile.write(reply + b"\r\n")


@contextmanager
def _server() -> Iterator[int]:
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout  # noqa: S101
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink) as server:
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()
