"""What if: a limit is tried on, the counts follow, and nothing changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Account, Assessment, Workspace
from accounts_review.rules.policy import DEFAULT_TEXT
from accounts_review.web.policy import histogram
from accounts_review.web.policy.histogram import COLUMNS, HEIGHT, WIDTH
from accounts_review.web.policy.idleness import Idleness, IdlenessRow, Trial, idleness
from accounts_review.workflow.assess import assess
from accounts_review.workflow.review import decide
from tests.factories import put_in_force
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


@pytest.fixture
def town(site: Site) -> Site:
    """Two segments: "never activated" (90 days) with two people, "everyone else" (730) with five."""
    site.people("invited.new", idle=60, last_seen_at=None, joined_at=(now() - timedelta(days=60)).isoformat())
    site.people("invited.old", idle=200, last_seen_at=None, joined_at=(now() - timedelta(days=200)).isoformat())
    site.people("ana", idle=10)
    site.people("ben", idle=400)
    site.people("cyd", idle=800)
    site.people("boss", idle=800, permissions=["edit_domain"])
    site.people("dee", idle=3000)
    return site


def shown(site: Site, **query: Any) -> Idleness:
    found: Idleness = site.get("what_if", query).context["idleness"]
    return found


def then(found: Idleness) -> dict[str, int]:
    return {change.verdict: change.then for change in found.changes}


def test_without_a_limit_the_numbers_are_those_of_the_policy(town: Site) -> None:
    found = shown(town)
    assert [(row.segment, row.limit_days, row.total) for row in found.rows] == [
        ("everyone else", 730, 5),
        ("never activated", 90, 2),
    ]
    accounts = Account.objects.filter(workspace=town.workspace).listed().assessed().with_verdict(now())
    assert {verdict: count for verdict, count in then(found).items() if count} == Counter(accounts.verdicts().values())
    assert all(change.by == 0 for change in found.changes)


@pytest.mark.matrix(fast=2, reason="each limit is a policy in force")
@pytest.mark.parametrize(
    ("segment", "days", "dormant"),
    [
        ("everyone else", 365, 4),
        ("everyone else", 730, 3),
        ("everyone else", 2000, 2),
        ("never activated", 30, 4),
        ("never activated", 365, 2),
        ("", 365, 3),
        ("", 5, 6),
        ("", 36500, 0),
    ],
)
def test_a_tried_limit_counts_as_a_policy_with_it_would(town: Site, segment: str, days: int, dormant: int) -> None:
    found = shown(town, segment=segment, days=days)
    assert found.dormant.then == dormant
    limits = {"never activated": 90, "everyone else": 730}
    limits |= dict.fromkeys([segment] if segment else limits, days)
    policy = DEFAULT_TEXT.replace("= 730", f"= {limits['everyone else']}")
    policy = policy.replace("days = 90", f"days = {limits['never activated']}")
    put_in_force(town.workspace, policy, now=now())
    assess.assess(workspace=town.workspace)
    accounts = Account.objects.filter(workspace=town.workspace).listed().assessed().with_verdict(now())
    assert Counter(then(found)) == Counter(accounts.verdicts().values()) | Counter()


def test_who_is_protected_or_exempt_stays_so_under_any_limit(town: Site) -> None:
    account = Account.objects.get(username="ben")
    until = now() + timedelta(days=9)
    decide.exempt(accounts=[account], actor=town.person("reviewer"), reason="leave", until=until, now=now())
    assert then(shown(town, days=5))["protected"] == 2


def test_the_number_of_the_idle_leads_to_as_many_rows(town: Site) -> None:
    for query in ({"days": 300}, {"days": 300, "segment": "everyone else"}):
        found = shown(town, **query)
        rows = town.get("review", {"verdict": "all", "idle": query["days"], "segment": query.get("segment", "")})
        assert rows.context["table"].paginator.count == found.idle


def test_an_account_without_a_date_is_told_of_and_in_no_column(town: Site) -> None:
    Assessment.objects.filter(account__username="ana").update(activity_at=None)
    found = shown(town)
    assert found.undated == 1
    assert sum(change.then for change in found.changes) == 7
    assert sum(row.total for row in found.rows) == 6
    assert "1 account has no reliable date" in text(town.get("what_if"))


@pytest.mark.parametrize(
    "query", [{"days": "many"}, {"days": "0"}, {"days": "999999"}, {"segment": HOSTILE, "days": "9"}]
)
def test_what_cannot_be_tried_is_said_and_tries_nothing(town: Site, query: dict[str, str]) -> None:
    page = town.get("what_if", query)
    assert page.context["idleness"].trial is None
    assert HOSTILE.encode() not in page.content
    assert "Type a whole number" in text(page)


def test_nothing_is_stored(town: Site) -> None:
    before = list(Assessment.objects.values_list("account", "dormant_from", "limit_days").order_by("account"))
    shown(town, days=1)
    assert list(Assessment.objects.values_list("account", "dormant_from", "limit_days").order_by("account")) == before


def test_the_fragment_is_the_histogram_only(town: Site) -> None:
    page = town.get("what_if", {"days": 365}, htmx=True)
    assert b"<html" not in page.content
    assert b"<svg" in page.content
    assert b"style=" not in page.content


def test_the_drawing_keeps_within_its_frame_and_shows_whoever_there_is() -> None:
    row = IdlenessRow(segment="all", limit_days=5000)
    for column in range(COLUMNS):
        row.columns[column].update({"dormant": 10_000, "uncertain": 1, "protected": 1, "active": 3})
    row.columns[3].update({"dormant": 200_000})
    blocks = histogram.blocks(row.columns)
    assert len(blocks) == 4 * COLUMNS
    assert all(block.height >= 1 and block.y >= 0 and block.y + block.height <= HEIGHT for block in blocks)
    assert all(block.x + block.width <= WIDTH for block in blocks)
    assert row.line_x < WIDTH


def test_those_idle_for_ever_and_those_seen_in_the_future_stand_at_the_ends(site: Site) -> None:
    site.people("ancient", idle=9000)
    site.people("hasty", idle=-0.5)
    (row,) = idleness(workspace=site.workspace, now=now(), trial=Trial(segment="", days=100)).rows
    assert row.columns[0].total() == 1
    assert row.columns[-1].total() == 1
