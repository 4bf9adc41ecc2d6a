"""Laws 1 and 2 for every account that can be thought of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts_review import wording
from accounts_review.dormancy import KNOWN_PERMISSIONS, Facts, Standing, Verdict, judge, valid_instant
from accounts_review.huwise import decode_user
from accounts_review.huwise.facts import facts_of, incarnation_of
from accounts_review.policy import Policy, Segment
from tests.builders import NOW, POLICY, make_policy, verdict

DATES = ("joined_at", "last_seen_at", "last_login_at")
PROTECTIONS = {"right", "protected_group", "protected_name", "protected_domain", "vendor_staff", "key_owner"}
LATEST = NOW + timedelta(days=1)

thoroughly = settings(max_examples=500, deadline=None)

instants = st.datetimes(datetime(2000, 1, 1), LATEST.replace(tzinfo=None), timezones=st.just(UTC))  # noqa: DTZ001
moments = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
written: list[Callable[[datetime], str]] = [
    datetime.isoformat,
    lambda instant: instant.isoformat(" "),
    lambda instant: instant.isoformat().replace("+00:00", "Z"),
    lambda instant: instant.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
]
good_dates = st.builds(lambda instant, write: write(instant), instants, st.sampled_from(written))
bad_dates = st.one_of(
    st.sampled_from(["soon", "2024-02-30T08:00:00Z", "2024-04-05T08:00:00", " ", 0, False, True, 1.5, [], {}]),
    st.datetimes(datetime(1, 1, 1), datetime(1999, 12, 31), timezones=st.just(UTC)).map(datetime.isoformat),  # noqa: DTZ001
    st.timedeltas(timedelta(microseconds=1), timedelta(days=9000)).map(lambda late: (LATEST + late).isoformat()),
)
no_dates = st.sampled_from([None, ""])
dates = st.one_of(good_dates, good_dates, no_dates, bad_dates)

harmless = sorted(KNOWN_PERMISSIONS - POLICY.protect.permissions)
rights = st.sampled_from([*harmless, "edit_domain", "publish_dataset", "fly"])
uids = st.sampled_from(["readers", "partners", "team", "admins", "ghosts"])
policies = st.sampled_from(
    [
        POLICY,
        make_policy(usernames=("svc.*",), email_domains=frozenset({"town.example"})),
        make_policy(
            Segment(name="team", dormant_after_days=30, groups=("team",)),
            Segment(name="pilots", dormant_after_days=3000, permissions=("fly", "explore_monitoring")),
            Segment(name="used", dormant_after_days=400, never_used=False),
            groups=frozenset({"team"}),
        ),
    ]
)


def lists_of(names: st.SearchStrategy[str], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(names, max_size=most, unique=True).map(lambda found: tuple(sorted(found)))


def accounts(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Facts]:
    """Accounts with anything wrong or right with them, unless ``more`` says how they are."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "username": st.sampled_from(["ana", "svc.etl", "..", ""]) | st.text(max_size=10),
        "email": st.sampled_from(["ana@example.org", "x@town.example", ""]),
        "account_type": st.sampled_from(["global", "local", "", "martian"]),
        "is_vendor": st.booleans(),
        "is_key_owner": st.booleans(),
        **dict.fromkeys(DATES, dates),
        "read_at": st.just(NOW),
        "permissions": st.none() | lists_of(rights, 3),
        "groups": st.none() | lists_of(uids, 3),
        "rights_by_group": st.dictionaries(uids, st.none() | lists_of(rights, 3)),
        "incomplete": st.booleans(),
    }
    return st.builds(Facts, **(fields | more))


def plain_accounts(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Facts]:
    """Accounts against which nothing speaks but, perhaps, their dates."""
    plain: dict[str, st.SearchStrategy[Any]] = {
        "username": st.just("ana"),
        "email": st.just("ana@example.org"),
        "account_type": st.just("global"),
        "is_vendor": st.just(False),
        "is_key_owner": st.just(False),
        "permissions": lists_of(st.sampled_from(harmless), 2),
        "groups": lists_of(st.just("readers"), 1),
        "rights_by_group": st.just({"readers": ("explore_monitoring",)}),
        "incomplete": st.just(False),
    }
    return accounts(**(plain | more))


def with_dates(facts: Facts, given: Mapping[str, Any]) -> Facts:
    return replace(facts, **given)


def dormant_since(policy: Policy, facts: Facts) -> datetime:
    """From when an account is dormant; never, where its standing forbids it."""
    found = judge(policy, facts)
    return found.dormant_from if found.standing is Standing.ORDINARY else datetime.max.replace(tzinfo=UTC)


@thoroughly
@given(policies, accounts() | plain_accounts(), st.sampled_from(DATES), instants, instants)
def test_moving_a_valid_date_later_never_makes_an_account_dormant_earlier(
    policy: Policy, facts: Facts, field: str, one: datetime, other: datetime
) -> None:
    before, after = (with_dates(facts, {field: pick(one, other).isoformat()}) for pick in (min, max))
    assert dormant_since(policy, after) >= dormant_since(policy, before)
    assert judge(policy, after).dormant_from >= judge(policy, before).dormant_from


@thoroughly
@given(policies, accounts(), rights, st.none() | uids)
def test_adding_a_right_never_removes_a_protection(policy: Policy, facts: Facts, right: str, via: str | None) -> None:
    if via is None:
        more = replace(facts, permissions=(*(facts.permissions or ()), right))
    else:
        granted = {via: (*(facts.rights_by_group.get(via) or ()), right)}
        groups = tuple(sorted({*(facts.groups or ()), via}))
        more = replace(facts, groups=groups, rights_by_group=dict(facts.rights_by_group) | granted)
    before, after = protections(policy, facts), protections(policy, more)
    assert before <= after
    assert not before or judge(policy, more).standing is Standing.PROTECTED
    assert right not in policy.protect.permissions or ("right", right) in after


def protections(policy: Policy, facts: Facts) -> set[tuple[str, str]]:
    return {(why.code, why.subject) for why in judge(policy, facts).reasons if why.code in PROTECTIONS}


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


@thoroughly
@given(policies, accounts() | plain_accounts(), st.lists(moments, min_size=1, max_size=5))
def test_in_time_an_account_is_active_and_then_one_thing_for_ever(
    policy: Policy, facts: Facts, times: list[datetime]
) -> None:
    limit = judge(policy, facts).dormant_from
    told = {now: verdict(facts, policy=policy, now=now) for now in (*times, limit, limit - timedelta(microseconds=1))}
    assert {now for now, word in told.items() if word is Verdict.ACTIVE} == {now for now in told if now < limit}
    assert len({word for word in told.values() if word is not Verdict.ACTIVE}) == 1


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(
        ["x" * 100_000, "9" * 5000, "\x00", "\ud800", "2024-04-06T08:00:00+00:00", "0001-01-01T00:00+14:00"]
    )
    | good_dates
    | bad_dates,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["uid", "permissions"]), inner),
    max_leaves=6,
)
MEMBERS = ("username", "email", "account_type", "is_ods", "expires_at", "permissions", "groups", *DATES)


@thoroughly
@given(
    policies,
    st.dictionaries(st.sampled_from(MEMBERS), anything),
    st.dictionaries(uids, st.none() | lists_of(rights, 3)),
)
def test_no_json_that_a_workspace_could_send_makes_the_judgement_fail(
    policy: Policy, content: dict[str, Any], listed: dict[str, tuple[str, ...] | None]
) -> None:
    user = decode_user(json.dumps(content))
    facts = facts_of(user, rights_by_group=listed, key_owner="", read_at=NOW)
    found = judge(policy, facts)
    assert "rule_failed" not in {why.code for why in found.reasons}
    assert all(wording.reason(why) for why in found.reasons)
    assert isinstance(incarnation_of(user), str)
    assert (found.standing is Standing.ORDINARY) == (not found.reasons)


@pytest.mark.parametrize("depth", [100, 900, 990, 5000])
@pytest.mark.parametrize("field", [*DATES, "permissions", "groups", "username", "is_ods"])
def test_no_depth_of_nesting_makes_the_judgement_fail(field: str, depth: int) -> None:
    user = decode_user(f'{{"username": "ana", "{field}": {"[" * depth}{"]" * depth}}}')
    facts = facts_of(user, rights_by_group={}, key_owner="", read_at=NOW)
    assert judge(POLICY, facts).standing is not Standing.ORDINARY
    assert isinstance(incarnation_of(user), str)
