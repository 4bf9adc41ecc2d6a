"""Every address of the portal, and who may see and do what there. A new one without an expectation fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils.timezone import now

from accounts_review.models import ROLES, Workspace
from accounts_review.web.urls import urlpatterns
from tests.factories import make_policy_preview, make_workspace
from tests.web.kit import sign_in
from tests.web.records_kit import Site

NOBODY: tuple[str, ...] = ()
EXPECTED: dict[str, tuple[str, str]] = {
    "home": ("read", ""),
    "go_on": ("read", ""),
    "profile": ("read", ""),
    "workspaces": ("read", ""),
    "hold": ("read", "read"),
    "schedule": ("read", "operate"),
    "syncs": ("read", ""),
    "sync_page": ("read", ""),
    "stop_sync": ("", "operate"),
    "breaker": ("", "administer"),
    "check_connection": ("read", "operate"),
    "overview": ("read", ""),
    "review": ("read", ""),
    "export": ("read", ""),
    "import": ("decide", "decide"),
    "import_plan": ("decide", "decide"),
    "cleanup_export": ("read", ""),
    "decide": ("", "decide"),
    "news": ("read", ""),
    "save_view": ("", "read"),
    "drop_view": ("", "read"),
    "account": ("read", ""),
    "accept_dates": ("", "administer"),
    "card": ("read", ""),
    "service_account": ("", "decide"),
    "cleanups": ("read", ""),
    "cleanup": ("read", ""),
    "launch": ("operate", "operate"),
    "progress": ("read", ""),
    "cases": ("", "decide"),
    "case": ("read", ""),
    "turn": ("", "operate"),
    "restore": ("", "operate"),
    "revoked": ("read", ""),
    "policy": ("read", "administer"),
    "policy_version": ("read", ""),
    "policy_preview": ("read", "administer"),
    "movers": ("read", ""),
    "backtest": ("read", ""),
    "emails": ("read", "operate"),
    "what_if": ("read", ""),
    "moved_emails": ("read", ""),
    "moved_preview": ("read", ""),
    "moved_movers": ("read", ""),
    "audit": ("read", ""),
    "audit_verify": ("", "read"),
    "audit_export": ("", "read"),
    "sync": ("read", "operate"),
    "settings": ("administer", "administer"),
    "new_workspace": ("administer", "administer"),
    "mode": ("", "administer"),
}
"""For each address: the permission it takes to see it, and to act there; "" where there is nothing to see or do."""

OPEN = {"answer", "bounces"}
"""Addresses without a login: a signed token is the key (tests/web/test_answer_page.py), or the provider's secret
(tests/web/test_bounces.py)."""

PEOPLE = {"nobody": NOBODY, **ROLES}


def named(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from named(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            assert pattern.name, f"{pattern} has no name"
            yield pattern.name


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person)


@pytest.fixture
def addresses(site: Site) -> dict[str, str]:
    """An address for every name, all of things that are there."""
    site.draft("ana.idle")
    return addresses_of(site, "ana.idle")


OF_PORTAL = {
    "home": "/",
    "workspaces": "/workspaces/",
    "new_workspace": "/workspaces/add/",
    "schedule": "/schedule/",
    "hold": "/hold/",
    "go_on": "/go-on/",
    "profile": "/profile/",
}


def addresses_of(site: Site, username: str) -> dict[str, str]:
    """An address for every name, about somebody who is in a clean-up."""
    case = site.case(username)
    cleanup = case.cleanup
    version = site.workspace.current_policy
    policy_preview = make_policy_preview(site.workspace, created_at=now(), heartbeat_at=now())
    sync = site.synced()
    given: dict[str, dict[str, Any]] = {
        "policy_version": {"number": version.number},
        "policy_preview": {"pk": policy_preview.pk},
        "movers": {"pk": policy_preview.pk},
        "moved_preview": {"pk": policy_preview.pk},
        "moved_movers": {"pk": policy_preview.pk},
        "account": {"pk": case.account_id},
        "accept_dates": {"pk": case.account_id},
        "card": {"pk": case.account_id},
        "drop_view": {"pk": 4711},
        "service_account": {"pk": case.account_id},
        "cleanup": {"number": cleanup.number},
        "cleanup_export": {"number": cleanup.number},
        "import_plan": {"pk": uuid4()},
        "launch": {"number": cleanup.number},
        "sync_page": {"pk": sync.pk},
        "stop_sync": {"pk": sync.pk},
        "breaker": {"pk": sync.pk},
        "progress": {"number": cleanup.number},
        "cases": {"number": cleanup.number},
        "case": {"number": cleanup.number, "pk": case.pk},
        "turn": {"number": cleanup.number, "verb": "pause"},
        "restore": {"number": cleanup.number, "pk": case.pk},
    }
    return {
        name: OF_PORTAL.get(name) or site.at(name, **given.get(name, {}))
        for name in named(urlpatterns)
        if name not in OPEN
    }


def test_every_address_has_an_expectation() -> None:
    assert sorted(named(urlpatterns)) == sorted({*EXPECTED, *OPEN})


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_strangers_are_asked_to_sign_in(client: Client, addresses: dict[str, str], name: str) -> None:
    for ask in (client.get, client.post):
        answer = ask(addresses[name])
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")


@pytest.mark.parametrize("role", sorted(PEOPLE))
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_who_may_see_and_act(site: Site, addresses: dict[str, str], name: str, role: str) -> None:
    to_see, to_act = EXPECTED[name]
    site.sign_in(role)
    held = PEOPLE[role]
    seen, done = site.client.get(addresses[name]), site.client.post(addresses[name])
    if not to_see:
        assert seen.status_code in (403, 405)
    else:
        assert (seen.status_code == 403) is (to_see not in held)
    if not to_act:
        assert done.status_code in (403, 405)
    else:
        assert (done.status_code == 403) is (to_act not in held)


def test_a_superuser_passes_everywhere(site: Site, addresses: dict[str, str]) -> None:
    sign_in(site.client, User.objects.create_superuser("root"))
    answers = {name: site.client.get(address).status_code for name, address in addresses.items() if EXPECTED[name][0]}
    assert set(answers.values()) <= {200, 302}


def test_an_inactive_person_is_a_stranger(site: Site) -> None:
    site.sign_in("administrator")
    User.objects.filter(username="administrator").update(is_active=False)
    assert site.get("overview").status_code == 302


def test_a_refusal_says_which_roles_may(site: Site) -> None:
    answer = site.sign_in("auditor").get("launch", number=site.draft("ana.idle").number)
    assert b"operator, administrator" in answer.content
    assert b"You do not have permission to do this" in answer.content


def test_another_workspace_is_not_found(site: Site) -> None:
    number = site.draft("ana.idle").number
    make_workspace()
    site.sign_in("administrator")
    assert site.client.get(f"/w/other/cleanups/{number}/").status_code == 404
    assert site.client.get("/w/nowhere/").status_code == 404


def test_pages_are_never_stored_and_differ_from_their_fragments(site: Site) -> None:
    answer = site.sign_in("auditor").get("audit")
    assert "no-store" in answer["Cache-Control"]
    assert "HX-Request" in answer["Vary"]


@pytest.mark.parametrize("page", ["overview", "cleanups", "policy", "audit"])
def test_a_page_of_an_empty_workspace_says_what_to_do(site: Site, page: str) -> None:
    assert site.sign_in("administrator").get(page).status_code == 200


def test_an_address_that_was_kept_leads_to_the_page_of_today(site: Site) -> None:
    site.sign_in("auditor")
    answer = site.client.get("/w/main/policy/proposals/7/accounts/")
    assert (answer.status_code, answer["Location"]) == (302, "/w/main/policy/previews/7/accounts/")
