"""What others decided since a list was loaded is told in place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Workspace
from accounts_review.workflow.review import decide
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("reviewer")


def since(site: Site) -> int:
    found: int = site.get("review").context["since"]
    return found


def test_nothing_happened(site: Site) -> None:
    site.people("ana")
    page = site.get("news", {"since": since(site)}, htmx=True)
    assert page.context["acts"] == []
    assert "every 20s" in text(page)


def test_decisions_of_others_are_counted_by_person_and_named_by_row(site: Site) -> None:
    ana, ben, cyd, dee = site.people("ana", "ben", "cyd", "dee")
    start = since(site)
    operator, mine = site.person("operator"), site.person("reviewer")
    decide.approve(accounts=[ana, ben], actor=operator, reason="left", now=now())
    decide.exempt(accounts=[cyd], actor=operator, reason="x", until=now() + timedelta(days=9), now=now())
    decide.approve(accounts=[dee], actor=mine, reason="mine", now=now())
    page = site.get("news", {"since": start}, htmx=True)
    assert "operator approved 2 accounts since you loaded the list." in text(page)
    assert "operator exempted 1 account since you loaded the list." in text(page)
    assert {account for account, _ in page.context["rows"]} == {ana.pk, ben.pk, cyd.pk}
    assert f'<li data-account="{cyd.pk}">Operator exempted it on' in text(page)


def test_what_was_decided_before_the_list_was_loaded_is_no_news(site: Site) -> None:
    decide.approve(accounts=site.people("ana"), actor=site.person("operator"), reason="left", now=now())
    assert site.get("news", {"since": since(site)}, htmx=True).context["acts"] == []


@pytest.mark.parametrize("given", ["", "x", "-1", "9" * 30, "١"])
def test_nonsense_leads_back_to_the_list(site: Site, given: str) -> None:
    assert site.get("news", {"since": given}, htmx=True).status_code == 302


def test_without_a_script_there_is_only_the_list(site: Site) -> None:
    assert site.get("news", {"since": "1"})["Location"] == site.at("review")
