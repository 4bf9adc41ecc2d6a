"""One search: whoever may see something finds it, and nobody finds what they may not see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from accounts_review.models import Account, AuditEntry, Cleanup, Sync, Workspace
from accounts_review.web.search import people
from accounts_review.workflow import workspaces
from tests.factories import give_role
from tests.web.kit import sign_in
from tests.web.records_kit import HOSTILE, HTMX, Site, text

OUTCOME = {"workspace": {"name": ""}}


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    """Ana was revoked and is not listed any more; Ben is in the same clean-up; Carla Bruni is listed."""
    site = Site(client, workspace, person).sign_in("operator")
    site.go_live()
    site.launched("ana.ville", "ben")
    site.put("ana.ville", "revoked", snapshot={"record": {}, "groups": {}})
    site.case("ana.ville").account.__class__.objects.filter(username="ana.ville").update(gone_at=now())
    site.people("c4711", first_name="Carla", last_name="Bruni", idle=3)
    site.synced()
    return site


def found(site: Site, term: str, **query: str) -> str:
    answer = site.client.get(reverse("search"), {"q": term, **query})
    assert answer.status_code == 200
    return text(answer)


def titles(answer: Any, kind: str) -> list[str]:
    return [record.title for record in answer.context[kind]]


@pytest.mark.parametrize("term", ["ana.ville", "ANA.VILLE", "ana.v", "ana.ville@ville.example", " ana  ville "])
def test_what_became_of_somebody_takes_one_step(site: Site, term: str) -> None:
    page = found(site, term)

    assert "Revoked or gone" in page
    assert "approved by reviewer" in page
    assert "not in the staff list" in page
    assert site.at("case", number=1, pk=site.case("ana.ville").pk) in page
    assert "Invite back" in page


def test_an_auditor_sees_what_became_of_them_but_invites_nobody(site: Site) -> None:
    site.sign_in("auditor")

    page = found(site, "ana.ville")

    assert "approved by reviewer" in page
    assert "Invite back" not in page


@pytest.mark.parametrize("term", ["c4711", "bruni", "Carla Bruni", "bruni carla", "c4711@ville"])
def test_somebody_is_found_by_name_address_or_username(site: Site, term: str) -> None:
    page = found(site, term)

    assert "c4711" in page
    assert "active" in page
    assert "Revoked or gone" not in page


def test_the_exact_username_comes_before_all_that_hold_it(site: Site) -> None:
    site.people(*(f"a.zed.{number}" for number in range(20)), "zed")

    answer = site.client.get(reverse("search"), {"q": "zed"})

    names = [each.account.username for each in answer.context["people"].now]
    assert names[0] == "zed"
    assert len(names) < 20


def test_a_cleanup_a_sync_and_an_entry_are_found_by_number(site: Site) -> None:
    sync, entry = Sync.objects.get(), AuditEntry.objects.all()[0]

    assert titles(site.client.get(reverse("search"), {"q": "clean-up 1"}), "cleanups") == ["Clean-up 1"]
    assert titles(site.client.get(reverse("search"), {"q": "cleanup 1"}), "cleanups") == ["Clean-up 1"]
    assert titles(site.client.get(reverse("search"), {"q": f"sync {sync.pk}"}), "syncs") == [f"Sync {sync.pk}"]
    assert f"?seq={entry.seq}" in found(site, f"#{entry.seq}")
    assert titles(site.client.get(reverse("search"), {"q": "sync 1"}), "cleanups") == []


def test_pages_and_commands_are_found_by_the_words_of_their_names(site: Site) -> None:
    assert titles(site.client.get(reverse("search"), {"q": "back-test"}), "places") == ["Run the back-test"]
    assert titles(site.client.get(reverse("search"), {"q": "revok"}), "places") == ["Revoked"]
    assert titles(site.client.get(reverse("search")), "places")[:3] == ["Overview", "Review", "Clean-ups"]


def test_in_french_pages_are_found_without_typing_accents(site: Site) -> None:
    site.client.cookies["django_language"] = "fr"

    assert titles(site.client.get(reverse("search"), {"q": "revoques"}), "places") == ["Révoqués"]


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        ("auditor", {"Audit"}, {"Import decisions", "Launch the draft", "Settings", "People", "Add a workspace"}),
        ("reviewer", {"Import decisions"}, {"Launch the draft", "Settings", "People"}),
        ("administrator", {"Settings", "Add a workspace", "Import decisions"}, set()),
    ],
)
def test_only_what_the_role_may_do_is_offered(site: Site, role: str, seen: set[str], unseen: set[str]) -> None:
    site.draft("dora")
    site.sign_in(role)

    offered = {
        title
        for term in (*seen, *unseen)
        for title in titles(site.client.get(reverse("search"), {"q": term}), "places")
    }

    assert seen <= offered
    assert not offered & unseen


def test_of_another_workspace_nothing_is_found(site: Site, person: Callable[[str], User]) -> None:
    """Neither its people, those it lost, its clean-ups, syncs, audit and pages, nor who signs in there."""
    other = workspaces.open_workspace(name="elsewhere", now=now())
    guest = person("nobody")
    give_role(guest, "administrator", other)
    sign_in(site.client, guest)

    for term in ("ana.ville", "ben", "Bruni", "clean-up 1", "1", f"sync {Sync.objects.get().pk}", "operator", "main"):
        answer = site.client.get(reverse("search"), {"q": term, "workspace": "main"})
        page = text(answer)
        assert "/w/main/" not in page, term
        assert "ana.ville@" not in page
        assert "approved by" not in page
    entries = site.client.get(reverse("search"), {"q": "ana.ville"}).context["entries"]
    assert entries == []


def test_whoever_may_see_both_workspaces_finds_in_both(site: Site) -> None:
    other = workspaces.open_workspace(name="elsewhere", now=now())
    second = Site(site.client, other, site.person)
    second.people("c4711", first_name="Carla", last_name="Bruni")

    page = found(site, "bruni", workspace="main")

    assert "/w/main/accounts/" in page
    assert "/w/elsewhere/accounts/" in page


def test_somebody_without_a_role_finds_no_search(site: Site, person: Callable[[str], User]) -> None:
    sign_in(site.client, person("nobody"))

    assert site.client.get(reverse("search"), {"q": "ana"}).status_code == 404
    assert Client().get(reverse("search")).status_code == 302


@pytest.mark.matrix(fast=3, reason="each term is a whole page")
@pytest.mark.parametrize("term", ["\0", "%", "_", "'", "a" * 5000, HOSTILE, "#" * 30 + "9" * 30, "é\u202e", "0"])
def test_no_term_breaks_it(site: Site, term: str) -> None:
    page = found(site, term)

    assert "<img src=x" not in page


def test_hostile_names_are_shown_as_text(site: Site) -> None:
    site.people(HOSTILE)

    assert "<img src=x" not in found(site, "onerror")


def test_one_letter_finds_no_people(site: Site) -> None:
    assert site.client.get(reverse("search"), {"q": "a"}).context["people"] is None


def test_the_field_in_the_bar_gets_the_same_results_alone(site: Site) -> None:
    answer = site.client.get(reverse("search"), {"q": "ana.ville"}, headers=HTMX)

    assert "<html" not in text(answer)
    assert "approved by reviewer" in text(answer)


def test_searching_changes_nothing(site: Site) -> None:
    before = AuditEntry.objects.count(), Cleanup.objects.count()

    found(site, "ana.ville")

    assert (AuditEntry.objects.count(), Cleanup.objects.count()) == before
    assert site.client.post(reverse("search"), {"q": "ana"}).status_code == 405


def test_those_who_are_gone_are_found_by_an_index(site: Site) -> None:
    found(site, "ana.ville")
    with CaptureQueriesContext(connection) as asked:
        assert "Revoked or gone" in found(site, "ana.ville")
    gone = [query["sql"] for query in asked if '"accounts_review_account"."gone_at" IS NOT NULL' in query["sql"]]
    assert len(gone) == 2
    # Only where it is known of which workspace, the index of those who are gone can be used.
    assert all(f'"accounts_review_account"."workspace_id" IN ({site.workspace.pk})' in sql for sql in gone)
    assert all("LIKE" in sql for sql in gone)


def test_of_very_many_who_are_gone_those_who_left_last_are_shown(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for days, account in enumerate(site.people(*(f"zed{number:02}" for number in range(30)))):
        Account.objects.filter(pk=account.pk).update(gone_at=now() - timedelta(days=100 - days))
    monkeypatch.setattr(people, "MOST_SORTED", 10)
    where = Workspace.objects.all()

    found = people.find("zed", seen=where, operated=where, now=now())

    assert found.gone[0].account.username == "zed29"


def test_the_audit_is_asked_by_one_index_at_a_time(site: Site) -> None:
    with CaptureQueriesContext(connection) as asked:
        answer = site.client.get(reverse("search"), {"q": "ben"})
    entries = [query["sql"] for query in asked if 'FROM "accounts_review_auditentry"' in query["sql"]]
    assert titles(answer, "entries")
    assert entries
    assert not [sql for sql in entries if " OR " in sql]
