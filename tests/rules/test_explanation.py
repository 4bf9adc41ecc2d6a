"""The explanation of a verdict: it agrees with the judge, and what it says would change the verdict does change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from msgspec import structs

from accounts_review.rules.dates import DateFault
from accounts_review.rules.dormancy import Reason, Standing, Verdict, judge, segment_of
from accounts_review.rules.explanation import active_if_seen_after, dates_read, explain
from accounts_review.rules.facts import Facts
from accounts_review.rules.policy import Policy, Segment
from accounts_review.wording import explanations
from tests.builders import NOW, POLICY, SEEN, make_facts, make_policy, verdict
from tests.strategies import accounts, moments, plain_accounts, policies, thoroughly

DAY = timedelta(days=1)


# Segments


SEGMENTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "seen": ({"never_used": True}, {}, "it was seen on 6 Apr 2024"),
    "signed in": (
        {"never_used": True},
        {"last_seen_at": None},
        "it signed in on 5 Apr 2024",
    ),
    "joined after it was seen": (
        {"never_used": True},
        {"joined_at": "2025-01-01T08:00:00Z"},
        "it may have been used: one of its activity dates is not empty",
    ),
    "perhaps used": (
        {"never_used": True},
        {"last_seen_at": "soon", "last_login_at": None},
        "it may have been used: one of its activity dates is not empty",
    ),
    "joined nobody knows when": (
        {"never_used": True},
        {"joined_at": None, "last_seen_at": None, "last_login_at": ""},
        "its joining date is not known",
    ),
    "never used": ({"never_used": False}, {"last_seen_at": None, "last_login_at": None}, "it was never used"),
    "another type": ({"account_types": ("local", "linked")}, {}, "its account type is global, not local, linked"),
    "no type": ({"account_types": ("local",)}, {"account_type": ""}, "its account type is —, not local"),
    "other groups": ({"groups": ("a", "b")}, {"groups": ("c",)}, "it is in none of these groups: a, b"),
    "many groups": ({"groups": tuple("abcdefg")}, {}, "it is in none of these groups: a, b, c, d, e, …"),
    "other rights": ({"permissions": ("edit_page",)}, {}, "it holds none of these rights: edit_page"),
    "another domain": ({"email_domains": ("b.example",)}, {}, "its address is in none of these domains: b.example"),
}


@pytest.mark.parametrize(("conditions", "changes", "clause"), SEGMENTS.values(), ids=SEGMENTS)
def test_a_segment_that_does_not_match_says_why(
    conditions: dict[str, Any], changes: dict[str, Any], clause: str
) -> None:
    policy = make_policy(Segment(name="special", dormant_after_days=5, **conditions))
    facts = make_facts(**changes)
    explained = explain(policy, facts)
    (tried,) = explained.passed
    assert explained.segment.name == "everyone else"
    assert [explanations.unmet(condition, tried.segment, facts) for condition in tried.unmet] == [clause]


def test_all_conditions_that_are_not_met_are_said_in_the_order_of_a_policy() -> None:
    conditions: dict[str, Any] = {"groups": ("a",), "account_types": ("local",), "never_used": True}
    explained = explain(make_policy(Segment(name="x", dormant_after_days=5, **conditions)), make_facts())
    assert explained.passed[0].unmet == ("never_used", "account_types", "groups")


def test_segments_after_the_one_that_matches_are_not_tried() -> None:
    explained = explain(POLICY, make_facts(last_seen_at=None, last_login_at=None))
    assert (explained.passed, explained.segment.name) == ((), "never activated")


# Dates


@pytest.mark.parametrize(
    ("given", "fault", "clause"),
    [
        (None, DateFault.ABSENT, "empty, not counted"),
        ("", DateFault.ABSENT, "empty, not counted"),
        ("soon", DateFault.UNREADABLE, "not counted: it is not a date with a time"),
        (1712304000, DateFault.UNREADABLE, "not counted: it is not a date with a time"),
        ("2024-04-05T08:00:00", DateFault.WITHOUT_OFFSET, "not counted: it has no time zone"),
        ("2024-04-05", DateFault.WITHOUT_OFFSET, "not counted: it has no time zone"),
        ("1999-12-31T23:59:59Z", DateFault.TOO_EARLY, "not counted: it is before the year 2000"),
        ("0001-01-01T00:00:00+14:00", DateFault.TOO_EARLY, "not counted: it is before the year 2000"),
        (
            "2026-06-16T08:00:01Z",
            DateFault.IN_THE_FUTURE,
            "not counted: it is more than a day in the future",
        ),
        (
            "9999-12-31T23:59:59-14:00",
            DateFault.IN_THE_FUTURE,
            "not counted: it is more than a day in the future",
        ),
    ],
)
def test_a_date_that_does_not_count_says_why(given: object, fault: DateFault, clause: str) -> None:
    read = {date.field: date for date in dates_read(make_facts(last_login_at=given))}["last_login_at"]
    assert (read.fault, read.instant, read.counts) == (fault, None, False)
    assert read.is_doubtful is (fault is not DateFault.ABSENT)
    assert explanations.date_read(read) == clause


def test_the_newest_date_counts_and_older_ones_do_not() -> None:
    said = {date.field: explanations.date_read(date) for date in dates_read(make_facts())}
    assert said == {
        "joined_at": "not counted: another is newer",
        "last_login_at": "not counted: another is newer",
        "last_seen_at": "counts: it is the newest activity",
    }


# Rights and doubts


def test_a_right_held_in_three_ways_protects_until_all_three_are_gone() -> None:
    facts = make_facts(
        permissions=("edit_page",),
        groups=("a", "b", "c"),
        rights_by_group={"a": ("edit_page",), "b": (), "c": ("edit_page",)},
    )
    held = explain(POLICY, facts).protections
    assert held == (Reason("right", "edit_page"), Reason("right", "edit_page", "a"), Reason("right", "edit_page", "c"))
    assert said(facts)[1] == (
        "Dormant, if it did not hold edit_page directly, and if it did not hold edit_page through group a, "
        "and if it did not hold edit_page through group c."
    )


OTHERWISE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "dormant": (
        {},
        [
            "Active, as soon as a sync reads activity after 15 Jun 2024.",
            "Protected, if it gained a protected right or group, or was exempted.",
        ],
    ),
    "active": ({"last_seen_at": "2026-06-01T08:00:00Z"}, ["Dormant, if it stays idle until 31 May 2028."]),
    "active administrator": (
        {"last_seen_at": "2026-06-01T08:00:00Z", "permissions": ("edit_domain",)},
        ["Protected, if it stays idle until 31 May 2028."],
    ),
    "active without address": (
        {"last_seen_at": "2026-06-01T08:00:00Z", "email": ""},
        ["Uncertain, if it stays idle until 31 May 2028."],
    ),
    "publisher": (
        {"groups": ("publishers",), "rights_by_group": {"publishers": ("publish_dataset",)}},
        [
            "Active, as soon as a sync reads activity after 15 Jun 2024.",
            "Dormant, if it did not hold publish_dataset through group publishers, "
            "and if it was not in the protected group publishers.",
        ],
    ),
    "doubtful administrator": (
        {"permissions": ("edit_domain",), "email": ""},
        [
            "Active, as soon as a sync reads activity after 15 Jun 2024.",
            "Uncertain, if it did not hold edit_domain directly.",
        ],
    ),
    "no joining date": (
        {"joined_at": None},
        [
            "Active, as soon as a sync reads activity after 15 Jun 2024.",
            "Dormant, after a manual check and a new sync: ask Huwise to add the missing joining date.",
        ],
    ),
}


@pytest.mark.parametrize(("changes", "sentences"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_would_have_to_be_true_for_another_verdict(changes: dict[str, Any], sentences: list[str]) -> None:
    assert said(make_facts(**changes)) == sentences


def test_an_exemption_is_one_of_the_things_that_could_end() -> None:
    found = said(make_facts(), verdict_shown="protected", exempt_until=NOW + DAY)
    assert found[1] == "No longer exempt, when the exemption ends on 16 Jun 2026 or is withdrawn."


def said(facts: Facts, *, verdict_shown: str = "", exempt_until: datetime | None = None) -> list[str]:
    return explanations.otherwise(
        explain(POLICY, facts),
        verdict=verdict_shown or verdict(facts),
        dormant_from=judge(POLICY, facts).dormant_from,
        exempt_until=exempt_until,
        seen_after=active_if_seen_after(POLICY, facts, now=NOW),
    )


def test_seen_again_the_never_activated_get_the_limit_of_those_who_were() -> None:
    facts = make_facts(last_seen_at=None, last_login_at=None)
    assert active_if_seen_after(POLICY, facts, now=NOW) == NOW - timedelta(days=730)
    assert active_if_seen_after(POLICY, make_facts(read_at=SEEN), now=NOW) == NOW - timedelta(days=730)


# For every account that can be thought of


@thoroughly
@given(policies, accounts() | plain_accounts())
def test_the_explanation_agrees_with_the_judge(policy: Policy, facts: Facts) -> None:
    found, explained = judge(policy, facts), explain(policy, facts)
    assert explained.segment == segment_of(policy, facts)
    assert [tried.segment for tried in explained.passed] == list(policy.segments[: len(explained.passed)])
    assert all(tried.unmet for tried in explained.passed)
    assert explained.standing is found.standing
    assert bool(explained.protections) == (found.standing is Standing.PROTECTED)
    assert {why.code for why in (*explained.protections, *explained.doubts)} == {why.code for why in found.reasons}
    assert [date.field for date in explained.dates if date.counts] == [found.activity_field] * bool(found.activity_at)
    assert [date.instant for date in explained.dates if date.counts] == [found.activity_at] * bool(found.activity_at)


@thoroughly
@given(policies, accounts() | plain_accounts())
def test_without_its_protections_an_account_is_what_the_explanation_says(policy: Policy, facts: Facts) -> None:
    explained = explain(policy, facts)
    rights = {why.subject for why in explained.protections if why.code == "right"}
    stripped = structs.replace(
        facts,
        is_vendor=False,
        is_key_owner=False,
        permissions=facts.permissions and tuple(name for name in facts.permissions if name not in rights),
        rights_by_group={
            uid: held and tuple(name for name in held if name not in rights)
            for uid, held in facts.rights_by_group.items()
        },
    )
    lenient = replace(
        policy, protect=replace(policy.protect, groups=frozenset(), usernames=(), email_domains=frozenset())
    )
    assert judge(lenient, stripped).standing is explained.standing_unprotected


@thoroughly
@given(policies, accounts() | plain_accounts(), moments)
def test_a_sign_of_life_after_the_instant_named_makes_it_active(policy: Policy, facts: Facts, now: datetime) -> None:
    threshold = active_if_seen_after(policy, facts, now=now)
    seen = threshold + timedelta(seconds=1)
    if seen.year >= 2000:
        back = structs.replace(facts, last_seen_at=seen.isoformat(), read_at=now)
        assert verdict(back, policy=policy, now=now) is Verdict.ACTIVE


@thoroughly
@given(policies, accounts() | plain_accounts())
def test_whatever_is_explained_can_be_said(policy: Policy, facts: Facts) -> None:
    found, explained = judge(policy, facts), explain(policy, facts)
    sentences = explanations.otherwise(
        explained,
        verdict=verdict(facts, policy=policy),
        dormant_from=found.dormant_from,
        exempt_until=None,
        seen_after=NOW,
    )
    clauses = [explanations.date_read(date) for date in explained.dates]
    clauses += [explanations.unmet(name, tried.segment, facts) for tried in explained.passed for name in tried.unmet]
    assert sentences
    assert all(sentences)
    assert all(clauses)
