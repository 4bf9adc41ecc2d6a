"""The overview: what needs a person comes first, and each number leads to the accounts behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Account, Assessment, Cleanup, Run, Workspace
from accounts_review.web.overview.forecast import forecast
from accounts_review.workflow.review import decide
from tests.web.kit import sign_in
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def said(site: Site) -> list[tuple[str, str]]:
    return [(need.level, need.text) for need in site.get("overview").context["needs"]]


def test_home_leads_to_the_first_workspace(site: Site) -> None:
    assert site.client.get("/")["Location"] == site.at("overview")


def test_without_a_workspace_home_leads_to_the_workspaces(client: Client, person: Callable[[str], User]) -> None:
    sign_in(client, person("administrator"))
    answer = client.get("/", follow=True)
    assert answer.redirect_chain == [("/workspaces/", 302)]
    assert "set HUWISE_URL" in text(answer)


def test_a_workspace_that_was_never_read_says_so(site: Site) -> None:
    assert said(site) == [("error", "The workspace has never been synced.")]
    assert "No accounts yet" in text(site.get("overview"))


@pytest.mark.parametrize(
    ("state", "ago", "level", "words"),
    [
        ("failed", timedelta(hours=1), "error", "failed"),
        ("incomplete", timedelta(hours=1), "warning", "incomplete"),
        ("quarantined", timedelta(hours=1), "error", "looked wrong"),
        ("complete", timedelta(hours=37), "warning", "old"),
    ],
)
def test_a_sync_that_needs_a_look(site: Site, state: str, ago: timedelta, level: str, words: str) -> None:
    site.synced(state, ago=ago)
    ((found, sentence),) = said(site)
    assert found == level
    assert words in sentence


def test_a_failed_sync_speaks_of_an_earlier_one_only_where_there_is_one(site: Site) -> None:
    site.synced("failed", ago=timedelta(minutes=5))
    assert said(site) == [("error", "The last sync failed, and none has succeeded yet.")]
    site.synced(ago=timedelta(minutes=4))
    site.synced("failed", ago=timedelta(minutes=3))
    assert said(site) == [("error", "The last sync failed, so the numbers are from an earlier one.")]


def test_a_clock_that_was_set_back_is_told(site: Site) -> None:
    site.synced(ago=timedelta(hours=-2))
    ((level, sentence),) = said(site)
    assert level == "error"
    assert "clock is behind" in sentence
    assert "Set this server's clock" in sentence
    site.synced("incomplete", ago=timedelta(minutes=1))
    assert said(site) == [(level, sentence)]


def test_a_sick_connection_is_told(site: Site) -> None:
    site.synced(health=["the clocks are an hour apart"])
    assert said(site) == [("warning", "the clocks are an hour apart")]


def test_what_a_look_at_the_connection_found_is_told(site: Site) -> None:
    site.synced()
    site.workspace.connection_checks.create(at=now(), findings=[{"code": "owner_unknown", "is_good": False}])
    assert said(site) == [("warning", "The API does not say who owns the key, so nobody is removed.")]


def test_without_a_worker_nothing_happens_and_that_is_told(site: Site) -> None:
    site.synced()
    Run.objects.update(started_at=now() - timedelta(minutes=6), finished_at=None)
    ((level, sentence),) = said(site)
    assert level == "error"
    assert "The background worker has stopped" in sentence


def test_all_is_quiet(site: Site) -> None:
    site.synced()
    site.people("ana", idle=1)
    assert said(site) == []
    assert "Nothing needs you today" in text(site.get("overview"))


def test_a_draft_waits(site: Site) -> None:
    site.synced()
    site.draft("ana", "ben")
    assert said(site) == [("info", "2 approved accounts are waiting in the draft.")]


def test_what_stands_still_presses_most(site: Site) -> None:
    site.synced()
    first = site.launched("ana")
    why = {"code": "paused", "reason": "the key was refused"}
    Cleanup.objects.filter(pk=first.pk).update(state="paused", stopped_because=why)
    site.draft("ben")
    assert [level for level, _ in said(site)] == ["error", "info"]
    assert said(site)[0][1] == f"Clean-up {first.number} is paused: the key was refused"


def test_a_confirmation_is_awaited(site: Site) -> None:
    site.synced()
    site.adopt(two_people=True)
    site.launched("ana")
    assert "needs another person's confirmation" in said(site)[0][1]


def test_people_who_could_not_be_warned(site: Site) -> None:
    site.synced()
    site.go_live()
    cleanup = site.launched("ana", "ben")
    site.put("ana", "undeliverable")
    site.put("ben", "unknown")
    page = site.get("overview")
    assert {need.url for need in page.context["needs"]} == {
        site.at("cleanup", number=cleanup.number) + f"?state={state}" for state in ("undeliverable", "unknown")
    }


def test_the_numbers_add_up_and_lead_to_the_review(site: Site) -> None:
    site.people("ana", "ben", idle=1000)
    site.people("cy", idle=1000, permissions=["edit_domain"])
    site.people("dee", idle=3)
    page = site.get("overview")
    assert page.context["tiles"] == [("dormant", 2), ("uncertain", 0), ("protected", 1), ("active", 1)]
    assert [(row.segment, row.total) for row in page.context["rows"]] == [("everyone else", 4)]
    assert f"{site.at('review')}?verdict=dormant" in text(page)
    assert f"{site.at('review')}?verdict=active&amp;segment=everyone%20else" in text(page)


def test_those_who_are_gone_are_not_counted(site: Site) -> None:
    ana, ben, _cy = site.people("ana", "ben", "cy")
    ana.gone_at = ben.absent_since = now()
    ana.save()
    ben.save()
    assert site.get("overview").context["population"] == 1


def test_dormant_administrators_are_named(site: Site) -> None:
    site.people("chief.idle", idle=900, permissions=["edit_domain"])
    site.people("chief.busy", idle=2, permissions=["edit_domain"])
    site.people("editor.idle", idle=900, permissions=["edit_page"])
    page = site.get("overview")
    assert [account.username for account in page.context["administrators"]] == ["chief.idle"]
    assert page.context["administrator_count"] == 1


def test_exemptions_that_lapse_soon(site: Site) -> None:
    for name, days in (("soon", 10), ("later", 90)):
        until = now() + timedelta(days=days)
        decide.exempt(accounts=site.people(name), actor=site.person("reviewer"), reason="leave", until=until, now=now())
    page = site.get("overview")
    assert [exemption.account.username for exemption in page.context["lapsing"]] == ["soon"]


def test_what_runs_is_shown_with_its_progress(site: Site) -> None:
    cleanup = site.launched("ana")
    assert f'id="progress-{cleanup.number}"' in text(site.get("overview"))


@pytest.mark.parametrize(
    ("instant", "months"),
    [
        (datetime(2026, 1, 31, 23, 59, tzinfo=UTC), ("January 2026", "December 2026")),
        (datetime(2028, 2, 29, tzinfo=UTC), ("February 2028", "January 2029")),
        (datetime(2026, 12, 1, tzinfo=UTC), ("December 2026", "November 2027")),
    ],
)
def test_the_forecast_covers_twelve_months(site: Site, instant: datetime, months: tuple[str, str]) -> None:
    bars = forecast(workspace=site.workspace, now=instant)
    assert len(bars) == 12
    assert (bars[0].label, bars[-1].label) == months


def test_the_forecast_counts_by_month(site: Site) -> None:
    at = datetime(2026, 3, 10, tzinfo=UTC)
    for account, day in zip(
        site.people("past", "today", "march", "april", "april2", "year"),
        ["2026-03-09", "2026-03-10", "2026-03-31", "2026-04-01", "2026-04-30", "2027-03-01"],
        strict=True,
    ):
        Assessment.objects.filter(account=account).update(dormant_from=datetime.fromisoformat(f"{day}T00:00:00Z"))
    bars = forecast(workspace=site.workspace, now=at)
    assert [bar.count for bar in bars] == [1, 2, *[0] * 10]
    assert bars[1].height > bars[0].height > bars[2].height == 0


def test_the_forecast_is_a_picture_and_a_table(site: Site) -> None:
    site.people("ana", idle=700)
    page = text(site.get("overview"))
    assert "<svg" in page
    assert "As a table" in page
    assert "style=" not in page


def test_it_asks_as_much_for_many_as_for_few(site: Site, django_assert_max_num_queries: Any) -> None:
    site.launched(*(f"person.{number}" for number in range(20)))
    site.people(*(f"chief.{number}" for number in range(20)), permissions=["edit_domain"])
    with django_assert_max_num_queries(41):
        site.get("overview")


def test_what_the_workspace_calls_things_is_never_markup(site: Site) -> None:
    site.people(HOSTILE, idle=900, permissions=["edit_domain"])
    Assessment.objects.update(segment=HOSTILE)
    site.synced(health=[HOSTILE])
    assert HOSTILE.encode() not in site.get("overview").content


class Links(HTMLParser):
    """The links of a page whose text is a number, with what they say."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, int]] = []
        self._href, self._said = "", ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href, self._said = dict(attrs).get("href") or "", ""

    def handle_data(self, data: str) -> None:
        self._said += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and (number := self._said.split()[:1]) and number[0].replace(",", "").isdigit():
            self.found.append((self._href, int(number[0].replace(",", ""))))


@pytest.fixture
def full(site: Site) -> Site:
    """A workspace in which every number of the overview is another than nought."""
    site.synced()
    site.go_live()
    site.launched("ana", "ben", "cy", "dee", "eve")
    back: dict[str, dict[str, Any]] = {"ana": {"returned_at": now()}, "ben": {"restored_by": "olga"}, "cy": {}}
    for name, columns in back.items():
        site.put(name, "revoked", **columns)
        Account.objects.filter(username=name).update(gone_at=now())
    site.put("dee", "undeliverable")
    site.draft("fay", "gil")
    site.people("hal", "ida", "joe", idle=1500)
    site.people("chief", "boss", idle=900, permissions=["edit_domain"])
    site.people("editor", idle=900, permissions=["edit_page"])
    site.people("odd", idle=900, permissions=["fly"])
    site.people("undated", joined_at=None, last_seen_at="yesterday")
    site.people("guest", idle=-300, last_seen_at=None)
    for days in (1, 15, 40, 200, 300, 500):
        site.people(f"soon.{days}", idle=730 - days)
    gone, soon, later = site.people("gone", "soon", "later")
    for account, days in ((gone, 10), (soon, 10), (later, 90)):
        until = now() + timedelta(days=days)
        decide.exempt(accounts=[account], actor=site.person("reviewer"), reason="leave", until=until, now=now())
    gone.absent_since = now()
    gone.save()
    return site


def test_each_number_is_that_of_the_rows_behind_it(full: Site) -> None:
    told = Links(full.get("overview").content.decode()).found
    pages = {href: full.client.get(href).context for href, _ in told}
    behind = [
        (href, pages[href]["rows"] if "rows" in pages[href] else pages[href]["table"].paginator.count)
        for href, _ in told
    ]

    assert behind == told


def test_every_kind_of_number_leads_somewhere(full: Site) -> None:
    told = {href.removeprefix(full.at("overview")): number for href, number in Links(text(full.get("overview"))).found}

    assert told["review/?verdict=protected&right=edit_domain"] == 2
    assert told["review/?verdict=all&state=lapsing"] == 1
    assert told["review/?verdict=uncertain"] == 2
    assert told["review/?verdict=all&segment=never%20activated"] == 1
    assert sum("dormant_since" in href for href in told) >= 3


def test_the_returns_stand_on_the_page_of_the_revoked(full: Site) -> None:
    told = {href.removeprefix(full.at("overview")): number for href, number in Links(text(full.get("revoked"))).found}

    assert told["revoked/?segment=everyone%20else"] == 3
    assert told["revoked/?segment=everyone%20else&back=returned"] == 1
    assert told["revoked/?segment=everyone%20else&back=restored"] == 1
    assert "Came back after removal" not in text(full.get("overview"))


def test_what_needs_people_leads_to_as_many(full: Site) -> None:
    needs = {need.text: need.url for need in full.get("overview").context["needs"]}
    expected = {
        "2 dormant accounts have full admin rights.": 2,
        "3 dormant accounts need a decision.": 3,
        "2 approved accounts are waiting in the draft.": 2,
    }

    assert set(expected) <= set(needs)
    for said, count in expected.items():
        assert full.client.get(needs[said]).context["table"].paginator.count == count
