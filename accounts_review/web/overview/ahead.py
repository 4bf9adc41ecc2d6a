"""What leads the overview: what can be done now, how far the work has come, and what the next 30 days bring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, QuerySet, Window
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils.timezone import get_default_timezone, localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.models import Assessment, Case, Cleanup, Exemption, Sync, Workspace
from accounts_review.models.prepared import Prepared
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.web.review.counts import crossed
from accounts_review.web.review.decided import judged_in
from accounts_review.web.review.filters import LAPSING
from accounts_review.wording import findings, instants
from accounts_review.wording.instants import portal_day
from accounts_review.wording.numbers import GroupedNumber, counted
from accounts_review.workflow.revoke.standstill import due, standstill

SPAN = timedelta(days=30)
SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The one line and the one button."""

    text: str
    link: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AheadStep:
    """A stage of the work: what stands there, and whether it is done, the one to do now, or still to come."""

    title: str
    said: str
    url: str
    state: str
    """``done``, ``now`` or ``next``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """Something that happens at an instant, or on a day where it has no time of its own."""

    at: datetime
    said: str
    url: str
    is_day: bool = True
    of_cleanup: bool = False
    """Whether it is a clean-up that goes on."""

    @property
    def when(self) -> str:
        local = localtime(self.at)
        return instants.dated(local, "j M" if self.is_day else "j M, H:i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a workspace's work stands at."""

    workspace: Workspace
    synced: Sync | None
    undecided: int
    draft: Cleanup | None
    drafted: GroupedNumber
    started: list[Cleanup]
    waits: dict[int, list[findings.Found]]
    """Why the running clean-ups do not go on, by their keys."""
    coming: list[Coming]
    lapsing: int
    """How many exemptions end soon."""
    lapsing_first: list[int]
    """The keys of those that are shown."""
    standing: list[Cleanup]
    """The draft, and what was started."""

    @property
    def running(self) -> list[Cleanup]:
        return [each for each in self.started if each.state == CleanupState.RUNNING]


def standing(workspace: Workspace) -> list[Cleanup]:
    """The clean-ups that have not ended, the newest first."""
    states = (CleanupState.DRAFT, CleanupState.AWAITING_CONFIRMATION, CleanupState.RUNNING, CleanupState.PAUSED)
    return list(workspace.cleanups.filter(state__in=states))


def situation(
    *, workspace: Workspace, synced: Sync | None, undecided: int, drafted: GroupedNumber, now: datetime
) -> Situation:
    """How things stand, told the last good sync, how many await a decision and how many are in the draft."""
    cleanups = standing(workspace)
    draft = next((each for each in cleanups if each.is_draft), None)
    running = [each for each in cleanups if each.state == CleanupState.RUNNING]
    current = workspace.current_policy if running else None
    waits = {each.pk: standstill(each, now=now, current=current) for each in running}
    lapsing = _LAPSING.rows(workspace=workspace.pk, now=now, end=now + LAPSING)
    of_exemptions = [_ending(workspace, count, first, now) for _key, first, count in lapsing[:1]]
    return Situation(
        workspace=workspace,
        synced=synced,
        undecided=undecided,
        draft=draft,
        drafted=drafted,
        started=[each for each in cleanups if not each.is_draft],
        waits=waits,
        coming=sorted([*of_exemptions, *coming(workspace, running=running, waits=waits, now=now)], key=lambda e: e.at),
        lapsing=lapsing[0][-1] if lapsing else 0,
        lapsing_first=[key for key, _until, _count in lapsing],
        standing=cleanups,
    )


def lead(found: Situation, *, may_decide: bool) -> Lead | None:
    """What can be done first; nothing before the first sync, and where nobody waits for anything."""
    if found.undecided:
        text = ngettext(
            "%(count)s account can be cleaned up", "%(count)s accounts can be cleaned up", found.undecided
        ) % counted({"count": found.undecided})
        link = _("Review and approve") if may_decide else _("See who")
        return Lead(text=text, link=link, url=_url(found.workspace, "review"))
    if found.draft and found.drafted:
        text = ngettext(
            "%(count)s account is approved and not launched",
            "%(count)s accounts are approved and not launched",
            found.drafted,
        ) % counted({"count": found.drafted})
        return Lead(text=text, link=_("Open the draft"), url=_cleanup(found.draft))
    if found.started:
        number = found.started[0].number
        text = _("Clean-up %(number)d is under way") % {"number": number}
        return Lead(text=text, link=_("See the progress"), url=_cleanup(found.started[0]))
    return None


def steps(found: Situation) -> list[AheadStep]:
    """Sync, review, draft and launch, each with what stands there now."""
    workspace, sentence = found.workspace, _launched(found)
    is_synced, is_reviewed = found.synced is not None, not found.undecided
    reviewed = _("every account has a decision") if is_reviewed else _open(found.undecided)
    drafted = ngettext("%(count)s account", "%(count)s accounts", found.drafted) % counted({"count": found.drafted})
    ended = found.synced.finished_at if found.synced else None
    synced = instants.dated(localtime(ended), "j M, H:i") if ended else _("not yet")
    return [
        AheadStep(title=_("Sync"), said=synced, url=_url(workspace, "syncs"), state="done" if is_synced else "now"),
        AheadStep(
            title=_("Review"),
            said=reviewed if is_synced else "–",
            url=_url(workspace, "review"),
            state="done" if is_synced and is_reviewed else "now" if is_synced else "next",
        ),
        AheadStep(
            title=_("Draft"),
            said=drafted if found.drafted else _("empty"),
            url=_cleanup(found.draft) if found.draft else _url(workspace, "cleanups"),
            state="now" if found.drafted else "next",
        ),
        AheadStep(
            title=_("Launch"), said=sentence, url=_url(workspace, "cleanups"), state="now" if found.started else "next"
        ),
    ]


def coming(
    workspace: Workspace, *, running: Iterable[Cleanup], waits: Mapping[int, list[findings.Found]], now: datetime
) -> list[Coming]:
    """What the next 30 days bring beside exemptions: pauses and notices that end, and new dormant ones."""
    return [*_continuing(running, waits, now), *_promised(workspace, now), *_crossing(workspace, now)]


def _continuing(
    running: Iterable[Cleanup], waits: Mapping[int, list[findings.Found]], now: datetime
) -> Iterator[Coming]:
    """Clean-ups that wait for nothing but the time, such as the end of an hour's limit."""
    for cleanup in running:
        for finding in waits[cleanup.pk]:
            if "until" not in finding:
                continue
            count = due(cleanup.workspace, now=now).filter(cleanup=cleanup).count()
            sentence = ngettext(
                "Clean-up %(number)d continues with %(count)s removal. %(why)s",
                "Clean-up %(number)d continues with %(count)s removals. %(why)s",
                count,
            ) % counted({"count": count, "number": cleanup.number, "why": findings.in_words(finding).said})
            at = datetime.fromisoformat(finding["until"])
            yield Coming(at=at, said=sentence, url=f"{_cleanup(cleanup)}?state=due", is_day=False, of_cleanup=True)


@cache
def _by_day(zone: tzinfo) -> Prepared:
    def build(workspace: int, now: datetime, end: datetime) -> QuerySet[Case, Any]:
        cases = Case.objects.filter(cleanup__workspace=workspace, state=CaseState.NOTICED)
        ahead = cases.filter(promised_at__gt=now, promised_at__lte=end)
        by_day = ahead.annotate(day=TruncDate("promised_at", tzinfo=zone)).order_by("day")
        return by_day.values_list("day", "cleanup__number").annotate(Count("pk"))

    return Prepared(build, workspace=int, now=datetime, end=datetime)


def _promised(workspace: Workspace, now: datetime) -> Iterator[Coming]:
    """Days on which the notice of people ends."""
    for day, number, count in _by_day(get_default_timezone()).rows(workspace=workspace.pk, now=now, end=now + SPAN):
        sentence = ngettext(
            "The notice period of %(count)s person in clean-up %(number)d ends",
            "The notice period of %(count)s people in clean-up %(number)d ends",
            count,
        ) % counted({"count": count, "number": number})
        url = reverse("cleanup", kwargs={"workspace": workspace.name, "number": number}) + "?state=noticed"
        yield Coming(at=_noon(day, now), said=sentence, url=url, of_cleanup=True)


def _lapsing(workspace: int, now: datetime, end: datetime) -> QuerySet[Any, Any]:
    """The first exemptions that end soon, each with when it does and how many there are: they are looked at once."""
    # Keys alone: of 19,000, the accounts beside them took three times as long to be put in order.
    listed = judged_in(Assessment.objects.all(), workspace).values("account")
    standing = Exemption.objects.in_force(now).filter(account__in=listed, until__lte=end).order_by("until", "pk")
    return standing.annotate(count=Window(Count("pk"))).values_list("pk", "until", "count")[:SHOWN]


_LAPSING = Prepared(_lapsing, workspace=int, now=datetime, end=datetime)


def _ending(workspace: Workspace, count: int, first: datetime, now: datetime) -> Coming:
    sentence = ngettext(
        "%(count)s exemption ends within 30 days",
        "%(count)s exemptions end within 30 days, the first on this day",
        count,
    ) % counted({"count": count})
    url = f"{_url(workspace, 'review')}?verdict=all&state=lapsing"
    return Coming(at=_noon(portal_day(first), now), said=sentence, url=url)


def _crossing(workspace: Workspace, now: datetime) -> Iterator[Coming]:
    """How many more pass their limit until the end of the 30 days."""
    end = localtime(now + SPAN).replace(hour=23, minute=59, second=59, microsecond=999_999)
    instant = timedelta(microseconds=1)
    before, after = crossed(workspace, [now + instant, end + instant])
    if count := after - before:
        sentence = ngettext(
            "%(count)s more account will have passed its limit if it stays idle",
            "%(count)s more accounts will have passed their limit if they stay idle",
            count,
        ) % counted({"count": count})
        query = urlencode({"verdict": Verdict.ACTIVE, "dormant_until": end.date()})
        yield Coming(at=end, said=sentence, url=f"{_url(workspace, 'review')}?{query}")


def _noon(day: date, now: datetime) -> datetime:
    """The middle of a day, so that it is that day in whatever zone it is shown."""
    return localtime(now).replace(year=day.year, month=day.month, day=day.day, hour=12, minute=0, second=0)


def _launched(found: Situation) -> str:
    """The next date of what was launched, or how many are under way."""
    mine = [each for each in found.coming if each.of_cleanup]
    if mine:
        return _("next on %(date)s") % {"date": mine[0].when}
    count = len(found.started)
    under_way = ngettext("%(count)s under way", "%(count)s under way", count)
    return under_way % counted({"count": count}) if count else _("none")


def _open(count: int) -> str:
    return ngettext("%(count)s to decide", "%(count)s to decide", count) % counted({"count": count})


def _url(workspace: Workspace, page: str) -> str:
    return reverse(page, kwargs={"workspace": workspace.name})


def _cleanup(cleanup: Cleanup) -> str:
    return reverse("cleanup", kwargs={"workspace": cleanup.workspace.name, "number": cleanup.number})
