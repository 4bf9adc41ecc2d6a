"""The second factor: set up, asked for, demanded from the role that the settings name, and given back by codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts_review.models import AuditEntry, Workspace
from accounts_review.tasks import sources
from tests.factories import give_role
from tests.web.kit import sign_in, text_of

PASSWORD = "correct horse battery"


@pytest.fixture
def oscar(person: Callable[[str], User]) -> User:
    user = person("operator")
    user.set_password(PASSWORD)
    user.save()
    return user


enrolling = pytest.mark.django_db(transaction=True)
"""What follows the set-up of a factor follows the end of its transaction."""


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time()) // 30)))


def sign_in_by_password(client: Client) -> Any:
    return client.post("/accounts/login/", {"login": "operator", "password": PASSWORD})


def enrol(client: Client) -> str:
    """Set up an app as the pages lead to it; returns its secret."""
    sign_in_by_password(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = str(page.context["form"].secret)
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert answer.status_code == 302
    return secret


def recovery_code(client: Client) -> str:
    page = text_of(client.get("/accounts/2fa/recovery-codes/"))
    return str(re.findall(r"\b[0-9a-f]{8}\b|\b\d{8}\b", page)[0])


@pytest.mark.parametrize(("role", "is_asked"), [("operator", True), ("administrator", True), ("reviewer", False)])
def test_it_is_demanded_from_the_role_that_is_named(
    client: Client,
    workspace: Workspace,
    person: Callable[[str], User],
    settings: Settings,
    role: str,
    *,
    is_asked: bool,
) -> None:
    settings.SECOND_FACTOR_FROM = "operator"
    sign_in(client, person(role))
    for answer in (client.get("/w/main/review/"), client.post("/hold/", {"act": "hold", "reason": "x"})):
        assert (answer.get("Location") == "/accounts/2fa/") is is_asked
    assert client.get("/accounts/2fa/").status_code == 200
    assert client.get("/accessibility/").status_code == 200


def test_on_loopback_nobody_is_asked(client: Client, workspace: Workspace, oscar: User) -> None:
    assert sign_in_by_password(client)["Location"] == "/"
    assert client.get("/w/main/review/").status_code == 200


@enrolling
def test_an_app_is_set_up_and_asked_for_at_the_next_sign_in(
    client: Client, workspace: Workspace, oscar: User, settings: Settings
) -> None:
    settings.SECOND_FACTOR_FROM = "operator"
    secret = enrol(client)
    assert client.get("/w/main/review/").status_code == 200
    assert secret not in str(Authenticator.objects.values_list("data", flat=True)), "kept encrypted"
    other = Client()
    assert sign_in_by_password(other)["Location"].startswith("/accounts/2fa/authenticate/")
    assert other.get("/w/main/review/")["Location"].startswith("/accounts/login/")
    wrong = other.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    other.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert other.get("/w/main/review/").status_code == 200


@enrolling
def test_every_page_about_it_is_in_the_portals_words(client: Client, workspace: Workspace, oscar: User) -> None:
    pages = ["", "totp/activate/", "webauthn/", "webauthn/add/"]
    sign_in_by_password(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    written = [client.get(f"/accounts/2fa/{page}") for page in pages]
    enrol(client)
    key = Authenticator.objects.create(user=oscar, type="webauthn", data={"name": "<Key>", "credential": {}})
    pages = [f"webauthn/keys/{key.pk}/{act}/" for act in ("edit", "remove")]
    pages += ["", "webauthn/", "totp/deactivate/", "recovery-codes/", "recovery-codes/generate/", "reauthenticate/"]
    written += [client.get(f"/accounts/2fa/{page}") for page in pages]
    ours = settings.BASE_DIR / "templates"
    for page in written:
        assert page.status_code == 200, page.request["PATH_INFO"]
        assert Path(page.templates[0].origin.name).is_relative_to(ours), page.request["PATH_INFO"]
        assert "<Key>" not in page.content.decode()


@enrolling
def test_its_owner_is_told_of_each_change(client: Client, workspace: Workspace, oscar: User) -> None:
    enrol(client)
    client.post("/accounts/2fa/recovery-codes/generate/")
    client.post("/accounts/2fa/totp/deactivate/")
    assert [sent.subject for sent in mail.outbox] == [
        "An authenticator app was added to your login",
        "New recovery codes for your login",
        "The authenticator app was removed from your login",
    ]
    assert all("If it was not you, tell an administrator" in str(sent.body) for sent in mail.outbox)


@enrolling
def test_a_wrong_code_is_told_where_it_was_entered(client: Client, workspace: Workspace, oscar: User) -> None:
    sign_in_by_password(client)
    page = text_of(client.post("/accounts/2fa/totp/activate/", {"code": "000000"}))
    assert "This code is not right." in page


@enrolling
def test_the_audit_tells_a_factor_from_the_recovery_codes_that_come_and_go_with_it(
    client: Client, workspace: Workspace, oscar: User
) -> None:
    enrol(client)
    client.post("/accounts/2fa/totp/deactivate/")
    entries = AuditEntry.objects.filter(kind__startswith="signin.factor").order_by("seq")
    told = [(entry.kind, entry.data.get("kind", "")) for entry in entries]
    assert told[:2] == [("signin.factor_added", ""), ("signin.factor_added", "codes")]
    assert sorted(told[2:]) == [("signin.factor_removed", ""), ("signin.factor_removed", "codes")]


@enrolling
def test_a_recovery_code_opens_once(client: Client, workspace: Workspace, oscar: User) -> None:
    enrol(client)
    code = recovery_code(client)
    statuses = []
    for _attempt in range(2):
        other = Client()
        sign_in_by_password(other)
        other.post("/accounts/2fa/authenticate/", {"code": code})
        statuses.append(other.get("/w/main/review/").status_code)
    assert statuses == [200, 302]


@enrolling
def test_with_a_factor_the_password_alone_is_no_proof(client: Client, workspace: Workspace, oscar: User) -> None:
    give_role(oscar, "administrator")
    enrol(client)
    code = recovery_code(client)
    sign_in(client, oscar)  # With the password alone, and just now; what the set-up proved is forgotten.
    live = {"mode": "live", "name": workspace.name}
    asked = client.post("/w/main/mode/", live)["Location"]
    assert asked.startswith("/accounts/2fa/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post("/w/main/mode/", live)["Location"] == asked
    assert client.post(asked, {"code": code})["Location"] == "/go-on/"
    client.post("/w/main/mode/", live)
    workspace.refresh_from_db()
    assert workspace.is_live


@enrolling
def test_a_lost_factor_is_taken_away_on_the_shell_and_the_audit_says_so(
    client: Client, workspace: Workspace, oscar: User, person: Callable[[str], User]
) -> None:
    enrol(client)
    person("administrator")
    call_command("reset_factors", "operator", "--actor", "administrator")
    assert not Authenticator.objects.filter(user=oscar).exists()
    assert sign_in_by_password(Client())["Location"] == "/"
    entry = AuditEntry.objects.filter(kind="signin.factor_removed").latest("seq")
    assert (entry.actor, entry.details["login"]) == ("administrator", "operator")


def test_a_factor_whose_key_was_lost_lets_nobody_in(client: Client, oscar: User, settings: Settings) -> None:
    TOTP.activate(oscar, generate_totp_secret())
    settings.SECRET_KEY = "another key that is quite long enough for it"
    sign_in_by_password(client)
    for code in (code_of(""), "000000"):
        assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200


def test_a_factor_outlives_a_new_secret_key_and_then_does_without_the_old_one(
    client: Client, oscar: User, settings: Settings
) -> None:
    secret = generate_totp_secret()
    TOTP.activate(oscar, secret)
    codes = RecoveryCodes.activate(oscar).generate_codes()
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key that is quite long enough for it"
    settings.SECRET_KEY_FALLBACKS = [former]
    sources.renew_keys()
    settings.SECRET_KEY_FALLBACKS = []
    assert RecoveryCodes.activate(oscar).generate_codes() == codes
    sign_in_by_password(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)}).status_code == 302


def test_a_factor_under_a_secret_key_that_nobody_knows_is_left_as_it_is(oscar: User, settings: Settings) -> None:
    TOTP.activate(oscar, generate_totp_secret())
    kept = Authenticator.objects.get(user=oscar).data
    settings.SECRET_KEY = "another key that is quite long enough for it"
    sources.renew_keys()
    assert Authenticator.objects.get(user=oscar).data == kept
