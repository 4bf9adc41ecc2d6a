"""Which answers are asked for again, and which kind of failure the others are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
import pytest

from accounts_review.huwise import (
    Client,
    Deletion,
    Forbidden,
    HuwiseError,
    NotFound,
    RateLimited,
    Redirected,
    Refused,
    ServerFault,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
)

from .kit import CutOff, PreparedWorkspace, cut, listing, not_found, raw_page

Call = Callable[[Client], Any]

CALLS: list[Call] = [
    lambda client: client.users_page(offset=0),
    lambda client: client.users_count(),
    lambda client: client.usernames_with("edit_domain"),
    lambda client: client.groups(),
    lambda client: client.user("bob"),
    lambda client: client.key_owner(),
]


def delete_bob(client: Client) -> Deletion:
    return client.delete_user("bob")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (httpx.Response(500), ServerFault),
        (httpx.Response(502, html="<html>"), ServerFault),
        (httpx.Response(503), ServerFault),
        (httpx.Response(429), RateLimited),
        (httpx.Response(429, headers={"Retry-After": "0"}), RateLimited),
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.ReadTimeout("slow"), Unreachable),
        (cut, Unreachable),
    ],
    ids=["500", "502", "503", "429", "429 now", "refused", "slow", "cut"],
)
def test_a_get_is_tried_four_times_and_then_fails_as_its_kind(
    call: Call, trouble: Any, kind: type[HuwiseError]
) -> None:
    workspace = PreparedWorkspace(trouble)
    with pytest.raises(kind):
        call(workspace.client)
    assert len(workspace.requests) == 4


def test_a_get_that_recovers_is_answered_as_if_nothing_had_happened() -> None:
    broken = raw_page(b'{"total_count": 7, "resu')
    workspace = PreparedWorkspace(httpx.Response(500), cut, broken, listing(total=7))
    assert workspace.client.users_count() == 7


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (401, Unauthorized), (403, Forbidden), (404, NotFound), (409, Refused), (202, UnexpectedAnswer)],
)
def test_no_other_answer_is_asked_for_again(call: Call, status: int, kind: type[HuwiseError]) -> None:
    code = "not_found" if kind is NotFound else "some_code"
    workspace = PreparedWorkspace(httpx.Response(status, json={"error_code": code, "message": "Words."}))
    with pytest.raises(kind):
        call(workspace.client)
    assert len(workspace.requests) == 1


def test_a_short_retry_after_is_waited_for() -> None:
    workspace = PreparedWorkspace(httpx.Response(429, headers={"Retry-After": "1"}), listing(total=7))
    started = monotonic()
    assert workspace.client.users_count() == 7
    assert monotonic() - started >= 1


@pytest.mark.parametrize(
    "headers_of",
    [
        lambda later: {"Retry-After": "31"},
        lambda later: {"Retry-After": later.strftime("%a, %d %b %Y %H:%M:%S GMT")},
        lambda later: {"X-RateLimit-Reset": str(later.replace(microsecond=0))},
    ],
)
def test_a_long_one_is_raised_at_once(headers_of: Callable[[datetime], dict[str, str]]) -> None:
    headers = headers_of(datetime.now(UTC) + timedelta(hours=1))
    workspace = PreparedWorkspace(httpx.Response(429, headers=headers))
    with pytest.raises(RateLimited) as caught:
        workspace.client.users_count()
    assert caught.value.retry_at is not None
    assert len(workspace.requests) == 1


def test_only_204_is_a_deletion() -> None:
    workspace = PreparedWorkspace(httpx.Response(204))
    assert workspace.client.delete_user("bob") == Deletion(status=204, error_code="", trace_id="")
    assert [request.method for request in workspace.requests] == ["DELETE"]


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (httpx.Response(200, html="<html>login</html>"), UnexpectedAnswer),
        (httpx.Response(202), UnexpectedAnswer),
        (httpx.Response(205), UnexpectedAnswer),
        (httpx.Response(302, headers={"Location": "/login/"}), Redirected),
        (httpx.Response(307, headers={"Location": "https://other.example/users/bob/"}), Redirected),
        (httpx.Response(302, headers={"Location": "http://[bad"}), Redirected),
        (httpx.Response(304), UnexpectedAnswer),
        (httpx.Response(400, json={"error_code": "last_domain_administrator", "message": "No."}), Refused),
        (httpx.Response(401), Unauthorized),
        (httpx.Response(403), Forbidden),
        (not_found(), NotFound),
        (httpx.Response(404, html="<html>nginx</html>"), UnexpectedAnswer),
        (httpx.Response(409), Refused),
        (httpx.Response(429, headers={"Retry-After": "0"}), RateLimited),
        (httpx.Response(500), ServerFault),
        (httpx.Response(502), ServerFault),
        (lambda request: httpx.Response(500, stream=CutOff()), ServerFault),
        (cut, UnexpectedAnswer),
    ],
)
def test_any_other_answer_to_a_delete_is_raised_after_one_request(trouble: Any, kind: type[HuwiseError]) -> None:
    workspace = PreparedWorkspace(trouble)
    with pytest.raises(kind) as caught:
        workspace.client.delete_user("bob")
    assert type(caught.value) is kind
    assert "deleting user 'bob' on data.example.org" in str(caught.value)
    assert len(workspace.requests) == 1


@pytest.mark.parametrize(
    ("failure", "kind", "sent"),
    [
        (httpx.ConnectError("refused"), "connection", False),
        (httpx.ConnectTimeout("slow"), "timeout", False),
        (httpx.PoolTimeout("busy"), "timeout", False),
        (httpx.WriteError("broken pipe"), "cut", None),
        (httpx.WriteTimeout("slow"), "timeout", None),
        (httpx.ReadTimeout("slow"), "timeout", True),
        (httpx.ReadError("reset"), "cut", True),
        (httpx.RemoteProtocolError("gone"), "cut", True),
    ],
)
def test_a_delete_without_an_answer_says_whether_it_may_have_left(
    failure: Exception, kind: str, sent: bool | None
) -> None:
    workspace = PreparedWorkspace(failure)
    with pytest.raises(Unreachable) as caught:
        workspace.client.delete_user("bob")
    assert (caught.value.kind, caught.value.sent) == (kind, sent)
    assert len(workspace.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_reported_and_never_followed(status: int) -> None:
    elsewhere = {"Location": "https://other.example/?apikey=x"}
    workspace = PreparedWorkspace(lambda request: httpx.Response(status, headers=elsewhere))
    for call in [*CALLS, delete_bob]:
        before = len(workspace.requests)
        with pytest.raises(Redirected) as caught:
            call(workspace.client)
        assert caught.value.location == "https://other.example/"
        assert len(workspace.requests) == before + 1
    assert {request.url.host for request in workspace.requests} == {"data.example.org"}
