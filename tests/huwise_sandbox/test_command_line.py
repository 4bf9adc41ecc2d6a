"""What ``python -m huwise_sandbox`` promises."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from huwise_sandbox.__main__ import parser

USERS = "/api/automation/v1.0/users/"
ROOT = Path(__file__).parents[2]


@contextmanager
def sandbox(*options: str, env: dict[str, str] | None = None) -> Iterator[str]:
    """Run a sandbox; yields its address, then stops it and expects a clean end."""
    command = [sys.executable, "-m", "huwise_sandbox", *options]
    environment = os.environ | (env or {})
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            word, url = process.stdout.readline().split()
            assert word == "sandbox"
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def get(url: str, key: str = "sandbox-key") -> httpx.Response:
    return httpx.get(url, headers={"Authorization": f"Apikey {key}"})


def test_a_state_file_keeps_what_was_done_and_the_dates_of_the_first_start(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state.json"
    options = ("--accounts", "100", "--state", str(state))
    headers = {"Authorization": "Apikey sandbox-key"}
    with sandbox(*options) as url:
        assert state.exists()
        before = get(f"{url}{USERS}claire.admin/").json()
        deleted = httpx.delete(f"{url}{USERS}%2E%2E/", headers=headers)
        assert deleted.status_code == 204
        httpx.post(f"{url}/_sandbox/users/latecomer", json={})
    with sandbox(*options, "--api-key", "another") as url:
        assert get(f"{url}{USERS}").status_code == 401
        assert get(f"{url}{USERS}%2E%2E/", "another").status_code == 404
        assert get(f"{url}{USERS}latecomer/", "another").status_code == 200
        assert get(f"{url}{USERS}claire.admin/", "another").json() == before
    assert list(tmp_path.iterdir()) == [state]


def test_a_fixtures_file_is_served_exactly_with_its_caller_as_service_user(
    tmp_path: Path,
) -> None:
    people: list[dict[str, Any]] = [
        {"user": {"username": "ana", "email": "ana@example.org"}},
        {
            "user": {
                "username": "robot",
                "email": None,
                "permissions": ["edit_domain"],
            },
            "context": {"is_caller": True},
        },
    ]
    groups = [{"uid": "g", "title": "G", "permissions": [], "user_count": 40}]
    fixtures = tmp_path / "archetypes.json"
    fixtures.write_text(json.dumps({"archetypes": people, "groups": groups}))
    key = {"SANDBOX_API_KEY": "from-the-environment"}
    with sandbox("--fixtures", str(fixtures), env=key) as url:
        body = get(f"{url}{USERS}", "from-the-environment").json()
        assert body["results"] == [person["user"] for person in people]
        assert httpx.get(f"{url}/_sandbox/").json()["service_user"] == "robot"


@pytest.mark.parametrize(
    "options",
    [
        ["--host", "192.0.2.1"],
        ["--host", "portal.example"],
        ["--as-of", "2026-06-15T08:00:00"],
        ["--as-of", "yesterday"],
    ],
)
def test_a_public_address_or_a_vague_instant_is_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(options)


def test_an_interrupt_ends_it_as_well() -> None:
    command = [sys.executable, "-m", "huwise_sandbox", "--accounts", "5"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b"sandbox http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
