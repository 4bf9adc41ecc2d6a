"""The portal installed without containers, by the commands of the manual and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from accounts_review.management.supervisor import free_port
from tests.deployment.manual import checkout, commands

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow(reason="installs the locked requirements into an environment of its own"),
]


@dataclass(frozen=True, slots=True)
class Installation:
    """A checkout in which somebody types commands."""

    folder: Path

    def type(self, line: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-euc", line], cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done

    @contextmanager
    def running(self, line: str) -> Iterator[subprocess.Popen[bytes]]:
        """Keep a service running; it must end by itself when it is told to."""
        with subprocess.Popen(["bash", "-euc", f"{SETTINGS}; exec {line}"], cwd=self.folder, env=self.env) as process:
            yield process
            process.terminate()
            assert process.wait(60) == 0

    @property
    def env(self) -> dict[str, str]:
        kept = ("HOME", "LANG", "TMPDIR", "PATH")
        return {name: value for name, value in os.environ.items() if name in kept or name.startswith("PIP_")}


VENV, REQUIREMENTS, SETTINGS, *PREPARE, WEB, WORKER = commands()["Install by hand"]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Installation:
    """An installation with a database of its own, whose password no address holds as it is."""
    server = connection.get_connection_params()
    with psycopg.connect(host=server["host"], user=server["user"], dbname="postgres", autocommit=True) as database:
        database.execute("DROP DATABASE IF EXISTS by_hand")
        database.execute("CREATE DATABASE by_hand")
    installation = Installation(checkout(tmp_path_factory.mktemp("by_hand")))
    (installation.folder / "portal.env").write_text(
        f"""DATABASE_URL=postgres://postgres@/by_hand?host={server["host"]}
DATABASE_PASSWORD='a/b?c%d@e:f#g'
SECRET_KEY={"of-this-test-only-" * 4}
ALLOWED_HOSTS=cleanup.example.org
PUBLIC_URL=https://cleanup.example.org
BEHIND_PROXY=true
EMAIL_PROVIDER=postmark
ANYMAIL_POSTMARK_SERVER_TOKEN=of-this-test
"""
    )
    for line in (VENV, REQUIREMENTS):
        installation.type(line)
    for line in PREPARE:
        installation.type(f"{SETTINGS}; {line}")
    return installation


def test_it_serves_what_browsers_may_keep_for_good(installation: Installation) -> None:
    port = free_port(8800)
    with installation.running(WEB.replace("8000", str(port))):
        wait_for(f"http://127.0.0.1:{port}/health/")
        headers, page = get(f"http://127.0.0.1:{port}/accounts/login/")
        assert headers["Strict-Transport-Security"] == "max-age=31536000", "what nobody asked for is left out"
        style = re.findall(r'href="(/static/made/[^"]+\.css)"', page)[0]
        assert re.fullmatch(r".*/portal\.[0-9a-f]{12}\.css", style)
        headers, _ = get(f"http://127.0.0.1:{port}{style}")
        assert headers["Cache-Control"] == "max-age=315360000, public, immutable"
        headers, _ = get(f"http://127.0.0.1:{port}/static/portal/favicon.svg")
        assert "immutable" not in headers["Cache-Control"]


def test_its_worker_gives_a_sign_of_life_and_stops(installation: Installation) -> None:
    port = free_port(8810)
    with installation.running(WEB.replace("8000", str(port))):
        wait_for(f"http://127.0.0.1:{port}/health/")
        with pytest.raises(urllib.error.HTTPError, match="500"):
            get(f"http://127.0.0.1:{port}/health/worker/")
        with installation.running(WORKER):
            wait_for(f"http://127.0.0.1:{port}/health/worker/")


def test_its_commands_explain_themselves(installation: Installation) -> None:
    explained = installation.type(f"{SETTINGS}; .venv/bin/python manage.py sync -h").stdout
    assert "Read the workspace and assess" in explained
    assert "\n    sync\n" in installation.type(f"{SETTINGS}; .venv/bin/python manage.py help").stdout


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("ALLOWED_HOSTS=cleanup.example.org", "SECRET_KEY is not set"),
        ("", "DATABASE_URL is not set, and the embedded PostgreSQL is not installed"),
        ("DATABASE_URL=postgres://portal:hush/hush@db:5432/portal", "DATABASE_URL is malformed"),
        ("DATABASE_URL=postgres://portal:12/hush@db:5432/portal", "DATABASE_URL is malformed"),
        ("DATABASE_URL='postgres://portal:hush?hush@db:5432/portal'", "DATABASE_URL is malformed"),
        ("DATABASE_URL='postgres://portal:hush#hush@db:5432/portal'", "DATABASE_URL is malformed"),
        ("DATABASE_URL='postgres://portal:hush[hush@db:5432/portal'", "DATABASE_URL is malformed"),
        ("DATABASE_URL=postgres://portal@db:5432", "DATABASE_URL is malformed"),
        ("DATABASE_URL=postgres://a@b/c BEHIND_PROXY=maybe", "BEHIND_PROXY is 'maybe'"),
        ("DATABASE_URL=postgres://a@b/c PING_URL=hush.example.org/hush", "PING_URL is malformed"),
        ("DATABASE_URL=postgres://a@b/c EMAIL_URL=smtp://me:hush/hush@mail.example.org:25", "EMAIL_URL is malformed"),
        ("DATABASE_URL=postgres://a@b/c EMAIL_URL='smtp://me:12?hush@mail.example.org:25'", "EMAIL_URL is malformed"),
        ("DATABASE_URL=postgres://a@b/c EMAIL_URL=smtp://me:12/hush@mail.example.org:25", "EMAIL_URL is malformed"),
    ],
)
def test_what_is_missing_or_malformed_is_refused_by_name_and_shown_to_nobody(
    installation: Installation, settings: str, words: str
) -> None:
    run = installation.type(f"{settings} .venv/bin/python manage.py check", check=False)
    assert run.returncode == 1
    assert run.stderr.startswith(f"The portal is not configured: {words}")
    assert "hush" not in run.stderr
    assert "Traceback" not in run.stderr


def get(url: str) -> tuple[Message, str]:
    """What the portal answers to its proxy."""
    request = urllib.request.Request(url, headers={"Host": "cleanup.example.org", "X-Forwarded-Proto": "https"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.headers, response.read().decode()


def wait_for(url: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            get(url)
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return
