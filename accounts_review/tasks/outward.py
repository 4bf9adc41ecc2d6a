"""What leaves the portal by itself, so that it is known elsewhere: checkpoints, and the entries of the audit."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.timezone import now

from accounts_review.audit import checkpoint
from accounts_review.models import AuditDelivery, AuditEntry
from accounts_review.models.alone import alone
from accounts_review.spreadsheet.audit_rows import audit_line
from cleanup_portal.signed_post import NotDelivered, post

log = structlog.get_logger(__name__)

BATCH, BATCHES = 200, 50
_LOCK = 0x6F7574  # any constant that nothing else in the database uses

Record = Mapping[str, Any]


def send_checkpoints() -> None:
    """Send this host's checkpoint wherever it has become due: after so many entries, or so long."""
    keeper = checkpoint.keeper
    if keeper is None or not settings.CHECKPOINT_TO:
        return
    try:
        newest = keeper.read()
    except (ValueError, OSError):
        return  # Held and told by the watch.
    if newest is None or newest.record is None:
        return
    memory = keeper.folder / "checkpoint.sent.json"
    sent = _read(memory)
    for place in settings.CHECKPOINT_TO:
        if not _is_due(newest.seq, sent.get(place)):
            continue
        try:
            _destination(place)(newest.record)
        except (OSError, NotDelivered) as error:
            log.error("a checkpoint could not be sent", to=urlsplit(place).scheme or place, error=str(error))
            continue
        sent[place] = [newest.seq, now().isoformat()]
        memory.write_text(json.dumps(sent))


def deliver_entries() -> int:
    """Post the entries that the receiver has not taken yet, in their order; returns how many it took.

    One that was posted and not confirmed is posted again.
    """
    if not settings.AUDIT_WEBHOOK_URL:
        return 0
    taken = 0
    with alone(_LOCK) as is_ours:
        for _round in range(BATCHES if is_ours else 0):
            state, _is_new = AuditDelivery.objects.get_or_create(pk=1)
            entries = AuditEntry.objects.filter(seq__gt=state.upto).order_by("seq")
            batch = list(entries.select_related("actor_ref", "subject_ref", "personal")[:BATCH])
            if not batch or not _post(batch, state):
                break
            taken += len(batch)
    return taken


def resume_delivery(*, first: int) -> None:
    """Have entries from a number on delivered again."""
    AuditDelivery.objects.update_or_create(pk=1, defaults={"upto": max(first - 1, 0), "error": ""})


def _post(batch: list[AuditEntry], state: AuditDelivery) -> bool:
    body = "".join(audit_line(entry) for entry in batch).encode()
    headers = {"X-First-Entry": str(batch[0].seq), "X-Last-Entry": str(batch[-1].seq)}
    try:
        post(
            settings.AUDIT_WEBHOOK_URL,
            body,
            kind="application/x-ndjson",
            secret=settings.AUDIT_WEBHOOK_SECRET,
            headers=headers,
        )
    except NotDelivered as error:
        AuditDelivery.objects.filter(pk=1).update(error=str(error))
        log.warning("audit entries could not be delivered", first=batch[0].seq, error=str(error))
        return False
    # Somebody may have asked for earlier ones meanwhile.
    AuditDelivery.objects.filter(pk=1, upto=state.upto).update(upto=batch[-1].seq, delivered_at=now(), error="")
    return True


def _is_due(number: int, sent: list[Any] | None) -> bool:
    if sent is None:
        return True
    last, at = int(sent[0]), datetime.fromisoformat(sent[1])
    late = now() - at >= timedelta(minutes=settings.CHECKPOINT_EVERY_MINUTES)
    return number != last and (number - last >= settings.CHECKPOINT_EVERY_ENTRIES or late)


def _read(memory: Path) -> dict[str, list[Any]]:
    try:
        found: dict[str, list[Any]] = json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}
    return found


def _destination(place: str) -> Callable[[Record], None]:
    """What takes a checkpoint to a place: standard output, a file, an e-mail address or an HTTP endpoint."""
    parts = urlsplit(place)
    match parts.scheme:
        case "file":
            return lambda record: _append(Path(url2pathname(parts.path)), record)
        case "mailto":
            return lambda record: _mail(parts.path, record)
        case "http" | "https":
            return lambda record: post(place, json.dumps(record).encode(), kind="application/json")
        case _:
            return _print


def _print(record: Record) -> None:
    sys.__stdout__.write(json.dumps(record) + "\n") if sys.__stdout__ else None
    if sys.__stdout__:
        sys.__stdout__.flush()


def _append(path: Path, record: Record) -> None:
    with path.open("a") as out:
        out.write(json.dumps(record) + "\n")


def _mail(address: str, record: Record) -> None:
    subject = f"Audit checkpoint {record['number']}"
    body = f"{record['number']}:{record['digest']}\n\nKeep this e-mail: audit_verify --checkpoint compares with it.\n"
    message = EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [address])
    message.attach("checkpoint.json", json.dumps(record) + "\n", "application/json")
    try:
        message.send()
    except Exception as error:
        raise NotDelivered(type(error).__name__) from None
