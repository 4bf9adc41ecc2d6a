"""The hash chain: how an audit entry is sealed, marked as the portal's own, and put at the end.

The digest of an entry is the SHA-256, in hexadecimal, of the UTF-8 bytes of a JSON array without spaces, keys
sorted, non-ASCII kept::

    [seq, at, workspace, actor_ref, kind, subject_ref, account_id, cleanup, data, personal, previous]

where ``at`` is ISO 8601 in UTC with six decimals and ``previous`` the digest of the entry before (64 zeros for the
first). ``actor_ref``, ``subject_ref`` and ``personal`` are commitments, or null: the SHA-256 of ``[salt, name,
details]`` written the same way. Names and personal details stand beside the chain, and can be erased without breaking
it. Anyone can recompute both from an export. How the whole audit is proven is in ``audit.verification``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from accounts_review.audit import checkpoint
from accounts_review.audit.checkpoint import Checkpoint
from accounts_review.audit.events import PERSONAL, Event, named
from accounts_review.models import AuditEntry, AuditKey, PersonalData
from accounts_review.models.copying import copy_in

_CHAIN_LOCK = 0x636C65616E  # any constant that nothing else in the database uses


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What is to be recorded; the chain adds the number and the seal. ``data`` holds JSON without floats.

    ``subject`` names the account ``account_id``. What of ``data`` is :data:`PERSONAL` goes beside the chain.
    """

    at: datetime
    workspace: str
    actor: str
    kind: Event
    subject: str = ""
    account_id: int | None = None
    cleanup: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def who(self) -> tuple[int | None, str]:
        return None, self.actor

    @property
    def whom(self) -> tuple[int | None, str]:
        return self.account_id, self.subject

    @property
    def personal(self) -> dict[str, Any]:
        return {name: value for name, value in self.data.items() if name in PERSONAL and value}


def wait_for_turn() -> None:
    """Wait until the writers before have ended; nobody else writes until this transaction ends.

    Whoever decides by what is true at the moment of writing asks after this, not before.
    """
    assert connection.in_atomic_block, "a turn lasts as long as a transaction"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CHAIN_LOCK])


def append(entries: Iterable[NewEntry]) -> None:
    """Seal entries onto the end of the chain, in the caller's transaction.

    Writers queue up until the transaction before them ends.
    """
    given = list(entries)
    wait_for_turn()
    key = AuditKey.current()
    last = checkpoint.newest()
    checkpoint.keep_after_commit(before=last)
    seq, previous = last.seq, last.digest
    people = _people([entry.who for entry in given] + [entry.whom for entry in given if entry.subject])
    rows, details = [], []
    for entry in given:
        seq += 1
        personal = entry.personal
        beside = _beside(entry.account_id, details=personal) if personal else None
        row = AuditEntry(
            seq=seq,
            at=entry.at,
            workspace=entry.workspace,
            actor_ref=people[entry.who],
            kind=named(entry.kind).value,
            subject_ref=people.get(entry.whom),
            account_id=entry.account_id,
            cleanup=entry.cleanup,
            data={name: value for name, value in entry.data.items() if name not in personal},
            personal=beside,
            previous=previous,
        )
        row.digest = previous = seal(row)
        row.mark = mark_of(row.digest, key=key)
        rows.append(row)
        details += [beside] if beside else []
    copy_in(details)
    copy_in(rows)


def seal(row: AuditEntry) -> str:
    """The digest an entry must have."""
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = [row.seq, at, row.workspace, row.actor_ref_id, row.kind, row.subject_ref_id]
    content += [row.account_id, row.cleanup, row.data, row.personal_id, row.previous]
    return _sha256(content)


def mark_of(digest: str, *, key: bytes) -> str:
    """What shows that the portal itself wrote the entry of a digest."""
    return hmac.digest(key, digest.encode(), "sha256").hex()


def commitment(row: PersonalData) -> str:
    """The digest that personal data must have as long as they are not erased."""
    return _sha256([row.salt, row.name, row.details])


def newest_checkpoint() -> Checkpoint:
    """The newest entry: worth keeping elsewhere."""
    return checkpoint.newest()


def _people(keys: Sequence[tuple[int | None, str]]) -> dict[tuple[int | None, str], PersonalData]:
    """The personal data that name these people (account or null, name): known ones again, the others made."""
    wanted = dict.fromkeys(keys)
    accounts = {account for account, name in wanted if account is not None}
    logins = {name for account, name in wanted if account is None}
    known = PersonalData.objects.filter(Q(account_id__in=accounts) | Q(account_id=None, name__in=logins), details={})
    people = {(row.account_id, row.name): row for row in known.filter(erased_at=None)}
    made = {key: _beside(*key) for key in wanted if key not in people}
    copy_in(list(made.values()))
    return people | made


def _beside(account_id: int | None, name: str = "", *, details: Mapping[str, Any] | None = None) -> PersonalData:
    row = PersonalData(account_id=account_id, name=name, details=dict(details or {}), salt=secrets.token_hex(16))
    row.digest = commitment(row)
    return row


def _sha256(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
