"""From the invitation to the last click, in a real browser: people sign in, prove who they are, and are shut out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from time import time
from typing import Any

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts_review.models import Cleanup, Workspace
from tests.axe import violations
from tests.sso_provider import OIDCProvider
from tests.web.browser_kit import CHROMIUM, IN_A_BROWSER, REPORT
from tests.web.records_kit import Site
from tests.web.signin.test_second_factor import code_of

pytestmark = [
    *IN_A_BROWSER,
    pytest.mark.slow(reason="each page of the journey is looked at in two widths, two themes and two languages"),
]
PASSWORD = "correct horse battery"
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
SHOTS = os.environ.get("SHOTS", "")
GO_ON = re.compile(r"^[^?]*/go-on/$")
"""The page itself, and not one that leads there by its ``next``."""


class Journey:
    """One browser, in which several people sign in, each in a context of their own."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url, self.complaints = browser, url, list[str]()

    def person(self) -> Page:
        page = self.browser.new_context(base_url=self.url, locale="en-GB").new_page()
        page.add_init_script(REPORT)
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def hear(self, said: ConsoleMessage) -> None:
        """What the browser complains of on our own pages; the provider's are not ours."""
        if said.type == "error" and str(said.location.get("url", "")).startswith(self.url):
            self.complaints.append(said.text)

    def look(self, page: Page, name: str) -> None:
        """Every way in which somebody may see the page: nothing is wider than it, and axe finds nothing."""
        at = page.url
        for language in ("fr", "en"):
            page.context.add_cookies([{"name": "django_language", "value": language, "url": self.url}])
            page.goto(at)
            for width, scheme in ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                where = f"{name} {language} {width} {scheme}"
                assert violations(page) == [], where
                page.wait_for_function(f"!({WIDER})", timeout=5000)  # Nothing scrolls sideways.
                if SHOTS:
                    page.screenshot(path=f"{SHOTS}/{where.replace(' ', '-')}.png", full_page=True)
        page.set_viewport_size({"width": 1440, "height": 900})


@pytest.fixture
def journey(live_server: LiveServer, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journey]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        journey = Journey(browser, live_server.url)
        yield journey
        browser.close()
        connection.close()
    assert [said for said in journey.complaints if "403" not in said] == []


def sign_in(page: Page, login: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def let_time_pass() -> None:
    """Whatever anybody has proven was more than five minutes ago."""
    for row in Session.objects.all():
        session = SessionStore(row.session_key)
        for record in session.get(AUTHENTICATION_METHODS_SESSION_KEY, []):
            record["at"] = time() - 400
        session.modified = True
        session.save()


def link_in_mail_to(address: str) -> str:
    bodies = [sent.body for sent in mail.outbox if sent.to == [address] and "/password/reset/key/" in sent.body]
    (path,) = [word for word in bodies[-1].split() if "/password/reset/key/" in word]
    return path.removeprefix("http://127.0.0.1:8000")


def invite(page: Page, login: str, role: str) -> None:
    page.goto("/people/")
    page.get_by_label("Login").fill(login)
    page.get_by_label("E-mail address").fill(f"{login}@portal.example")
    page.locator("#id_role").select_option(role)
    page.locator("#id_place").select_option("main")
    page.get_by_role("button", name="Send the invitation").click()
    page.get_by_text(f"{login} was added").first.wait_for()


def with_passkeys(page: Page) -> None:
    """A browser that has a fingerprint reader, and a finger on it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options: dict[str, Any] = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.fixture
def site(workspace: Workspace, person: Callable[[str], User]) -> Site:
    boss = person("administrator")
    boss.set_password(PASSWORD)
    boss.save()
    return Site(Client(), workspace, person)


def test_somebody_with_a_password_and_a_passkey(journey: Journey, site: Site, settings: Settings) -> None:
    settings.SECOND_FACTOR_FROM = "nobody"
    boss, ines = journey.person(), journey.person()
    sign_in(boss, "administrator")
    invite(boss, "ines", "operator")
    journey.look(boss, "people")
    boss.get_by_role("link", name="ines", exact=True).click()
    journey.look(boss, "person")

    settings.SECOND_FACTOR_FROM = "operator"
    ines.goto(link_in_mail_to("ines@portal.example"))
    journey.look(ines, "accept")
    ines.get_by_label("New password", exact=True).fill(PASSWORD)
    ines.get_by_label("New password, once more").fill(PASSWORD)
    ines.get_by_role("button", name="Set the password").click()
    ines.wait_for_url("**/done/")
    journey.look(ines, "accepted")
    ines.goto("/accounts/login/")
    journey.look(ines, "login")
    sign_in(ines, "ines")
    ines.get_by_text("Your role needs a second factor").first.wait_for()
    journey.look(ines, "factors")
    ines.goto("/accounts/2fa/totp/activate/")
    journey.look(ines, "totp")
    ines.get_by_label("Code").fill(code_of(ines.locator("main code").inner_text()))
    ines.get_by_role("button", name="Turn it on").click()
    ines.wait_for_url("**/recovery-codes/")
    journey.look(ines, "codes")
    with_passkeys(ines)
    ines.goto("/accounts/2fa/webauthn/add/")
    journey.look(ines, "passkey")
    ines.evaluate("() => { navigator.credentials.create = () => Promise.reject(new Error()); }")
    ines.get_by_role("button", name="Add the key").click()
    ines.get_by_text("The key did not answer").wait_for()
    ines.reload()
    ines.get_by_label("Name").fill("finger")
    ines.get_by_role("button", name="Add the key").click()
    ines.wait_for_url(lambda url: not url.endswith("/add/"))
    ines.goto("/accounts/2fa/webauthn/")
    journey.look(ines, "keys")
    for page in ("Rename finger", "Remove finger"):
        ines.goto("/accounts/2fa/webauthn/")
        ines.get_by_role("link", name=page).click()
        journey.look(ines, page.split()[0].lower())
    ines.goto("/accounts/2fa/")
    journey.look(ines, "factors-set-up")

    # Out and in again, by the password and the passkey.
    ines.context.clear_cookies()
    sign_in(ines, "ines")
    ines.wait_for_url("**/2fa/authenticate/")
    journey.look(ines, "authenticate")
    ines.get_by_role("button", name="Use a security key").click()
    ines.wait_for_url("**/w/main/")

    # Asked anew before a launch.
    number = site.draft("ana.idle").number
    ines.goto(f"/w/main/cleanups/{number}/launch/")
    let_time_pass()
    ines.locator("form.confirmation input[name=count]").fill("1")
    ines.locator("form.confirmation button.btn-primary, form.confirmation button.btn-danger").last.click()
    ines.wait_for_url("**reauthenticate/**")
    assert Cleanup.objects.get(number=number).is_draft
    journey.look(ines, "asked-anew")
    ines.goto("/accounts/2fa/webauthn/reauthenticate/?next=/go-on/")
    ines.get_by_role("button", name="Use a security key").click()
    ines.wait_for_url(GO_ON)
    journey.look(ines, "go-on")
    ines.locator("main form button.btn-primary").click()
    ines.wait_for_url(f"**/cleanups/{number}/")
    assert Cleanup.objects.get(number=number).state == "running"
    ines.goto("/accounts/sessions/")
    journey.look(ines, "sessions")
    ines.goto("/profile/")
    journey.look(ines, "profile")

    # Shut out, by somebody who is asked anew as well.
    settings.SECOND_FACTOR_FROM = "nobody"
    boss.get_by_role("button", name="Deactivate ines").click()
    boss.get_by_label("Password").fill(PASSWORD)
    boss.get_by_role("button", name="Confirm").click()
    boss.wait_for_url(GO_ON)
    boss.locator("main form button.btn-primary").click()
    boss.get_by_text("was deactivated").first.wait_for()
    ines.goto("/w/main/")
    assert "/accounts/login/" in ines.url


def test_somebody_who_signs_in_with_their_organisation(
    journey: Journey, site: Site, provider: Callable[..., OIDCProvider], settings: Settings
) -> None:
    entra = provider()
    boss, otto = journey.person(), journey.person()
    sign_in(boss, "administrator")
    boss.wait_for_url("**/w/main/")
    invite(boss, "otto", "operator")
    sub = f"otto-{time()}"
    entra.say(sub, email="o.t.to@elsewhere.example")
    otto.goto("/accounts/login/")
    journey.look(otto, "login-with-provider")
    otto.goto(link_in_mail_to("otto@portal.example"))
    journey.look(otto, "accept-with-provider")
    otto.get_by_role("button", name="Continue with Entra").click()
    over_there(otto, sub)
    otto.wait_for_url("**/w/main/")
    boss.goto("/people/")
    assert "Entra" in boss.get_by_role("row", name="otto").inner_text()

    number = site.draft("ana.idle").number
    otto.goto(f"/w/main/cleanups/{number}/launch/")
    let_time_pass()
    otto.locator("form.confirmation input[name=count]").fill("1")
    otto.locator("form.confirmation button.btn-primary, form.confirmation button.btn-danger").last.click()
    otto.wait_for_url("**/reauthenticate/provider/**")
    journey.look(otto, "prove")
    entra.say(sub, auth_time=int(time()) - 4000)
    otto.get_by_role("button", name="Continue with Entra").click()
    over_there(otto, sub)
    otto.get_by_text("did not ask you to sign in again").first.wait_for()
    otto.get_by_role("link", name="Try again").click()
    entra.say(sub, auth_time=int(time()))
    otto.get_by_role("button", name="Continue with Entra").click()
    over_there(otto, sub)
    otto.wait_for_url(GO_ON)
    otto.locator("main form button.btn-primary").click()
    otto.wait_for_url(f"**/cleanups/{number}/")
    assert Cleanup.objects.get(number=number).state == "running"


def over_there(page: Page, sub: str) -> None:
    """Sign in at the provider."""
    page.locator("input[name=sub]").fill(sub)
    page.get_by_role("button", name="Authorize").click()
