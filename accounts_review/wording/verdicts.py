"""The sentences for verdicts and their reasons, in the reader's language, from one place.

The table, the account's page, exports, notices and audit entries all say it with these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from django.utils.timezone import get_current_timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from accounts_review.rules.dormancy import Reason, Standing, Verdict
from accounts_review.wording import segments
from accounts_review.wording.durations import ago, before, between, span
from accounts_review.wording.instants import day, promised, written

MOST_NAMED = 5
"""So many names of a policy's list are enough in a sentence."""

SENTENCES = {
    "right": gettext_lazy("holds the protected right %(subject)s"),
    "right via": gettext_lazy("holds the protected right %(subject)s through group %(via)s"),
    "protected_group": gettext_lazy("is in the protected group %(subject)s"),
    "protected_name": gettext_lazy("username is protected by the pattern %(subject)s"),
    "protected_domain": gettext_lazy("address is in the protected domain %(subject)s"),
    "vendor_staff": gettext_lazy("belongs to the vendor's staff"),
    "key_owner": gettext_lazy("owns the API key that this portal uses"),
    "invalid_date": gettext_lazy("the date in %(subject)s is not credible"),
    "no_date": gettext_lazy("has no valid date"),
    "activity_went_back": gettext_lazy(
        "an earlier sync read activity on %(subject)s; its dates are now earlier or missing"
    ),
    "no_joined_at": gettext_lazy("has no joining date, so a reused username would go unnoticed"),
    "unknown_rights": gettext_lazy("the list of rights is missing"),
    "unknown_groups": gettext_lazy("the list of groups is missing"),
    "unknown_right": gettext_lazy("has the unknown right %(subject)s"),
    "unknown_right via": gettext_lazy("has the unknown right %(subject)s through group %(via)s"),
    "disputed_right": gettext_lazy("the workspace's list of %(subject)s holders does not match the account's rights"),
    "unlisted_group": gettext_lazy("is in the group %(subject)s, which the workspace does not list"),
    "unreadable_group": gettext_lazy("is in the group %(subject)s, whose rights cannot be read"),
    "unknown_account_type": gettext_lazy("is of the unknown account type %(subject)s"),
    "no_account_type": gettext_lazy("has no account type, and the policy needs one"),
    "no_email": gettext_lazy("has no usable e-mail address and cannot be warned"),
    "unsafe_username": gettext_lazy("username cannot be used safely in an API address"),
    "incomplete_extraction": gettext_lazy("was last read by an incomplete sync"),
    "rule_failed": gettext_lazy("could not be assessed, because a rule failed"),
}
"""A clause for each code of a :class:`Reason`; those with "via" where a group is what gives the right."""


LAST_ACTIVE = {
    "last_seen_at": gettext_lazy("last seen %(date)s, %(ago)s"),
    "last_login_at": gettext_lazy("last signed in %(date)s, %(ago)s"),
    "joined_at": gettext_lazy("invited %(date)s, %(ago)s, never signed in"),
}


class Judged(Protocol):
    """What is told of an account's last use, as its assessment has it."""

    activity_at: datetime | None
    activity_field: str
    limit_days: int
    segment: str


def reason(why: Reason) -> str:
    """One reason of a standing, as a clause without a full stop."""
    return clause_of(why, SENTENCES)


def reasons(stored: Iterable[Mapping[str, str]]) -> list[str]:
    """The clauses for the reasons as an assessment stores them."""
    return [reason(Reason(**item)) for item in stored]


def in_force(stored: Iterable[Mapping[str, str]], *, verdict: str, exempt_until: datetime | None) -> list[str]:
    """Why an account has its verdict, where that is more than being idle: the exemption first."""
    if verdict not in (Verdict.PROTECTED, Verdict.UNCERTAIN):
        return []
    overlay = [exemption(exempt_until)] if exempt_until and verdict == Verdict.PROTECTED else []
    return overlay + reasons(stored)


def idleness(*, activity_at: datetime | None, activity_field: str, limit_days: int, segment: str, now: datetime) -> str:
    """When the account was last active, how long ago that is, and the limit that counts for it."""
    active = (activity_field, day(activity_at), ago(activity_at, now)) if activity_at else None
    return _idleness(active, limit_days, segment, get_language())


@lru_cache(maxsize=10_000)
def _idleness(active: tuple[str, str, str] | None, limit_days: int, segment: str, _language: str | None) -> str:
    """Sentences recur from page to page: writing them anew took a tenth of a review page."""
    said = _("no valid date")
    if active:
        field, date, how_long_ago = active
        said = str(LAST_ACTIVE[field]) % {"date": date, "ago": how_long_ago}
    limit = _("limit %(limit)s (%(segment)s)") % {"limit": span(limit_days), "segment": segments.shown(segment)}
    return _("%(date)s; %(limit)s") % {"date": said, "limit": limit}


class IdlenessInWords:
    """:func:`idleness` of many accounts: the same for everybody of a day and a limit, so said only once.

    Of 360,000 rows the sentences took more than half the time.
    """

    def __init__(self, now: datetime) -> None:
        self.now, self.zone, self.language = now, get_current_timezone(), get_language()
        self.time_of_day = now.astimezone(self.zone).time()
        self.known: dict[tuple[object, ...], str] = {}
        self._length: tuple[datetime | None, str] = (None, "")

    def of(self, found: Judged) -> str:
        return self.told(found.activity_at, found.activity_field, found.limit_days, found.segment)

    def told(self, at: datetime | None, field: str, limit_days: int, segment: str) -> str:
        """The same from what tells of it, where there is no judgement as an object."""
        if at is None:
            return _idleness(None, limit_days, segment, self.language)
        days, there = (self.now - at).days, at.astimezone(self.zone)
        # By the calendar a month is over at the hour of the day at which it began.
        is_later = there.time() > self.time_of_day
        key = (segment, limit_days, field, there.date(), days, is_later)
        said = self.known.get(key)
        if said is None:
            active = (field, self.day(at), before(self.since(at), self.language))
            said = _idleness(active, limit_days, segment, self.language)
            # Of the last day, each minute is told otherwise.
            if days >= 1:
                self.known[key] = said
        return said

    def since(self, at: datetime) -> str:
        """How long ago something was, without the words for ago."""
        # A row of a page says it twice.
        if at is not self._length[0]:
            self._length = (at, between(at, self.now, self.zone, self.language))
        return self._length[1]

    def day(self, at: datetime) -> str:
        """The day of an instant, as the reader writes it."""
        return written(at.astimezone(self.zone).date(), self.language)


def exemption(until: datetime) -> str:
    """An exemption in force, as a clause."""
    return _("exempt until %(date)s") % {"date": promised(until)}


def verdict(value: str) -> str:
    """A verdict's word."""
    words = {
        Verdict.ACTIVE: _("active"),
        Verdict.DORMANT: _("dormant"),
        Verdict.PROTECTED: _("protected"),
        Verdict.UNCERTAIN: _("uncertain"),
    }
    return words[Verdict(value)]


def course(
    *, standing: str, dormant_from: datetime, has_date: bool, exempt_until: datetime | None, now: datetime
) -> str:
    """Since when and until when a verdict holds, as a clause."""
    then = verdict(Verdict.DORMANT if standing == Standing.ORDINARY else standing)
    if not has_date:
        return _("%(verdict)s: there is no date to count from") % {"verdict": then}
    values = {"verdict": then, "date": day(dormant_from)}
    if now < dormant_from:
        return _("active until %(date)s; then %(verdict)s, if it stays idle") % values
    if exempt_until:
        lapse = _("past the limit since %(date)s; exempt until %(until)s, then %(verdict)s")
        return lapse % (values | {"until": promised(exempt_until)})
    return _("past the limit since %(date)s; %(verdict)s") % values


def clause_of(why: Reason, clauses: Mapping[str, Any]) -> str:
    """The clause for a reason among clauses by code."""
    key = f"{why.code} via" if why.via else why.code
    subject = _day_of(why.subject) if why.code == "activity_went_back" else why.subject
    return str(clauses.get(key, why.code)) % {"subject": subject, "via": why.via}


def _day_of(subject: str) -> str:
    """An instant that is stored as the subject of a reason, as its day; anything else as it is."""
    try:
        return day(datetime.fromisoformat(subject))
    except ValueError:
        return subject
