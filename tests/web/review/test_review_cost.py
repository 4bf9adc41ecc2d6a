"""What one review page costs: questions to the database and templates drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.signals import template_rendered
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts_review.models import Workspace
from tests.web.kit import Desk, read, someone

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
