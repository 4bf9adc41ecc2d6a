"""Why an account is judged as it is, and what would have to be true for another verdict.

Pure: no Django, no clock, no input or output. Nothing here decides anything: it asks
:mod:`accounts_review.rules.dormancy` the same questions again, one by one. The sentences are in
:mod:`accounts_review.wording.verdicts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import structs

from accounts_review.rules.dates import DateFault, read_date
from accounts_review.rules.dormancy import Reason, Standing, judge, segment_of, unmet
from accounts_review.rules.facts import Facts
from accounts_review.rules.policy import Policy, Segment

PROTECTIONS = frozenset(
    {"right", "protected_group", "protected_name", "protected_domain", "vendor_staff", "key_owner", "rule_failed"}
)


@dataclass(frozen=True, slots=True)
class Passed:
    """A segment before the one that matched, and the conditions it did not meet by their names in the policy."""

    segment: Segment
    unmet: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DateRead:
    """One date of the record: as given, the instant it stands for or what is wrong with it, and whether it decided."""

    field: str
    given: object
    read: datetime | DateFault
    counts: bool
    """Whether it is the newest sign of life, from which the limit runs."""

    @property
    def instant(self) -> datetime | None:
        return None if isinstance(self.read, DateFault) else self.read

    @property
    def fault(self) -> DateFault | None:
        return self.read if isinstance(self.read, DateFault) else None

    @property
    def is_doubtful(self) -> bool:
        return self.fault not in (None, DateFault.ABSENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How :func:`~accounts_review.rules.dormancy.judge` comes to its assessment."""

    passed: tuple[Passed, ...]
    segment: Segment
    dates: tuple[DateRead, ...]
    standing: Standing
    protections: tuple[Reason, ...]
    """All of them: a right held in three ways is there three times."""
    doubts: tuple[Reason, ...]

    @property
    def standing_unprotected(self) -> Standing:
        """What it would be if none of the protections held."""
        return Standing.UNCERTAIN if self.doubts else Standing.ORDINARY


def explain(policy: Policy, facts: Facts) -> Explanation:
    """Account for the assessment of one account under a policy."""
    found, segment = judge(policy, facts), segment_of(policy, facts)
    protections = [reason for reason in found.reasons if reason.code in PROTECTIONS]
    return Explanation(
        passed=tuple(Passed(s, tuple(unmet(s, facts))) for s in policy.segments[: policy.segments.index(segment)]),
        segment=segment,
        dates=dates_read(facts),
        standing=found.standing,
        protections=tuple(one for reason in protections for one in _each_origin(reason, facts)),
        doubts=tuple(reason for reason in found.reasons if reason.code not in PROTECTIONS),
    )


def dates_read(facts: Facts) -> tuple[DateRead, ...]:
    """How each date that can show activity was used."""
    newest = facts.activity[1] if facts.activity else ""
    return tuple(
        DateRead(field, given, read_date(given, read_at=facts.read_at), counts=field == newest)
        for field, given in facts.dates.items()
    )


def active_if_seen_after(policy: Policy, facts: Facts, *, now: datetime) -> datetime:
    """A sign of life later than this instant would make the account active at ``now``.

    Being seen can also move it into another segment, with another limit.
    """
    seen = structs.replace(facts, last_seen_at=now.isoformat(), read_at=now)
    return now - timedelta(days=segment_of(policy, seen).dormant_after_days)


def _each_origin(reason: Reason, facts: Facts) -> list[Reason]:
    if reason.code != "right":
        return [reason]
    return [Reason("right", reason.subject, via) for via in facts.origins[reason.subject]]
