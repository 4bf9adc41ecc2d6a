"""Laws 1 and 2 for every account that can be thought of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from msgspec import structs

from accounts_review.facts import facts_of, incarnation_of
from accounts_review.huwise import UnexpectedAnswer, decode_group, decode_user
from accounts_review.huwise.records import storable
from accounts_review.rules.dates import valid_instant
from accounts_review.rules.dormancy import (
    BEFORE_ALL_DATES,
    Alike,
    Standing,
    Verdict,
    judge,
    moved_limits,
    segment_of,
    verdict_at,
)
from accounts_review.rules.facts import Facts
from accounts_review.rules.names import LONGEST
from accounts_review.rules.policy import Policy
from accounts_review.wording import verdicts
from tests.builders import NOW, POLICY, verdict
from tests.strategies import (
    AT_ONCE,
    DATES,
    LATEST,
    accounts,
    bad_dates,
    exhaustively,
    good_dates,
    group_lists,
    harmless,
    instants,
    moments,
    no_dates,
    payloads,
    plain_accounts,
    policies,
    rights,
    thoroughly,
    uids,
    written,
)

PROTECTIONS = {"right", "protected_group", "protected_name", "protected_domain", "vendor_staff", "key_owner"}
FOREVER = datetime.max.replace(tzinfo=UTC)


def with_dates(facts: Facts, given: Mapping[str, Any]) -> Facts:
    return structs.replace(facts, **given)


def dormant_since(policy: Policy, facts: Facts) -> datetime:
    """From when an account is dormant; never, where its standing forbids it."""
    found = judge(policy, facts)
    return found.dormant_from if found.standing is Standing.ORDINARY else FOREVER


@thoroughly
@given(policies, st.lists(accounts() | plain_accounts(), min_size=2, max_size=8))
def test_whoever_has_the_same_rights_as_others_is_judged_as_alone(policy: Policy, everyone: list[Facts]) -> None:
    granting = {uid: held for facts in everyone for uid, held in facts.rights_by_group.items()}
    together = [structs.replace(facts, rights_by_group=granting) for facts in everyone]
    alike: Alike = {}
    for facts in (*together, *together):
        assert judge(policy, facts, alike=alike) == judge(policy, facts)


# Time


@thoroughly
@given(policies, accounts() | plain_accounts(), st.sampled_from(DATES), instants, moments)
def test_moving_a_date_later_never_makes_an_account_dormant_earlier(
    policy: Policy, facts: Facts, field: str, one: datetime, other: datetime
) -> None:
    """However late it is moved: beyond what can be believed it makes the account uncertain."""
    earlier, later = (
        with_dates(facts, {field: one.isoformat()}),
        with_dates(facts, {field: max(one, other).isoformat()}),
    )
    assert dormant_since(policy, later) >= dormant_since(policy, earlier)
    if other <= LATEST:
        assert judge(policy, later).dormant_from >= judge(policy, earlier).dormant_from


@thoroughly
@given(policies, accounts() | plain_accounts(), st.lists(moments, min_size=1, max_size=5))
def test_a_verdict_read_at_any_instant_is_that_of_judging_anew_at_it(
    policy: Policy, facts: Facts, times: list[datetime]
) -> None:
    """One assessment does for all time: it is held against a judge who looks at the clock."""
    found = judge(policy, facts)
    edge = [found.dormant_from, found.dormant_from - timedelta(microseconds=1)] if found.activity_at else []
    for now in (*times, *edge):
        read = verdict_at(standing=found.standing.value, dormant_from=found.dormant_from, now=now)
        assert read is judged_by_the_clock(policy, facts, now)


@thoroughly
@given(policies, accounts() | plain_accounts(), st.lists(st.integers(1, 4000), min_size=1, max_size=9))
def test_another_limit_moves_a_judgement_by_as_many_days_and_changes_nothing_else(
    policy: Policy, facts: Facts, limits: list[int]
) -> None:
    pairs = zip(policy.segments, cycle(limits), strict=False)
    after = replace(policy, segments=tuple(replace(each, dormant_after_days=days) for each, days in pairs))
    moved, found = moved_limits(policy, after), judge(policy, facts)
    assert moved is not None
    days = moved.get(found.segment, found.limit_days)
    later = timedelta(0 if found.dormant_from == BEFORE_ALL_DATES else days - found.limit_days)
    assert judge(after, facts) == structs.replace(found, limit_days=days, dormant_from=found.dormant_from + later)


def test_what_changes_more_than_limits_has_everybody_judged_again() -> None:
    protect = replace(POLICY.protect, groups=POLICY.protect.groups | {"another"})
    fewer, other = POLICY.segments[1:], (*POLICY.segments[:-1], replace(POLICY.segments[-1], name="other"))
    assert moved_limits(POLICY, POLICY) == {}
    assert moved_limits(POLICY, replace(POLICY, title="Another", protect=replace(POLICY.protect))) == {}
    for after in (replace(POLICY, protect=protect), replace(POLICY, segments=fewer), replace(POLICY, segments=other)):
        assert moved_limits(POLICY, after) is None


def judged_by_the_clock(policy: Policy, facts: Facts, now: datetime) -> Verdict:
    limit = timedelta(days=segment_of(policy, facts).dormant_after_days)
    seen = [at for value in facts.dates.values() if (at := valid_instant(value, read_at=facts.read_at))]
    if any(now - at < limit for at in seen):
        return Verdict.ACTIVE
    codes = {why.code for why in judge(policy, facts).reasons}
    if codes & PROTECTIONS:
        return Verdict.PROTECTED
    return Verdict.UNCERTAIN if codes else Verdict.DORMANT


@thoroughly
@given(policies, accounts() | plain_accounts(), st.lists(moments, min_size=1, max_size=5))
def test_in_time_an_account_is_active_and_then_one_thing_for_ever(
    policy: Policy, facts: Facts, times: list[datetime]
) -> None:
    limit = judge(policy, facts).dormant_from
    told = {now: verdict(facts, policy=policy, now=now) for now in (*times, limit, limit - timedelta(microseconds=1))}
    assert {now for now, word in told.items() if word is Verdict.ACTIVE} == {now for now in told if now < limit}
    assert len({word for word in told.values() if word is not Verdict.ACTIVE}) == 1


# Rights


@thoroughly
@given(policies, accounts(), rights, st.none() | uids)
def test_adding_a_right_never_removes_a_protection(policy: Policy, facts: Facts, right: str, via: str | None) -> None:
    if via is None:
        more = structs.replace(facts, permissions=(*(facts.permissions or ()), right))
    else:
        granted = {via: (*(facts.rights_by_group.get(via) or ()), right)}
        groups = tuple(sorted({*(facts.groups or ()), via}))
        more = structs.replace(facts, groups=groups, rights_by_group=dict(facts.rights_by_group) | granted)
    before, after = protections(policy, facts), protections(policy, more)
    assert before <= after
    assert not before or judge(policy, more).standing is Standing.PROTECTED
    assert right not in policy.protect.permissions or ("right", right) in after


def protections(policy: Policy, facts: Facts) -> set[tuple[str, str]]:
    return {(why.code, why.subject) for why in judge(policy, facts).reasons if why.code in PROTECTIONS}


# Dates


@thoroughly
@given(policies, plain_accounts(), st.dictionaries(st.sampled_from(DATES), bad_dates, min_size=1), moments)
def test_a_dormant_verdict_never_rests_on_a_date_that_cannot_be_believed(
    policy: Policy, facts: Facts, spoiled: dict[str, object], now: datetime
) -> None:
    assert verdict(with_dates(facts, spoiled), policy=policy, now=now) in (Verdict.ACTIVE, Verdict.UNCERTAIN)


@thoroughly
@given(policies, plain_accounts(joined_at=good_dates, last_seen_at=good_dates, last_login_at=good_dates | no_dates))
def test_with_valid_dates_and_nothing_against_it_an_account_becomes_dormant(policy: Policy, facts: Facts) -> None:
    limit = judge(policy, facts).dormant_from
    assert verdict(facts, policy=policy, now=limit) is Verdict.DORMANT


@thoroughly
@given(instants, st.sampled_from(written))
def test_a_valid_date_is_read_to_the_microsecond_however_it_is_written(
    instant: datetime, write: Callable[[datetime], str]
) -> None:
    assert valid_instant(write(instant), read_at=NOW) == instant


# What a workspace can send


@exhaustively
@given(policies, st.lists(payloads(), min_size=AT_ONCE, max_size=AT_ONCE), group_lists(), moments)
def test_nothing_a_workspace_could_send_makes_judging_fail_or_anybody_dormant_who_should_not_be(
    policy: Policy, sent: list[bytes], listed: list[bytes], now: datetime
) -> None:
    """The path of a sync: bytes, stored text, record, facts, judgement; held against what the bytes really say."""
    groups = {group.uid: group.permissions for group in map(decode_group, listed)}
    for raw in sent:
        said = judged_as_a_sync_does(raw, groups, policy, now)
        event(str(said))
        if said is Verdict.DORMANT:
            really = json.loads(raw.decode(errors="replace"), strict=False)
            assert what_speaks_against(really, groups, policy, now) == []


def judged_as_a_sync_does(
    raw: bytes, groups: Mapping[str, tuple[str, ...] | None], policy: Policy, now: datetime
) -> Verdict | None:
    try:
        user = decode_user(storable(raw.decode(errors="replace")))
    except UnexpectedAnswer:
        return None
    facts = facts_of(user, rights_by_group=groups, key_owner="", read_at=NOW)
    found = judge(policy, facts)
    assert "rule_failed" not in {why.code for why in found.reasons} or len(user.username) > LONGEST
    assert all(verdicts.reason(why) for why in found.reasons)
    assert isinstance(incarnation_of(user), str)
    assert (found.standing is Standing.ORDINARY) == (not found.reasons)
    return verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=now)


PLAIN_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)\s*")


def what_speaks_against(
    user: dict[str, Any], groups: Mapping[str, tuple[str, ...] | None], policy: Policy, now: datetime
) -> list[str]:
    """Law 1 and 2 once more, read off the JSON as plainly as can be: all that forbids a dormant verdict."""
    wrong, given = [], {name: user.get(name) for name in DATES}
    believed = {name: at for name, value in given.items() if (at := plainly(value))}
    wrong += [f"{name} is no date" for name, value in given.items() if value not in (None, "") and name not in believed]
    wrong += ["never joined"] * ("joined_at" not in believed)
    limits = [segment.dormant_after_days for segment in policy.segments]
    wrong += ["not idle"] * any(now - at < timedelta(days=min(limits)) for at in believed.values())
    wrong += ["vendor's"] * (user.get("is_ods") not in (None, False))
    wrong += ["address"] * (
        not re.fullmatch(r"[^\s@,;<>()\ufffd\x00-\x1f]+@[^\s@,;<>()\ufffd]+", str(user.get("email")))
    )
    own, member_of = user.get("permissions"), user.get("groups")
    if not isinstance(own, list) or not isinstance(member_of, list):
        return [*wrong, "rights unknown"]
    held: list[Any] = list(own)
    for group in member_of:
        uid = group.get("uid") if isinstance(group, dict) else group
        held += (groups.get(uid) if isinstance(uid, str) else None) or ([] if uid in groups else ["not listed"])
        held += group.get("permissions", []) if isinstance(group, dict) else []
        wrong += ["protected group"] * (uid in policy.protect.groups)
    return wrong + [f"holds {right}" for right in held if right not in harmless]


def plainly(value: object) -> datetime | None:
    """The instant of a date that is written in one of the forms the vendor writes, and can be believed."""
    if not isinstance(value, str) or not PLAIN_DATE.fullmatch(value):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return at.astimezone(UTC) if datetime(2000, 1, 1, tzinfo=UTC) <= at <= LATEST else None
    except (ValueError, OverflowError):
        return None


@pytest.mark.parametrize("depth", [100, 900, 990, 5000])
@pytest.mark.parametrize("field", [*DATES, "permissions", "groups", "username", "is_ods"])
def test_no_depth_of_nesting_makes_the_judgement_fail(field: str, depth: int) -> None:
    user = decode_user(f'{{"username": "ana", "{field}": {"[" * depth}{"]" * depth}}}')
    facts = facts_of(user, rights_by_group={}, key_owner="", read_at=NOW)
    assert judge(POLICY, facts).standing is not Standing.ORDINARY
    assert isinstance(incarnation_of(user), str)
