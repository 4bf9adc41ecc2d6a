"""The lists to start a review with, counted anew when somebody else is decided on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Account, Workspace
from accounts_review.web.overview import starts as of_starts
from accounts_review.web.review import decided
from accounts_review.workflow.review import bulk, decide
from tests.stage import someone
from tests.web.kit import read
from tests.web.records_kit import Site, text

UNUSED: dict[str, Any] = {"last_seen_at": None, "last_login_at": None}


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User], monkeypatch: pytest.MonkeyPatch) -> Site:
    """Few who are decided on are kept as very many are."""
    monkeypatch.setattr(decided, "FEW", -1)
    monkeypatch.setattr(decided, "_KEPT", {})
    site = Site(client, workspace, person).sign_in("reviewer")
    site.synced()
    read(workspace, *(someone(f"n{number}", idle=2000) for number in range(3)), someone("new", idle=1000, **UNUSED))
    return site


def offered(site: Site) -> dict[str, str]:
    return {start.name: str(start.count) for start in site.get("overview").context["starts"]}


def approve(site: Site, name: str) -> None:
    accounts = list(Account.objects.filter(username=name))
    decide.approve(accounts=accounts, actor=site.person("reviewer"), reason="gone", now=now())


def test_each_list_is_offered_with_how_many_are_open(site: Site) -> None:
    unused, idle = "Invited over a year ago, never signed in", "Idle for five years"
    assert offered(site) == {unused: "1", idle: "3"}

    approve(site, "n0")
    assert offered(site) == {unused: "1", idle: "2"}
    approve(site, "new")
    assert offered(site) == {idle: "2"}


def test_of_very_many_it_is_said_that_there_are_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_starts, "MOST_COUNTED", 2)

    assert '<span class="numeric">2+</span>' in text(site.get("overview"))


def test_nobody_is_looked_at_again_until_somebody_is_decided_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = offered(site)
    monkeypatch.setattr(of_starts, "_count", None)

    assert offered(site) == before


def test_each_reads_them_in_their_language(site: Site) -> None:
    offered(site)
    site.client.cookies["django_language"] = "fr"

    assert "Sans activité" in " ".join(offered(site))


def test_while_a_bulk_decision_goes_on_they_may_be_a_little_old(site: Site, workspace: Workspace) -> None:
    going_on = bulk.confirm(
        workspace=workspace, decision="approve", accounts=[], actor=site.person("reviewer"), now=now()
    )
    before = offered(site)
    approve(site, "n0")
    assert offered(site) == before

    bulk.cancel(bulk=going_on, actor=site.person("reviewer"), now=now())
    assert offered(site)["Idle for five years"] == "2"
