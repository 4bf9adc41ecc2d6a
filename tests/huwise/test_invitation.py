"""Inviting and provisioning: what is sent, once, and what the answer means."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from accounts_review.huwise import (
    Forbidden,
    HuwiseError,
    Invitee,
    RateLimited,
    Redirected,
    Refused,
    ServerFault,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    person_of,
)

from .kit import KEY, PreparedWorkspace, as_bytes
from .test_client import BASE
from .test_secrecy import TROUBLES, traceback_with_locals

RECORD: dict[str, Any] = {
    "username": "louise.exemple",
    "display_name": "louise.exemple",
    "first_name": "Louise",
    "last_name": "Exemple",
    "is_active": True,
    "email": "louise.exemple@ville.example",
    "is_ods": False,
    "account_type": "global",
    "permissions": ["explore_restricted_dataset", "edit_page"],
    "joined_at": "2021-03-02T09:36:30.531746+00:00",
    "last_seen_at": "2024-06-13T15:20:11.099404+00:00",
    "last_login_at": "2024-04-30T07:58:02.120033+00:00",
    "expires_at": "2030-01-01T00:00:00+00:00",
    "explore_limits": {"api_calls": {"limit": 2000, "unit": "day"}},
    "management_limits": {"datasets": 3},
    "gravatar_url": "//www.gravatar.com/avatar/x",
    "groups": [{"uid": "partners", "title": "Partners", "permissions": ["edit_page"]}, {"uid": "agents"}],
    "identity_providers": [{"uid": "opendatasoft"}],
}
BARE: dict[str, Any] = {"first_name": "", "last_name": None, "groups": [], "permissions": [], "explore_limits": {}}


def person(**changes: Any) -> Invitee:
    return person_of(as_bytes(RECORD | changes))


def success(**member: Any) -> httpx.Response:
    return httpx.Response(200, json={"0": {"status_code": "success", "data": {"username": "louise.exemple"} | member}})


def refusal(**error: Any) -> httpx.Response:
    return httpx.Response(200, json={"0": {"status_code": "error", "error": error}})


def sent(workspace: PreparedWorkspace) -> Any:
    (request,) = workspace.requests
    assert request.headers["content-type"] == "application/json"
    return json.loads(request.content)


def test_an_invitation_says_only_what_a_client_may_set() -> None:
    workspace = PreparedWorkspace(success())
    assert workspace.client.invite(person()).username == "louise.exemple"
    assert (workspace.requests[0].method, workspace.paths) == ("POST", [f"{BASE}/users/invite/"])
    assert sent(workspace) == [
        {
            "email": "louise.exemple@ville.example",
            "first_name": "Louise",
            "last_name": "Exemple",
            "groups": [{"uid": "agents"}, {"uid": "partners"}],
            "permissions": ["edit_page", "explore_restricted_dataset"],
            "explore_limits": {"api_calls": {"limit": 2000, "unit": "day"}},
        }
    ]


def test_no_rights_are_said_too_so_that_no_default_takes_their_place() -> None:
    workspace = PreparedWorkspace(success())
    nobody: dict[str, Any] = {
        "first_name": "",
        "last_name": None,
        "groups": [],
        "permissions": [],
        "explore_limits": {},
    }
    workspace.client.invite(person(**nobody))
    assert sent(workspace) == [{"email": "louise.exemple@ville.example", "groups": [], "permissions": []}]


def test_a_local_account_is_provisioned_under_its_name_with_its_first_identity_provider() -> None:
    workspace = PreparedWorkspace(success())
    local: dict[str, Any] = {
        "username": "a1@idp.example.org",
        "account_type": "local",
        "email": None,
        "groups": [],
        "permissions": [],
    }
    local |= {"first_name": "", "last_name": "", "explore_limits": {}}
    somebody = person(**local, identity_providers=[{"uid": "saml"}, {"uid": "oidc"}])
    assert somebody.is_local
    workspace.client.provision(somebody)
    assert workspace.paths == [f"{BASE}/users/provision/"]
    assert sent(workspace) == [
        {"username": "a1@idp.example.org", "groups": [], "permissions": [], "identity_provider": {"uid": "saml"}}
    ]


@pytest.mark.parametrize("given", [None, [], {}, "saml", [{}], [{"uid": ""}], [{"uid": 3}], [None]])
def test_an_identity_provider_that_is_not_told_is_none(given: object) -> None:
    assert person(identity_providers=given).identity_provider == ""


@pytest.mark.parametrize(
    "given", [None, [], "many", {"api_calls": 3}, {"api_calls": {"limit": [1]}}, {"api_calls": None}]
)
def test_limits_of_another_shape_are_left_out(given: object) -> None:
    assert person(explore_limits=given).explore_limits == {}


def test_a_hostile_record_still_makes_an_invitation_of_plain_json() -> None:
    workspace = PreparedWorkspace(success())
    raw = b'{"email": "x@a.example", "first_name": "a\\ud800", "explore_limits": {"\\ud800": {"a": NaN}}}'
    workspace.client.invite(person_of(raw))
    assert sent(workspace)[0]["first_name"] == "a\ufffd"
    assert workspace.requests[0].content.isascii()


def test_the_member_is_read_as_leniently_as_any_user() -> None:
    member = PreparedWorkspace(success(username="l2", groups=[], permissions=None, email=None)).client.invite(person())
    assert (member.username, member.groups, member.permissions, member.email) == ("l2", (), None, "")


def test_a_refusal_inside_a_success_is_told_in_words() -> None:
    workspace = PreparedWorkspace(
        refusal(
            error_code="validation_error",
            message="Invalid input",
            detail={"email": ["Enter a valid email address.", "Too long."], "groups": [{"uid": "unknown"}]},
            trace_id="6b52",
        )
    )
    with pytest.raises(Refused) as caught:
        workspace.client.invite(person())
    problem = caught.value
    assert (problem.status, problem.error_code, problem.trace_id) == (200, "validation_error", "6b52")
    assert problem.message == "Invalid input. email: Enter a valid email address., Too long.; groups: uid: unknown"
    assert str(problem).startswith(
        "The workspace refused the request while inviting 'louise.exemple' on data.example.org "
        "(HTTP 200, validation_error, trace 6b52): Invalid input."
    )


@pytest.mark.parametrize("error", [None, "no", 3, [], {}, {"message": None}, {"detail": [[[[[["deep"]]]]]]}])
def test_a_refusal_without_its_usual_form_is_a_refusal_too(error: object) -> None:
    workspace = PreparedWorkspace(httpx.Response(200, json={"0": {"status_code": "error", "error": error}}))
    with pytest.raises(Refused, match="while provisioning"):
        workspace.client.provision(person())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b"[]",
        b"{}",
        b'{"1": {"status_code": "success", "data": {}}}',
        b'{"0": null}',
        b'{"0": {"status_code": "maybe"}}',
        b'{"0": {"data": {"username": "x"}}}',
        b'{"0": {"status_code": "success"}}',
        b'{"0": {"status_code": "success", "data": []}}',
        b'{"0": {"status_code": "succ',
    ],
)
def test_an_answer_that_does_not_tell_is_unexpected_and_not_asked_for_again(body: bytes) -> None:
    workspace = PreparedWorkspace(httpx.Response(200, content=body))
    with pytest.raises(UnexpectedAnswer, match=r"while inviting 'louise.exemple' on data\.example\.org") as caught:
        workspace.client.invite(person())
    assert caught.value.status == 200
    assert len(workspace.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(201, json={}), UnexpectedAnswer),
        (httpx.Response(302, headers={"Location": "https://other.example/"}), Redirected),
        (httpx.Response(400, json={"error_code": "bad_request", "message": "no"}), Refused),
        (httpx.Response(401), Unauthorized),
        (httpx.Response(403), Forbidden),
        (httpx.Response(429, headers={"Retry-After": "0"}), RateLimited),
        (httpx.Response(500), ServerFault),
        (httpx.Response(503, headers={"Retry-After": "0"}), ServerFault),
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.ReadTimeout("slow"), Unreachable),
        (httpx.RemoteProtocolError("cut"), Unreachable),
    ],
)
@pytest.mark.parametrize("method", ["invite", "provision"])
def test_a_failure_is_its_kind_after_one_request(answer: Any, kind: type[HuwiseError], method: str) -> None:
    workspace = PreparedWorkspace(answer)
    with pytest.raises(HuwiseError) as caught:
        getattr(workspace.client, method)(person())
    assert type(caught.value) is kind
    assert len(workspace.requests) == 1


ECHOES = [
    refusal(error_code=f"no_{KEY}", message=f"Not with {KEY}", detail={KEY: [KEY]}, trace_id=KEY),
    httpx.Response(200, json={"0": {"status_code": KEY}}),
]


@pytest.mark.parametrize("trouble", [*TROUBLES, *ECHOES])
def test_the_key_is_in_no_exception_nor_what_it_leads_to(trouble: Any) -> None:
    with pytest.raises(HuwiseError) as caught:
        PreparedWorkspace(trouble).client.invite(person())
    problem = caught.value
    assert problem.__cause__ is None
    assert problem.__context__ is None
    assert KEY not in f"{problem} {problem!r} {vars(problem)}"
    assert KEY not in traceback_with_locals(problem)
