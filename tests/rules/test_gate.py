"""The gate: nothing short of all terms lets a DELETE through, and each objection says what becomes of the case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts_review.rules.dormancy import Reason
from accounts_review.rules.facts import Facts
from accounts_review.rules.gate import Effect, Objection, objections
from accounts_review.wording.objections import OBJECTIONS
from tests.builders import EVERYONE, NOW, POLICY, SEEN, make_evidence, make_facts, make_policy, make_terms

SECOND = timedelta(seconds=1)
SPARE, HOLD = Effect.SPARE, Effect.HOLD

PATIENT = replace(POLICY, segments=(replace(EVERYONE, dormant_after_days=3650),))
PROTECTIVE = make_policy(usernames=("ana.*",))

UNWARNED: dict[str, Any] = {
    "gives_notice": False,
    "notice_promised": False,
    "noticed_at": None,
    "warned_to": "",
    "promised_at": None,
}
"""Of somebody in a clean-up that gives no notice."""


def at(instant: datetime, seconds: float) -> str:
    return (instant + timedelta(seconds=seconds)).isoformat()


def in_team(*rights: str) -> Facts:
    return make_facts(groups=("team",), rights_by_group={"team": rights})


SPOILED: list[tuple[dict[str, Any], Objection]] = [
    ({"incarnation": ""}, Objection("unreadable_record", HOLD)),
    (
        {"facts": make_facts(last_seen_at=None)},
        Objection("earlier_activity", HOLD, "2024-04-05T08:00:00+00:00"),
    ),
    ({"incarnation": "2026"}, Objection("another_incarnation", SPARE, "2026")),
    (
        {"evidence": make_evidence(activity_at=SEEN - SECOND)},
        Objection("newer_activity", SPARE, "2024-04-06T08:00:00+00:00"),
    ),
    ({"evidence": make_evidence(activity_at=None)}, Objection("newer_activity", SPARE, SEEN.isoformat())),
    (
        {"facts": make_facts(last_login_at=(SEEN + SECOND).isoformat())},
        Objection("newer_activity", SPARE, (SEEN + SECOND).isoformat()),
    ),
    (
        {"facts": make_facts(permissions=("submit_private_form", "explore_monitoring"))},
        Objection("new_rights", SPARE, "explore_monitoring, submit_private_form"),
    ),
    (
        {"facts": in_team("explore_monitoring"), "evidence": make_evidence(groups=frozenset({"team"}))},
        Objection("new_rights", SPARE, "explore_monitoring"),
    ),
    ({"facts": in_team()}, Objection("new_groups", SPARE, "team")),
    (UNWARNED | {"facts": make_facts(email="ana@elsewhere.example")}, Objection("another_address", HOLD)),
    (UNWARNED | {"evidence": make_evidence(email="")}, Objection("another_address", HOLD)),
    ({"current_policy": PATIENT}, Objection("verdict_active", SPARE)),
    ({"reviewed_policy": PATIENT}, Objection("verdict_active", SPARE)),
    (
        {"current_policy": PROTECTIVE},
        Objection("verdict_protected", SPARE, because=(Reason("protected_name", "ana.*"),)),
    ),
    (
        {"reviewed_policy": PROTECTIVE},
        Objection("verdict_protected", SPARE, because=(Reason("protected_name", "ana.*"),)),
    ),
    ({"facts": make_facts(is_key_owner=True)}, Objection("verdict_protected", SPARE, because=(Reason("key_owner"),))),
    (
        {"facts": make_facts(email="", groups=None)},
        Objection(
            "verdict_uncertain",
            HOLD,
            because=(
                Reason("unknown_groups"),
                Reason("no_email"),
            ),
        ),
    ),
    (
        {"facts": make_facts(last_login_at="soon")},
        Objection("verdict_uncertain", HOLD, because=(Reason("invalid_date", "last_login_at"),)),
    ),
    (
        {"facts": make_facts(lost_activity_at=NOW)},
        Objection("verdict_uncertain", HOLD, because=(Reason("activity_went_back", NOW.isoformat()),)),
    ),
    ({"is_exempt": True}, Objection("exempt", SPARE)),
    ({"approver_may": False}, Objection("approver_may_no_longer", SPARE)),
    (
        {"approved_at": NOW - timedelta(days=60)},
        Objection("approval_expired", SPARE, "2026-06-15T08:00:00+00:00"),
    ),
    ({"is_held": True}, Objection("held", HOLD)),
    ({"database_trusted": False}, Objection("checkpoint", HOLD)),
    ({"key_owner_known": False}, Objection("key_owner_unknown", HOLD)),
    ({"cleanup_running": False}, Objection("cleanup_not_running", HOLD)),
    ({"mode_allows": False}, Objection("workspace_in_dry_run", HOLD)),
    ({"breaker_tripped": True}, Objection("breaker_tripped", HOLD)),
    ({"noticed_at": None}, Objection("not_noticed", HOLD)),
    ({"promised_at": None}, Objection("not_noticed", HOLD)),
    ({"warned_to": "ana@elsewhere.example"}, Objection("address_changed", HOLD)),
    ({"warned_to": ""}, Objection("address_changed", HOLD)),
    (
        {"promised_at": NOW + SECOND},
        Objection("promise_not_reached", HOLD, "2026-06-15T08:00:01+00:00"),
    ),
    (
        {"notice_promised": False, "noticed_at": None, "promised_at": NOW + SECOND},
        Objection("promise_not_reached", HOLD, "2026-06-15T08:00:01+00:00"),
    ),
    ({"budget_left": 0}, Objection("hourly_limit", HOLD)),
    ({"waits_until": NOW + SECOND}, Objection("launch_waits", HOLD, until=NOW + SECOND)),
    ({"avoided_until": NOW + SECOND}, Objection("avoided_day", HOLD, until=NOW + SECOND)),
    ({"budget_left": -3}, Objection("hourly_limit", HOLD)),
    ({"budget_left": 0, "budget_returns_at": NOW + SECOND}, Objection("hourly_limit", HOLD, until=NOW + SECOND)),
    (
        {"facts": make_facts(read_at=NOW - timedelta(seconds=30, microseconds=1))},
        Objection("stale_look", HOLD),
    ),
    ({"facts": make_facts(read_at=NOW + SECOND)}, Objection("stale_look", HOLD)),
]
"""Terms with one thing wrong, and the one objection to it."""


def test_where_all_terms_are_right_there_is_no_objection() -> None:
    assert objections(make_terms()) == []


@pytest.mark.parametrize(("changes", "objection"), SPOILED, ids=lambda value: str(value)[:60])
def test_each_term_that_is_wrong_gives_its_objection_and_no_other(
    changes: dict[str, Any], objection: Objection
) -> None:
    assert objections(make_terms(**changes)) == [objection]


def test_every_objection_there_is_a_sentence_for_can_arise_and_no_other() -> None:
    assert {objection.code for _, objection in SPOILED} | {"no_longer_listed"} == set(OBJECTIONS)


@pytest.mark.parametrize(
    "changes",
    [
        {"approved_at": NOW - timedelta(days=60) + SECOND},
        {"facts": make_facts(read_at=NOW - timedelta(seconds=30))},
        {"promised_at": NOW},
        {"budget_left": 1},
        UNWARNED,
        UNWARNED | {"facts": make_facts(email="Ana.Reader@EXAMPLE.org")},
        {"evidence": make_evidence(email="ana@before.example")},
        {"evidence": make_evidence(activity_at=SEEN + SECOND)},
        {"evidence": make_evidence(activity_at=SEEN + SECOND / 3), "accepted_activity_at": SEEN + SECOND / 2},
        {"evidence": make_evidence(activity_at=SEEN - SECOND / 3), "facts": make_facts(last_seen_at=at(SEEN, -0.2))},
        {"evidence": make_evidence(rights=frozenset({"edit_page"}), groups=frozenset({"team"}))},
        {"facts": in_team(), "evidence": make_evidence(groups=frozenset({"team", "other"}))},
    ],
    ids=", ".join,
)
def test_what_is_just_right_is_no_objection(changes: dict[str, Any]) -> None:
    assert objections(make_terms(**changes)) == []


def test_an_approval_lapses_by_the_policy_that_the_approver_saw() -> None:
    hasty = replace(POLICY, approval=replace(POLICY.approval, expires_after_days=31))
    assert [found.code for found in objections(make_terms(reviewed_policy=hasty))] == ["approval_expired"]
    assert objections(make_terms(current_policy=hasty)) == []


def test_of_another_incarnation_nothing_else_is_said() -> None:
    wrong = make_terms(incarnation="2026", facts=make_facts(permissions=("edit_domain",), email=""))
    assert objections(wrong) == [Objection("another_incarnation", SPARE, "2026")]


def test_what_is_wrong_under_both_policies_is_said_once() -> None:
    wrong = make_terms(current_policy=PROTECTIVE, reviewed_policy=PATIENT)
    assert objections(wrong) == [Objection("verdict_protected", SPARE, because=(Reason("protected_name", "ana.*"),))]


def test_a_person_who_came_back_is_spared_as_active() -> None:
    back = make_terms(facts=make_facts(last_seen_at=NOW.isoformat()))
    assert [found.code for found in objections(back)] == ["newer_activity", "verdict_active"]


def test_spares_come_before_holds_and_all_are_told() -> None:
    wrong = make_terms(
        facts=make_facts(read_at=NOW - timedelta(hours=1), permissions=("edit_domain",), groups=("admins",)),
        evidence=make_evidence(activity_at=None),
        is_exempt=True,
        approver_may=False,
        approved_at=NOW - timedelta(days=100),
        is_held=True,
        database_trusted=False,
        key_owner_known=False,
        cleanup_running=False,
        mode_allows=False,
        breaker_tripped=True,
        noticed_at=None,
        promised_at=NOW + SECOND,
        budget_left=0,
        waits_until=NOW + SECOND,
        avoided_until=NOW + SECOND,
    )
    found = objections(wrong)
    assert [one.effect for one in found] == [SPARE] * 7 + [HOLD] * 12
    assert {one.code for one in found} == set(OBJECTIONS) - {
        "another_incarnation",
        "another_address",
        "address_changed",
        "unreadable_record",
        "earlier_activity",
        "verdict_active",
        "verdict_uncertain",
        "no_longer_listed",
    }
