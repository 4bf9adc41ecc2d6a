"""With a stolen session alone, once its owner proved long ago who they are, nothing is done that could harm many."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now
from pytest_django import Settings

from accounts_review.models import AuditEntry, EmailText, Workspace
from accounts_review.tasks import actions
from accounts_review.workflow import holds
from accounts_review.workflow.policy import preview
from tests.factories import make_social_account
from tests.sso_provider import OIDCProvider
from tests.stage import policy_text
from tests.web.kit import sign_in
from tests.web.records_kit import Site

PASSWORD = "correct horse battery"
LONG_AGO = 301


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person)


@pytest.fixture(params=["password", "provider", "factor"])
def thief(request: pytest.FixtureRequest, site: Site, provider: Callable[..., OIDCProvider]) -> Client:
    """Somebody with the cookie of an administrator who has a password, a provider only, or a second factor as well."""
    owner = site.person("administrator")
    if request.param == "provider":
        entra = provider()
        owner.set_unusable_password()
        make_social_account(owner, f"{entra.issuer} owner")
    else:
        owner.set_password(PASSWORD)
    owner.save()
    if request.param == "factor":
        TOTP.activate(owner, generate_totp_secret())
    browser = Client()
    sign_in(browser, owner, ago=LONG_AGO)
    if request.param == "provider":
        session = browser.session
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [
            {"method": "socialaccount", "provider": "entra", "at": time() - LONG_AGO},
            {"method": "socialaccount", "provider": "entra", "at": time() - LONG_AGO, "reauthenticated": True},
        ]
        session.save()
    return browser


def harmful(site: Site) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each act that could harm many, with an address and a form that would do it."""
    site.launched("first")
    (case,) = [site.case("first")]
    site.put("first", "revoked")
    other = site.person("operator")
    number = site.draft("ana.idle").number
    boss = site.person("administrator")
    proposed = preview.propose(
        workspace=site.workspace, text=policy_text(limit=100), actor=boss, reason="faster", now=now()
    )
    actions.preview_policy(proposed)
    proposed.refresh_from_db()
    holds.hold(workspace=None, actor=boss, reason="look", now=now())
    person, key = f"/people/{other.pk}/", {"url": "https://x.example.org", "key": "a key of theirs"}
    restore = {"number": case.cleanup.number, "pk": case.pk}
    seen = {"verb": "activate", "seen": preview.stamp(proposed), "loosens": "yes"}
    live = {"mode": "live", "confirmation": "main", "name": "main"}
    reset = {"choice": "accept", "reason": "looked"}
    return {
        "live": (site.at("mode"), live),
        "policy": (site.at("policy_preview", pk=proposed.pk), seen),
        "launch": (site.at("launch", number=number), {"count": "1"}),
        "breaker": (site.at("breaker", pk=site.synced("quarantined").pk), reset),
        "restore": (site.at("restore", **restore), {}),
        "release": ("/hold/", {"act": "release", "reason": "all is well", "workspace": ""}),
        "invite": (
            "/people/",
            {"login": "m", "email": "m@x.example", "role": "administrator", "place": "*"},
        ),
        "role": (person, {"act": "role", "place": "*", "role": "administrator"}),
        "address": (person, {"act": "email", "email": "mallory@elsewhere.example"}),
        "deactivate": (person, {"act": "deactivate"}),
        "unlink": (person, {"act": "unlink"}),
        "invite again": (person, {"act": "invite"}),
        "new workspace": ("/workspaces/add/", {"name": "evil", "title": "Evil", **key}),
        "key": (site.at("settings"), {"act": "connection", **key}),
        "retire": (site.at("settings"), {"act": "retire", "reason": "x", "confirmation": "main"}),
        "e-mails": (
            site.at("emails"),
            {"verb": "save", "kind": "", "written_in": "en", "reply_to": "mallory@elsewhere.example"},
        ),
        "language": (site.at("emails"), {"language": "fr"}),
        "factor": ("/accounts/2fa/totp/activate/", {"code": "000000"}),
        "passkey": ("/accounts/2fa/webauthn/add/", {"name": "theirs", "credential": "{}"}),
        "codes": ("/accounts/2fa/recovery-codes/generate/", {}),
        "no factor": ("/accounts/2fa/totp/deactivate/", {}),
    }


def test_a_cookie_alone_does_none_of_it(thief: Client, site: Site) -> None:
    acts = harmful(site)
    entries, factors = AuditEntry.objects.count(), Authenticator.objects.count()
    for act, (address, fields) in acts.items():
        answer = thief.post(address, fields)
        assert answer.status_code == 302, act
        assert "/reauthenticate/" in answer["Location"], act
    # What is kept of them is offered to nobody who has not proven who they are, and does nothing if it is sent.
    assert "/reauthenticate/" in thief.get("/go-on/")["Location"]
    for page in ("/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/"):
        thief.post(page, {"password": "guessed", "code": "000000", "next": "/go-on/"})
    assert "/reauthenticate/" in thief.get("/go-on/")["Location"]
    written = AuditEntry.objects.filter(seq__gt=entries).exclude(kind="signin.failed")
    assert list(written.values_list("kind", flat=True)) == []
    assert Authenticator.objects.count() == factors
    assert not Workspace.objects.get(name="main").is_live
    assert not EmailText.objects.exists()


def test_a_cookie_stops_what_others_started(thief: Client, site: Site) -> None:
    """Stopping needs no proof, whoever does it: it harms nobody."""
    thief.post("/hold/", {"act": "hold", "reason": "strange removals", "workspace": ""})
    assert AuditEntry.objects.filter(kind="hold.placed").exists()


def test_a_password_alone_does_none_of_it_where_a_factor_is_demanded(site: Site, settings: Settings) -> None:
    settings.SECOND_FACTOR_FROM = "operator"
    owner, thief = site.person("administrator"), Client()
    owner.set_password(PASSWORD)
    owner.save()
    acts = harmful(site)
    TOTP.activate(owner, generate_totp_secret())
    entries = AuditEntry.objects.count()
    thief.post("/accounts/login/", {"login": owner.username, "password": PASSWORD})
    for act, (address, fields) in acts.items():
        answer = thief.post(address, fields)
        assert answer["Location"].split("?")[0] == "/accounts/login/", act
    assert AuditEntry.objects.count() == entries


def test_a_password_without_any_factor_leads_to_setting_one_up_and_nowhere_else(site: Site, settings: Settings) -> None:
    settings.SECOND_FACTOR_FROM = "operator"
    owner, browser = site.person("administrator"), Client()
    owner.set_password(PASSWORD)
    owner.save()
    acts = {name: act for name, act in harmful(site).items() if not act[0].startswith("/accounts/")}
    browser.post("/accounts/login/", {"login": owner.username, "password": PASSWORD})
    entries = AuditEntry.objects.count()
    for act, (address, fields) in acts.items():
        assert browser.post(address, fields)["Location"] == "/accounts/2fa/", act
    assert AuditEntry.objects.count() == entries
