"""What leaves the portal by itself: checkpoints to any place, and the entries of the audit to who listens."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.checkpoint import Checkpoint, Keeper
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Workspace
from accounts_review.tasks import outward
from accounts_review.workflow.workspaces import open_workspace

pytestmark = pytest.mark.usefixtures("keeper")

SECRET = "of-this-test-only"


@dataclass(slots=True)
class Receiver:
    """Somebody who listens outside, and does not always answer well."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)

    def numbers(self) -> list[int]:
        return [json.loads(line)["seq"] for body in self.bodies for line in body.splitlines()]


@pytest.fixture
def listener() -> Iterator[Receiver]:
    listener = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            listener.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            listener.signatures.append(self.headers.get("X-Signature", ""))
            self.send_response(listener.answers.pop(0) if listener.answers else 204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    listener.url = f"http://127.0.0.1:{server.server_port}/in"
    yield listener
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def portal(keeper: Keeper) -> Workspace:
    return open_workspace(name="main", now=now())


def write(workspace: Workspace, count: int = 1) -> None:
    for _ in range(count):
        audit.log([workspace], kind=Event.CASE_HELD, actor="portal", now=now())


def test_entries_arrive_in_order_at_least_once_and_signed(portal: Workspace, listener: Receiver, settings: Any) -> None:
    settings.AUDIT_WEBHOOK_URL, settings.AUDIT_WEBHOOK_SECRET = listener.url, SECRET
    write(portal, 3)
    listener.answers = [500]
    with pytest.raises(CommandError, match="status 500"):
        call_command("audit_send")
    assert outward.deliver_entries() == 5
    write(portal)
    assert outward.deliver_entries() == 1
    assert outward.deliver_entries() == 0
    assert listener.numbers() == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6]
    for body, signature in zip(listener.bodies, listener.signatures, strict=True):
        assert signature == f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"
    listener.bodies.clear()
    call_command("audit_send", "--from", "5")
    assert listener.numbers() == [5, 6]


def test_nothing_is_lost_while_nobody_listens(portal: Workspace, settings: Any) -> None:
    settings.AUDIT_WEBHOOK_URL, settings.AUDIT_WEBHOOK_SECRET = "http://127.0.0.1:9/in", SECRET
    with pytest.raises(CommandError, match="did not take more: ConnectError"):
        call_command("audit_send")
    assert AuditEntry.objects.count() == 2


def test_a_checkpoint_goes_to_every_place(
    portal: Workspace, listener: Receiver, settings: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.jsonl"
    settings.CHECKPOINT_TO = ["stdout", f"file://{kept}", "mailto:auditor@x.example", listener.url]
    settings.CHECKPOINT_EVERY_ENTRIES, settings.CHECKPOINT_EVERY_MINUTES = 3, 60
    with capfd.disabled():
        outward.send_checkpoints()
    outward.send_checkpoints()
    assert len(kept.read_text().splitlines()) == len(listener.bodies) == len(mail.outbox) == 1
    write(portal, 2)
    outward.send_checkpoints()
    assert len(listener.bodies) == 1, "too few entries, too soon"
    write(portal)
    outward.send_checkpoints()
    assert json.loads(listener.bodies[-1])["number"] == AuditEntry.objects.count()
    write(portal)
    with time_machine.travel(now() + timedelta(minutes=61)):
        outward.send_checkpoints()
    assert len(kept.read_text().splitlines()) == len(listener.bodies) == len(mail.outbox) == 3
    last = Checkpoint.parse(kept.read_text().splitlines()[-1])
    assert (last.seq, last.digest) == (audit.newest_checkpoint().seq, audit.newest_checkpoint().digest)


def test_a_place_that_fails_is_tried_again_and_keeps_no_other(
    portal: Workspace, listener: Receiver, settings: Any, tmp_path: Path
) -> None:
    settings.CHECKPOINT_TO = [listener.url, f"file://{tmp_path / 'kept.jsonl'}"]
    listener.answers = [503]
    outward.send_checkpoints()
    assert (tmp_path / "kept.jsonl").exists()
    outward.send_checkpoints()
    outward.send_checkpoints()
    assert len(listener.bodies) == 2


def test_a_mailed_checkpoint_is_compared_with(portal: Workspace, settings: Any, tmp_path: Path, keeper: Keeper) -> None:
    settings.CHECKPOINT_TO = ["mailto:auditor@x.example"]
    outward.send_checkpoints()
    [message] = mail.outbox
    saved = tmp_path / "checkpoint.json"
    saved.write_text(str(message.attachments[0][1]))
    call_command("audit_verify", "--checkpoint", str(saved))
    number, _colon, digest = str(message.body).split()[0].partition(":")
    with pytest.raises(CommandError, match="the audit was rewritten"):
        call_command("audit_verify", "--checkpoint", f"{number}:{digest[::-1]}")
