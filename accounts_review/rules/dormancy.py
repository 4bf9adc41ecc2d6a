"""Who is dormant: policy and facts in, an assessment with its reasons out.

Pure: no Django, no clock, no input or output. The same function judges one account on its page, a whole
workspace in a sync and an account again in the last look before a revocation. What it returns does not depend
on the moment it is asked: *dormant now* is ``dormant_from <= now``, and :func:`verdict_at` reads it so.

Sources of the rules: the laws of safety 1 and 2 of the design; CNIL guidance on inactive accounts for the need
of a date that can be defended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from accounts_review.rules.addresses import usable_for_mail, usable_in_url
from accounts_review.rules.dates import is_absent
from accounts_review.rules.facts import Facts
from accounts_review.rules.names import folded, is_shared
from accounts_review.rules.policy import Policy, Segment

BEFORE_ALL_DATES = datetime(1900, 1, 1, tzinfo=UTC)
"""The ``dormant_from`` of an account without any valid date: it is past at every instant anyone asks about."""

KNOWN_ACCOUNT_TYPES = frozenset({"global", "linked", "local"})

KNOWN_PERMISSIONS = frozenset(
    {
        "edit_domain",
        "create_page",
        "edit_page",
        "manage_page",
        "explore_restricted_page",
        "create_dataset",
        "edit_dataset",
        "publish_dataset",
        "manage_dataset",
        "explore_restricted_dataset",
        "edit_reuse",
        "manage_subdomains",
        "explore_monitoring",
        "edit_theme",
        "edit_form",
        "submit_private_form",
        "create_external_asset",
        "edit_external_asset",
        "explore_restricted_external_asset",
        "manage_glossary",
        "manage_showcase_requests",
    }
)
"""The vendor's contract has 16 permissions, its SDK had to add 5, others may come: see ``_doubts_of_rights``."""


class Standing(StrEnum):
    """What an assessment says of an account beside its ``dormant_from``."""

    ORDINARY = "ordinary"
    PROTECTED = "protected"
    UNCERTAIN = "uncertain"


class Verdict(StrEnum):
    """What an assessment amounts to at an instant."""

    ACTIVE = "active"
    PROTECTED = "protected"
    UNCERTAIN = "uncertain"
    DORMANT = "dormant"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a standing is what it is: a code, and the name it speaks of (a right, a group, a date field).

    The sentences for people, in their language, are in :mod:`accounts_review.wording.verdicts`.
    """

    code: str
    subject: str = ""
    via: str = ""


class RightsJudgement(Struct, frozen=True):
    """What the rights and groups of an account amount to under a policy."""

    rights: tuple[str, ...] | None
    protections: tuple[Reason, ...]
    doubts: tuple[Reason, ...]


Alike = dict[tuple[object, ...], RightsJudgement]
"""What was found of rights and groups, by what they are: of very many accounts, most have the same as some other."""
MOST_ALIKE = 4096
"""So many are kept, of those that others may have."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What a policy makes of an account, for every instant at once.

    ``activity_at`` is ``None`` where no date is valid; ``dormant_from`` is never ``None``. ``rights`` are those granted
    directly or through a group; ``None`` where the record does not tell, or a rule failed.
    """

    segment: str
    limit_days: int
    activity_at: datetime | None
    activity_field: str
    dormant_from: datetime
    standing: Standing
    reasons: tuple[Reason, ...]
    rights: tuple[str, ...] | None


def judge(policy: Policy, facts: Facts, *, alike: Alike | None = None) -> Judgement:
    """Assess one account under a policy.

    Protected wins over uncertain (law 2), and a rule that fails protects (law 1). The reasons are all there are,
    those of the standing that won first; they are shown only once the account is idle past its limit.

    ``alike``, empty at first, keeps what was found of rights and groups for whoever has the same: under the same policy
    and ``rights_by_group``, which it is up to the caller to see to. It saves a fifth of judging.
    """
    segment, of_rights = segment_of(policy, facts), None
    activity = facts.activity
    shown = activity[0] if activity else None
    if facts.unconfirmed_activity_at and (shown is None or facts.unconfirmed_activity_at > shown):
        shown = facts.unconfirmed_activity_at
    try:
        of_rights = _judge_rights(policy, facts, alike)
        protections = [*of_rights.protections, *_protections_of_names(policy, facts)]
        # What makes the evidence incomplete or the account impossible to address: law 1, *unknown is not old*.
        of_dates, of_address = _doubts_of_dates(facts, has_date=activity is not None), _doubts_of_address(policy, facts)
        doubts = [*of_dates, *of_rights.doubts, *of_address]
    except Exception:
        protections, doubts = [Reason("rule_failed")], []
    standing = Standing.PROTECTED if protections else Standing.UNCERTAIN if doubts else Standing.ORDINARY
    return Judgement(
        segment=segment.name,
        limit_days=segment.dormant_after_days,
        activity_at=activity[0] if activity else None,
        activity_field=activity[1] if activity else "",
        dormant_from=shown + timedelta(days=segment.dormant_after_days) if shown else BEFORE_ALL_DATES,
        standing=standing,
        reasons=(*protections, *doubts),
        rights=of_rights.rights if of_rights else None,
    )


def moved_limits(before: Policy, after: Policy) -> dict[str, int] | None:
    """Where two policies judge everybody alike but for how long they wait: the segments that differ, and their days.

    A limit moves ``dormant_from`` by as many days and changes nothing else. ``None`` where more than that is different.
    """
    own, others = ([replace(each, dormant_after_days=0) for each in one.segments] for one in (before, after))
    if own != others or before.protect != after.protect or len({each.name for each in own}) < len(own):
        return None
    pairs = zip(before.segments, after.segments, strict=True)
    return {new.name: new.dormant_after_days for old, new in pairs if new != old}


def verdict_at(*, standing: str, dormant_from: datetime, now: datetime) -> Verdict:
    """Read the verdict of an assessment at an instant; the limit itself counts as reached."""
    return verdict_of(standing, is_active=now < dormant_from)


def verdict_of(standing: str, *, is_active: bool, is_exempt: bool = False) -> Verdict:
    """The verdict on an account of which is known whether it is active, and whether an exemption is in force."""
    if is_active:
        return Verdict.ACTIVE
    if is_exempt:
        return Verdict.PROTECTED
    return Verdict.DORMANT if standing == Standing.ORDINARY else Verdict(standing)


def segment_of(policy: Policy, facts: Facts) -> Segment:
    """The first segment whose conditions the account meets; the last one of a policy meets everyone."""
    for segment in policy.segments:
        if matches(segment, facts):
            return segment
    raise ValueError("the last segment of a policy must match everyone")


def matches(segment: Segment, facts: Facts) -> bool:
    """Whether an account meets all conditions of a segment; any name within a list will do."""
    for name in segment.conditions:  # noqa: SIM110 (a generator for each account and segment takes twice the time)
        if not _MEETS[name](segment, facts):
            return False
    return True


def unmet(segment: Segment, facts: Facts) -> Iterator[str]:
    """The conditions of a segment, by their names in a policy, that an account does not meet."""
    return (name for name in segment.conditions if not _MEETS[name](segment, facts))


_MEETS: dict[str, Callable[[Segment, Facts], bool]] = {
    "never_used": lambda segment, facts: segment.never_used == facts.never_used,
    "account_types": lambda segment, facts: facts.account_type in segment.names["account_types"],
    "groups": lambda segment, facts: segment.names["groups"].meets(facts.groups or ()),
    "permissions": lambda segment, facts: not segment.rights.isdisjoint(facts.rights),
    "usernames": lambda segment, facts: segment.globs["usernames"].meet(facts.username),
    "emails": lambda segment, facts: segment.globs["emails"].meet(facts.email),
    "email_domains": lambda segment, facts: email_domain(facts.email) in segment.names["email_domains"],
}
"""Each condition that a segment can make."""


def _judge_rights(policy: Policy, facts: Facts, alike: Alike | None) -> RightsJudgement:
    if alike is None:
        alike = {}
    key = (facts.permissions, facts.groups, facts.disputed, facts.unlisted)
    if (found := alike.get(key)) is None:
        protections = tuple(_protections_of_rights(policy, facts))
        rights = None if facts.permissions is None else tuple(sorted(facts.rights))
        found = RightsJudgement(rights, protections, tuple(_doubts_of_rights(policy, facts)))
        if len(alike) < MOST_ALIKE and is_shared((*facts.rights, *(facts.groups or ()))):
            alike[key] = found
    return found


def _protections_of_rights(policy: Policy, facts: Facts) -> Iterator[Reason]:
    rights, groups = policy.protect.rights, policy.protect.names["groups"]
    for right, via in sorted(facts.rights.items()):
        if right in rights:
            yield Reason("right", right, via)
    for uid in facts.groups or ():
        if uid in groups:
            yield Reason("protected_group", uid)


def _protections_of_names(policy: Policy, facts: Facts) -> Iterator[Reason]:
    protect = policy.protect
    for pattern in protect.globs.matching(facts.username):
        yield Reason("protected_name", pattern)
    if protect.email_domains and (domain := email_domain(facts.email)) in protect.names["email_domains"]:
        yield Reason("protected_domain", domain)
    if facts.is_vendor:
        yield Reason("vendor_staff")
    if facts.is_key_owner:
        yield Reason("key_owner")


def _doubts_of_dates(facts: Facts, *, has_date: bool) -> Iterator[Reason]:
    for name in facts.invalid_dates:
        yield Reason("invalid_date", name)
    if not has_date:
        yield Reason("no_date")
    elif is_absent(facts.joined_at):
        # Without it a re-used username could not be told from the account that was reviewed.
        yield Reason("no_joined_at")
    if facts.lost_activity_at is not None:
        yield Reason("activity_went_back", facts.lost_activity_at.isoformat())
    if facts.incomplete:
        yield Reason("incomplete_extraction")


def _doubts_of_rights(policy: Policy, facts: Facts) -> Iterator[Reason]:
    for right in facts.disputed:
        yield Reason("disputed_right", right)
    if facts.permissions is None:
        yield Reason("unknown_rights")
    if facts.groups is None:
        yield Reason("unknown_groups")
    for right, via in sorted(facts.rights.items()):
        if right not in KNOWN_PERMISSIONS and right not in policy.protect.rights:
            yield Reason("unknown_right", right, via)
    for uid in facts.groups or ():
        if uid not in facts.rights_by_group or uid in facts.unlisted:
            yield Reason("unlisted_group", uid)
        elif facts.rights_by_group[uid] is None:
            yield Reason("unreadable_group", uid)


def _doubts_of_address(policy: Policy, facts: Facts) -> Iterator[Reason]:
    if facts.account_type not in KNOWN_ACCOUNT_TYPES:
        asked = [segment.names["account_types"] for segment in policy.segments if segment.account_types]
        if not facts.account_type and asked:
            yield Reason("no_account_type")
        elif facts.account_type and not any(facts.account_type in one for one in asked):
            yield Reason("unknown_account_type", facts.account_type)
    if not usable_for_mail(facts.email):
        yield Reason("no_email")
    if not usable_in_url(facts.username):
        yield Reason("unsafe_username")


def email_domain(email: str) -> str:
    """The domain of an address, in the spelling that all its variants share."""
    return folded(email.rpartition("@")[2]).rstrip(".")
