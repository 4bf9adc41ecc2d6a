"""The wait: what a running clean-up will do, and when: e-mails and removals by day, the next and the last of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils.timezone import get_current_timezone, localtime, make_aware

from accounts_review.models import Cleanup
from accounts_review.rules.calendar import Avoided, first_open
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.web.cleanups.calendar import Week, weeks
from accounts_review.web.cleanups.waves import Wave, waves
from accounts_review.workflow.notify import due
from accounts_review.workflow.notify.pace import Pace

REMOVABLE = (CaseState.DUE, CaseState.CLAIMED, CaseState.INTENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is ahead of a running clean-up, if nobody comes back and nothing is paused."""

    next_warnings_at: datetime | None
    """When the next warnings leave, where some are owed."""
    last_warnings: date | None
    next_email: date | None
    last_removal: date | None
    calendar: list[Week]


def outlook_of(cleanup: Cleanup, *, now: datetime, pace: Pace, next_turn: datetime | None) -> Outlook | None:
    """The days ahead of a live clean-up that runs; ``None`` for any other, or where nothing is left to come.

    ``next_turn`` is when the worker sends e-mails next.
    """
    if cleanup.state != CleanupState.RUNNING or cleanup.dry_run or cleanup.policy is None:
        return None
    avoided = [cleanup.policy.rules.notice.avoided, cleanup.workspace.current_policy.rules.notice.avoided]
    own = _warnings(cleanup, now=now, pace=pace)
    removals = _removals(cleanup, own, avoided, now=now)
    emails = Counter({wave.day: wave.count for wave in own}) + _reminders(cleanup, own, now=now)
    if not emails and not removals:
        return None
    return Outlook(
        next_warnings_at=_next(own[0].day, next_turn, pace, now=now) if own else None,
        last_warnings=own[-1].day if own else None,
        next_email=min(emails, default=None),
        last_removal=max(removals, default=None),
        calendar=weeks(emails=emails, removals=removals, avoided=avoided, today=localtime(now).date()),
    )


def _warnings(cleanup: Cleanup, *, now: datetime, pace: Pace) -> list[Wave]:
    """The days on which those who are still to be warned are, behind those of earlier clean-ups."""
    assert cleanup.policy is not None
    notice = cleanup.policy.rules.notice
    owed = cleanup.cases.filter(state=CaseState.AWAITING_NOTICE).count()
    ahead = due.notices(cleanup.workspace).filter(cleanup__lt=cleanup.pk).count()
    own_pace = replace(pace, avoid=notice.avoided)
    return waves(owed, ahead=ahead, days=notice.days, now=now, pace=own_pace)


def _removals(cleanup: Cleanup, own: list[Wave], avoided: list[Avoided], *, now: datetime) -> Counter[date]:
    """On which day how many can be removed at the earliest."""
    found: Counter[date] = Counter()
    for day, count in _promised(cleanup):
        found[first_open(max(day, localtime(now).date()), avoided)] += count
    for wave in own:
        found[wave.earliest] += wave.count
    if ready := cleanup.cases.filter(state__in=REMOVABLE).count():
        found[first_open(localtime(now).date(), avoided)] += ready
    return found


def _reminders(cleanup: Cleanup, own: list[Wave], *, now: datetime) -> Counter[date]:
    """The reminders that are planned from tomorrow on."""
    assert cleanup.policy is not None
    today, found = localtime(now).date(), Counter[date]()
    ends = [*_promised(cleanup), *((wave.earliest, wave.count) for wave in own)]
    for days in cleanup.policy.rules.notice.reminders_days_before:
        for end, count in ends:
            if (day := end - timedelta(days=days)) > today:
                found[day] += count
    return found


def _promised(cleanup: Cleanup) -> Iterator[tuple[date, int]]:
    """The days that the warned were promised, with how many on each."""
    warned = cleanup.cases.filter(state=CaseState.NOTICED, promised_at__isnull=False).order_by()
    days = warned.annotate(day=TruncDate("promised_at", tzinfo=get_current_timezone()))
    yield from days.values_list("day").annotate(Count("pk"))


def _next(first: date, next_turn: datetime | None, pace: Pace, *, now: datetime) -> datetime:
    """When the first warnings leave: at the worker's next turn, or when the hours of e-mails begin."""
    if first == localtime(now).date() and pace.is_open(now):
        return max(now, next_turn or now)
    begins = make_aware(datetime.combine(first, time(pace.hours[0])), pace.zone)
    return max(begins, now)
