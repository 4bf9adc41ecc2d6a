"""How many of those on whom somebody decided are in which group, without looking at each of them for each page."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import BooleanField, Case, Exists, Min, OuterRef, Q, QuerySet, When

from accounts_review.audit.events import Event
from accounts_review.models import Assessment, AuditEntry, DormancyCount, Exemption, PolicyVersion, Snooze, Workspace
from accounts_review.models import Case as CleanupCase
from accounts_review.models.keys import Among, one_of
from accounts_review.models.prepared import Prepared
from accounts_review.workflow.review.conflicts import newest

FEW, FRESH = 100, timedelta(seconds=30)
MOST_ENTRIES = 5_000
"""Where the audit has more than so many since the last look, everybody is looked at."""
TOLD_APART = (Event.DECISIONS_CONFIRMED, Event.DECISIONS_ENDED)
"""Each account that these are about has an entry of its own."""


class DecidedGroup(NamedTuple):
    """What those who are counted together have in common."""

    segment: str
    standing: str
    never_used: bool
    is_past: bool
    is_exempt: bool


@dataclass(slots=True)
class Decided:
    """On whom somebody had decided, up to an audit entry.

    Each is looked up at 3 us, so of very many it is remembered who they are: whoever the audit tells of since is looked
    up again, and nobody else. What it does not tell, because accounts are judged, is seen when they all have been, or
    after :data:`FRESH` at the latest.
    """

    at: datetime
    last: int
    """The number of that entry."""
    until: datetime | None
    """When the first of them passes a limit, or the first exemption ends."""
    judged: int
    """A row of the counts by day: gathering them, as whoever has judged does, makes new ones."""
    groups: list[tuple[DecidedGroup, array[int]]]
    """The keys of the accounts of each group, in their order."""
    moved: dict[int, DecidedGroup | None] = field(default_factory=dict)
    """In which group those are now of whom the audit has told since."""
    counts: Counter[DecidedGroup] = field(init=False)
    first_open: Place | None = None
    """Before it, by the day on which the limit passes, everybody past the limit is decided on; ``None``: unknown."""
    open_lists: tuple[int, Any] | None = None
    """What was worked out of those who are open, and up to which entry that was."""

    def __post_init__(self) -> None:
        self.counts = Counter({group: len(keys) for group, keys in self.groups})

    def holds(self, now: datetime) -> bool:
        """Whether what was counted is still so, but for what the audit tells since."""
        return self.covers(now) and bool(_IS_THERE.rows(pk=self.judged))

    def covers(self, now: datetime) -> bool:
        """Whether time alone made no difference between the look and an instant."""
        is_passed = self.until is not None and self.until <= now
        return not is_passed and self.at <= now < self.at + FRESH

    def move(self, key: int, group: DecidedGroup | None) -> None:
        """Count an account, which may have been counted, in a group or nowhere."""
        if group is None:
            self.first_open = None
        if before := self.moved[key] if key in self.moved else self._group_before(key):
            self.counts[before] -= 1
        if group:
            self.counts[group] += 1
        self.moved[key] = group

    def _group_before(self, key: int) -> DecidedGroup | None:
        for group, keys in self.groups:
            place = bisect_left(keys, key)
            if place < len(keys) and keys[place] == key:
                return group
        return None


Place = tuple[datetime, int]
"""The day on which an account passes its limit, and its key."""


class Memory(NamedTuple):
    """What is remembered of a workspace's lists: by what, and up to which audit entry."""

    kept: Decided
    last: int
    first_open: Place | None
    """:attr:`Decided.first_open`"""

    def open_lists(self, *, or_older: bool) -> Any:
        """What :func:`keep_open_lists` kept, if nothing was heard since; ``None`` where nothing is known.

        Also what was kept a little before (:data:`FRESH`), if ``or_older``.
        """
        last, lists = self.kept.open_lists or (self.last, None)
        return lists if or_older or last == self.last else None


_KEPT: dict[int, Decided] = {}
"""By workspace: of this process, and only where very many are decided on."""
_TURN = Lock()


def decided(workspace: Workspace, *, now: datetime) -> Counter[DecidedGroup]:
    """How many of those on whom somebody decided, and whom the workspace lists, are in each group."""
    if workspace.pk not in _KEPT:
        rows = _ALL.rows(workspace=workspace.pk, now=now)
        counts = Counter({DecidedGroup(*group): len(keys) for *group, _first, keys in rows})
        if counts.total() <= FEW:
            return counts
    # Where one thread looks at very many, the others wait for what it sees.
    with _TURN:
        kept = _KEPT.get(workspace.pk)
        if kept is None or not kept.holds(now) or not _follow(kept, workspace, now):
            kept = _look(workspace, now)
        return kept.counts.copy()


def remembered(workspace: Workspace, *, now: datetime) -> Memory | None:
    """What is remembered of a workspace where very many are decided on, if that is so at an instant.

    As of the last call of :func:`decided`.
    """
    kept = _KEPT.get(workspace.pk)
    # The entry before the place: whatever another thread hears of in between, the place is too old to be kept.
    return Memory(kept, kept.last, kept.first_open) if kept and kept.covers(now) else None


def keep_first_open(known: Memory, place: Place) -> None:
    """Remember it for later calls, if nothing was heard of since, and nobody was judged."""
    with _TURN:
        if known.kept.last == known.last:
            known.kept.first_open = place


def keep_open_lists(known: Memory, lists: Any) -> None:
    """Remember what was worked out of those who are open."""
    known.kept.open_lists = (known.last, lists)


def _look(workspace: Workspace, now: datetime) -> Decided:
    """Look at everybody; of very many, what was seen is kept."""
    # Asked before the rows, so that a decision of this moment is looked for again.
    last, judged = newest(workspace), _ANY_COUNT.rows(workspace=workspace.pk)
    rows = _ALL.rows(workspace=workspace.pk, now=now)
    ahead = [first for *group, first, _keys in rows if not group[3]] + _ends(now)
    groups = [(DecidedGroup(*group), array("q", sorted(keys))) for *group, _first, keys in rows]
    seen = Decided(now, last, min(ahead, default=None), judged[0][0] if judged else 0, groups)
    if seen.counts.total() > FEW:
        _KEPT[workspace.pk] = seen
    else:
        _KEPT.pop(workspace.pk, None)
    return seen


def _follow(kept: Decided, workspace: Workspace, now: datetime) -> bool:
    """Count anew those of whom the audit tells since; whether that is all there is to do."""
    entries = [row for name in workspace.names for row in _SINCE.rows(workspace=name, last=kept.last)]
    others = (kind for _seq, account, cleanup, kind in entries if account is None and cleanup is None)
    if len(entries) > MOST_ENTRIES or any(kind not in TOLD_APART for kind in others):
        return False
    if entries:
        changed = {account for _seq, account, _cleanup, _kind in entries if account is not None}
        found = {
            key: (first, DecidedGroup(*group))
            for key, first, *group in _SOME.rows(workspace=workspace.pk, now=now, keys=[*changed])
        }
        for key in changed:
            kept.move(key, found[key][1] if key in found else None)
        ahead = [first for first, group in found.values() if not group.is_past]
        ahead += _ends(now) if any(group.is_exempt for _first, group in found.values()) else []
        kept.until = min([*ahead, *([kept.until] if kept.until else [])], default=None)
        kept.last = max(seq for seq, *_rest in entries)
    return True


def _ends(now: datetime) -> list[datetime]:
    return [until for (until,) in _FIRST_END.rows(now=now)]


def undecided(workspace: int, now: datetime) -> QuerySet[Assessment]:
    """The judgements of those whom a workspace lists and on whom nobody decided."""
    of_it = {"account": OuterRef("account")}
    exempt = Exemption.objects.in_force(now).filter(**of_it)
    is_decided = (Exists(CleanupCase.objects.open().filter(**of_it)), Exists(exempt), Exists(_snoozed()))
    return judged_in(Assessment.objects.all(), workspace).filter(*(~Q(each) for each in is_decided))


def judged_in(assessments: QuerySet[Assessment], workspace: int) -> QuerySet[Assessment]:
    """Those of accounts that a workspace lists."""
    # The version that judged an account tells its workspace, without looking the account up.
    here = PolicyVersion.objects.filter(workspace=workspace).order_by().values("pk")
    return assessments.filter(one_of(here, of="policy"), is_listed=True)


def _snoozed() -> QuerySet[Snooze]:
    of_it = {name: OuterRef(name) for name in ("account", "standing", "dormant_from")}
    return Snooze.objects.filter(**of_it)


def _grouped(assessments: QuerySet[Assessment], workspace: int, now: datetime) -> QuerySet[Assessment]:
    exempt = Exemption.objects.in_force(now).filter(account=OuterRef("account"))
    is_past = When(dormant_from__lte=now, then=True)
    return judged_in(assessments, workspace).annotate(
        is_past=Case(is_past, default=False, output_field=BooleanField()), is_exempt=Exists(exempt)
    )


def _all(workspace: int, now: datetime) -> QuerySet[Any, Any]:
    keys = CleanupCase.objects.open().filter(cleanup__workspace=workspace).order_by().values("account")
    for apart in (Exemption.objects.in_force(now), Snooze.objects.in_force()):
        keys = keys.union(apart.order_by().values("account"))
    found = _grouped(Assessment.objects.filter(account__in=keys).order_by(), workspace, now)
    return found.values_list(*DecidedGroup._fields).annotate(first=Min("dormant_from"), keys=ArrayAgg("account"))


def _some(workspace: int, now: datetime, keys: list[int]) -> QuerySet[Any, Any]:
    cases = CleanupCase.objects.open().filter(account=OuterRef("account"))
    is_decided = Exists(cases) | Q(is_exempt=True) | Exists(_snoozed())
    found = _grouped(Assessment.objects.filter(account__in=Among(keys)), workspace, now).filter(is_decided)
    return found.values_list("account", "dormant_from", *DecidedGroup._fields)


def _since(workspace: str, last: int) -> QuerySet[Any, Any]:
    entries = AuditEntry._base_manager.filter(workspace=workspace, seq__gt=last).order_by("seq")
    return entries.values_list("seq", "account_id", "cleanup", "kind")[: MOST_ENTRIES + 1]


_ALL = Prepared(_all, workspace=int, now=datetime)
_SOME = Prepared(_some, workspace=int, now=datetime, keys=list)
_SINCE = Prepared(_since, workspace=str, last=int)
_FIRST_END = Prepared(
    lambda now: Exemption.objects.in_force(now).order_by("until").values_list("until")[:1], now=datetime
)
_ANY_COUNT = Prepared(
    lambda workspace: DormancyCount.objects.filter(workspace=workspace).values_list("pk")[:1], workspace=int
)
_IS_THERE = Prepared(lambda pk: DormancyCount.objects.filter(pk=pk).values_list("pk"), pk=int)
