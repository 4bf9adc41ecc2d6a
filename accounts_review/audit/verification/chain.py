"""Is every entry as it was written: in its place, with its content, by the portal, in the order of time?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Exists, F, Func, OuterRef, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from accounts_review.audit.canonical import exact, quick
from accounts_review.audit.chain import marker
from accounts_review.audit.checkpoint import GENESIS, Checkpoint
from accounts_review.audit.verification.flaws import Flaw, Progress
from accounts_review.models import AuditEntry, AuditKey, PersonalData
from accounts_review.models.streaming import streamed

STEP = 2000
BACKWARDS = timedelta(minutes=30)
"""So much earlier than the one before it an entry may be: a job takes its time once, and writes a little later."""

COLUMNS = ("seq", "instant", "workspace", "actor_ref_id", "kind", "subject_ref_id", "account_id", "cleanup", "content")
REST = ("personal_id", "previous", "digest", "mark")
_decode = msgspec.json.decode


@dataclass(slots=True)
class Proven:
    """How far the chain holds, and the first flaw if there is one; ``misdated`` are entries that break no chain: some
    clock was wrong, then or before."""

    entries: int = 0
    flaw: Flaw | None = None
    misdated: list[Flaw] = field(default_factory=list)


def verify_chain(
    checkpoints: Sequence[Checkpoint] = (), *, progress: Progress = lambda done: None, most: int = 20
) -> Proven:
    """Read all entries in order, and hold them against each other and against checkpoints."""
    proven, previous, newest = Proven(), GENESIS, ""
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
            proven.flaw = Flaw(seq, _foreign(), kind)
            return proven
        if seq in kept and kept[seq] != digest:
            proven.flaw = _rewritten(seq, kind)
            return proven
        steps_back = at < newest and _is_backwards(at, newest)
        if steps_back and len(proven.misdated) < most:
            problem = _("it is dated %(at)s, before the entries before it")
            proven.misdated.append(Flaw(seq, problem % {"at": at[:19].replace("T", " ")}, kind))
        # Told once: after years by a wrong clock, every entry would be named.
        proven.entries, previous, newest = seq, digest, at if steps_back else max(at, newest)
        if seq % STEP == 0:
            progress(seq)
    proven.flaw = _cut_off(kept, proven.entries)
    return proven


def against(kept: Checkpoint) -> Flaw | None:
    """Whether a checkpoint names another entry than there is; that the entries hold is for :func:`verify_chain`."""
    entries = AuditEntry._base_manager.order_by("-seq").values_list("seq", "digest", "kind")
    there = entries.filter(seq=kept.seq).first()
    # Before the first entry there is none to compare.
    if kept.seq == 0 or (there and there[1] == kept.digest):
        return None
    newest = max((seq for seq, _digest, _kind in entries[:1]), default=0)
    return _cut_off({kept.seq: kept.digest}, newest) or _rewritten(kept.seq, there[2] if there else "")


def _rows() -> Iterator[tuple[Any, ...]]:
    """All entries in order, a step at a time: a cursor over everything would have the database write it all down.

    Details come as text: the fast decoder reads them.
    """
    entries = AuditEntry._base_manager.annotate(instant=instant("at"), content=Cast("data", TextField()))
    rows = entries.order_by("seq").values_list(*COLUMNS, *REST)
    batch = list(rows[:STEP])
    while batch:
        yield from batch
        batch = list(rows.filter(seq__gt=batch[-1][0])[:STEP])


def instant(column: str) -> Func:
    """An instant as digests have it: making an object of it costs more than the digest."""
    layout = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00')"""
    return Func(F(column), template=layout, output_field=TextField())


def _broken(row: tuple[Any, ...], *, follows: int, previous: str) -> str:
    if row[0] != follows + 1:
        return _("the entry is missing")
    if row[10] != previous:
        return _("it does not follow from the entry before it")
    if not _is_sealed(row):
        return _("its content does not match its digest")
    return ""


def _is_sealed(row: tuple[Any, ...]) -> bool:
    """As ``audit.chain.seal``, from a row of columns."""
    return is_digest(row[11], row[:8], row[8], row[9:11])


def is_digest(digest: str, before: tuple[object, ...], content: str, after: tuple[object, ...] = ()) -> bool:
    """Whether a digest is that of a list with a document in it, written as ``audit.chain`` describes."""
    try:
        written = (*before, _decode(content), *after)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False  # The portal writes nothing that cannot be read.
    if hashlib.sha256(quick(written)).hexdigest() == digest:
        return True
    return hashlib.sha256(exact(written)).hexdigest() == digest


def _is_backwards(at: str, before: str) -> bool:
    return datetime.fromisoformat(at) < datetime.fromisoformat(before) - BACKWARDS


def _rewritten(seq: int, kind: str) -> Flaw:
    return Flaw(seq, _("it is not the entry the checkpoint names: the audit was rewritten"), kind)


def _cut_off(kept: dict[int, str], entries: int) -> Flaw | None:
    last = max(kept, default=0)
    if last <= entries:
        return None
    return Flaw(last, _("the entry the checkpoint names is missing: the end was cut off"))


def _marks() -> Callable[[str, str], bool]:
    """Whether an entry carries the mark that the portal gives; as a rule there is one key."""
    marks = [marker(key) for row in AuditKey.objects.all() if (key := row.open())]

    def is_marked(digest: str, mark: str) -> bool:
        for made in marks:  # noqa: SIM110 (an expression takes twice as long, for each entry)
            if made(digest) == mark:
                return True
        return False

    return is_marked


def _foreign() -> str:
    """Why an entry carries no mark of the portal: without its key, nobody can tell who wrote it."""
    if all(row.open() for row in AuditKey.objects.all()):
        return _("the portal did not write it; somebody wrote to the database")
    return _(
        "the portal did not write it, or wrote it with a SECRET_KEY that it no longer knows; if you have that key, add "
        "it to SECRET_KEY_FALLBACKS, restart, and verify again"
    )


def _beside() -> Callable[..., bool]:
    """Whether what entries refer to still stands beside them as it was written, or was erased."""
    kept = PersonalData.objects.filter(erased_at=None).annotate(content=Cast("details", TextField()))
    rows = streamed(kept.values_list("digest", "salt", "name", "content"))
    altered: set[str | None] = {
        digest for digest, salt, name, content in rows if not is_digest(digest, (salt, name), content)
    }
    for reference in ("actor_ref_id", "subject_ref_id", "personal_id"):
        told = AuditEntry._base_manager.exclude(**{reference: None})
        lost = told.exclude(Exists(PersonalData.objects.filter(digest=OuterRef(reference))))
        altered.update(lost.values_list(reference, flat=True))
    return (lambda *references: not altered.intersection(references)) if altered else (lambda *references: True)
