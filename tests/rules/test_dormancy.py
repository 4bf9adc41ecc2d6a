"""Laws 1 and 2: who is dormant, who is protected, and when not to know."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from accounts_review.facts import facts_of
from accounts_review.huwise import decode_user
from accounts_review.rules.addresses import usable_in_url
from accounts_review.rules.dates import valid_instant
from accounts_review.rules.dormancy import (
    BEFORE_ALL_DATES,
    KNOWN_PERMISSIONS,
    Standing,
    Verdict,
    judge,
    segment_of,
    verdict_at,
)
from accounts_review.rules.policy import Policy, Segment, parse
from tests.builders import ARCHETYPES, NOW, POLICY, SEEN, make_facts, make_policy, reasons, verdict

DATES = ("joined_at", "last_seen_at", "last_login_at")
MICROSECOND = timedelta(microseconds=1)

EDITOR = [("right", name, "") for name in ("create_dataset", "edit_dataset", "manage_dataset", "publish_dataset")]
WHY: dict[str, list[tuple[str, str, str]]] = {
    "active-daily": [],
    "yearly-user": [],
    "edge-inside": [],
    "invited-fresh": [],
    "api-only-seen": [("right", "edit_dataset", "")],
    "plain-reader": [],
    "partner-reader": [],
    "direct-restricted-reader": [],
    "invite-lapsed": [],
    "admin-direct": [("right", "edit_domain", "")],
    "admin-by-custom-group": [("right", "edit_domain", "portal-team")],
    "admin-vendor-sample": sorted(
        [*EDITOR, *(("right", name, "domain-administrators") for name in ("edit_domain", "manage_subdomains"))]
    ),
    "workspace-manager": [("right", "manage_subdomains", "network-managers")],
    "new-permission": [("right", "manage_glossary", "glossary-owners")],
    "decoy-admins-group": [("protected_group", "admins", "")],
    "temp-running": [],
    "temp-over": [],
    "temp-admin-over": [("right", "edit_domain", "")],
    "no-dates": [("no_date", "", "")],
    "empty-string-dates": [("no_date", "", "")],
    "no-email": [("no_email", "", "")],
    "csv-formula": [],
    # These have a context, and deserve their verdict for what is on the user object alone, or for whose key we use.
    "caller-itself": [("right", "edit_domain", ""), ("key_owner", "", "")],
    "last-admin": [("right", "edit_domain", "")],
    "slash-name": [("unsafe_username", "", "")],
    "reserved-name": [("unsafe_username", "", "")],
    "returned-after-notice": [],
    "race-login": [],
    "race-promoted": [("right", "edit_domain", "portal-team")],
}
"""The reasons for the verdict of each archetype that floor 0 can judge."""


def archetype_policy() -> Policy:
    given = ARCHETYPES["policy"]
    protect = {
        "permissions": given["protected_permissions"],
        "groups": given["protected_groups"],
    }
    segments = [
        "[[segment]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in segment.items())
        for segment in given["segments"]
    ]
    return parse("".join(segments) + "[protect]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in protect.items()))


@pytest.mark.parametrize(
    "case",
    [case for case in ARCHETYPES["archetypes"] if not case["context"] or case["id"] in WHY],
    ids=lambda case: case["id"],
)
def test_every_archetype_gets_its_verdict_for_its_reason(case: dict[str, Any]) -> None:
    as_of = datetime.fromisoformat(ARCHETYPES["as_of"])
    facts = facts_of(
        decode_user(json.dumps(case["user"])),
        rights_by_group={group["uid"]: tuple(group["permissions"]) for group in ARCHETYPES["groups"]},
        key_owner=case["user"]["username"] if case["context"].get("is_caller") else "svc.cleanup",
        read_at=as_of,
    )
    policy = archetype_policy()
    assert verdict(facts, policy=policy, now=as_of) == case["expected"]
    assert reasons(facts, policy=policy) == WHY[case["id"]]


def test_every_archetype_named_here_exists() -> None:
    assert WHY.keys() <= {case["id"] for case in ARCHETYPES["archetypes"]}


# The clock


def test_an_account_idle_past_its_limit_is_dormant_and_says_since_when() -> None:
    found = judge(POLICY, make_facts())
    assert (found.standing, found.reasons, found.segment) == (Standing.ORDINARY, (), "everyone else")
    assert (found.activity_at, found.activity_field) == (SEEN, "last_seen_at")
    assert found.dormant_from == SEEN + timedelta(days=730)
    assert verdict(make_facts()) is Verdict.DORMANT


def test_an_account_seen_yesterday_is_active() -> None:
    assert verdict(make_facts(last_seen_at=(NOW - timedelta(days=1)).isoformat())) is Verdict.ACTIVE


def test_the_limit_itself_counts_as_reached_and_a_microsecond_before_does_not() -> None:
    facts = make_facts()
    limit = judge(POLICY, facts).dormant_from
    assert verdict(facts, now=limit) is Verdict.DORMANT
    assert verdict(facts, now=limit - MICROSECOND) is Verdict.ACTIVE


@pytest.mark.parametrize("standing", Standing)
def test_before_its_limit_every_account_is_active_and_from_then_on_what_its_standing_says(standing: Standing) -> None:
    idle = {
        Standing.ORDINARY: Verdict.DORMANT,
        Standing.PROTECTED: Verdict.PROTECTED,
        Standing.UNCERTAIN: Verdict.UNCERTAIN,
    }[standing]
    told = [verdict_at(standing=standing, dormant_from=NOW, now=NOW + MICROSECOND * step) for step in (-1, 0, 1)]
    assert told == [Verdict.ACTIVE, idle, idle]
    assert verdict_at(standing=standing.value, dormant_from=NOW, now=NOW) is idle


@pytest.mark.parametrize("now", [datetime(1990, 1, 1, tzinfo=UTC), NOW, datetime(2500, 1, 1, tzinfo=UTC)])
def test_an_account_without_any_valid_date_is_uncertain_at_every_instant(now: datetime) -> None:
    facts = make_facts(joined_at="soon", last_seen_at=None, last_login_at="")
    assert judge(POLICY, facts).dormant_from == BEFORE_ALL_DATES
    assert verdict(facts, now=now) is Verdict.UNCERTAIN
    assert reasons(facts) == [("invalid_date", "joined_at", ""), ("no_date", "", "")]


def test_recent_use_outweighs_protection_and_doubt_until_the_limit() -> None:
    recent = NOW.isoformat()
    assert verdict(make_facts(last_seen_at=recent, is_vendor=True)) is Verdict.ACTIVE
    assert verdict(make_facts(last_seen_at=recent, last_login_at="soon")) is Verdict.ACTIVE


# Law 1: dates


@pytest.mark.parametrize("field", DATES)
@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "2024-02-30T08:00:00+00:00",
        "2024-04-05T08:00:00",
        "2024-04-05",
        "1999-12-31T23:59:59.999999+00:00",
        "0001-01-01T00:00:00+14:00",
        (NOW + timedelta(days=1) + MICROSECOND).isoformat(),
        "9999-12-31T23:59:59-14:00",
        " ",
        1712304000,
        0,
        False,
        True,
        1.5,
        [],
        {},
        "2024-04-05T08:00:00+00:00" + " " * 100_000,
        "2024-04-05–08:00:00+00:00",
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_date_that_cannot_be_believed_makes_an_idle_account_uncertain(field: str, value: object) -> None:
    facts = make_facts(**{field: value})
    assert valid_instant(value, read_at=NOW) is None
    assert verdict(facts) is Verdict.UNCERTAIN
    assert reasons(facts) == [("invalid_date", field, "")]


@pytest.mark.parametrize(
    "value",
    [
        "2024-04-06T08:00:00+00:00",
        "2024-04-06T08:00:00Z",
        "2024-04-06 08:00:00+00:00",
        "2024-04-06T10:00:00+02:00",
        "2024-04-06T08:00:00.000000+00:00",
        " 2024-04-06T08:00:00+00:00\n",
    ],
)
def test_every_form_of_date_the_vendor_was_seen_to_write_is_read(value: str) -> None:
    assert valid_instant(value, read_at=NOW) == SEEN


@pytest.mark.parametrize("instant", [datetime(2000, 1, 1, tzinfo=UTC), NOW + timedelta(days=1)])
def test_the_first_and_the_last_instant_that_can_be_believed(instant: datetime) -> None:
    there = instant.astimezone(timezone(timedelta(hours=-5)))
    assert valid_instant(there.isoformat(), read_at=NOW) == instant


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("field", ["last_seen_at", "last_login_at"])
def test_one_absent_date_is_ignored_where_the_other_is_valid(field: str, nothing: object) -> None:
    facts = make_facts(**{field: nothing})
    assert verdict(facts) is Verdict.DORMANT
    assert not facts.never_used


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_account_without_both_dates_was_never_used(nothing: object) -> None:
    facts = make_facts(last_seen_at=nothing, last_login_at=nothing)
    assert facts.never_used
    assert segment_of(POLICY, facts).name == "never activated"
    assert verdict(facts) is Verdict.DORMANT


@pytest.mark.parametrize("joined", [None, "", "soon", "1999-01-01T00:00:00+00:00"])
def test_never_used_needs_a_valid_date_of_joining(joined: object) -> None:
    facts = make_facts(joined_at=joined, last_seen_at=None, last_login_at=None)
    assert not facts.never_used
    assert verdict(facts) is Verdict.UNCERTAIN


def test_an_unreadable_date_is_not_an_absent_one() -> None:
    assert not make_facts(last_seen_at="soon", last_login_at=None).never_used


def test_a_date_of_joining_newer_than_the_others_is_normal_and_counts() -> None:
    joined = datetime(2026, 6, 1, 8, tzinfo=UTC)
    found = judge(POLICY, make_facts(joined_at=joined.isoformat()))
    assert (found.activity_at, found.activity_field) == (joined, "joined_at")
    assert (found.standing, found.dormant_from) == (Standing.ORDINARY, joined + timedelta(days=730))


@pytest.mark.parametrize("field", DATES)
def test_the_newest_valid_date_is_the_activity_whichever_field_it_stands_in(field: str) -> None:
    newest = SEEN + timedelta(days=1)
    assert make_facts(**{field: newest.isoformat()}).activity == (newest, field)


def test_without_a_date_of_joining_a_reused_username_could_not_be_told_apart() -> None:
    assert verdict(make_facts(joined_at=None)) is Verdict.UNCERTAIN
    assert reasons(make_facts(joined_at=None)) == [("no_joined_at", "", "")]


# Law 1: rights, groups and the rest


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"permissions": None}, ("unknown_rights", "", "")),
        ({"groups": None}, ("unknown_groups", "", "")),
        ({"groups": ("ghosts",)}, ("unlisted_group", "ghosts", "")),
        ({"groups": ("veiled",), "rights_by_group": {"veiled": None}}, ("unreadable_group", "veiled", "")),
        ({"permissions": ("fly",)}, ("unknown_right", "fly", "")),
        ({"groups": ("birds",), "rights_by_group": {"birds": ("fly",)}}, ("unknown_right", "fly", "birds")),
        ({"account_type": "martian"}, ("unknown_account_type", "martian", "")),
        ({"account_type": "\ufffd"}, ("unknown_account_type", "\ufffd", "")),
        ({"incomplete": True}, ("incomplete_extraction", "", "")),
        *(
            ({"email": text}, ("no_email", "", ""))
            for text in (
                *("", "ana", "@", "ana@", "@b.org", "a b@c.org", "a@b\nc", "ana\ufffd@b.org", "ana\x7f@b.org"),
                *("\u202eana@b.org", "ana@b.org.", "ana@.b.org", "a@b@c.org", "a@b.org,c@d.org", "<ana@b.org>"),
                *("ana(home)@b.org", "ana@[10.0.0.1]", "Ana:ana@b.org;", f"{'a' * 250}@b.org"),
            )
        ),
    ],
    ids=str,
)
def test_what_is_not_known_makes_an_idle_account_uncertain(
    changes: dict[str, Any], reason: tuple[str, str, str]
) -> None:
    assert verdict(make_facts(**changes)) is Verdict.UNCERTAIN
    assert reasons(make_facts(**changes)) == [reason]


@pytest.mark.parametrize("field", ["permissions", "groups"])
@pytest.mark.parametrize("given", [None, "absent", "edit_domain", {}, 5, [None], ["a", 5], [["a"]], [{}]])
def test_a_list_that_is_no_list_of_names_is_not_known(field: str, given: object) -> None:
    user = {"username": "ana", "permissions": [], "groups": [], field: given}
    if given == "absent":
        del user[field]
    facts = facts_of(decode_user(json.dumps(user)), rights_by_group={}, key_owner="", read_at=NOW)
    assert {"permissions": "unknown_rights", "groups": "unknown_groups"}[field] in {code for code, *_ in reasons(facts)}


def test_the_known_rights_are_the_vendors_21_and_those_the_policy_protects() -> None:
    assert len(KNOWN_PERMISSIONS) == 21
    harmless = tuple(sorted(KNOWN_PERMISSIONS - POLICY.protect.permissions))
    assert verdict(make_facts(permissions=harmless)) is Verdict.DORMANT
    named = make_policy(permissions=frozenset({"edit_domain", "fly"}))
    assert reasons(make_facts(permissions=("fly",)), policy=named) == [("right", "fly", "")]


@pytest.mark.parametrize("address", ["ana@b", "o'hara+x@b-c.example", "josé@exämple.org", "a_b=c/d@e.org", "A@B.ORG"])
def test_an_address_that_can_be_written_to_is_no_reason_for_doubt(address: str) -> None:
    assert verdict(make_facts(email=address)) is Verdict.DORMANT


def test_without_its_type_an_account_is_in_doubt_where_the_policy_asks_for_types() -> None:
    policy = make_policy(Segment(name="partners", dormant_after_days=3000, account_types=("linked",)))
    assert reasons(make_facts(account_type=""), policy=policy) == [("no_account_type", "", "")]
    assert verdict(make_facts(account_type="")) is Verdict.DORMANT


def test_an_account_type_that_a_segment_names_is_known() -> None:
    policy = make_policy(Segment(name="martians", dormant_after_days=5, account_types=("martian",)))
    assert verdict(make_facts(account_type="martian"), policy=policy) is Verdict.DORMANT


UNSAFE = ["", " ", ".", "..", " .. ", "a/b", "/", "../x", "export", "EXPORT", " invite ", "provision", "a\x00", "a\nb"]


@pytest.mark.parametrize(
    "username", [*UNSAFE, "a\x7fb", "\ufffd", "a\ud800", "．．", "․", "a／b", "ｅxport", "．．／"], ids=ascii
)
def test_a_username_that_no_url_can_hold_safely_makes_an_account_uncertain(username: str) -> None:
    assert not usable_in_url(username)
    assert reasons(make_facts(username=username)) == [("unsafe_username", "", "")]


@pytest.mark.parametrize(
    "username", ["ana", "a.b", "...", "marie+data@ville.example.org", "é à", "exports", "a%2Fb", "?#", "VILLE\\ana"]
)
def test_a_username_that_percent_encoding_makes_safe_is_no_reason(username: str) -> None:
    assert usable_in_url(username)
    assert verdict(make_facts(username=username)) is Verdict.DORMANT


class Broken(dict[str, tuple[str, ...] | None]):
    """Rights that nobody can look up."""

    def get(self, *_: object) -> tuple[str, ...]:
        raise RuntimeError


def test_a_rule_that_fails_means_protected() -> None:
    facts = make_facts(groups=("readers",), rights_by_group=Broken())
    assert verdict(facts) is Verdict.PROTECTED
    assert reasons(facts) == [("rule_failed", "", "")]
