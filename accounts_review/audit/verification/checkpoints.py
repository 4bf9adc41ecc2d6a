"""Does the audit agree with what this host has recorded of it outside the database?"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from accounts_review.audit import checkpoint
from accounts_review.audit.verification.flaws import Flaw
from accounts_review.models import AuditEntry, Hold

WITHIN = timedelta(minutes=1)
"""So soon after it was written an entry has to be covered by a checkpoint."""


def check_checkpoints(*, now: datetime, is_given: bool) -> list[Flaw]:
    """What speaks against the record: the newest checkpoint, all earlier ones, and entries that none covers.

    ``is_given``: somebody brings a checkpoint from elsewhere, so that this host needs none.
    """
    keeper = checkpoint.keeper
    if keeper is None:
        return [] if is_given else [Flaw(0, _("no checkpoint is kept here; pass one with --checkpoint"))]
    try:
        newest = keeper.read()
    except (ValueError, OSError) as error:
        return [Flaw(0, str(error), row=f"{keeper.file}")]
    if newest is None:
        if is_given or not AuditEntry.objects.exists():
            return []
        problem = _("this host has no checkpoint to compare with; pass one with --checkpoint")
        return [Flaw(0, problem, row=f"{keeper.file}")]
    return [*_disagreeing(keeper, newest), *_uncovered(newest, now=now)]


def _disagreeing(keeper: checkpoint.Keeper, newest: checkpoint.Checkpoint) -> list[Flaw]:
    """The first checkpoint that the record does not agree with, unless an administrator has accepted it since."""
    accepted = Hold.objects.accepted().order_by("-released_at").first()
    since = accepted.released_at if accepted else None
    noted = [kept for kept in keeper.history() if kept.seq <= newest.seq] + [newest]
    standing = sorted({kept.seq: kept for kept in noted if not since or (kept.at and kept.at > since)}.items())
    for first in range(0, len(standing), 1000):
        batch = dict(standing[first : first + 1000])
        stored = dict(AuditEntry._base_manager.filter(seq__in=batch).values_list("seq", "digest"))
        for seq, kept in batch.items():
            if seq and stored.get(seq) != kept.digest:
                first_lost = seq if seq in stored else min(seq, checkpoint.newest().seq + 1)
                return [Flaw(first_lost, _problem(kept, is_there=seq in stored), row=_("checkpoint"))]
    return []


def _problem(kept: checkpoint.Checkpoint, *, is_there: bool) -> str:
    if is_there:
        clause = _(
            "it is not the entry that this host recorded on %(at)s: the audit was rewritten, or an older database was "
            "restored"
        )
    else:
        clause = _(
            "this host recorded more on %(at)s; everything from here on is missing: the end was cut off, or an older "
            "database was restored"
        )
    return clause % {"at": f"{kept.at:%Y-%m-%d %H:%M:%S}" if kept.at else "?"}


def _uncovered(newest: checkpoint.Checkpoint, *, now: datetime) -> list[Flaw]:
    later = AuditEntry._base_manager.filter(seq__gt=newest.seq, at__lt=now - WITHIN).order_by("seq")
    problem = _("no checkpoint covers it, although it is more than a minute old")
    return [Flaw(seq, problem, kind) for seq, kind in later.values_list("seq", "kind")[:20]]
