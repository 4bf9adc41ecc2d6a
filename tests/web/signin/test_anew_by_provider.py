"""Somebody who has a provider only proves there who they are."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from accounts_review.models import Workspace
from tests.factories import give_role, make_social_account
from tests.sso_provider import OIDCProvider, sign_in_by
from tests.web.kit import sign_in, text_of
from tests.web.signin.sso_kit import is_in, somebody

Use = Callable[..., OIDCProvider]


@pytest.fixture
def admin(ines: User) -> User:
    give_role(ines, "administrator")
    return ines


@pytest.fixture
def stale(client: Client, admin: User, provider: Use) -> tuple[OIDCProvider, str]:
    """Signed in by the provider, where they proved who they are long ago."""
    entra, sub = provider(), somebody()
    entra.say(sub, email=admin.email, email_verified=True, auth_time=int(time()) - 400)
    sign_in_by(entra, client, sub)
    assert is_in(client)
    return entra, sub


def go_live(client: Client) -> Any:
    return client.post("/w/main/mode/", {"mode": "live", "confirmation": "main", "name": "main"})


def is_live() -> bool:
    return Workspace.objects.get(name="main").is_live


def test_the_provider_is_asked_and_its_word_is_checked(client: Client, stale: tuple[OIDCProvider, str]) -> None:
    entra, sub = stale
    question = go_live(client)
    assert str(question["Location"]).startswith("/accounts/reauthenticate/provider/")
    assert "Continue with Entra" in text_of(client.get(question["Location"]))
    asked = {"anew": "yes", "next": "/go-on/"}
    page = client.post("/accounts/oidc/entra/login/", asked)
    assert "prompt=login" in page.content.decode()
    assert "max_age=0" in page.content.decode()
    # The provider lets them through without asking: that proves nothing.
    answer = client.get(entra.answer(page, sub))
    assert "did not ask you to sign in again" in text_of(answer)
    assert client.get("/go-on/").status_code == 302
    entra.say(sub, auth_time=int(time()))
    answer = sign_in_by(entra, client, sub, **asked)
    assert answer["Location"] == "/go-on/"
    kept = client.get("/go-on/").context["kept"]
    assert not is_live()
    client.post(kept["to"], dict(kept["fields"]))
    assert is_live()


@pytest.mark.parametrize("auth_time", [None, "now", True, 4e9])
def test_a_provider_that_does_not_say_when_proves_nothing(
    client: Client, stale: tuple[OIDCProvider, str], auth_time: Any
) -> None:
    entra, sub = stale
    go_live(client)
    entra.say(sub, auth_time=auth_time)
    assert sign_in_by(entra, client, sub, anew="yes", next="/go-on/").status_code == 403
    assert client.get("/go-on/").status_code == 302


def test_somebody_else_over_there_proves_nothing(client: Client, stale: tuple[OIDCProvider, str], person: Any) -> None:
    entra, _sub = stale
    other, another = somebody(), person("operator")
    make_social_account(another, f"{entra.issuer} {other}")
    go_live(client)
    for sub in (other, somebody()):
        entra.say(sub, auth_time=int(time()))
        assert "someone else" in text_of(sign_in_by(entra, client, sub, anew="yes", next="/go-on/"))
    go_live(client)
    assert not is_live()


def test_a_stolen_session_adds_no_second_factor(client: Client, stale: tuple[OIDCProvider, str]) -> None:
    for page in ("totp/activate/", "webauthn/add/", "recovery-codes/generate/", "webauthn/"):
        answer = client.get(f"/accounts/2fa/{page}")
        assert str(answer["Location"]).startswith("/accounts/reauthenticate/provider/"), page


def test_a_sign_in_that_was_proven_just_now_counts(client: Client, admin: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email=admin.email, email_verified=True, auth_time=int(time()))
    sign_in_by(entra, client, sub)
    go_live(client)
    assert is_live()


def test_one_that_does_not_say_when_sets_up_a_factor_and_nothing_else(
    client: Client, admin: User, provider: Use
) -> None:
    google, sub = provider(), somebody()
    google.say(sub, email=admin.email, email_verified=True, auth_time=None)
    sign_in_by(google, client, sub)
    go_live(client)
    assert not is_live()
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200


def test_the_password_proves_nothing_where_passwords_are_off(
    client: Client, admin: User, provider: Use, settings: Settings
) -> None:
    provider()
    admin.set_password("correct horse battery")
    admin.save()
    sign_in(client, admin)
    settings.PASSWORDS_ONLY_FOR = "root"
    go_live(client)
    assert not is_live()
