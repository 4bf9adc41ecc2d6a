"""Every sync has a page: what it saw, what changed, why it was or was not complete, and the breaker."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import AuditEntry, HeldSync, Sync, Workspace
from tests.factories import make_workspace
from tests.web.records_kit import HOSTILE, Site, text

SHRUNK = {"code": "population_changed", "before": 3000, "after": 12, "allowed": 600, "tripped": True}
CALM = {"code": "activity_lost", "before": 0, "after": 2, "allowed": 30, "tripped": False}


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


@pytest.fixture
def tripped(site: Site) -> Sync:
    return site.synced("quarantined", checks=[CALM, SHRUNK])


def page(site: Site, sync: Sync) -> str:
    answer = site.get("sync_page", pk=sync.pk)
    assert answer.status_code == 200
    return text(answer)


# The list


def listed(site: Site, **query: Any) -> list[int]:
    return [row.record.pk for row in site.get("syncs", query).context["table"].page.object_list]


def test_on_a_phone_every_figure_is_called_what_it_is(site: Site) -> None:
    site.synced()
    labels = re.findall(r'data-label="([^"]+)"', text(site.get("syncs")))
    assert labels == ["Started", "State", "Took", "Read", "New", "Changed", "No longer listed", "Problems"]


def test_the_list_has_every_sync_newest_first(site: Site) -> None:
    syncs = [site.synced(ago=timedelta(hours=hours), read=hours).pk for hours in range(30)]
    assert listed(site) == syncs[:25]
    assert listed(site, page=2) == syncs[25:]
    assert "30 syncs" in text(site.get("syncs"))


def test_a_workspace_without_any_sync_offers_no_filters_to_clear(site: Site) -> None:
    assert "Never synced" in text(site.get("syncs", htmx=True))
    assert "Clear all filters" not in text(site.get("syncs"))
    assert "Clear all filters" in text(site.get("syncs", {"state": "failed"}))


def test_it_is_narrowed_by_outcome_and_date(site: Site) -> None:
    old = site.synced("failed", ago=timedelta(days=9))
    new = site.synced("failed", ago=timedelta(hours=1))
    good = site.synced(ago=timedelta(hours=2))
    assert listed(site, state="failed") == [new.pk, old.pk]
    assert listed(site, since=f"{now() - timedelta(days=3):%Y-%m-%d}") == [new.pk, good.pk]
    assert listed(site, until=f"{now() - timedelta(days=3):%Y-%m-%d}") == [old.pk]


@pytest.mark.parametrize("query", [{"state": "weird"}, {"since": HOSTILE}, {"until": "31-31-31"}])
def test_a_filter_that_makes_no_sense_shows_nothing(site: Site, query: dict[str, str]) -> None:
    site.synced()
    assert listed(site, **query) == []
    assert HOSTILE.encode() not in site.get("syncs", query).content


def test_htmx_gets_the_table_alone(site: Site) -> None:
    site.synced()
    assert b"<html" not in site.get("syncs", htmx=True).content


def test_the_list_says_what_was_wrong_in_words(site: Site, tripped: Sync) -> None:
    site.synced(
        "incomplete", problems=[{"code": "interrupted"}], health=[{"code": "everyone_holds", "right": "edit_x"}]
    )
    shown = text(site.get("syncs"))
    assert "It was interrupted" in shown
    assert "everyone holds edit_x" in shown
    assert "the number of accounts went from 3,000 to 12" in shown


def test_the_list_asks_as_much_for_many_as_for_few(site: Site, django_assert_max_num_queries: Any) -> None:
    for hours in range(40):
        site.synced(ago=timedelta(hours=hours))
    with django_assert_max_num_queries(14):
        site.get("syncs")


# What was read


def test_what_was_read_against_what_was_announced_and_how_long_it_took(site: Site) -> None:
    passes = [{"pages": 12, "read": 11999, "expected": 12000}, {"pages": 13, "read": 12000, "expected": 12000}]
    took: dict[str, Any] = {"started_at": now() - timedelta(seconds=200), "finished_at": now()}
    shown = page(site, site.synced(pages=12, read=11999, expected=12000, passes=passes, **took))
    assert "12 pages, 11,999 of 12,000 accounts" in shown
    assert "13 pages, 12,000 of 12,000 accounts" in shown
    assert "3 min 20 s" in shown


def test_why_it_was_complete(site: Site) -> None:
    once = {"pages": 1, "read": 5, "expected": 5}
    assert "Two passes in a row found the same accounts" not in page(site, site.synced(passes=[once]))
    shown = page(site, site.synced(passes=[once, once]))
    assert "the number of accounts matches" in shown
    assert "Two passes in a row found the same accounts" in shown


def test_each_problem_in_words_with_what_to_do_and_what_the_api_said(site: Site) -> None:
    refused = {"code": "api", "kind": "Unauthorized", "error": "HTTP 401: No."}
    shown = page(site, site.synced("failed", problems=[refused, {"code": "count_changed", "before": 3, "after": 4}]))
    assert "Why it was not complete" in shown
    assert "The workspace does not accept the API key. <strong>Check HUWISE_API_KEY" in shown
    assert "HTTP 401: No." in shown
    assert "The number of accounts changed from 3 to 4 while they were read." in shown


def test_one_that_failed_before_problems_were_kept_was_interrupted(site: Site) -> None:
    shown = page(site, site.synced("failed"))
    assert "Why it was not complete" in shown
    assert "It was interrupted" in shown


def test_who_changed_is_named_and_the_others_are_counted(site: Site) -> None:
    ana, ben, eva = site.people("ana", "ben", "eva")
    touched = {"added": [ana.pk], "changed": [ben.pk], "absent": [eva.pk, 987654321]}
    shown = page(site, site.synced(added=40, changed=1, absent=2, touched=touched))
    for account in (ana, ben, eva):
        assert f'href="{site.at("account", pk=account.pk)}">{account.username}</a>' in shown
    assert "and 39 more, not recorded by name" in shown
    assert "and 1 more, not recorded by name" in shown


def test_of_an_older_sync_only_the_counts_are_known(site: Site) -> None:
    assert "Their names are not kept." in page(site, site.synced(changed=4))


def test_another_workspaces_sync_is_not_here(site: Site) -> None:
    other = make_workspace()
    foreign = site.synced(workspace=other)
    assert site.get("sync_page", pk=foreign.pk).status_code == 404
    assert site.post("breaker", {"reason": "x", "choice": "accept"}, pk=foreign.pk).status_code == 404


def test_what_was_found_is_never_markup(site: Site) -> None:
    found = [{"code": "repeated", "count": 2, "example": HOSTILE}, {"code": "api", "kind": HOSTILE, "error": HOSTILE}]
    (account,) = site.people(HOSTILE)
    sync = site.synced("failed", problems=[*found, HOSTILE], health=found, touched={"changed": [account.pk]}, changed=1)
    assert HOSTILE not in page(site, sync)
    assert HOSTILE.encode() not in site.get("syncs").content


# While it runs


def running(site: Site, **columns: Any) -> Sync:
    passes = [{"pages": 1, "read": 1000, "expected": 4000}]
    known = {"finished_at": None, "ago": timedelta(0), "phase": "reading", "passes": passes}
    return site.synced("running", **(known | columns))


def test_a_running_sync_shows_how_far_it_is_and_refreshes(site: Site) -> None:
    sync = running(site)
    assert "1,000 of 4,000 accounts read" in page(site, sync)
    answer = site.get("sync_page", pk=sync.pk, htmx=True)
    assert b'hx-trigger="every 2s"' in answer.content
    assert b"<html" not in answer.content
    assert "HX-Refresh" not in answer


def test_in_a_second_pass_it_shows_how_far_that_is(site: Site) -> None:
    whole = {"pages": 4, "read": 4000, "expected": 4000}
    shown = page(site, running(site, phase="again", passes=[whole, whole | {"read": 2000}]))
    assert "Reading again, to be sure nobody was missed" in shown
    assert "2,000 of 4,000 accounts read" in shown


def test_when_it_has_ended_the_whole_page_is_fetched_anew(site: Site) -> None:
    answer = site.get("sync_page", pk=site.synced().pk, htmx=True)
    assert answer["HX-Refresh"] == "true"
    assert b"hx-trigger" not in answer.content


def test_one_whose_worker_died_says_so_and_stops_refreshing(site: Site) -> None:
    shown = page(site, running(site, ago=timedelta(minutes=6)))
    assert "No progress since" in shown
    assert 'hx-trigger="every' not in shown


def test_an_operator_stops_it(site: Site) -> None:
    sync = running(site)
    assert ">Stop</button>" not in page(site.sign_in("auditor"), sync)
    site.sign_in("operator")
    assert ">Stop</button>" in page(site, sync)
    answer = site.follow("stop_sync", pk=sync.pk)
    assert "stops at its next page" in text(answer)
    assert "operator is stopping it." in text(answer)
    assert AuditEntry.objects.filter(kind="workspace.sync_stopped", actor_ref__name="operator").exists()
    assert "was already stopped" in text(site.follow("stop_sync", pk=sync.pk))


def test_once_it_stores_it_is_not_stopped_any_more(site: Site) -> None:
    sync = running(site, phase="storing")
    assert ">Stop</button>" not in page(site, sync)
    assert "is storing what it read" in text(site.follow("stop_sync", pk=sync.pk))


# The breaker


def test_every_rule_shows_its_numbers_and_what_it_allows(site: Site, tripped: Sync) -> None:
    rules = site.get("sync_page", pk=tripped.pk).context["rules"]
    assert [(rule.title, rule.before, rule.after, rule.allowed, rule.tripped) for rule in rules] == [
        ("Less active than before", None, 2, 30, False),
        ("Population", 3000, 12, 600, True),
    ]
    shown = page(site, tripped)
    assert "a change of more than 600" in shown
    assert "more than 30" in shown


def test_a_rule_of_before_its_limit_was_kept_is_shown_without(site: Site) -> None:
    assert "tripped" in page(site, site.synced("discarded", checks=[SHRUNK | {"allowed": None}]))


def test_only_an_administrator_is_offered_the_reset(site: Site, tripped: Sync) -> None:
    assert "Use this sync" in page(site, tripped)
    assert "Use this sync" not in page(site.sign_in("operator"), tripped)


@pytest.mark.parametrize(
    ("choice", "state", "words"),
    [("accept", "complete", "It was used."), ("discard", "discarded", "None of it is kept")],
)
def test_a_reset_shows_who_when_and_why(site: Site, tripped: Sync, choice: str, state: str, words: str) -> None:
    HeldSync.objects.create(sync=tripped)
    answer = site.follow("breaker", {"reason": "we merged two portals", "choice": choice}, pk=tripped.pk)
    tripped.refresh_from_db()
    assert (tripped.state, tripped.resolution) == (state, "we merged two portals")
    assert AuditEntry.objects.filter(kind="breaker.reset", actor_ref__name="administrator").exists()
    assert words in text(answer)
    assert f"{now():%-d %b %Y}" in text(answer)
    assert "administrator" in text(answer)
    assert "we merged two portals" in text(answer)
    assert "Use this sync" not in text(answer)


@pytest.mark.parametrize("data", [{"reason": "", "choice": "accept"}, {"reason": "because"}, {}])
def test_a_reset_takes_a_reason_and_a_choice(site: Site, tripped: Sync, data: dict[str, str]) -> None:
    assert "Give a reason" in text(site.follow("breaker", data, pk=tripped.pk))
    tripped.refresh_from_db()
    assert tripped.state == "quarantined"


def test_there_is_nothing_to_reset(site: Site) -> None:
    answer = site.follow("breaker", {"reason": "curious", "choice": "accept"}, pk=site.synced().pk)
    assert "has not tripped" in text(answer)


def test_numbers_that_nobody_has_seen_are_not_accepted(site: Site, tripped: Sync) -> None:
    """While somebody reads the page, another sync may be quarantined, with other numbers."""
    newer = site.synced("quarantined", ago=timedelta(0), checks=[SHRUNK | {"after": 3}])
    answer = site.follow("breaker", {"reason": "looked", "choice": "accept"}, pk=tripped.pk)
    assert "decide on that one" in text(answer)
    assert site.at("sync_page", pk=newer.pk) in text(answer)
    assert 'value="looked"' in page(site, newer), "the reason is not lost"
    assert 'value="looked"' not in page(site, newer), "once"
    assert set(Sync.objects.values_list("state", flat=True)) == {"quarantined"}
