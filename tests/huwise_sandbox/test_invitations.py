"""What ``/users/invite/`` and ``/users/provision/`` promise."""

import httpx
import pytest


def test_an_invitation_makes_a_member_who_never_logged_in(api: httpx.Client) -> None:
    item = {
        "email": "sara.new@asso.example",
        "groups": [{"uid": "partners"}],
        "permissions": ["edit_page"],
    }
    answer = api.post("/users/invite/", json=[item])
    assert answer.status_code == 200
    outcome = answer.json()["0"]
    assert outcome["status_code"] == "success"
    member = api.get("/users/sara.new/").json()
    assert outcome["data"] == member
    assert member["is_active"] is False
    assert member["joined_at"]
    assert member["last_seen_at"] is member["last_login_at"] is None
    assert member["groups"] == [{"uid": "partners"}]
    assert member["permissions"] == ["edit_page"]


def test_every_item_succeeds_or_fails_on_its_own(api: httpx.Client) -> None:
    items = [
        {"email": "broken"},
        {"email": "ok@asso.example"},
        {"email": "NINA@ville.example"},
        {},
        {"email": "x@asso.example", "groups": [{"uid": "nowhere"}]},
        "not an object",
    ]
    answer = api.post("/users/invite/", json=items)
    assert answer.status_code == 200
    outcomes = answer.json()
    assert list(outcomes) == ["0", "1", "2", "3", "4", "5"]
    codes = [outcomes[n].get("error", {}).get("error_code") for n in outcomes]
    assert codes == [
        "validation_error",
        None,
        "already_member",
        "validation_error",
        "validation_error",
        "bad_request",
    ]
    assert outcomes["0"]["error"]["detail"] == {"email": ["Enter a valid email address."]}
    assert api.get("/users/?limit=0").json()["total_count"] == 7


def test_a_taken_username_gets_a_number(api: httpx.Client) -> None:
    answer = api.post("/users/invite/", json=[{"email": "nina@asso.example"}])
    assert answer.json()["0"]["data"]["username"] == "nina2"


def test_somebody_deleted_comes_back_under_the_same_username(
    api: httpx.Client,
) -> None:
    before = api.get("/users/louise/").json()
    api.delete("/users/louise/")
    api.post("/users/invite/", json=[{"email": "Louise@ville.example"}])
    after = api.get("/users/louise/").json()
    assert after["first_name"] == "Louise"
    assert after["joined_at"] != before["joined_at"]
    assert after["last_seen_at"] is None


@pytest.mark.parametrize("route", ["invite", "provision"])
@pytest.mark.parametrize("body", [b"{}", b"not json", b""])
def test_anything_but_a_list_is_refused(api: httpx.Client, route: str, body: bytes) -> None:
    assert api.post(f"/users/{route}/", content=body).status_code == 400


def test_provisioning_makes_a_local_member(api: httpx.Client) -> None:
    item = {
        "username": "a1b2@idp.example",
        "email": "a@asso.example",
        "identity_provider": {"uid": "saml"},
        "groups": [{"uid": "partners"}],
    }
    outcome = api.post("/users/provision/", json=[item]).json()["0"]
    assert outcome["status_code"] == "success"
    member = api.get("/users/a1b2@idp.example/").json()
    assert member["account_type"] == "local"
    assert member["identity_providers"] == [{"uid": "saml"}]
    assert member["groups"] == [{"uid": "partners"}]


def test_provisioning_needs_a_provider_and_a_free_name(api: httpx.Client) -> None:
    saml = {"uid": "saml"}
    items = [
        {"email": "a@asso.example"},
        {"username": "nina", "identity_provider": saml},
        {"email": "nina@ville.example", "identity_provider": saml},
        {"identity_provider": saml},
    ]
    outcomes = api.post("/users/provision/", json=items).json()
    codes = [outcomes[n]["error"]["error_code"] for n in outcomes]
    assert codes == [
        "validation_error",
        "already_member",
        "already_member",
        "validation_error",
    ]
