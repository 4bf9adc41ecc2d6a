"""The workspaces: how each is connected, read, and whether what is done there is real."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import AuditEntry, Run, Workspace
from tests.web.records_kit import HOSTILE, HTMX, Site, text

KEY = "secret-key-4711"
SYNC = "accounts_review.tasks.jobs.sync_job"


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User], settings: Any) -> Site:
    settings.HUWISE = {"main": {"url": "http://127.0.0.1:1", "api_key": KEY, "key_owner": ""}}
    return Site(client, workspace, person).sign_in("administrator")


def page(site: Site) -> Any:
    return site.client.get("/workspaces/")


def test_it_shows_the_connection_and_never_the_key(site: Site) -> None:
    Workspace.objects.update(host="data.example.org", key_owner="svc.cleanup")
    shown = text(page(site))
    assert "data.example.org" in shown
    assert "svc.cleanup" in shown
    assert KEY not in shown


def test_an_unknown_owner_is_explained(site: Site) -> None:
    assert "unknown; nobody is removed until it is known" in text(page(site))


def test_the_last_sync_with_what_was_wrong_and_what_to_do(site: Site) -> None:
    sync = site.synced("incomplete", problems=[{"code": "passes_disagree", "count": 2}])
    shown = text(page(site))
    assert "A second pass differed from the first in 2 accounts." in shown
    assert "sync again" in shown
    assert site.at("sync_page", pk=sync.pk) in shown
    assert site.at("syncs") in shown


def test_a_sync_is_asked_for(site: Site) -> None:
    answer = site.follow("sync", {"next": site.at("overview")})
    assert site.enqueued == [SYNC]
    assert answer.redirect_chain == [(site.at("overview") + "?asked=0-0", 302)]
    assert "The sync starts in a moment" in text(answer)
    assert 'hx-trigger="every 2s"' in text(answer)


def test_one_that_runs_is_enough(site: Site) -> None:
    site.synced("running", ago=timedelta(0), finished_at=None, read=40, expected=90)
    answer = site.follow("sync")
    assert site.enqueued == []
    assert "already running" in text(answer)
    assert "40 of 90 accounts read" in text(answer)


def test_one_whose_process_died_does_not_stand_in_the_way(site: Site) -> None:
    site.synced("running", ago=timedelta(minutes=6), finished_at=None)
    site.post("sync")
    assert site.enqueued == [SYNC]


def test_a_workspace_the_environment_does_not_describe(site: Site, settings: Any) -> None:
    settings.HUWISE = {}
    assert "not read: see its settings" in text(page(site))
    assert "This workspace cannot be synced" in text(site.follow("sync"))
    assert site.enqueued == []


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "x", ""])
def test_the_way_back_stays_here(site: Site, elsewhere: str) -> None:
    assert site.post("sync", {"next": elsewhere})["Location"].startswith("/workspaces/?asked=")


def test_what_refreshes_ends_when_the_sync_has_ended(site: Site) -> None:
    before = site.synced(ago=timedelta(days=1))
    url = site.at("sync") + f"?asked={before.pk}-0"
    waiting = site.client.get(url, headers=HTMX)
    assert b"waiting for the worker" in waiting.content
    assert "HX-Refresh" not in waiting
    site.synced(ago=timedelta(0))
    ended = site.client.get(url, headers=HTMX)
    assert b"hx-trigger" not in ended.content
    assert ended["HX-Refresh"] == "true"


def test_what_refreshes_ends_when_the_sync_could_not_even_begin(site: Site) -> None:
    site.ran("sync_job", workspace=site.workspace, error="It was read from data.example.org so far.")
    ended = site.client.get(site.at("sync") + "?asked=0-0", headers=HTMX)
    assert ended["HX-Refresh"] == "true"
    assert "Last attempt failed: It was read from data.example.org so far." in text(page(site))
    site.synced(ago=timedelta(0))
    assert "Last attempt failed" not in text(page(site))


def test_without_a_worker_the_wait_is_explained(site: Site) -> None:
    Run.objects.update(started_at=now() - timedelta(hours=1), finished_at=None)
    waiting = site.client.get(site.at("sync") + "?asked=0-0", headers=HTMX)
    assert b"The background worker has stopped" in waiting.content
    assert b"/schedule/" in waiting.content
    assert "worker stopped" in text(page(site))


GOOD = {"code": "reach", "is_good": True, "host": "data.example.org", "count": 12}
SKEWED = {"code": "clock_skewed", "is_good": False, "seconds": 3600}


def test_what_the_last_look_at_the_connection_found(site: Site) -> None:
    assert "Never checked" in text(page(site))
    site.workspace.connection_checks.create(at=now() - timedelta(days=1), findings=[GOOD])
    assert "healthy" in text(page(site))
    site.workspace.connection_checks.create(at=now(), findings=[GOOD, SKEWED])
    shown = text(page(site))
    assert "1 finding needs attention" in shown
    assert "data.example.org answers and lists 12 accounts." in shown
    assert "3,600 seconds apart. <strong>Set this server&#x27;s clock (NTP).</strong>" in shown


def test_a_look_at_the_connection_is_a_task_of_the_worker(site: Site) -> None:
    answer = site.follow("check_connection")
    assert site.enqueued == ["accounts_review.tasks.jobs.check_connection_job"]
    assert answer.redirect_chain == [("/workspaces/?checked=0-0", 302)]
    assert "checking address, key and clock" in text(answer)
    url = site.at("check_connection") + "?asked=0-0"
    assert "HX-Refresh" not in site.client.get(url, headers=HTMX)
    site.workspace.connection_checks.create(at=now(), findings=[GOOD])
    assert site.client.get(url, headers=HTMX)["HX-Refresh"] == "true"


def test_an_auditor_may_not_have_it_looked_at(site: Site) -> None:
    site.sign_in("auditor")
    assert b"Check now" not in page(site).content
    assert site.post("check_connection").status_code == 403
    assert site.enqueued == []


def test_an_auditor_may_watch_and_not_ask(site: Site) -> None:
    site.sign_in("auditor")
    assert b"Sync now" not in page(site).content
    assert site.client.get(site.at("sync"), headers=HTMX).status_code == 200
    assert site.post("sync").status_code == 403
    assert site.enqueued == []


@pytest.mark.parametrize("typed", ["", "MAIN", "main ", "mian"])
def test_going_live_takes_the_name(site: Site, typed: str) -> None:
    answer = site.follow("mode", {"mode": "live", "name": typed})
    site.workspace.refresh_from_db()
    # A stray blank is no other name.
    assert site.workspace.is_live is (typed == "main ")
    assert ("The name does not match" in text(answer)) is not site.workspace.is_live


def test_a_name_that_does_not_match_stays_to_be_mended(site: Site) -> None:
    assert 'value="mian"' in text(site.follow("mode", {"mode": "live", "name": "mian"}))
    assert 'value="mian"' not in text(page(site)), "once"


def test_going_live_and_back(site: Site) -> None:
    assert "main is live" in text(site.follow("mode", {"mode": "live", "name": "main"}))
    assert "Switch to dry run" in text(page(site))
    assert "main is in dry run" in text(site.follow("mode", {"mode": "dry-run"}))
    site.workspace.refresh_from_db()
    assert not site.workspace.is_live
    assert AuditEntry.objects.filter(kind="workspace.mode_set", actor_ref__name="administrator").count() == 2


def test_who_opens_the_address_of_the_mode_gets_to_its_button(site: Site) -> None:
    assert site.client.get(site.at("mode"))["Location"] == "/workspaces/"


@pytest.mark.parametrize("mode", ["", "real", HOSTILE])
def test_an_unknown_mode_changes_nothing(site: Site, mode: str) -> None:
    answer = site.follow("mode", {"mode": mode, "name": "main"})
    assert HOSTILE not in answer.content.decode()
    assert not AuditEntry.objects.filter(kind="workspace.mode_set").exists()


def test_only_administrators_are_offered_the_mode(site: Site) -> None:
    site.sign_in("operator")
    assert b"Go live" not in page(site).content


def test_a_tripped_breaker_says_what_looked_wrong_and_leads_to_its_sync(site: Site) -> None:
    check = {"code": "population_changed", "before": 3000, "after": 12, "allowed": 600, "tripped": True}
    sync = site.synced("quarantined", checks=[check])
    shown = text(page(site.sign_in("auditor")))
    assert "the number of accounts went from 3,000 to 12" in shown
    assert site.at("sync_page", pk=sync.pk) + "#breaker" in shown


def test_problems_are_never_markup(site: Site) -> None:
    site.synced("failed", problems=[HOSTILE], health=[HOSTILE])
    Workspace.objects.update(key_owner=HOSTILE)
    site.workspace.connection_checks.create(at=now(), findings=[{"code": HOSTILE, "is_good": False, "error": HOSTILE}])
    site.ran("sync_job", workspace=site.workspace, error=HOSTILE)
    assert HOSTILE.encode() not in page(site).content


def test_it_asks_as_much_for_many_syncs_as_for_few(site: Site, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        site.synced(ago=timedelta(hours=number))
    with django_assert_max_num_queries(23):
        page(site)
