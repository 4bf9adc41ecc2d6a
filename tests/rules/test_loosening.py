"""What a policy risks and where it is looser than another: found for each part, and never for what is stricter."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from accounts_review.rules.loosening import loosened, risks
from accounts_review.rules.policy import ALWAYS_PROTECTED, Limits, Policy, Segment
from tests.builders import POLICY


def policy(**sections: dict[str, Any]) -> Policy:
    """The default policy with other values in some sections."""
    return replace(POLICY, **{name: replace(getattr(POLICY, name), **values) for name, values in sections.items()})


def codes(found: Any) -> list[str]:
    return [one["code"] for one in found]


CLEAN = policy()
RISKS = {
    "short limit": (
        replace(POLICY, segments=(replace(POLICY.segments[0], name="a", dormant_after_days=89), POLICY.segments[0])),
        {"code": "short_limit", "segment": "a", "days": 89},
    ),
    "no notice": (policy(notice={"days": 0}), {"code": "short_notice", "days": 0}),
    "short notice": (policy(notice={"days": 4}), {"code": "short_notice", "days": 4}),
    "no rights": (
        policy(protect={"permissions": frozenset({ALWAYS_PROTECTED})}),
        {"code": "empty_protection", "list": "permissions"},
    ),
    "no groups": (policy(protect={"groups": frozenset()}), {"code": "empty_protection", "list": "groups"}),
}


@pytest.mark.parametrize(("risky", "found"), RISKS.values(), ids=RISKS)
def test_a_risk_is_found_with_its_details(risky: Policy, found: dict[str, Any]) -> None:
    assert list(risks(risky)) == [found]


@pytest.mark.parametrize("fine", [CLEAN, policy(notice={"days": 5})], ids=["default", "notice of five days"])
def test_a_careful_policy_has_none(fine: Policy) -> None:
    assert list(risks(fine)) == []


LOOSER = {
    "right": ({"protect": {"permissions": frozenset({"edit_domain"})}}, "protects_less"),
    "group": ({"protect": {"groups": frozenset({"admins", "Publishers"})}}, "protects_less"),
    "notice": ({"notice": {"days": 29}}, "shorter_notice"),
    "no notice": ({"notice": {"days": 0, "reminders_days_before": (7, 1)}}, "shorter_notice"),
    "wait": ({"launch": {"wait_hours": 23}}, "shorter_wait"),
    "reminders": ({"notice": {"reminders_days_before": (7,)}}, "fewer_reminders"),
    "approval": ({"approval": {"expires_after_days": 61}}, "longer_approval"),
    "per clean-up": ({"limits": {"per_cleanup": 501}}, "higher_limit"),
    "per hour": ({"limits": {"per_hour": 201}}, "higher_limit"),
    "share": ({"limits": {"share_of_population": 0.26}}, "higher_limit"),
    "accounts erased": ({"retention": {"months_after_end": 11}}, "shorter_retention"),
    "names erased": ({"retention": {"keep_audit_names_months": 1}}, "shorter_retention"),
}


@pytest.mark.parametrize(("sections", "code"), LOOSER.values(), ids=LOOSER)
def test_each_loosening_is_found_and_its_reverse_is_none(sections: dict[str, Any], code: str) -> None:
    looser = policy(**sections)
    assert codes(loosened(CLEAN, looser)) == [code]
    assert list(loosened(looser, CLEAN)) == []
    assert list(loosened(looser, looser)) == []


def test_a_second_person_who_is_no_longer_needed_is_found() -> None:
    strict = policy(approval={"two_people": True})
    assert codes(loosened(strict, CLEAN)) == ["one_person"]
    assert codes(loosened(CLEAN, strict)) == []


def test_a_shorter_limit_of_a_segment_is_found_by_its_name() -> None:
    shorter = replace(POLICY, segments=(POLICY.segments[0], replace(POLICY.segments[1], dormant_after_days=400)))
    (found,) = loosened(CLEAN, shorter)
    assert found == {"code": "shorter_limit", "segment": "everyone else", "before": 730, "after": 400}
    assert list(loosened(shorter, CLEAN)) == []


NEVER, REST = POLICY.segments
STAFF = Segment(name="staff", dormant_after_days=3650, groups=("staff", "board"))
EVERYBODY = Segment(name="all the rest", dormant_after_days=1)


def segments(*given: Segment) -> Policy:
    return replace(POLICY, segments=given)


SHORTER_FOR_SOME = {
    "renamed and shorter": (CLEAN, segments(NEVER, EVERYBODY), [("all the rest", 730, 1)]),
    "a new first one": (
        CLEAN,
        segments(Segment(name="new", dormant_after_days=1, usernames=("*",)), NEVER, REST),
        [("new", 730, 1)],
    ),
    "the long one dropped": (segments(STAFF, NEVER, REST), CLEAN, [("never activated", 3650, 90), REST]),
    "the long one put after": (
        segments(STAFF, REST),
        segments(replace(REST, name="a"), STAFF, REST),
        [("a", 3650, 730)],
    ),
    "the long one narrowed": (
        segments(STAFF, REST),
        segments(replace(STAFF, groups=("board",)), REST),
        [("everyone else", 3650, 730)],
    ),
    "the short one widened": (
        CLEAN,
        segments(replace(NEVER, never_used=None, groups=("staff",)), REST),
        [("never activated", 730, 90)],
    ),
    "conditions exchanged": (
        segments(STAFF, replace(NEVER, dormant_after_days=30), REST),
        segments(
            replace(STAFF, groups=(), never_used=True), replace(NEVER, dormant_after_days=30, never_used=False), REST
        ),
        [("never activated", 3650, 30), ("everyone else", 3650, 730)],
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), SHORTER_FOR_SOME.values(), ids=SHORTER_FOR_SOME)
def test_a_shorter_limit_of_some_is_found_whatever_their_segment_is_called(
    before: Policy, after: Policy, expected: list[Any]
) -> None:
    wanted = [(REST.name, 3650, 730) if one is REST else one for one in expected]
    found = list(loosened(before, after))
    assert [(one["segment"], one["before"], one["after"]) for one in found] == wanted
    assert set(codes(found)) == {"shorter_for_some"}


NO_SHORTER = {
    "renamed": (CLEAN, segments(replace(NEVER, name="a"), replace(REST, name="b"))),
    "a longer one added": (CLEAN, segments(STAFF, NEVER, REST)),
    "the short one dropped": (CLEAN, segments(REST)),
    "the short one narrowed": (CLEAN, segments(replace(NEVER, groups=("staff",)), REST)),
    "a part split off": (segments(STAFF, REST), segments(replace(STAFF, name="a", groups=("board",)), STAFF, REST)),
    "names in another order": (segments(STAFF, REST), segments(replace(STAFF, groups=("board", "staff")), REST)),
}


@pytest.mark.parametrize(("before", "after"), NO_SHORTER.values(), ids=NO_SHORTER)
def test_segments_that_give_nobody_less_time_are_no_loosening(before: Policy, after: Policy) -> None:
    assert list(loosened(before, after)) == []


@pytest.mark.parametrize(
    ("before", "after", "dropped"),
    [
        (("weekends", "2026-12-24", "holidays FR"), (), ["2026-12-24", "holidays FR", "weekends"]),
        (("weekends", "2026-12-24"), ("2026-12-25", "weekends"), ["2026-12-24"]),
        ((), ("weekends",), []),
    ],
)
def test_days_that_are_no_longer_avoided_are_found(
    before: tuple[str, ...], after: tuple[str, ...], dropped: list[str]
) -> None:
    found = list(loosened(policy(notice={"avoid": before}), policy(notice={"avoid": after})))
    assert found == ([{"code": "fewer_avoided", "names": dropped}] if dropped else [])


def test_no_limit_of_a_policy_is_forgotten() -> None:
    for field in fields(Limits):
        raised = policy(limits={field.name: getattr(POLICY.limits, field.name) + 1})
        assert [(one["code"], one["limit"]) for one in loosened(CLEAN, raised)] == [("higher_limit", field.name)]


@pytest.mark.parametrize(
    ("before", "after", "dropped"),
    [
        (("svc-a", "svc-b"), ("SVC-*",), []),
        (("svc-*",), ("svc-a",), ["svc-*"]),
        (("svc-*", "bot"), ("SVC-*",), ["bot"]),
        (("Bot",), ("bot",), []),
    ],
)
def test_a_username_is_dropped_only_where_nothing_else_covers_it(
    before: tuple[str, ...], after: tuple[str, ...], dropped: list[str]
) -> None:
    found = list(loosened(policy(protect={"usernames": before}), policy(protect={"usernames": after})))
    assert [one["names"] for one in found] == ([dropped] if dropped else [])
