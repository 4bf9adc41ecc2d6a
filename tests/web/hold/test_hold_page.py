"""The page Hold: anybody stops everything from any page, everybody sees it, an administrator lets it go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import Hold, Workspace
from tests.factories import make_hold, make_workspace
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


def act(site: Site, what: str, reason: str = "the mails are wrong", workspace: str = "") -> Any:
    return site.client.post("/hold/", {"act": what, "reason": reason, "workspace": workspace}, follow=True)


@pytest.mark.parametrize("page", ["overview", "review", "cleanups", "policy", "audit"])
def test_every_page_has_the_button_and_says_that_everything_is_held(site: Site, page: str) -> None:
    assert 'href="/hold/?workspace=main"' in text(site.get(page))
    act(site, "hold")
    assert "auditor holds the whole portal: the mails are wrong" in text(site.get(page))


def test_it_is_held_and_released_with_a_reason(site: Site) -> None:
    said = text(act(site, "hold", workspace="main"))
    assert "Everything is held" in said
    assert "auditor holds the workspace main" in said
    assert 'value="release"' not in said
    site.sign_in("administrator")
    assert 'value="release"' in text(site.client.get("/hold/"))
    assert "Released. Notices and removals continue." in text(act(site, "release", "looked", "main"))
    hold = Hold.objects.get()
    assert (hold.by, hold.released_by, hold.release_reason) == ("auditor", "administrator", "looked")
    assert "held-banner" not in text(site.get("overview"))


@pytest.mark.parametrize("role", ["auditor", "reviewer", "operator"])
@pytest.mark.parametrize("what", ["release", "reset"])
def test_only_an_administrator_lets_it_go_on(site: Site, role: str, what: str) -> None:
    act(site.sign_in(role), "hold")
    make_hold(Hold.Cause.BEHIND, host="h")
    assert act(site, what).status_code == 403
    assert Hold.objects.open().count() == 2


@pytest.mark.parametrize(
    ("what", "reason", "workspace", "said"),
    [
        ("hold", "", "", "Give a reason; it is recorded in the audit."),
        ("hold", "x", "no such", "There is no such workspace, or you have no role in it."),
        ("", "x", "", "Reload the page first."),
        ("go", "x", "", "Reload the page first."),
    ],
)
def test_what_is_not_valid_changes_nothing_and_is_named(
    site: Site, what: str, reason: str, workspace: str, said: str
) -> None:
    answer = act(site, what, reason, workspace)
    assert answer.status_code == 400
    assert f"Nothing was changed. {said}" in text(answer)
    assert not Hold.objects.exists()


def test_nobody_without_a_role_sees_it(site: Site) -> None:
    assert site.sign_in("nobody").client.get("/hold/").status_code == 404
    assert act(site, "hold").status_code == 404


def test_a_hold_of_another_workspace_is_not_told_here(site: Site) -> None:
    make_workspace()
    act(site, "hold", workspace="other")
    assert "held-banner" not in text(site.get("overview"))
    assert "held-banner" in text(site.client.get("/workspaces/"))


def test_reasons_are_never_markup(site: Site) -> None:
    act(site, "hold", HOSTILE)
    for page in (site.client.get("/hold/"), site.get("overview")):
        assert HOSTILE.encode() not in page.content


def test_what_the_checkpoint_says_is_explained_and_accepted_after_a_sync(site: Site) -> None:
    details = {"number": 120, "newest": 100}
    make_hold(Hold.Cause.BEHIND, host="web-1", details=details)
    page = text(site.sign_in("administrator").client.get("/hold/"))
    assert "ends at entry 100, the checkpoint is at 120. (web-1)" in page
    assert "older than its checkpoint" in text(site.get("overview"))
    assert "Nothing" not in text(act(site, "release", "x"))
    assert Hold.objects.open().exists()


def test_why_the_database_is_accepted_stays_where_a_sync_is_missing(site: Site, settings: Any) -> None:
    settings.HUWISE = {"main": {"url": "http://127.0.0.1:9", "api_key": "never-asked", "key_owner": ""}}
    make_hold(Hold.Cause.BEHIND, host="web-1", details={"number": 120, "newest": 100})
    refused = act(site.sign_in("administrator"), "reset", "looked at it all")
    assert refused.status_code == 409
    assert "Run a complete sync of" in text(refused)
    assert 'value="looked at it all"' in text(refused), "what was typed is still there"


def test_past_holds_are_remembered(site: Site) -> None:
    act(site, "hold")
    act(site.sign_in("administrator"), "release", "looked")
    page = text(site.client.get("/hold/"))
    assert "released by administrator" in page
    assert "looked" in page
