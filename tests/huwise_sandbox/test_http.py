"""What every answer promises, whatever was asked."""

import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from huwise_sandbox import clock
from huwise_sandbox.records import Snapshot
from huwise_sandbox.server import SandboxServer
from huwise_sandbox.site import SandboxSite


@pytest.mark.parametrize("scheme", ["Apikey", "apikey", "APIKEY"])
def test_the_scheme_of_the_key_may_be_written_in_any_case(api: httpx.Client, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} test-key"}
    assert api.get("/users/", headers=headers).status_code == 200


@pytest.mark.parametrize("header", ["", "Apikey wrong", "Bearer test-key", "test-key", "Apikey"])
def test_a_missing_or_wrong_key_is_refused(api: httpx.Client, header: str) -> None:
    answer = api.delete("/users/nina/", headers={"Authorization": header})
    assert answer.status_code == 401
    assert set(answer.json()) == {"error_code", "message"}
    assert api.get("/users/nina/").status_code == 200


def test_a_key_in_the_query_is_not_accepted(api: httpx.Client) -> None:
    answer = api.get("/users/?apikey=test-key", headers={"Authorization": ""})
    assert answer.status_code == 401


def test_a_path_without_its_slash_is_redirected_and_does_nothing(
    api: httpx.Client,
) -> None:
    answer = api.get("/users?limit=3")
    assert answer.status_code == 301
    assert answer.headers["location"] == "/api/automation/v1.0/users/?limit=3"
    assert api.delete("/users/nina").status_code == 301
    assert api.get("/users/nina/").status_code == 200


@pytest.mark.parametrize("path", ["/nothing/", "/users/nina/keys/", "/"])
def test_an_unknown_path_is_not_found_in_json(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "not_found")


def test_outside_the_api_there_is_nothing(server: SandboxServer) -> None:
    answer = httpx.get(f"{server.url}/api/explore/v2.1/")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "not_found")


def test_a_wrong_method_is_refused_in_json(api: httpx.Client) -> None:
    for answer in (api.delete("/users/"), api.patch("/users/nina/", json={})):
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/json"


def test_every_answer_carries_the_time_it_was_given(api: httpx.Client) -> None:
    for path in ("/users/", "/users/nobody/", "/users/export/", "/users"):
        date = parsedate_to_datetime(api.get(path).headers["date"])
        assert abs(datetime.now(UTC) - date) < timedelta(seconds=5)


def test_one_connection_serves_many_requests(api: httpx.Client) -> None:
    ports = set()
    for path in ("/users/", "/users/nobody/", "/users", "/groups/"):
        stream = api.get(path).extensions["network_stream"]
        ports.add(stream.get_extra_info("client_addr"))
    assert len(ports) == 1


def test_what_is_not_http_is_refused_in_json(server: SandboxServer) -> None:
    host, port = "127.0.0.1", int(server.url.rpartition(":")[2])
    with socket.create_connection((host, port)) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert b"400 Bad Request" in answer
    assert b'"error_code": "bad_request"' in answer


def test_a_body_of_unknown_length_is_refused(api: httpx.Client) -> None:
    answer = api.post("/users/invite/", content=iter([b"[]"]))
    assert answer.status_code == 411


def test_a_failure_inside_is_an_internal_error_with_a_trace(
    api: httpx.Client, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.site.workspace, "user", lambda _: 1 / 0)
    answer = api.get("/users/nina/")
    assert answer.status_code == 500
    assert answer.json()["error_code"] == "internal_error"
    assert answer.json()["trace_id"]


def test_a_taken_port_gives_way_to_the_next_free_one() -> None:
    site = SandboxSite(Snapshot([], []))
    with SandboxServer(site) as first:
        taken = int(first.url.rpartition(":")[2])
        with SandboxServer(site, port=taken) as second:
            assert taken < int(second.url.rpartition(":")[2]) <= taken + 100


def test_stopping_does_not_wait_for_idle_connections() -> None:
    with SandboxServer(SandboxSite(Snapshot([], []))) as stopped:
        client = httpx.Client()
        client.get(f"{stopped.url}/_sandbox/")
        begun = time.monotonic()
    assert time.monotonic() - begun < 1
    client.close()


def test_the_clock_is_as_many_days_ahead_as_a_file_says(api: httpx.Client, tmp_path: Path) -> None:
    ahead = tmp_path / "days"
    clock.follow(ahead)
    try:
        for days, written in ((0, ""), (30, "30"), (60, "60")):
            ahead.write_text(written)
            told = parsedate_to_datetime(api.get("/users/").headers["Date"])
            assert abs(told - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=1)
    finally:
        clock.follow(None)
