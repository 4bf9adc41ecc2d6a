"""What the overview and the home page ask of the database where there is very much of something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review.models import Workspace
from accounts_review.workflow import workspaces
from accounts_review.workflow.review import decide
from tests.factories import give_role
from tests.web.records_kit import Site


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def test_of_many_exemptions_that_lapse_those_shown_are_found_before_their_accounts_are_read(site: Site) -> None:
    until, names = now() + timedelta(days=9), [f"n{number:02}" for number in range(11)]
    decide.exempt(accounts=site.people(*names), actor=site.person("reviewer"), reason="feed", until=until, now=now())
    with CaptureQueriesContext(connection) as asked:
        page = site.get("overview")
    assert page.context["lapsing_count"] == 11
    assert [exemption.account.username for exemption in page.context["lapsing"]] == names[:8]
    wide = [query["sql"] for query in asked if '"accounts_review_exemption"."reason"' in query["sql"]]
    assert len(wide) == 1
    assert "unnest" in wide[0]


@pytest.mark.parametrize(("page", "most"), [("/", 7), ("/workspaces/", 8)])
def test_another_workspace_without_a_cleanup_costs_a_page_of_all_few_questions(
    site: Site, page: str, most: int
) -> None:
    def asked() -> list[str]:
        site.client.get(page)
        with CaptureQueriesContext(connection) as found:
            assert site.client.get(page).status_code == 200
        return [query["sql"] for query in found.captured_queries]

    site.sign_in("administrator")
    give_role(site.person("administrator"), "administrator", None)
    workspaces.open_workspace(name="second", now=now())
    few = asked()
    for number in range(5):
        workspaces.open_workspace(name=f"further{number}", now=now())
    many = asked()
    assert len(many) - len(few) <= 5 * most
