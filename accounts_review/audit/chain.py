"""The hash chain: how an audit entry is sealed, and how the whole record is proven.

The digest of an entry is the SHA-256, in hexadecimal, of the UTF-8 bytes of a JSON array without spaces, keys
sorted, non-ASCII kept: ``[seq, at, workspace, actor, kind, subject, account_id, cleanup, data, previous]``,
where ``at`` is ISO 8601 in UTC with six decimals and ``previous`` the digest of the entry before (64 zeros for
the first). Anyone can recompute it from an export.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from accounts_review.models import AuditEntry

GENESIS = "0" * 64
_CHAIN_LOCK = 0x636C65616E  # any constant that nothing else in the database uses


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What is to be recorded; the chain adds the number and the seal. ``data`` holds JSON without floats."""

    at: datetime
    workspace: str
    actor: str
    kind: str
    subject: str = ""
    account_id: int | None = None
    cleanup: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first place where the record is not what it was: the entry's number and what is wrong with it."""

    seq: int
    problem: str


def wait_for_turn() -> None:
    """Wait until the writers before have ended; nobody else writes until this transaction ends.

    Whoever decides by what is true at the moment of writing asks after this, not before.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CHAIN_LOCK])


def append(entries: Iterable[NewEntry]) -> None:
    """Seal entries onto the end of the chain, in the caller's transaction.

    Writers queue up until the transaction before them ends.
    """
    wait_for_turn()
    last = AuditEntry.objects.order_by("-seq").values_list("seq", "digest").first()
    seq, previous = last or (0, GENESIS)
    rows = []
    for entry in entries:
        seq += 1
        row = AuditEntry(
            seq=seq,
            at=entry.at,
            workspace=entry.workspace,
            actor=entry.actor,
            kind=entry.kind,
            subject=entry.subject,
            account_id=entry.account_id,
            cleanup=entry.cleanup,
            data=dict(entry.data),
            previous=previous,
        )
        row.digest = previous = seal(row)
        rows.append(row)
    AuditEntry.objects.bulk_create(rows, batch_size=1000)


def seal(row: AuditEntry) -> str:
    """The digest an entry must have."""
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = [row.seq, at, row.workspace, row.actor, row.kind, row.subject]
    content += [row.account_id, row.cleanup, row.data, row.previous]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """Number and digest of an entry, kept outside the database, where nobody who can change the record can change it.

    The chain alone shows no end that was cut off, and no whole record that was written anew; against this it does.
    """

    seq: int
    digest: str

    @classmethod
    def parse(cls, text: str) -> Kept:
        """Read ``NUMBER:DIGEST``. Raises ``ValueError``."""
        if not (found := re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text.strip().lower())):
            raise ValueError(_("A kept seal is the number of an entry, a colon and its digest of 64 characters."))
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.seq}:{self.digest}"


def head() -> Kept:
    """The seal of the newest entry: worth keeping elsewhere."""
    last = AuditEntry.objects.order_by("-seq").values_list("seq", "digest").first()
    return Kept(*(last or (0, GENESIS)))


def verify(kept: Kept | None = None) -> tuple[int, Flaw | None]:
    """Read the whole record: how many entries hold, and the first flaw if there is one; also against a kept seal."""
    proven, previous = 0, GENESIS
    for row in AuditEntry.objects.order_by("seq").iterator(chunk_size=2000):
        if row.seq != proven + 1:
            return proven, Flaw(proven + 1, _("the entry is missing"))
        if row.previous != previous:
            return proven, Flaw(row.seq, _("it does not continue the entry before it"))
        if row.digest != seal(row):
            return proven, Flaw(row.seq, _("its content does not match its seal"))
        if kept and row.seq == kept.seq and row.digest != kept.digest:
            return proven, Flaw(row.seq, _("it is not the entry whose seal was kept: the record was written anew"))
        proven, previous = row.seq, row.digest
    if kept and kept.seq > proven:
        return proven, Flaw(kept.seq, _("the entry whose seal was kept is missing: the end was cut off"))
    return proven, None
