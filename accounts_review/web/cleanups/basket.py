"""The basket: a draft as it would be launched, or a launch that waits for a second person, with its days."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.contrib.auth.models import User

from accounts_review.audit.events import Event
from accounts_review.models import Case, Cleanup, PolicyVersion, Workspace
from accounts_review.rules.calendar import first_open, is_weekend
from accounts_review.web.cleanups.calendar import Week, weeks
from accounts_review.web.cleanups.waves import Wave, waves
from accounts_review.workflow.launch import launch, limits
from accounts_review.workflow.launch.limits import Room
from accounts_review.workflow.notify import due
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.notify.waiting import sent_within_the_hour


@dataclass(slots=True, kw_only=True)
class Basket:
    """A draft as it would be launched by a person at an instant; mails would leave at a pace."""

    cleanup: Cleanup
    actor: User
    now: datetime
    pace: Pace
    version: PolicyVersion = field(init=False)
    room: Room = field(init=False)
    launching: list[Case] = field(init=False)
    held_back: list[Case] = field(init=False)
    waves: list[Wave] = field(init=False)
    """The days on which they would be warned; none where nobody is."""

    def __post_init__(self) -> None:
        self.version = self.cleanup.policy or self.workspace.current_policy
        self.pace = replace(self.pace, avoid=self.version.rules.notice.avoided)
        self.room = limits.room(self.workspace, now=self.now)
        limit = self.room.allows if self.cleanup.is_draft else None
        self.launching, self.held_back = launch.split(self.cleanup, limit=limit)
        self.waves = self._waves() if self.warns and self.is_live else []

    @property
    def workspace(self) -> Workspace:
        return self.cleanup.workspace

    @property
    def is_live(self) -> bool:
        """Whether people would be written to and removed: fixed at the launch."""
        return self.workspace.is_live if self.cleanup.dry_run is None else not self.cleanup.dry_run

    @property
    def warns(self) -> bool:
        """Whether people would be written to, now or once the workspace is live."""
        return self.version.rules.notice.days > 0

    def _waves(self) -> list[Wave]:
        ahead, days = due.notices(self.workspace).count(), self.version.rules.notice.days
        sent = sent_within_the_hour(self.workspace, kinds=(Event.CASE_NOTICED,), now=self.now)
        return waves(len(self.launching), ahead=ahead, days=days, now=self.now, pace=self.pace, sent=sent)

    @property
    def calendar(self) -> list[Week]:
        """The days on which they would be warned and removed; none where nobody is."""
        removals: Counter[date] = Counter()
        for wave in self.waves:
            removals[wave.earliest] += wave.count
        if self.is_live and not self.warns:
            removals[self.first_removal] = len(self.launching)
        emails = {wave.day: wave.count for wave in self.waves}
        today = self.now.astimezone(self.pace.zone).date()
        return weeks(emails=emails, removals=removals, avoided=[self.pace.avoid], today=today)

    @property
    def first_removal(self) -> date:
        """The first day on which one of them can be removed."""
        if self.waves:
            return min(wave.earliest for wave in self.waves)
        ready = self.now + timedelta(hours=self.version.rules.launch.wait_hours)
        return first_open(ready.astimezone(self.pace.zone).date(), [self.pace.avoid])

    @property
    def weekend_removal(self) -> date | None:
        """The first removals that fall on a weekend, where some do."""
        days = {wave.earliest for wave in self.waves} or ({self.first_removal} if self.is_live else set())
        return min(filter(is_weekend, days), default=None)

    @property
    def last_date(self) -> datetime:
        """When the last of them can be revoked at the earliest."""
        last = self.waves[-1:]
        today = self.now.astimezone(self.pace.zone).date()
        return self.now + timedelta(days=(last[0].earliest - today).days if last else 0)
