"""The back-test's page: a day in the address, numbers with the people behind them, and what is not known."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review.models import PolicyPreview, Workspace
from accounts_review.workflow.policy import backtest
from tests.factories import make_activity_gap
from tests.stage import policy_text
from tests.web.kit import in_days
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


def test_it_looks_back_a_year_and_names_who_came_back(site: Site) -> None:
    site.people("silent", idle=1200)
    (back,) = site.people("back", idle=3)
    make_activity_gap(back, since=now() - timedelta(days=1200), until=now() - timedelta(days=3))
    page = site.get("backtest")
    assert "<strong>2</strong> accounts would have been called dormant." in text(page)
    assert "<strong>1</strong> of them has come back since: a false alarm." in text(page)
    assert [row.record.username for row in page.context["table"].rows] == ["back"]
    assert site.at("account", pk=back.pk) in text(page)


def test_before_the_first_sync_there_is_nothing_to_test(site: Site) -> None:
    page = text(site.get("backtest"))
    assert "No accounts yet." in page
    assert "false alarm" not in page


def test_what_a_sample_tells_is_called_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest, "SAMPLE", 2)
    for number in range(6):
        site.people(f"n{number}", idle=3, joined_at=(now() - timedelta(days=3000)).isoformat())
    with CaptureQueriesContext(connection) as asked:
        shown = text(site.get("backtest"))
    (ends,) = [query["sql"] for query in asked if "SELECT MIN(" in query["sql"]]
    assert "JOIN" not in ends, "the ends of an index, not everybody"
    assert re.search("About [456] more are not known, estimated from a sample.", shown)
    assert re.search(r"≈\s+[456]", shown)


def test_a_preview_can_be_tested_too(site: Site) -> None:
    site.people("silent", idle=1200)
    site.sign_in("administrator").post("policy", {"text": policy_text(limit=3000), "reason": "x", "over": 1})
    page = site.get("backtest", {"policy_preview": PolicyPreview.objects.get().pk})
    assert "Whom would the proposed text have called dormant" in text(page)
    assert page.context["total"].called == 0


@pytest.mark.parametrize("on", ["", "x", "2999-01-01", "0001-01-01", "today"])
def test_a_day_that_is_none_in_the_past_is_refused_in_words(site: Site, on: str) -> None:
    page = site.get("backtest", {"on": in_days(0).isoformat() if on == "today" else on})
    assert page.status_code == 200
    assert page.context["form"].errors
    assert "total" not in page.context


def test_a_preview_that_is_gone_is_told(site: Site) -> None:
    site.people("ana")
    assert "_policy_preview_error" in text(site.get("backtest", {"policy_preview": "999"}))


def test_another_workspaces_preview_is_not_tested(site: Site) -> None:
    assert site.get("backtest", {"policy_preview": "99"}).context["form"].errors
