"""The hash chain: how an audit entry is sealed, and how the whole audit is proven.

The digest of an entry is the SHA-256, in hexadecimal, of the UTF-8 bytes of a JSON array without spaces, keys
sorted, non-ASCII kept::

    [seq, at, workspace, actor_ref, kind, subject_ref, account_id, cleanup, data, personal, previous]

where ``at`` is ISO 8601 in UTC with six decimals and ``previous`` the digest of the entry before (64 zeros for the
first). ``actor_ref``, ``subject_ref`` and ``personal`` are commitments, or null: the SHA-256 of ``[salt, name,
details]`` written the same way. Names and personal details stand beside the chain, and can be erased without breaking
it. Anyone can recompute both from an export.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from accounts_review.audit import checkpoint
from accounts_review.audit.checkpoint import GENESIS, Checkpoint
from accounts_review.audit.events import Event, named
from accounts_review.models import AuditEntry, PersonalData

_CHAIN_LOCK = 0x636C65616E  # any constant that nothing else in the database uses


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What is to be recorded; the chain adds the number and the seal. ``data`` holds JSON without floats.

    ``subject`` names the account ``account_id``. What of ``data`` the event calls personal goes beside the chain.
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
        return {name: value for name, value in self.data.items() if name in named(self.kind).personal and value}


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
    given = list(entries)
    wait_for_turn()
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
            kind=named(entry.kind),
            subject_ref=people.get(entry.whom),
            account_id=entry.account_id,
            cleanup=entry.cleanup,
            data={name: value for name, value in entry.data.items() if name not in personal},
            personal=beside,
            previous=previous,
        )
        row.digest = previous = seal(row)
        rows.append(row)
        details += [beside] if beside else []
    PersonalData.objects.bulk_create(details, batch_size=1000)
    AuditEntry.objects.bulk_create(rows, batch_size=1000)


def seal(row: AuditEntry) -> str:
    """The digest an entry must have."""
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = [row.seq, at, row.workspace, row.actor_ref_id, row.kind, row.subject_ref_id]
    content += [row.account_id, row.cleanup, row.data, row.personal_id, row.previous]
    return _sha256(content)


def commitment(row: PersonalData) -> str:
    """The digest that personal data must have as long as they are not erased."""
    return _sha256([row.salt, row.name, row.details])


def newest_checkpoint() -> Checkpoint:
    """The newest entry: worth keeping elsewhere."""
    return checkpoint.newest()


def verify(kept: Checkpoint | None = None) -> tuple[int, Flaw | None]:
    """Read the whole record: how many entries hold, and the first flaw if there is one; also against a checkpoint."""
    proven, previous, altered = 0, GENESIS, _altered()
    for row in AuditEntry.objects.order_by("seq").iterator(chunk_size=2000):
        if row.seq != proven + 1:
            return proven, Flaw(proven + 1, _("the entry is missing"))
        if row.previous != previous:
            return proven, Flaw(row.seq, _("it does not follow from the entry before it"))
        if row.digest != seal(row):
            return proven, Flaw(row.seq, _("its content does not match its digest"))
        if altered and altered & {row.actor_ref_id, row.subject_ref_id, row.personal_id}:
            return proven, Flaw(row.seq, _("the names beside it are not those it was written with"))
        if kept and row.seq == kept.seq and row.digest != kept.digest:
            return proven, Flaw(row.seq, _("it is not the entry the checkpoint names: the audit was rewritten"))
        proven, previous = row.seq, row.digest
    if kept and kept.seq > proven:
        return proven, Flaw(kept.seq, _("the entry the checkpoint names is missing: the end was cut off"))
    return proven, None


def _altered() -> set[str | None]:
    """The commitments of personal data that were changed or removed instead of erased."""
    altered: set[str | None] = set()
    for row in PersonalData.objects.filter(erased_at=None).iterator(chunk_size=2000):
        if row.digest != commitment(row):
            altered.add(row.digest)
    for reference in ("actor_ref_id", "subject_ref_id", "personal_id"):
        told = AuditEntry._base_manager.exclude(**{reference: None})
        lost = told.exclude(Exists(PersonalData.objects.filter(digest=OuterRef(reference))))
        altered.update(lost.values_list(reference, flat=True))
    return altered


def _people(keys: Sequence[tuple[int | None, str]]) -> dict[tuple[int | None, str], PersonalData]:
    """The personal data that name these people (account or null, name): known ones again, the others made."""
    wanted = dict.fromkeys(keys)
    accounts = {account for account, name in wanted if account is not None}
    logins = {name for account, name in wanted if account is None}
    known = PersonalData.objects.filter(Q(account_id__in=accounts) | Q(account_id=None, name__in=logins), details={})
    people = {(row.account_id, row.name): row for row in known.filter(erased_at=None)}
    made = {key: _beside(*key) for key in wanted if key not in people}
    PersonalData.objects.bulk_create(made.values(), batch_size=1000)
    return people | made


def _beside(account_id: int | None, name: str = "", *, details: Mapping[str, Any] | None = None) -> PersonalData:
    row = PersonalData(account_id=account_id, name=name, details=dict(details or {}), salt=secrets.token_hex(16))
    row.digest = commitment(row)
    return row


def _sha256(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
