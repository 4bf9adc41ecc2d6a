"""What a policy risks, and where it is looser than the one before it. Said to people, never refused.

Pure: no Django, no clock, no input or output. Each finding is a code with its details; the sentences are in
:mod:`accounts_review.wording.policy_findings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from accounts_review.rules.names import Globs, Names, has_wildcard
from accounts_review.rules.policy import ALWAYS_PROTECTED, GLOB_LISTS, NAME_LISTS, Limits, Policy, Segment
from accounts_review.rules.retention import Retention

SHORT_LIMIT = 90
"""Days: an account that rests for a season is not abandoned; fewer are often months mistaken for days."""

SHORT_NOTICE = 5
"""Days for which a mail server may hold a message back: a shorter notice can end before it arrives."""

PROTECTING = ("permissions", "groups", "usernames", "email_domains")

Found = dict[str, Any]


def risks(policy: Policy) -> Iterator[Found]:
    """What is risky about a policy whatever was in force before."""
    for segment in policy.segments:
        if segment.dormant_after_days < SHORT_LIMIT:
            yield {"code": "short_limit", "segment": segment.name, "days": segment.dormant_after_days}
    if policy.notice.days < SHORT_NOTICE:
        yield {"code": "short_notice", "days": policy.notice.days}
    for name, names in (("permissions", policy.protect.permissions), ("groups", policy.protect.groups)):
        if names <= {ALWAYS_PROTECTED}:
            yield {"code": "empty_protection", "list": name}


def loosened(before: Policy, after: Policy) -> Iterator[Found]:
    """Where fewer are protected, people are told later, or more may happen with fewer eyes on it."""
    for name in PROTECTING:
        dropped = _dropped(getattr(before.protect, name), getattr(after.protect, name))
        if dropped:
            yield {"code": "protects_less", "list": name, "names": dropped}
    yield from _segments_loosened(before.segments, after.segments)
    yield from _notice_loosened(before, after)
    if after.launch.wait_hours < before.launch.wait_hours:
        yield {"code": "shorter_wait", "before": before.launch.wait_hours, "after": after.launch.wait_hours}
    if before.approval.two_people and not after.approval.two_people:
        yield {"code": "one_person"}
    if after.approval.expires_after_days > before.approval.expires_after_days:
        days = {"before": before.approval.expires_after_days, "after": after.approval.expires_after_days}
        yield {"code": "longer_approval"} | days
    for field in fields(Limits):
        old, new = getattr(before.limits, field.name), getattr(after.limits, field.name)
        if new > old:
            yield {"code": "higher_limit", "limit": field.name, "before": old, "after": new}
    for field in fields(Retention):
        old, new = getattr(before.retention, field.name), getattr(after.retention, field.name)
        if new < old:
            yield {"code": "shorter_retention", "of": field.name, "before": old, "after": new}


def _segments_loosened(before: tuple[Segment, ...], after: tuple[Segment, ...]) -> Iterator[Found]:
    """Segments in which somebody may have less time than before, however they are called and wherever they stand."""
    own = {segment.name: segment.dormant_after_days for segment in before}
    for position, segment in enumerate(after):
        former = _former(before, segment, passed=after[:position])
        days = {"before": max(former, default=0), "after": segment.dormant_after_days}
        if days["after"] < days["before"]:
            code = "shorter_limit" if own.get(segment.name) == days["before"] else "shorter_for_some"
            yield {"code": code, "segment": segment.name} | days


def _former(before: tuple[Segment, ...], segment: Segment, *, passed: tuple[Segment, ...]) -> Iterator[int]:
    """The limits that those in a segment can have had: none comes to it whom one of those that they passed holds."""
    for other in before:
        if not any(_holds_all(earlier, other) for earlier in passed):
            yield other.dormant_after_days
        if _holds_all(other, segment):
            return


def _holds_all(segment: Segment, other: Segment) -> bool:
    """Whether whoever meets the conditions of the other meets this one's for certain."""
    if segment.never_used not in (None, other.never_used):
        return False
    lists = [(getattr(segment, name), getattr(other, name)) for name in ("permissions", *NAME_LISTS, *GLOB_LISTS)]
    return all(not own or (theirs and set(theirs) <= set(own)) for own, theirs in lists)


def _notice_loosened(before: Policy, after: Policy) -> Iterator[Found]:
    if after.notice.days < before.notice.days:
        yield {"code": "shorter_notice", "before": before.notice.days, "after": after.notice.days}
    fewer = len(after.notice.reminders_days_before), len(before.notice.reminders_days_before)
    if fewer[0] < fewer[1]:
        yield {"code": "fewer_reminders", "before": fewer[1], "after": fewer[0]}
    if open_again := sorted(set(before.notice.avoid) - set(after.notice.avoid)):
        yield {"code": "fewer_avoided", "names": open_again}


def _dropped(before: Any, after: Any) -> list[str]:
    """Names that are gone; a username is not where a pattern covers it."""
    kept, covered = Names(after), Globs(after)
    return sorted(name for name in before if name not in kept and (has_wildcard(name) or not covered.meet(name)))
