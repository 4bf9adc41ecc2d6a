"""The API key appears in one place of the wire, and nowhere else."""

from __future__ import annotations

import logging
import ssl
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import structlog

from accounts_review.huwise import Client, HuwiseError, Unreachable
from accounts_review.huwise.connection import ApiKey

from .kit import KEY, CutOff, PreparedWorkspace, listing

TROUBLES: list[Any] = [
    httpx.Response(401, json={"error_code": "authentication_failed", "message": f"Unknown key {KEY}"}),
    httpx.Response(404, html=f"<html>{KEY}</html>"),
    httpx.Response(302, headers={"Location": f"https://other.example/{KEY}/?apikey={KEY}"}),
    httpx.Response(429, json={"errorcode": 10002, "error": f"Too many requests by {KEY}"}),
    httpx.Response(500),
    httpx.Response(200, content=b"<html>"),
    httpx.ConnectError(f"cannot connect with {KEY}"),
    httpx.LocalProtocolError(f"Illegal header value b'Apikey {KEY}'"),
    httpx.ReadTimeout("slow"),
    lambda request: httpx.Response(200, stream=CutOff()),
]


def traceback_with_locals(problem: BaseException) -> str:
    """What a debug page would show of every frame but those of the tests, which do know the key."""
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(problem.__traceback__)
        if "/tests/" not in frame.f_code.co_filename
    ]
    return "".join(traceback.StackSummary.extract(iter(frames), capture_locals=True).format())


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("method", ["users_count", "delete_user"])
def test_the_key_is_in_no_exception_nor_what_it_leads_to(trouble: Any, method: str) -> None:
    workspace = PreparedWorkspace(trouble)
    with pytest.raises(HuwiseError) as caught:
        workspace.client.users_count() if method == "users_count" else workspace.client.delete_user("bob")
    problem = caught.value
    assert problem.__cause__ is None
    assert problem.__context__ is None
    assert KEY not in f"{problem} {problem!r} {vars(problem)}"
    assert KEY not in traceback_with_locals(problem)


@pytest.mark.parametrize("url", ["http://data.example.org", "https://me@data.example.org", "nonsense"])
def test_the_key_is_not_in_a_traceback_of_a_wrong_address(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        Client(url=url, api_key=KEY)
    assert KEY not in traceback_with_locals(caught.value)


def test_the_key_is_in_no_repr() -> None:
    client = PreparedWorkspace(listing()).client
    assert KEY not in f"{client!r} {vars(client)} {client._connection!r} {vars(client._connection)} {ApiKey(KEY)!r}"


def test_a_request_is_logged_in_one_line_without_headers_or_query() -> None:
    workspace = PreparedWorkspace(listing())
    with structlog.testing.capture_logs() as lines:
        workspace.client.users_page(offset=0)
    assert len(lines) == 1
    assert lines[0].pop("ms") >= 0
    assert lines == [
        {"event": "huwise.request", "log_level": "debug", "method": "GET", "path": "/users/", "status": 200}
    ]


def test_the_key_is_in_no_log_of_ours_nor_of_the_libraries(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever the settings have silenced: an operator who debugs would turn it on.
    for name in ("httpx", "httpcore", "httpcore.connection", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
        monkeypatch.setattr(logging.getLogger(name), "handlers", [caplog.handler])
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
    with serving(200) as (url, heard), structlog.testing.capture_logs() as lines:
        with Client(url=url, api_key=KEY, backoff=0.0) as client, suppress(HuwiseError):
            client.users_count()
        with suppress(HuwiseError):
            PreparedWorkspace(httpx.Response(500, json={"error_code": KEY, "message": KEY})).client.users_count()
    assert len(heard) == 4
    assert any(line["event"] == "stamina.retry_scheduled" for line in lines)
    assert {record.name for record in caplog.records} >= {"httpx", "httpcore.http11"}
    assert KEY not in caplog.text + str(lines)


@contextmanager
def serving(status: int) -> Iterator[tuple[str, list[tuple[str, str, list[tuple[str, str]]]]]]:
    """A workspace on a real socket, whose every answer is cut off; it keeps what it was asked."""
    heard: list[tuple[str, str, list[tuple[str, str]]]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            heard.append((self.command, self.path, self.headers.items()))
            self.send_response(status)
            self.send_header("Content-Length", "0" if status == 204 else "99")
            self.end_headers()

        do_GET = do_DELETE = answer

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()


def test_the_key_travels_in_the_header_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(204) as (url, heard), Client(url=url, api_key=f" {KEY}\n", user_agent="portal") as client:
        client.delete_user("Zoé")
        client.delete_user("a%2Fb")
    assert [(verb, path) for verb, path, _ in heard] == [
        ("DELETE", "/api/automation/v1.0/users/Zo%C3%A9/"),
        ("DELETE", "/api/automation/v1.0/users/a%252Fb/"),
    ]
    for _, _, headers in heard:
        sent = {name.lower(): value for name, value in headers}
        assert sent["authorization"] == f"Apikey {KEY}"
        assert sent["user-agent"] == "portal"


def test_no_cookie_of_the_workspace_is_sent_back() -> None:
    headers = {"Set-Cookie": "sessionid=1; Path=/"}
    workspace = PreparedWorkspace(lambda request: httpx.Response(204, headers=headers))
    workspace.client.delete_user("bob")
    workspace.client.delete_user("eve")
    assert not any("cookie" in request.headers for request in workspace.requests)


def test_a_delete_whose_answer_is_cut_off_is_one_request_on_the_wire() -> None:
    with serving(200) as (url, heard), Client(url=url, api_key=KEY) as client, suppress(HuwiseError):
        client.delete_user("bob")
    assert len(heard) == 1


def test_a_get_that_is_cut_off_is_repeated_and_then_unreachable() -> None:
    with serving(200) as (url, heard), Client(url=url, api_key=KEY, attempts=3, backoff=0.0) as client:
        with pytest.raises(Unreachable) as caught:
            client.users_count()
        assert (caught.value.kind, caught.value.sent) == ("cut", True)
    assert len(heard) == 3


def test_a_host_that_cannot_prove_itself_gets_no_key_and_no_second_attempt() -> None:
    with serving(204) as (url, heard), Client(url=url.replace("http:", "https:"), api_key=KEY, backoff=0.0) as client:
        for call in (client.users_count, lambda: client.delete_user("bob")):
            with pytest.raises(Unreachable) as caught:
                call()
            assert (caught.value.kind, caught.value.sent) == ("tls", False)
            assert not caught.value.is_untrusted, "no certificate was shown at all"
            assert "certificate" not in str(caught.value)
    assert heard == []


def test_a_connection_that_breaks_after_it_was_agreed_on_was_cut_off() -> None:
    failure = httpx.ReadError("bad record mac")
    failure.__cause__ = ssl.SSLError("decryption failed")
    workspace = PreparedWorkspace(failure)
    with pytest.raises(Unreachable, match="was cut off") as caught:
        workspace.client.delete_user("bob")
    assert (caught.value.kind, caught.value.sent) == ("tls", True), "somebody may be in between: clean-ups stop"


def test_a_refused_certificate_is_recognised_behind_httpx() -> None:
    failure = httpx.ConnectError("certificate verify failed")
    failure.__cause__ = ssl.SSLCertVerificationError("expired")
    workspace = PreparedWorkspace(failure)
    with pytest.raises(Unreachable) as caught:
        workspace.client.users_count()
    assert caught.value.kind == "tls"
    assert caught.value.is_untrusted
    assert len(workspace.requests) == 1


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts_review.huwise.connection.LARGEST_ANSWER", 10)
    with pytest.raises(HuwiseError, match="far too large"):
        PreparedWorkspace(listing()).client.users_count()


def test_an_answer_that_drips_is_given_up() -> None:
    with pytest.raises(Unreachable, match="too slowly"):
        PreparedWorkspace(listing(), patience=-1.0).client.users_count()
