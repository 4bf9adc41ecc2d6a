"""What one review page costs: questions to the database and templates drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.signals import template_rendered
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts_review.models import Account, Snooze, Workspace
from accounts_review.web.review import counts, decided
from accounts_review.web.review.filters import state_is
from accounts_review.workflow.review import decide
from tests.web.kit import Desk, days_ago, read, someone

RENDERS, QUERIES = 100, 11


@contextmanager
def renders() -> Iterator[list[str]]:
    """The names of the templates that are drawn meanwhile."""
    drawn: list[str] = []

    def note(template: Any, **kwargs: Any) -> None:
        drawn.append(str(template.name))

    template_rendered.connect(note)
    yield drawn
    template_rendered.disconnect(note)


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    found = Desk(person("reviewer"), workspace)
    read(workspace, *(someone(f"n{n:03}", groups=["g1"]) for n in range(220)), groups={"g1": ["explore_monitoring"]})
    for per_page in (25, 200):
        found.see(f"?per_page={per_page}")  # what is looked up or drawn once a process is not of interest
    return found


def test_a_page_of_25_rows_draws_few_templates_and_one_of_200_no_more(desk: Desk) -> None:
    with renders() as few:
        desk.see("?per_page=25")
    with renders() as many:
        desk.see("?per_page=200")

    assert len(few) <= RENDERS
    assert len(many) <= len(few)


def test_a_page_of_25_rows_asks_few_questions(
    desk: Desk, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(QUERIES):
        desk.see("?per_page=25")


def test_a_page_reads_no_raw_record(desk: Desk) -> None:
    with CaptureQueriesContext(connection) as asked:
        desk.see("?per_page=25")

    assert [query["sql"] for query in asked if '"raw"' in query["sql"]] == []


def of_keys(desk: Desk, query: str) -> list[str]:
    """The statements that find who is on a page."""
    with CaptureQueriesContext(connection) as asked:
        assert desk.see(query).status_code == 200
    return [each["sql"] for each in asked.captured_queries if each["sql"].endswith("LIMIT 51")]


def test_a_list_that_shows_nobody_is_looked_through_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_COUNTED", 100)
    assert len(of_keys(desk, "?verdict=uncertain&q=n")) == 1


@pytest.mark.parametrize("verdict", ["all", "dormant"])
def test_where_nearly_everybody_is_decided_on_the_list_of_them_is_not_put_in_order(
    desk: Desk, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decided, "_KEPT", {})
    query = f"?verdict={verdict}&state=decided&per_page=50"
    accounts = Account.objects.assessed().with_verdict(now()).order_by("assessment__dormant_from", "pk")
    few, many = list(accounts[:20]), list(accounts[20:190])
    act: dict[str, Any] = {"actor": desk.user, "now": now()}

    decide.snooze(accounts=few, **act)
    (by_decision,) = of_keys(desk, query)
    assert "UNION" in by_decision
    assert desk.names(query) == [account.username for account in few]

    decide.snooze(accounts=many, **act)
    (in_order,) = of_keys(desk, query)
    assert "UNION" not in in_order
    assert desk.names(query) == [account.username for account in [*few, *many][:50]]
    assert desk.names(f"{query}&page=last") == [account.username for account in [*few, *many][-50:]][-40:]


def test_many_who_are_snoozed_are_expected_to_be_many(desk: Desk) -> None:
    idle = [someone(f"idle{n:03}", last_seen_at=days_ago(800 + n)) for n in range(150)]
    keys = [account.pk for account in read(desk.workspace, *idle)]
    decide.snooze(accounts=list(Account.objects.assessed().filter(pk__in=keys)), actor=desk.user, now=now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    listed = Account.objects.reviewable().filter(state_is("later", now=now()))
    for rows in (Snooze.objects.in_force(), listed):
        [plan] = json.loads(rows.order_by().explain(format="json"))
        assert rows.count() == 150
        assert plan["Plan"]["Plan Rows"] > 10


def test_who_is_listed_by_their_state_is_not_asked_again_whether_they_are_open(desk: Desk) -> None:
    decide.snooze(accounts=list(Account.objects.assessed()[:20]), actor=desk.user, now=now())
    with CaptureQueriesContext(connection) as asked:
        assert len(desk.names("?verdict=all&state=later")) == 20
    (counted,) = [each["sql"] for each in asked.captured_queries if "count(*) FILTER" in each["sql"]]
    assert '"accounts_review_case"' not in counted
