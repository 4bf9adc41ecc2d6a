"""The basket: a draft as it would be launched, or a launch that waits for a second person, with its days."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property

from django.contrib.auth.models import User
from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from accounts_review.audit.events import Event
from accounts_review.models import Case, Cleanup, PolicyVersion, Workspace
from accounts_review.models.account import is_dormant
from accounts_review.models.keys import Among
from accounts_review.rules.addresses import LONGEST_ADDRESS, PLAIN_EMAIL
from accounts_review.rules.calendar import first_open, is_weekend
from accounts_review.web.cleanups.calendar import Week, weeks
from accounts_review.web.cleanups.waves import Wave, reminders, waves
from accounts_review.workflow.launch import launch, limits
from accounts_review.workflow.launch.limits import Room
from accounts_review.workflow.notify import due
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.notify.waiting import sent_within_the_hour

HAS_PLAIN_ADDRESS = Q(LessThanOrEqual(Length("account__email"), LONGEST_ADDRESS), account__email__regex=PLAIN_EMAIL)
NOT_ASCII = r"[^ -~]"
NEXT = 500
"""Of those beyond the limit, so many are known by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of those who would go belong to a segment and were approved by somebody, and what is true of them."""

    segment: str
    approved_by: int | None
    approved_by_login: str
    count: int
    first_approved_at: datetime
    late: int
    """Their approval expires before they can be removed."""
    dormant: int
    plain: int
    """Their address can be written to, as far as one sees without a closer look."""
    perhaps_own: int
    """The account may be the reader's; so is every one whose address takes a closer look."""


@dataclass(kw_only=True)
class Basket:
    """A draft as it would be launched by a person at an instant; mails would leave at a pace.

    However many there are, nobody is looked at one by one: the database counts, and names those whom a check is about.
    """

    cleanup: Cleanup
    actor: User
    now: datetime
    pace: Pace
    version: PolicyVersion = field(init=False)
    room: Room = field(init=False)
    launching: QuerySet[Case] = field(init=False)
    """Those who would go, the longest idle first."""
    held_back: QuerySet[Case] = field(init=False)
    """Those beyond the limit, as many as are named."""
    count: int = field(init=False)
    count_held_back: int = field(init=False)
    waves: list[Wave] = field(init=False)
    """The days on which they would be warned; none where nobody is."""

    def __post_init__(self) -> None:
        self.version = self.cleanup.policy or self.workspace.current_policy
        self.pace = replace(self.pace, avoid=self.version.rules.notice.avoided)
        self.room = limits.room(self.workspace, now=self.now)
        ranked = launch.ranked_cases(self.cleanup)
        total = ranked.count()
        self.count = min(total, self.room.allows) if self.cleanup.is_draft else total
        self.count_held_back = total - self.count
        self.launching, self.held_back = _split(ranked, self.count) if self.count_held_back else (ranked, ranked.none())
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

    @cached_property
    def accounts(self) -> list[int]:
        """The keys of the accounts of those who would go."""
        return list(self.launching.order_by().values_list("account", flat=True))

    @property
    def is_late(self) -> Q:
        """Whether an approval expires before the last of them can be removed."""
        return Q(approved_at__lte=self.last_date - timedelta(days=self.version.rules.approval.expires_after_days))

    @property
    def is_dormant(self) -> Q:
        """Whether the account of a case is listed and dormant, as the last look will want it."""
        is_listed = Q(account__absent_since=None, account__gone_at=None)
        return is_listed & is_dormant(self.now, of="account__")

    @property
    def is_perhaps_own(self) -> Q:
        """Whether the account of a case may be the reader's, who looks closer at those of which it is true."""
        login, email = self.actor.get_username(), self.actor.email
        same_address = Q(account__email__iexact=email.casefold()) if email else Q()
        return Q(account__username=login) | Q(account__email__regex=NOT_ASCII) | same_address

    @cached_property
    def shares(self) -> list[Share]:
        """Those who would go by approver and segment: all that is asked of each is counted in one look at them."""
        cases = self.launching.order_by().values("approved_by", "approved_by_login", segment=F("evidence__segment"))
        counted = cases.annotate(
            count=Count("pk"),
            first_approved_at=Min("approved_at"),
            late=Count("pk", filter=self.is_late),
            dormant=Count("pk", filter=self.is_dormant),
            plain=Count("pk", filter=HAS_PLAIN_ADDRESS),
            perhaps_own=Count("pk", filter=self.is_perhaps_own),
        )
        return [Share(**row) for row in counted]

    @property
    def segments(self) -> list[tuple[str, int]]:
        """How many of those who would go belong to each segment, most first."""
        found = Counter[str]()
        for share in self.shares:
            found[share.segment] += share.count
        return found.most_common()

    def _waves(self) -> list[Wave]:
        ahead, days = due.notices(self.workspace).count(), self.version.rules.notice.days
        sent = sent_within_the_hour(self.workspace, kinds=(Event.CASE_NOTICED,), now=self.now)
        return waves(self.count, ahead=ahead, days=days, now=self.now, pace=self.pace, sent=sent)

    @property
    def calendar(self) -> list[Week]:
        """The days on which they would be warned, reminded and removed; none where nobody is."""
        removals: Counter[date] = Counter()
        for wave in self.waves:
            removals[wave.earliest] += wave.count
        if self.is_live and not self.warns:
            removals[self.first_removal] = self.count
        days_before = self.version.rules.notice.reminders_days_before
        emails = Counter({wave.day: wave.count for wave in self.waves})
        emails += reminders(self.waves, days_before=days_before, pace=self.pace)
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


def _split(ranked: QuerySet[Case], count: int) -> tuple[QuerySet[Case], QuerySet[Case]]:
    """The first so many, of more, and those who come next.

    By their keys, so that all are put in order only once: for a draft of 10,000 that takes 20 ms.
    """
    keys = list(ranked.values_list("pk", flat=True)[: count + NEXT])
    return ranked.filter(pk__in=Among(keys[:count])), ranked.filter(pk__in=Among(keys[count:]))
