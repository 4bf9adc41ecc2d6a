"""An account's timeline: activity, decisions, e-mails, answers and outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.audit import sentences
from accounts_review.models import Account, AuditEntry, Case, Exemption
from accounts_review.web.account.evidence import DateFact
from accounts_review.wording import reasons

SIGNS: dict[str, Promise] = {
    "joined_at": gettext_lazy("joined the workspace"),
    "last_seen_at": gettext_lazy("was last seen"),
    "last_login_at": gettext_lazy("last signed in"),
}


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """Something that happened to an account or is to come, with the audit entry where there is one."""

    at: datetime
    said: str
    icon: str
    entry: AuditEntry | None = None
    is_promise: bool = False
    """Whether its day was promised to somebody, and its hour to nobody."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is to come and what was, each newest first."""

    to_come: list[TimelineItem]
    past: list[TimelineItem]


def timeline(
    account: Account,
    *,
    dates: Iterable[DateFact],
    entries: Iterable[AuditEntry],
    case: Case | None,
    exemption: Exemption | None,
    now: datetime,
) -> Timeline:
    """All that is known of an account by time; ``case`` is its open one, ``exemption`` the one in force."""
    moments = [*_signs(dates), *_limits(account, now), *_promises(case, exemption), *_acts(entries)]
    moments.sort(key=lambda moment: (moment.at, moment.entry.seq if moment.entry else 0), reverse=True)
    return Timeline(
        [moment for moment in moments if moment.at > now], [moment for moment in moments if moment.at <= now]
    )


def of_entries(entries: Iterable[AuditEntry]) -> Timeline:
    """What the audit tells, in the order of the entries."""
    return Timeline([], list(_acts(entries)))


def _signs(dates: Iterable[DateFact]) -> Iterator[TimelineItem]:
    for date in dates:
        if date.instant:
            yield TimelineItem(date.instant, str(SIGNS[date.field]), "user")


def _limits(account: Account, now: datetime) -> Iterator[TimelineItem]:
    found = getattr(account, "assessment", None)
    if found and found.activity_at:
        is_past = found.dormant_from <= now
        sentence = _("reached its segment's limit") if is_past else _("its segment's limit, if idle until then")
        yield TimelineItem(found.dormant_from, sentence, "moon")


def _promises(case: Case | None, exemption: Exemption | None) -> Iterator[TimelineItem]:
    if case and case.promised_at:
        yield TimelineItem(case.promised_at, _("access is promised until this date"), "envelope", is_promise=True)
    if exemption:
        sentence = _("end of the exemption: %(reason)s") % {"reason": reasons.told(exemption.reason)}
        yield TimelineItem(exemption.until, sentence, "shield-check", is_promise=True)


def _acts(entries: Iterable[AuditEntry]) -> Iterator[TimelineItem]:
    for entry in entries:
        yield TimelineItem(entry.at, sentences.of_entry(entry), sentences.icon_of(entry), entry)
