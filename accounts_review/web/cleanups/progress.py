"""How far a clean-up has come: counts with the failures first, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Case, Cleanup
from accounts_review.models.keys import in_order
from accounts_review.rules.lifecycle import ENDED, CaseState
from accounts_review.wording.cases import of_case
from accounts_review.wording.numbers import GroupedNumber, counted
from accounts_review.wording.tallies import tally
from accounts_review.workflow.restore.returns import BY_THEMSELVES, INVITED

FAILURES = (CaseState.REFUSED, CaseState.UNKNOWN, CaseState.UNDELIVERABLE)
ORDER = (
    *FAILURES,
    CaseState.REVOKED,
    CaseState.WOULD_REVOKE,
    CaseState.SPARED,
    CaseState.ALREADY_GONE,
    CaseState.INTENDED,
    CaseState.CLAIMED,
    CaseState.DUE,
    CaseState.NOTICED,
    CaseState.AWAITING_NOTICE,
    CaseState.IN_DRAFT,
    CaseState.WITHDRAWN,
)
MOVING = {CaseState.DUE, CaseState.CLAIMED, CaseState.INTENDED, CaseState.UNKNOWN}
SHOWN_FAILURES = 10


@dataclass(frozen=True, slots=True)
class Tile:
    """A state and how many cases stand in it."""

    state: CaseState
    count: int

    @property
    def label(self) -> str:
        return tally(self.state, self.count)

    @property
    def is_failure(self) -> bool:
        return self.state in FAILURES


@dataclass(frozen=True, slots=True)
class CaseFailure:
    """A case that went wrong, and how."""

    case: Case
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A clean-up at an instant."""

    total: int
    ended: int
    tiles: list[Tile]
    failures: list[CaseFailure]
    next_date: datetime | None
    """The first promised date that is still to come."""
    warned_from: datetime | None
    warned_until: datetime | None
    last_date: datetime | None
    answered: int
    restored: int
    returned: int
    back: int
    """Who came back, invited or by themselves."""
    awaited: int
    """Who was invited back and has not come yet."""

    @property
    def revoked(self) -> int:
        return sum(tile.count for tile in self.tiles if tile.state == CaseState.REVOKED)

    @property
    def failed(self) -> int:
        return sum(tile.count for tile in self.tiles if tile.is_failure)

    @property
    def mark(self) -> str:
        """Differs as soon as a case has moved."""
        return ".".join(f"{tile.state}-{tile.count}" for tile in self.tiles)

    @property
    def seconds(self) -> int:
        """How long to wait before looking again: cases that can move now move quickly."""
        return 2 if any(tile.state in MOVING for tile in self.tiles) or not self.total else 15


def progress_of(cleanup: Cleanup, *, now: datetime) -> Progress:
    """Count and gather; three queries whatever the size."""
    tally = cleanup.tally()
    failed = cleanup.cases.filter(state__in=FAILURES).order_by("-moved_at", "pk")
    known = cleanup.cases.aggregate(
        next_date=Min("promised_at", filter=Q(state=CaseState.NOTICED)),
        warned_from=Min("noticed_at"),
        warned_until=Max("noticed_at"),
        last_date=Max("promised_at"),
        answered=Count("pk", filter=Q(answer__isnull=False)),
        restored=Count("pk", filter=INVITED),
        returned=Count("pk", filter=BY_THEMSELVES),
        back=Count("pk", filter=Q(returned_at__isnull=False)),
        awaited=Count("pk", filter=INVITED & Q(returned_at=None)),
    )
    return Progress(
        total=sum(tally.values()),
        ended=sum(count for state, count in tally.items() if state in ENDED),
        tiles=[Tile(state, tally[state]) for state in ORDER if tally.get(state)],
        failures=[CaseFailure(case, of_case(case, now=now)) for case in first(failed, SHOWN_FAILURES)],
        **known,
    )


def first(cases: QuerySet[Case], most: int) -> list[Case]:
    """The first so many of some cases: of all others, nothing but what puts them in order is read."""
    keys = list(cases.values_list("pk", flat=True)[:most])
    return in_order(Case.objects.select_related("account", "cleanup__workspace"), keys)


def summary(cleanup: Cleanup, progress: Progress) -> str:
    """The report in a sentence."""
    accounts = ngettext("%(count)s account", "%(count)s accounts", progress.total) % counted({"count": progress.total})
    parts = ", ".join(f"{GroupedNumber(tile.count)} {tile.label}" for tile in progress.tiles)
    said = [_("%(accounts)s: %(parts)s.") % {"accounts": accounts, "parts": parts or _("none")}]
    if cleanup.dry_run:
        said.append(_("It was a dry run: nothing left the portal."))
    elif progress.back:
        share_back = ngettext(
            "%(back)s of those revoked has come back (%(share)s %%).",
            "%(back)s of those revoked have come back (%(share)s %%).",
            progress.back,
        )
        share = round(100 * progress.back / max(1, progress.revoked))
        said.append(share_back % counted({"back": progress.back, "share": share}))
    if progress.awaited:
        awaited = ngettext(
            "%(count)s was invited back and has not come yet.",
            "%(count)s were invited back and have not come yet.",
            progress.awaited,
        )
        said.append(awaited % counted({"count": progress.awaited}))
    return " ".join(said)


def last_stop(cleanup: Cleanup) -> AuditEntry | None:
    """The entry that says who or what made the clean-up pause last."""
    entries = AuditEntry.objects.of(cleanup.workspace).filter(cleanup=cleanup.number)
    return entries.filter(kind__in=(Event.CLEANUP_PAUSED, Event.CLEANUP_STOPPED)).first()


def with_counts(cleanups: QuerySet[Cleanup]) -> QuerySet[Cleanup]:
    """Clean-ups with ``size``, ``revoked``, ``would_revoke``, ``spared`` and ``failed``, of those looked at."""
    took_part = Case.objects.that_took_part()
    of = {name: _count_of(took_part.filter(state=name)) for name in ("revoked", "would_revoke", "spared")}
    return cleanups.annotate(size=_count_of(took_part), failed=_count_of(took_part.filter(state__in=FAILURES)), **of)


def _count_of(cases: QuerySet[Case]) -> Coalesce:
    """How many of these a clean-up has: counted for the ones on the page, and not for all that there ever were."""
    mine = cases.filter(cleanup=OuterRef("pk")).order_by().values("cleanup")
    return Coalesce(Subquery(mine.annotate(count=Count("pk")).values("count")), 0)
