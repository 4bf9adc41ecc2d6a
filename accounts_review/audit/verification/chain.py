"""Is every entry as it was written: in its place, with its content, by the portal, in the order of time?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts_review.audit.chain import commitment, mark_of
from accounts_review.audit.checkpoint import GENESIS, Checkpoint
from accounts_review.audit.verification.flaws import Flaw, Progress
from accounts_review.models import AuditEntry, AuditKey, PersonalData

STEP = 2000
BACKWARDS = timedelta(minutes=30)
"""So much earlier than the one before it an entry may be: a job takes its time once, and writes a little later."""

COLUMNS = ("seq", "at", "workspace", "actor_ref_id", "kind", "subject_ref_id", "account_id", "cleanup", "data")
REST = ("personal_id", "previous", "digest", "mark")
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@dataclass(slots=True)
class Proven:
    """How far the chain holds, and the first flaw if there is one; ``later`` are flaws that break no chain."""

    entries: int = 0
    flaw: Flaw | None = None
    later: list[Flaw] = field(default_factory=list)


def verify_chain(
    checkpoints: Sequence[Checkpoint] = (), *, progress: Progress = lambda done: None, most: int = 20
) -> Proven:
    """Read all entries in order, and hold them against each other and against checkpoints."""
    proven, previous, newest = Proven(), GENESIS, None
    is_named, is_marked = _beside(), _marks()
    kept = {checkpoint.seq: checkpoint.digest for checkpoint in checkpoints}
    for row in _rows():
        seq, at, kind, digest = row[0], row[1], row[4], row[11]
        if problem := _broken(row, follows=proven.entries, previous=previous):
            proven.flaw = Flaw(seq if seq == proven.entries + 1 else proven.entries + 1, problem, kind)
            return proven
        if not is_named(row[3], row[5], row[9]):
            proven.flaw = Flaw(seq, _("the names beside it are not those it was written with"), kind)
            return proven
        if not is_marked(digest, row[12]):
            proven.flaw = Flaw(seq, _("the portal did not write it; somebody wrote to the database"), kind)
            return proven
        if seq in kept and kept[seq] != digest:
            problem = _("it is not the entry the checkpoint names: the audit was rewritten")
            proven.flaw = Flaw(seq, problem, kind)
            return proven
        if newest and at < newest - BACKWARDS and len(proven.later) < most:
            problem = _("it is dated %(at)s, before the entries before it")
            proven.later.append(Flaw(seq, problem % {"at": f"{at:%Y-%m-%d %H:%M:%S}"}, kind))
        proven.entries, previous, newest = seq, digest, max(at, newest or at)
        if seq % STEP == 0:
            progress(seq)
    proven.flaw = _cut_off(kept, proven.entries)
    return proven


def _rows() -> Iterator[tuple[Any, ...]]:
    rows = AuditEntry._base_manager.order_by("seq").values_list(*COLUMNS, *REST)
    return rows.iterator(chunk_size=STEP)


def _broken(row: tuple[Any, ...], *, follows: int, previous: str) -> str:
    if row[0] != follows + 1:
        return _("the entry is missing")
    if row[10] != previous:
        return _("it does not follow from the entry before it")
    if row[11] != _seal(row):
        return _("its content does not match its digest")
    return ""


def _seal(row: tuple[Any, ...]) -> str:
    """As ``audit.chain.seal``, from a row of columns."""
    content = [row[0], _instant(row[1]), *row[2:11]]
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _cut_off(kept: dict[int, str], entries: int) -> Flaw | None:
    last = max(kept, default=0)
    if last <= entries:
        return None
    return Flaw(last, _("the entry the checkpoint names is missing: the end was cut off"))


def _marks() -> Callable[[str, str], bool]:
    """Whether an entry carries the mark that the portal gives; as a rule there is one key."""
    keys = [key for row in AuditKey.objects.all() if (key := row.open())]

    def is_marked(digest: str, mark: str) -> bool:
        return any(mark_of(digest, key=key) == mark for key in keys)

    return is_marked


def _beside() -> Callable[..., bool]:
    """Whether what entries refer to still stands beside them as it was written, or was erased."""
    altered: set[str | None] = set()
    for row in PersonalData.objects.filter(erased_at=None).iterator(chunk_size=STEP):
        if row.digest != commitment(row):
            altered.add(row.digest)
    for reference in ("actor_ref_id", "subject_ref_id", "personal_id"):
        told = AuditEntry._base_manager.exclude(**{reference: None})
        lost = told.exclude(Exists(PersonalData.objects.filter(digest=OuterRef(reference))))
        altered.update(lost.values_list(reference, flat=True))
    return (lambda *references: not altered.intersection(references)) if altered else (lambda *references: True)
