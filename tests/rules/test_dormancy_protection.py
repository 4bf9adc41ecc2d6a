"""Law 2, protected wins; and the segments, whose first match decides the limit."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.rules.dormancy import Verdict, judge, matches, segment_of
from accounts_review.rules.policy import Segment
from tests.builders import EVERYONE, POLICY, make_facts, make_policy, reasons, verdict


@pytest.mark.parametrize(
    ("changes", "protect", "reason"),
    [
        ({"permissions": ("edit_domain",)}, {}, ("right", "edit_domain", "")),
        (
            {"groups": ("team",), "rights_by_group": {"team": ("edit_domain",)}},
            {},
            ("right", "edit_domain", "team"),
        ),
        ({"groups": ("admins",), "rights_by_group": {"admins": ()}}, {}, ("protected_group", "admins", "")),
        ({"username": "svc.etl"}, {"usernames": ("robot", "svc.*")}, ("protected_name", "svc.*", "")),
        ({"email": "x@Town.Example"}, {"email_domains": {"town.example"}}, ("protected_domain", "town.example", "")),
        ({"username": "SVC-Backup"}, {"usernames": ("svc-*",)}, ("protected_name", "svc-*", "")),
        ({"username": "svc-backup"}, {"usernames": ("SVC-*",)}, ("protected_name", "SVC-*", "")),
        ({"groups": ("Admins ",), "rights_by_group": {"Admins ": ()}}, {}, ("protected_group", "Admins ", "")),
        ({"groups": ("pub",), "rights_by_group": {"pub": ()}}, {"groups": {"PUB"}}, ("protected_group", "pub", "")),
        ({"permissions": ("Own_Right",)}, {"permissions": {"Own_Right"}}, ("right", "Own_Right", "")),
        ({"permissions": ("edit_form",)}, {"permissions": {"EDIT_FORM"}}, ("right", "edit_form", "")),
        ({"email": "x@town.example"}, {"email_domains": {"TOWN.example"}}, ("protected_domain", "town.example", "")),
        ({"username": "x" * 2000}, {"usernames": ("svc-*",)}, ("rule_failed", "", "")),
        ({"is_vendor": True}, {}, ("vendor_staff", "", "")),
        ({"is_key_owner": True}, {}, ("key_owner", "", "")),
    ],
    ids=lambda value: str(value)[:50],
)
def test_who_is_protected_is_never_dormant(
    changes: dict[str, Any], protect: dict[str, Any], reason: tuple[str, str, str]
) -> None:
    policy = make_policy(**protect)
    assert verdict(make_facts(**changes), policy=policy) is Verdict.PROTECTED
    assert reasons(make_facts(**changes), policy=policy) == [reason]


@pytest.mark.parametrize("right", sorted(POLICY.protect.permissions))
def test_each_right_that_the_default_policy_names_protects(right: str) -> None:
    assert verdict(make_facts(permissions=(right,))) is Verdict.PROTECTED


@pytest.mark.parametrize(
    ("changes", "protect"),
    [
        ({"username": "my.svc.etl"}, {"usernames": ("svc.*",)}),
        ({"email": "x@sub.town.example"}, {"email_domains": {"town.example"}}),
        ({"groups": ("admin",), "rights_by_group": {"admin": ()}}, {}),
        ({"permissions": ("explore_restricted_dataset",)}, {}),
        ({"rights_by_group": {"team": ("edit_domain",), "admins": ()}}, {}),
    ],
    ids=str,
)
def test_what_only_resembles_a_protection_does_not_protect(changes: dict[str, Any], protect: dict[str, Any]) -> None:
    assert verdict(make_facts(**changes), policy=make_policy(**protect)) is Verdict.DORMANT


def test_protected_wins_over_uncertain_and_the_doubts_are_told_after_it() -> None:
    facts = make_facts(permissions=("edit_domain",), last_seen_at="soon", email="", groups=None)
    assert verdict(facts) is Verdict.PROTECTED
    assert reasons(facts) == [
        ("right", "edit_domain", ""),
        ("invalid_date", "last_seen_at", ""),
        ("unknown_groups", "", ""),
        ("no_email", "", ""),
    ]


def test_every_protection_is_told() -> None:
    facts = make_facts(
        permissions=("publish_dataset",),
        groups=("admins", "team"),
        rights_by_group={"admins": (), "team": ("edit_domain", "explore_monitoring")},
        is_vendor=True,
        is_key_owner=True,
    )
    assert reasons(facts, policy=make_policy(usernames=("ana*", "*"), email_domains={"example.org"})) == [
        ("right", "edit_domain", "team"),
        ("right", "publish_dataset", ""),
        ("protected_group", "admins", ""),
        ("protected_name", "ana*", ""),
        ("protected_name", "*", ""),
        ("protected_domain", "example.org", ""),
        ("vendor_staff", "", ""),
        ("key_owner", "", ""),
    ]


def test_a_right_names_the_first_group_that_gives_it_unless_it_is_granted_directly() -> None:
    listed = {"a": ("edit_domain", "edit_page"), "b": ("edit_domain", "edit_theme"), "c": ("edit_form",), "d": None}
    facts = make_facts(permissions=("edit_page",), groups=("a", "b", "d"), rights_by_group=listed)
    assert facts.rights == {"edit_domain": "a", "edit_page": "", "edit_theme": "b"}


# Segments


TEAM = {"groups": ("team", "other"), "rights_by_group": {"team": ("edit_page",), "other": ()}}
UNUSED = {"last_seen_at": None, "last_login_at": None}


@pytest.mark.parametrize(
    ("condition", "meets", "misses"),
    [
        ({"never_used": True}, UNUSED, {}),
        ({"never_used": False}, {}, UNUSED),
        ({"account_types": ("local", "linked")}, {"account_type": "linked"}, {"account_type": ""}),
        ({"groups": ("nobody", "team")}, TEAM, {"groups": ("others",)}),
        ({"groups": ("team",)}, TEAM, {"groups": None}),
        ({"permissions": ("fly", "edit_page")}, TEAM, {"permissions": ("edit_theme",)}),
        ({"permissions": ("edit_page",)}, {"permissions": ("edit_page",)}, {"permissions": None}),
        ({"email_domains": ("a.org", "b.org")}, {"email": "x@B.org"}, {"email": "x@a.b.org"}),
        ({"usernames": ("robot", "*.EXT")}, {"username": "anna.b.Ext"}, {"username": "anna.ext.b"}),
        ({"usernames": ("*",)}, {}, {"username": "x" * 2000}),
        ({"emails": ("*@Partner.example",)}, {"email": "Jo@partner.example"}, {"email": ""}),
        ({"groups": ("Team",)}, TEAM, {"groups": ("teams",)}),
        ({"permissions": ("Edit_Page",)}, TEAM, {"permissions": ("edit_pages",)}),
        ({"account_types": ("LOCAL",)}, {"account_type": "local"}, {"account_type": "global"}),
        ({}, {}, None),
    ],
    ids=str,
)
def test_each_condition_of_a_segment(
    condition: dict[str, Any], meets: dict[str, Any], misses: dict[str, Any] | None
) -> None:
    segment = Segment(name="some", dormant_after_days=5, **condition)
    assert matches(segment, make_facts(**meets))
    assert misses is None or not matches(segment, make_facts(**misses))


def test_the_conditions_of_a_segment_must_hold_together() -> None:
    segment = Segment(name="some", dormant_after_days=5, account_types=("local",), groups=("team",))
    assert matches(segment, make_facts(account_type="local", **TEAM))
    assert not matches(segment, make_facts(account_type="global", **TEAM))
    assert not matches(segment, make_facts(account_type="local"))


def test_the_first_segment_that_matches_wins_and_its_limit_counts() -> None:
    short = Segment(name="short", dormant_after_days=5, account_types=("global",))
    long = Segment(name="long", dormant_after_days=3000, account_types=("global",))
    facts = make_facts()
    assert verdict(facts, policy=make_policy(short, long)) is Verdict.DORMANT
    assert verdict(facts, policy=make_policy(long, short)) is Verdict.ACTIVE
    assert judge(make_policy(long, short), facts).segment == "long"
    assert segment_of(make_policy(long, short), make_facts(account_type="local")) is EVERYONE
