"""What the pages of cases ask of the database where there are very many: who is on a page is found by keys alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review.models import Workspace
from tests.web.records_kit import Site

WIDE = '"accounts_review_case"."evidence",'
"""What only a row that is shown is read for."""


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    """A clean-up with some of each: more than are shown in no list, and enough to be put in order."""
    site = Site(client, workspace, person).sign_in("operator")
    site.launched("ana", "ben", "cy", "dee", "eve")
    answer = {"kind": "keep", "text": "", "agent": "Gateway/1", "at": now().isoformat()}
    for name, state in (("ana", "undeliverable"), ("ben", "refused"), ("cy", "revoked"), ("dee", "spared")):
        site.put(name, state, answer=answer)
    return site


def asked(site: Site, page: str, query: dict[str, str] | None = None, **kwargs: Any) -> list[str]:
    site.get(page, query, **kwargs)
    with CaptureQueriesContext(connection) as found:
        site.get(page, query, **kwargs)
    # What every page asks of workspaces is not of interest.
    statements = [query["sql"] for query in found.captured_queries if '"accounts_review_case"' in query["sql"]]
    return [sql for sql in statements if not sql.startswith('SELECT "accounts_review_workspace"')]


@pytest.mark.parametrize("query", [{}, {"state": "revoked"}, {"sort": "account"}, {"sort": "-state"}, {"q": "a"}])
@pytest.mark.parametrize("page", ["cleanup", "revoked"])
def test_no_page_puts_whole_cases_in_order(site: Site, page: str, query: dict[str, str]) -> None:
    number = {"number": 1} if page == "cleanup" else {}
    sorted_whole = [sql for sql in asked(site, page, query, **number) if WIDE in sql and "ORDER BY" in sql]
    assert not sorted_whole, "\n".join(sorted_whole)


def test_nobody_is_looked_for_by_going_through_all_cases_by_their_keys(site: Site) -> None:
    by_key = [
        sql for sql in asked(site, "cleanup", number=1) if 'ORDER BY ("accounts_review_case"."id" + 0) ASC' in sql
    ]
    assert len(by_key) == 1


def test_of_a_cleanup_no_case_is_joined_with_it_to_be_counted(site: Site) -> None:
    counted = [sql for sql in asked(site, "cleanup", number=1) if "GROUP BY" in sql]
    assert counted
    assert not [sql for sql in counted if 'JOIN "accounts_review_cleanup"' in sql]


def test_all_who_were_revoked_are_counted_in_one_look(site: Site) -> None:
    assert len([sql for sql in asked(site, "revoked") if "GROUP BY" in sql]) == 1
