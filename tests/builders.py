"""What the tests of floor 0 are made of: one dormant account, one policy and one set of terms, each easily spoiled."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from accounts_review.rules.dormancy import Judgement, Verdict, judge, verdict_at
from accounts_review.rules.facts import Facts
from accounts_review.rules.gate import Evidence, Terms
from accounts_review.rules.policy import DEFAULT_TEXT, Policy, Segment, parse

NOW = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
SEEN = datetime(2024, 4, 6, 8, 0, tzinfo=UTC)
POLICY = parse(DEFAULT_TEXT)
EVERYONE = Segment(name="everyone else", dormant_after_days=730)
ARCHETYPES: dict[str, Any] = json.loads((Path(__file__).parent / "fixtures" / "archetypes.json").read_text())


def make_facts(**changes: Any) -> Facts:
    """A plain reader last seen 800 days before ``NOW``: dormant, and no reason against it."""
    known: dict[str, Any] = {
        "username": "ana.reader",
        "email": "ana.reader@example.org",
        "account_type": "global",
        "is_vendor": False,
        "is_key_owner": False,
        "joined_at": "2023-03-03T08:00:00+00:00",
        "last_seen_at": SEEN.isoformat(),
        "last_login_at": "2024-04-05T08:00:00+00:00",
        "read_at": NOW,
        "permissions": (),
        "groups": (),
        "rights_by_group": {},
    }
    return Facts(**(known | changes))


def make_policy(*segments: Segment, **protect: Any) -> Policy:
    """The default policy with other segments before "everyone else", or other protections."""
    return replace(
        POLICY,
        segments=(*segments, EVERYONE) if segments else POLICY.segments,
        protect=replace(POLICY.protect, **protect),
    )


def make_terms(**changes: Any) -> Terms:
    """Terms under which nothing speaks against the DELETE."""
    known: dict[str, Any] = {
        "now": NOW,
        "facts": make_facts(),
        "incarnation": "2023-03-03T08:00:00+00:00",
        "evidence": make_evidence(),
        "reviewed_policy": POLICY,
        "current_policy": POLICY,
        "approver_may": True,
        "approved_at": NOW - timedelta(days=31),
        "accepted_activity_at": SEEN,
        "is_exempt": False,
        "is_held": False,
        "database_trusted": True,
        "key_owner_known": True,
        "gives_notice": True,
        "notice_promised": True,
        "warned_to": "ana.reader@example.org",
        "noticed_at": NOW - timedelta(days=30),
        "promised_at": NOW,
        "cleanup_running": True,
        "mode_allows": True,
        "breaker_tripped": False,
        "budget_left": 1,
    }
    return Terms(**(known | changes))


def make_evidence(**changes: Any) -> Evidence:
    """What the approver saw: the account of ``make_facts``."""
    known: dict[str, Any] = {
        "incarnation": "2023-03-03T08:00:00+00:00",
        "activity_at": SEEN,
        "rights": frozenset(),
        "groups": frozenset(),
        "email": "ana.reader@example.org",
    }
    return Evidence(**(known | changes))


def verdict_of(assessment: Judgement, now: datetime = NOW) -> Verdict:
    return verdict_at(standing=assessment.standing, dormant_from=assessment.dormant_from, now=now)


def verdict(facts: Facts, *, policy: Policy = POLICY, now: datetime = NOW) -> Verdict:
    return verdict_of(judge(policy, facts), now)


def reasons(facts: Facts, *, policy: Policy = POLICY) -> list[tuple[str, str, str]]:
    """The code, the subject and the group of each reason."""
    return [(reason.code, reason.subject, reason.via) for reason in judge(policy, facts).reasons]
