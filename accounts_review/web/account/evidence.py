"""What is known of an account and what follows from it, put together for its page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from accounts_review.models import Account, Exemption, PolicyVersion
from accounts_review.rules.dormancy import Standing
from accounts_review.rules.explanation import DateRead, active_if_seen_after, explain
from accounts_review.rules.facts import Facts
from accounts_review.wording import durations, explanations, instants, verdicts

LONGEST_RECORD = 20_000
STANDINGS = {
    Standing.ORDINARY: gettext_lazy("ordinary: not protected, and its data is clear"),
    Standing.PROTECTED: gettext_lazy("protected: never removed, idle or not"),
    Standing.UNCERTAIN: gettext_lazy("uncertain: needs a manual check, and is never removed"),
}


DATE_LABELS = {
    "joined_at": gettext_lazy("Joined"),
    "last_seen_at": gettext_lazy("Last seen"),
    "last_login_at": gettext_lazy("Last signed in"),
}


@dataclass(frozen=True, slots=True)
class DateFact:
    """One date of the record: the field, the value as given, the instant it stands for, and what became of it."""

    field: str
    label: str
    given: str
    instant: datetime | None
    day: str
    ago: str
    said: str
    counts: bool
    is_doubtful: bool


@dataclass(frozen=True, slots=True)
class Right:
    """An effective right, whether it was granted directly, and the titles of the groups that give it."""

    name: str
    is_direct: bool
    groups: list[str]


@dataclass(frozen=True, slots=True)
class SegmentTried:
    """A segment of the policy, and why it does not match; the last one tried is the one that does."""

    name: str
    why_not: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """All that the card "Why" says (shared/_reasoning.html)."""

    idleness: str
    course: str
    reasons: list[str]
    segments: list[SegmentTried]
    limit_days: int
    dates: list[DateFact]
    standing: Promise
    policy: int
    exemption: Exemption | None
    otherwise: list[str]
    is_current: bool
    """Whether assessing the account now gives the stored result; not while a sync is being assessed."""


def idleness(account: Account, *, now: datetime) -> str:
    """When it was last active, how long ago that is, and its limit, as a clause."""
    found = account.assessment
    return verdicts.idleness(
        activity_at=found.activity_at,
        activity_field=found.activity_field,
        limit_days=found.limit_days,
        segment=found.segment,
        now=now,
    )


def reasons_in_force(account: Account) -> list[str]:
    """Why it has its verdict, where that is more than being idle: as clauses, the exemption first."""
    stored = account.assessment.reasons
    return verdicts.in_force(stored, verdict=account.verdict, exempt_until=account.exempt_until)


def reasoning(account: Account, facts: Facts, *, in_force: PolicyVersion, now: datetime) -> Reasoning:
    """How an account (asked for ``with_verdict``, with its assessment's policy) comes to its verdict, in sentences.

    ``in_force`` is the policy in force, looked up before the account was.
    """
    found = account.assessment
    version = found.judged_by(in_force)
    rules = version.rules
    explained = explain(rules, facts)
    passed = [
        SegmentTried(tried.segment.name, [explanations.unmet(name, tried.segment, facts) for name in tried.unmet])
        for tried in explained.passed
    ]
    return Reasoning(
        idleness=idleness(account, now=now),
        course=verdicts.course(
            standing=found.standing,
            dormant_from=found.dormant_from,
            has_date=found.activity_at is not None,
            exempt_until=account.exempt_until,
            now=now,
        ),
        reasons=reasons_in_force(account),
        segments=[*passed, SegmentTried(explained.segment.name, [])],
        limit_days=found.limit_days,
        dates=dates(explained.dates, now=now),
        standing=STANDINGS[Standing(found.standing)],
        policy=version.number,
        exemption=account.exemptions.in_force(now).first() if account.exempt_until else None,
        otherwise=explanations.otherwise(
            explained,
            verdict=account.verdict,
            dormant_from=found.dormant_from,
            exempt_until=account.exempt_until,
            seen_after=active_if_seen_after(rules, facts, now=now),
        ),
        is_current=(explained.segment.name, explained.standing) == (found.segment, found.standing),
    )


def dates(found: Iterable[DateRead], *, now: datetime) -> list[DateFact]:
    """The dates of a record for people, each with what became of it."""
    return [
        DateFact(
            field=date.field,
            label=str(DATE_LABELS[date.field]),
            given="" if date.given in (None, "") else str(date.given)[:200],
            instant=date.instant,
            day=instants.day(date.instant) if date.instant else "",
            ago=durations.since(date.instant, now) if date.instant else "",
            said=explanations.date_read(date),
            counts=date.counts,
            is_doubtful=date.is_doubtful,
        )
        for date in found
    ]


def effective_rights(facts: Facts, titles: Mapping[str, str]) -> list[Right]:
    """Effective rights by name, each with all that give it: groups by their titles."""
    return [
        Right(name, "" in origins, [titles.get(uid, uid) for uid in origins if uid])
        for name, origins in sorted(facts.origins.items())
    ]


def record_for_reading(raw: str) -> tuple[str, bool]:
    """The raw record laid out for people, and whether it was cut."""
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw
    return text[:LONGEST_RECORD], len(text) > LONGEST_RECORD
