"""Every address of the portal, and who may see and do what there. A new one without an expectation fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils.timezone import now
from pytest_django import Settings

from accounts_review.models import ROLES, AuditEntry, Workspace
from accounts_review.web.urls import urlpatterns
from tests.factories import give_role, make_bulk_decision, make_policy_preview, make_workspace
from tests.web.kit import sign_in
from tests.web.records_kit import Site

EXPECTED: dict[str, tuple[str, str]] = {
    "home": ("read", ""),
    "go_on": ("read", ""),
    "profile": ("read", ""),
    "docs": ("read", ""),
    "document": ("read", ""),
    "search": ("read", ""),
    "workspaces": ("read", ""),
    "hold": ("read", "read"),
    "people": ("administer", "administer"),
    "people_of_workspace": ("administer", "administer"),
    "person": ("administer", "administer"),
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
    "bulk_decision": ("read", "decide"),
    "look": ("", "read"),
    "save_view": ("", "read"),
    "drop_view": ("", "read"),
    "account": ("read", ""),
    "accept_dates": ("", "administer"),
    "erase_person": ("", "administer"),
    "access_report": ("", "read"),
    "card": ("read", ""),
    "known_then": ("read", ""),
    "service_account": ("", "decide"),
    "cleanups": ("read", ""),
    "cleanup": ("read", ""),
    "launch": ("operate", "operate"),
    "progress": ("read", ""),
    "paper": ("read", ""),
    "print": ("read", ""),
    "cases": ("", "decide"),
    "case": ("read", ""),
    "turn": ("", "operate"),
    "restore": ("", "operate"),
    "revoked": ("read", ""),
    "policy": ("read", "administer"),
    "policy_check": ("", "administer"),
    "policy_record": ("read", "administer"),
    "begin_retention": ("", "administer"),
    "policy_version": ("read", ""),
    "policy_preview": ("read", "administer"),
    "preview_accounts": ("read", ""),
    "backtest": ("read", ""),
    "emails": ("read", "operate"),
    "what_if": ("read", ""),
    "moved_emails": ("read", ""),
    "moved_preview": ("read", ""),
    "moved_preview_accounts": ("read", ""),
    "audit": ("read", ""),
    "audit_verify": ("", "read"),
    "audit_export": ("", "read"),
    "sync": ("read", "operate"),
    "settings": ("administer", "administer"),
    "new_workspace": ("administer", "administer"),
    "mode": ("administer", "administer"),
}
"""For each address: the permission it takes to see it, and to act there; "" where there is nothing to see or do."""

OPEN = {"accessibility", "answer", "torn_answer", "bounces"}
"""Addresses without a login: what is the same for everybody (tests/web/docs), or a signed token is the key
(tests/web/test_answer_page.py), or the provider's secret (tests/web/test_bounces.py)."""

OF_PORTAL = {
    "home",
    "go_on",
    "profile",
    "workspaces",
    "new_workspace",
    "schedule",
    "hold",
    "people",
    "person",
    "search",
    "docs",
    "document",
}
"""Pages of the whole portal; all others are about one workspace."""

NOT_THERE = {"drop_view", "emails", "import_plan", "person", "restore", "schedule", "settings"}
"""Addresses whose acts need something that is not there: a view, a file, a revoked case, or what the form names."""


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


def addresses_of(site: Site, username: str) -> dict[str, str]:
    """An address for every name, about somebody who is in a clean-up."""
    case = site.case(username)
    cleanup = case.cleanup
    version = site.workspace.current_policy
    policy_preview = make_policy_preview(site.workspace, created_at=now(), heartbeat_at=now())
    bulk_decision = make_bulk_decision(site.workspace, at=now(), heartbeat_at=now())
    sync = site.synced()
    given: dict[str, dict[str, Any]] = {
        "policy_version": {"number": version.number},
        "policy_preview": {"pk": policy_preview.pk},
        "preview_accounts": {"pk": policy_preview.pk},
        "moved_preview": {"pk": policy_preview.pk},
        "moved_preview_accounts": {"pk": policy_preview.pk},
        "bulk_decision": {"pk": bulk_decision.pk},
        "account": {"pk": case.account_id},
        "accept_dates": {"pk": case.account_id},
        "erase_person": {"pk": case.account_id},
        "access_report": {"pk": case.account_id},
        "card": {"pk": case.account_id},
        "known_then": {"pk": case.account_id, "seq": AuditEntry.objects.get(account_id=case.account_id).seq},
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
        "paper": {"number": cleanup.number},
        "print": {"number": cleanup.number},
        "cases": {"number": cleanup.number},
        "case": {"number": cleanup.number, "pk": case.pk},
        "turn": {"number": cleanup.number, "verb": "pause"},
        "restore": {"number": cleanup.number, "pk": case.pk},
        "person": {"pk": site.person("administrator").pk},
        "document": {"name": "guide"},
    }
    return {
        name: reverse(name, kwargs=given.get(name)) if name in OF_PORTAL else site.at(name, **given.get(name, {}))
        for name in named(urlpatterns)
        if name not in OPEN
    }


def test_every_address_has_an_expectation() -> None:
    assert sorted(named(urlpatterns)) == sorted({*EXPECTED, *OPEN})


SIGN_IN, REFUSED, HIDDEN = "sign in", "refused", "hidden"


def answer_of(response: Any) -> str:
    """How a request ended, as far as permissions go: asked to sign in, refused, hidden, or ``"passed"``."""
    if response.status_code == 302 and response["Location"].split("?")[0] == "/accounts/login/":
        return SIGN_IN
    return {403: REFUSED, 404: HIDDEN, 405: REFUSED}.get(response.status_code, "passed")


def answers(site: Site, addresses: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What reading and acting come to at every address, each on its own: nothing of it stays."""
    found = {}
    for name, address in addresses.items():
        found[name] = (answered(site, "get", address), answered(site, "post", address))
    return found


def answered(site: Site, method: str, address: str) -> str:
    with transaction.atomic():
        answer = answer_of(getattr(site.client, method)(address))
        transaction.set_rollback(True)
    return answer


def expected(held: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """What somebody with these permissions in the whole portal may expect of every address."""
    return {
        name: tuple("passed" if need and need in held else REFUSED for need in needs)  # type: ignore[misc]
        for name, needs in EXPECTED.items()
    }


HIDDEN_BUT_HOME = {name: (REFUSED, REFUSED) if name == "home" else (HIDDEN, HIDDEN) for name in EXPECTED}
"""What somebody without any role finds: nothing, but that they need a role."""

STRANGER = dict.fromkeys(EXPECTED, (SIGN_IN, SIGN_IN))


def compare(found: dict[str, tuple[str, str]], wanted: dict[str, tuple[str, str]]) -> None:
    """Compare what was found with what was expected; whoever may act on what is not there does not find it."""
    kept = {name: ("passed" if may == "passed" else HIDDEN) for name, (_, may) in wanted.items() if name in NOT_THERE}
    found = {name: (seen, kept.get(name, done) if done == HIDDEN else done) for name, (seen, done) in found.items()}
    differing = {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}
    assert differing == {}, "address: (found, expected), each (to see, to act)"


def test_strangers_are_asked_to_sign_in(site: Site, addresses: dict[str, str]) -> None:
    compare(answers(site, addresses), STRANGER)


@pytest.mark.matrix(fast=1, reason="every address is asked twice, for each role")
@pytest.mark.parametrize("where", ["portal", "workspace"])
@pytest.mark.parametrize("role", sorted(ROLES))
def test_who_may_see_and_act(site: Site, addresses: dict[str, str], role: str, where: str) -> None:
    """A role in every workspace there is goes as far as one in the whole portal, as long as none is added."""
    login(site, role, None if where == "portal" else site.workspace)
    compare(answers(site, addresses), expected(ROLES[role]))


@pytest.mark.slow(reason="every address is asked")
def test_without_a_role_nothing_is_there(site: Site, addresses: dict[str, str]) -> None:
    login(site, "")
    compare(answers(site, addresses), HIDDEN_BUT_HOME)


@pytest.mark.slow(reason="every address is asked twice, for each role")
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_in_another_workspace_shows_nothing_of_this_one(
    site: Site, addresses: dict[str, str], role: str
) -> None:
    login(site, role, make_workspace("other"))
    of_portal = {name: reach for name, reach in expected(ROLES[role]).items() if name in OF_PORTAL}
    of_portal["schedule"] = (of_portal["schedule"][0], REFUSED)  # What it runs, it runs for every workspace.
    of_portal["new_workspace"] = (REFUSED, REFUSED)
    compare(answers(site, addresses), dict.fromkeys(EXPECTED, (HIDDEN, HIDDEN)) | of_portal)
    for page in OF_PORTAL:
        assert b"main" not in site.client.get(addresses[page]).content.replace(b"<main", b"").replace(b"</main", b"")


@pytest.mark.slow(reason="every address is asked")
def test_two_roles_reach_as_far_as_each(site: Site, addresses: dict[str, str]) -> None:
    person = login(site, "auditor", site.workspace)
    give_role(person, "administrator", make_workspace("other"))
    of_workspace = {name: reach for name, reach in expected(ROLES["auditor"]).items() if name not in OF_PORTAL}
    compare(answers(site, addresses), of_workspace)


@pytest.mark.slow(reason="every address is asked twice, for each role")
@pytest.mark.parametrize("role", ["", *sorted(ROLES)])
def test_a_role_that_changes_in_mid_session_counts_at_once(site: Site, addresses: dict[str, str], role: str) -> None:
    person = login(site, "administrator")
    assert site.get("overview").status_code == 200
    give_role(person, role)
    compare(answers(site, addresses), expected(ROLES[role]) if role else HIDDEN_BUT_HOME)


def test_whoever_is_deactivated_in_mid_session_is_a_stranger(site: Site, addresses: dict[str, str]) -> None:
    person = login(site, "administrator")
    assert site.get("overview").status_code == 200
    User.objects.filter(pk=person.pk).update(is_active=False)
    compare(answers(site, addresses), STRANGER)


def test_without_the_second_factor_that_is_demanded_every_page_leads_to_setting_one_up(
    site: Site, addresses: dict[str, str], settings: Settings
) -> None:
    settings.SECOND_FACTOR_FROM = "reviewer"
    person = login(site, "operator")
    for name, address in addresses.items():
        for method in ("get", "post"):
            answer = getattr(site.client, method)(address)
            assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/"), (name, method)
    give_role(person, "auditor")
    assert site.get("overview").status_code == 200, "demoted in mid-session, nothing is demanded any more"


def login(site: Site, role: str, workspace: Workspace | None = None) -> User:
    """Somebody new with this role, signed in."""
    person = User.objects.create(username="somebody", email="somebody@portal.example")
    give_role(person, role, workspace)
    sign_in(site.client, person)
    return person


@pytest.mark.slow(reason="every address is asked")
def test_a_superuser_passes_everywhere(site: Site, addresses: dict[str, str]) -> None:
    sign_in(site.client, User.objects.create_superuser("root"))
    answers = {name: site.client.get(address).status_code for name, address in addresses.items() if EXPECTED[name][0]}
    assert set(answers.values()) <= {200, 302}


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
