"""The wait: what a running clean-up will do, and when: e-mails and removals by day, the next and the last of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce
from operator import or_

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils.timezone import get_default_timezone

from accounts_review.audit.events import Event
from accounts_review.models import Cleanup
from accounts_review.rules.calendar import Avoided, first_open
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.web.cleanups.calendar import Week, weeks
from accounts_review.web.cleanups.waves import Wave, reminders, waves
from accounts_review.wording.instants import portal_day
from accounts_review.workflow import holds, open_days
from accounts_review.workflow.notify import due
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.notify.waiting import sent_within_the_hour

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


def outlook_of(
    cleanup: Cleanup, *, now: datetime, pace: Pace, turn: Callable[[datetime], datetime | None]
) -> Outlook | None:
    """The days ahead of a live clean-up that runs; ``None`` for any other, or where nothing is left to come.

    ``turn`` says when the worker sends e-mails next, at an instant or after it. Where nothing may leave, nothing is
    foretold.
    """
    if cleanup.state != CleanupState.RUNNING or cleanup.dry_run or cleanup.policy is None:
        return None
    if not cleanup.workspace.is_live or holds.over(cleanup.workspace):
        return None
    avoided = open_days.avoided(cleanup)
    pace = replace(pace, avoid=reduce(or_, avoided, Avoided()))
    owed = cleanup.cases.filter(state=CaseState.AWAITING_NOTICE).count()
    ahead = due.notices(cleanup.workspace).filter(cleanup__lt=cleanup.pk).count()
    sent = sent_within_the_hour(cleanup.workspace, kinds=(Event.CASE_NOTICED,), now=now)
    own = waves(owed, ahead=ahead, days=cleanup.policy.rules.notice.days, now=now, pace=pace, sent=sent)
    removals = _removals(cleanup, own, avoided, now=now)
    emails = Counter({wave.day: wave.count for wave in own}) + _reminders(cleanup, own, pace, now=now)
    if not emails and not removals:
        return None
    ready = pace.when(ahead, now, sent) if own else None
    return Outlook(
        next_warnings_at=ready and max(ready, turn(ready) or ready),
        last_warnings=own[-1].day if own else None,
        next_email=min(emails, default=None),
        last_removal=max(removals, default=None),
        calendar=weeks(emails=emails, removals=removals, avoided=avoided, today=portal_day(now)),
    )


def _removals(cleanup: Cleanup, own: list[Wave], avoided: list[Avoided], *, now: datetime) -> Counter[date]:
    """On which day how many can be removed at the earliest."""
    found: Counter[date] = Counter()
    for day, count in _promised(cleanup):
        found[first_open(max(day, portal_day(now)), avoided)] += count
    for wave in own:
        found[wave.earliest] += wave.count
    if ready := cleanup.cases.filter(state__in=REMOVABLE).count():
        found[first_open(portal_day(now), avoided)] += ready
    return found


def _reminders(cleanup: Cleanup, own: list[Wave], pace: Pace, *, now: datetime) -> Counter[date]:
    """The reminders that are planned from tomorrow on, for those who are warned and those who will be."""
    assert cleanup.policy is not None
    today = portal_day(now)
    warned = [Wave(today, count, end) for end, count in _promised(cleanup)]
    return reminders([*warned, *own], days_before=cleanup.policy.rules.notice.reminders_days_before, pace=pace)


def _promised(cleanup: Cleanup) -> Iterator[tuple[date, int]]:
    """The days that the warned were promised, with how many on each."""
    warned = cleanup.cases.filter(state=CaseState.NOTICED, promised_at__isnull=False).order_by()
    days = warned.annotate(day=TruncDate("promised_at", tzinfo=get_default_timezone()))
    yield from days.values_list("day").annotate(Count("pk"))
