"""Sign-in providers as the environment describes them: what is missing, malformed or misspelt is refused by name."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from cleanup_portal import oidc

ENTRA = {
    "OIDC_PROVIDERS": "entra",
    "OIDC_ENTRA_ISSUER": "https://login.example.org/tenant/v2.0/",
    "OIDC_ENTRA_CLIENT_ID": "portal",
    "OIDC_ENTRA_CLIENT_SECRET": "a secret of theirs",
}


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in ENTRA.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_none_is_needed() -> None:
    assert oidc.providers() == []


def test_one_is_described_by_three_variables(described: pytest.MonkeyPatch) -> None:
    (entra,) = oidc.providers()
    assert (entra["provider_id"], entra["name"], entra["client_id"]) == ("entra", "Entra", "portal")
    assert entra["settings"]["server_url"] == "https://login.example.org/tenant/v2.0"
    assert entra["settings"]["roles"] == {}
    assert entra["settings"]["oauth_pkce_enabled"]


def test_several_are_in_the_order_of_the_list(described: pytest.MonkeyPatch) -> None:
    for name, value in ENTRA.items():
        described.setenv(name.replace("ENTRA", "GOOGLE"), value)
    described.setenv("OIDC_PROVIDERS", "google, Entra")
    assert [known["provider_id"] for known in oidc.providers()] == ["google", "entra"]


def test_groups_give_roles_in_the_portal_or_in_a_workspace(described: pytest.MonkeyPatch) -> None:
    described.setenv(
        "OIDC_ENTRA_ROLES", "admins=administrator, a=b=reviewer@paris,\n/cleanup/x = auditor @ lyon,admins=auditor@x"
    )
    assert oidc.providers()[0]["settings"]["roles"] == {
        "admins": [("administrator", ""), ("auditor", "x")],
        "a=b": [("reviewer", "paris")],
        "/cleanup/x": [("auditor", "lyon")],
    }


@pytest.mark.parametrize("value", ["admins", "=reviewer", "admins=king", "admins=reviewer@"])
def test_a_malformed_role_is_refused(described: pytest.MonkeyPatch, value: str) -> None:
    described.setenv("OIDC_ENTRA_ROLES", value)
    with pytest.raises(ImproperlyConfigured, match="OIDC_ENTRA_ROLES"):
        oidc.providers()


@pytest.mark.parametrize("name", [name for name in ENTRA if name != "OIDC_PROVIDERS"])
def test_what_is_missing_is_named(described: pytest.MonkeyPatch, name: str) -> None:
    described.delenv(name)
    with pytest.raises(ImproperlyConfigured, match=name):
        oidc.providers()


@pytest.mark.parametrize("value", ["http://login.example.org", "login.example.org", "https://", "https://x.org/?a=b"])
def test_an_issuer_is_an_address_that_nobody_can_listen_to(described: pytest.MonkeyPatch, value: str) -> None:
    described.setenv("OIDC_ENTRA_ISSUER", value)
    with pytest.raises(ImproperlyConfigured, match="OIDC_ENTRA_ISSUER"):
        oidc.providers()


@pytest.mark.parametrize(
    ("name", "said"),
    [("OIDC_ENTRA_SECRET", "not known"), ("OIDC_GOOGLE_ISSUER", "does not name google"), ("OIDC_X", "does not name x")],
)
def test_what_is_misspelt_is_refused(described: pytest.MonkeyPatch, name: str, said: str) -> None:
    described.setenv(name, "x")
    with pytest.raises(ImproperlyConfigured, match=said):
        oidc.providers()


@pytest.mark.parametrize("value", ["entra,entra", "Entra ID", "../x"])
def test_a_list_that_cannot_be_is_refused(described: pytest.MonkeyPatch, value: str) -> None:
    described.setenv("OIDC_PROVIDERS", value)
    with pytest.raises(ImproperlyConfigured, match="OIDC_"):
        oidc.providers()


def test_passwords_are_not_switched_off_where_nobody_could_sign_in_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORDS_ONLY_FOR", "root")
    with pytest.raises(ImproperlyConfigured, match="PASSWORDS_ONLY_FOR"):
        oidc.only_password_login("PASSWORDS_ONLY_FOR", of=[])
    assert oidc.only_password_login("PASSWORDS_ONLY_FOR", of=[{}]) == "root"
