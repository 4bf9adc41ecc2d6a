"""A session ends after a while without a click, and after a longer while in any case; what was sent is not lost."""

from __future__ import annotations

from collections.abc import Callable
from time import time

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from accounts_review.models import Workspace
from tests.factories import make_sync
from tests.web.kit import sign_in
from tests.web.records_kit import Site, text

HOUR = 3600


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("reviewer")


def age(site: Site, *, began: float, seen: float) -> None:
    """As if the session had begun, and somebody had clicked last, so many seconds ago."""
    session = site.client.session
    session["began_at"], session["seen_at"] = time() - began, time() - seen
    session.save()


@pytest.mark.parametrize(
    ("began", "seen", "is_over"),
    [
        (1.9 * HOUR, 1.9 * HOUR, False),
        (3 * HOUR, 2.1 * HOUR, True),
        (11.9 * HOUR, 60, False),
        (12.1 * HOUR, 60, True),
    ],
)
def test_it_ends_after_inactivity_and_in_any_case(site: Site, began: float, seen: float, *, is_over: bool) -> None:
    age(site, began=began, seen=seen)
    assert (site.get("review").status_code == 302) is is_over


def test_a_page_that_looks_again_by_itself_keeps_no_session_alive(site: Site) -> None:
    age(site, began=HOUR, seen=HOUR)
    site.get("news")
    page = f"/w/main/syncs/{make_sync(site.workspace).pk}/"
    assert site.client.get(page, headers={"HX-Request": "true"}).status_code == 200
    assert time() - site.client.session["seen_at"] >= HOUR
    site.client.get(page)
    assert time() - site.client.session["seen_at"] < HOUR
    age(site, began=HOUR, seen=HOUR)
    site.get("review")
    assert time() - site.client.session["seen_at"] < HOUR


@pytest.mark.parametrize("page", ["/schedule/", "/w/main/cleanups/1/"])
def test_a_part_that_looks_again_by_itself_keeps_no_session_alive(site: Site, page: str) -> None:
    site.launched("ana")
    age(site, began=HOUR, seen=HOUR)
    assert site.client.get(page, headers={"HX-Request": "true"}).status_code == 200
    assert time() - site.client.session["seen_at"] >= HOUR


@pytest.mark.parametrize("has_session", [True, False])
def test_signed_out_no_part_of_a_page_turns_into_the_sign_in(site: Site, *, has_session: bool) -> None:
    age(site, began=13 * HOUR, seen=60)
    if not has_session:
        del site.client.cookies["sessionid"]
    here = {"HX-Request": "true", "HX-Current-URL": "https://testserver/w/main/audit/?q=ana"}
    asked = site.client.get("/w/main/audit/?q=anab", headers=here)
    assert asked["HX-Redirect"] == "/accounts/login/?next=%2Fw%2Fmain%2Faudit%2F%3Fq%3Dana"
    by_itself = site.client.get("/w/main/review/news/?since=1", headers=here)
    assert (by_itself.status_code, by_itself.content) == (204, b"")


def test_a_decision_in_the_middle_of_which_it_ended_is_offered_again(site: Site) -> None:
    (ana,) = site.people("ana.idle")
    age(site, began=13 * HOUR, seen=60)
    fields = {"decision": "approve", "account": str(ana.pk), "reason": "left in 2021"}
    answer = site.post("decide", fields)
    assert answer["Location"] == "/accounts/login/?next=%2Fgo-on%2F"
    reviewer = site.person("reviewer")
    reviewer.set_password("correct horse battery")
    reviewer.save()
    site.client.post(answer["Location"], {"login": "reviewer", "password": "correct horse battery"})
    kept = site.client.get("/go-on/").context["kept"]
    site.client.post(kept["to"], dict(kept["fields"]))
    assert site.case("ana.idle").state == "in_draft"


@pytest.mark.parametrize(("page", "label"), [("policy", "Title"), ("settings", "Name shown to people")])
def test_what_is_offered_again_has_the_name_it_has_on_its_page(site: Site, page: str, label: str) -> None:
    administrator = site.person("administrator")
    administrator.set_password("correct horse battery")
    administrator.save()
    site.sign_in("administrator")
    age(site, began=13 * HOUR, seen=60)
    answer = site.post(page, {"title": "Spring clean-up"})
    site.client.post(answer["Location"], {"login": "administrator", "password": "correct horse battery"})
    assert (label, "Spring clean-up") in site.client.get("/go-on/").context["told"]


def test_what_one_person_sent_is_offered_to_nobody_else(site: Site) -> None:
    age(site, began=13 * HOUR, seen=60)
    site.post("decide", {"decision": "approve", "account": "1", "reason": "left in 2021"})
    other = site.person("operator")
    kept = site.client.session["kept_form"]
    sign_in(site.client, other)
    session = site.client.session
    session["kept_form"] = kept
    session.save()
    assert site.client.get("/go-on/").status_code == 302


def test_what_is_sent_without_any_session_left_is_kept_and_shown(site: Site) -> None:
    reviewer = site.person("operator")
    reviewer.set_password("correct horse battery")
    reviewer.save()
    site.sign_in("operator")
    cleanup = site.launched("ana")
    site.get("cleanup", number=cleanup.number)
    del site.client.cookies["sessionid"]
    answer = site.post("turn", {"reason": "wrong list"}, number=cleanup.number, verb="pause")
    assert answer["Location"] == "/accounts/login/?next=%2Fgo-on%2F"
    cleanup.refresh_from_db()
    assert cleanup.state == "running"
    page = site.client.post(answer["Location"], {"login": "operator", "password": "correct horse battery"}, follow=True)
    assert "Nothing has been done yet." in text(page)
    assert "wrong list" in text(page)
    kept = page.context["kept"]
    site.client.post(kept["to"], dict(kept["fields"]))
    cleanup.refresh_from_db()
    assert cleanup.state == "paused"


def test_without_any_session_left_it_is_offered_to_nobody_else(site: Site) -> None:
    site.get("review")
    del site.client.cookies["sessionid"]
    site.post("decide", {"decision": "approve", "account": "1", "reason": "left in 2021"})
    kept = site.client.session["kept_form"]
    other = site.person("operator")
    sign_in(site.client, other)
    session = site.client.session
    session["kept_form"] = kept
    session.save()
    assert site.client.get("/go-on/").status_code == 302


SECRETS = {
    "/accounts/password/change/": ("oldpassword", "password1", "password2"),
    "/accounts/reauthenticate/": ("password",),
    "/accounts/2fa/authenticate/": ("code", "credential"),
    "/accounts/2fa/reauthenticate/": ("code",),
    "/accounts/2fa/totp/activate/": ("code",),
    "/accounts/2fa/webauthn/add/": ("name", "credential", "passwordless"),
    "/accounts/sessions/": ("anything",),
    "/workspaces/add/": ("key", "KEY", "api_key", "access-key", "new_password", "token", "secret"),
    "/w/main/settings/": ("key",),
    "/w/main/review/decide/": ("password", "otp_code"),
}


@pytest.mark.parametrize("path", SECRETS)
@pytest.mark.parametrize("has_session", [True, False])
def test_no_secret_is_kept_of_what_was_sent(site: Site, path: str, *, has_session: bool) -> None:
    age(site, began=13 * HOUR, seen=60)
    if not has_session:
        del site.client.cookies["sessionid"]
    answer = site.client.post(path, dict.fromkeys(SECRETS[path], "hunter2 hunter2") | {"reason": "left"})
    assert answer.status_code == 302
    kept = [session.get_decoded() for session in Session.objects.all()]
    assert "hunter2" not in str(kept)
    if path.startswith("/accounts/"):
        assert "kept_form" not in str(kept)
        assert "go-on" not in answer["Location"]


def test_an_api_key_is_not_kept_and_the_rest_is(site: Site) -> None:
    site.sign_in("administrator")
    age(site, began=13 * HOUR, seen=60)
    fields = {"key": "hunter2 hunter2", "url": "https://data.example.org", "key_owner": "bot"}
    site.client.post("/workspaces/add/", fields)
    kept = site.client.session["kept_form"]["fields"]
    assert dict(kept) == {"url": ["https://data.example.org"], "key_owner": ["bot"]}


def test_an_address_that_only_takes_a_form_has_a_page(site: Site) -> None:
    site.sign_in("operator")
    cleanup = site.launched("ana")
    page = site.get("turn", number=cleanup.number, verb="pause")
    assert page.status_code == 405
    assert page["Allow"]
    assert "Nothing has happened" in text(page)
    assert f'href="{site.at("cleanup", number=cleanup.number)}"' in text(page)


def test_the_rest_of_the_session_is_told_and_a_click_keeps_it(site: Site) -> None:
    age(site, began=HOUR, seen=1.95 * HOUR)
    told = site.client.get("/accounts/session/").json()
    assert 100 < told["left"] < 300
    assert told["can_stay"] is True
    assert site.client.get("/accounts/session/").json()["left"] <= told["left"]
    assert site.client.post("/accounts/session/").json()["left"] > 7000
    age(site, began=11.95 * HOUR, seen=60)
    assert site.client.get("/accounts/session/").json()["can_stay"] is False


@pytest.mark.parametrize("cookie", ['"\\000aaaaaaaaaaaa"', "x" * 5000, "é", "%00", ""])
def test_a_cookie_that_is_none_of_ours_leads_to_the_sign_in(client: Client, db: None, cookie: str) -> None:
    assert client.get("/workspaces/", headers={"Cookie": f"sessionid={cookie}"}).status_code == 302
