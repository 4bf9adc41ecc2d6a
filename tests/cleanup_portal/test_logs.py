"""Log lines: time and level on each, whoever wrote it; ids to find one by; secrets in none."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg
import pytest
import structlog
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from psycopg.errors import DeadlockDetected, DiskFull
from structlog.contextvars import bound_contextvars

from accounts_review.management.supervisor import free_port
from accounts_review.models import Run, Workspace
from accounts_review.tasks import jobs, queue
from cleanup_portal.logs import FORMATS, LogFormatter, configure_structlog

ROOT = Path(__file__).parent.parent.parent
SECRET = 'pa"ss/wörd?42'
START = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")


class Log:
    """What is written while a test runs, in one of the two forms."""

    def __init__(self, form: str) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(LogFormatter(form=form, secrets=[SECRET, "short"]))

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def write(request: pytest.FixtureRequest) -> Iterator[Any]:
    root = logging.getLogger()
    opened: list[Log] = []

    def open_log(form: str) -> Log:
        log = Log(form)
        opened.append(log)
        root.addHandler(log.handler)
        return log

    level = root.level
    root.setLevel(logging.INFO)
    configure_structlog()
    yield open_log
    root.setLevel(level)
    for log in opened:
        root.removeHandler(log.handler)


def fail_somewhere() -> None:
    held = "a value that a traceback with variables would show"
    raise ValueError("it broke" if held else "")


def speak_as_everybody() -> None:
    """As the portal, Django, the queue and the web server do, with an exception and with text from outside."""
    logging.getLogger("django.request").error("Not Found: %s", "/x\nforged=yes \x1b[2J")
    logging.getLogger("django-q").warning("one\ntwo")
    try:
        fail_somewhere()
    except ValueError:
        structlog.get_logger("accounts_review.tasks.jobs").exception("a task failed", task="sync")
        logging.getLogger("gunicorn.error").exception("Error handling request")


def test_every_line_for_people_begins_with_time_and_level(write: Any) -> None:
    log = write("console")
    speak_as_everybody()
    lines = log.text.splitlines()
    assert len(lines) > 12
    assert [line for line in lines if not START.match(line)] == []
    assert "\x1b" not in log.text
    assert log.text.count("ValueError: it broke") == 2
    assert log.text.count("in fail_somewhere") == 2
    assert "would show" not in log.text.replace('held = "a value that a traceback with variables would show"', "")


def test_every_line_for_machines_is_one_object_with_time_level_and_traceback(write: Any) -> None:
    log = write("json")
    speak_as_everybody()
    assert [(event["level"], event["logger"], "exception" in event) for event in log.events] == [
        ("error", "django.request", False),
        ("warning", "django-q", False),
        ("error", "accounts_review.tasks.jobs", True),
        ("error", "gunicorn.error", True),
    ]
    assert all(event["timestamp"].endswith("Z") for event in log.events)
    assert log.events[2]["task"] == "sync"
    assert "in fail_somewhere" in log.events[2]["exception"]


@pytest.mark.parametrize("form", FORMATS)
def test_no_secret_is_in_any_line(write: Any, form: str) -> None:
    log = write(form)
    logger = logging.getLogger("somebody.elses")
    logger.warning("connecting as %s, %r, in short", SECRET, {"password": SECRET})
    logger.warning("postgres://portal:hunter2@db/portal, Authorization: Apikey hunter2, ?apikey=hunter2")
    logger.warning("GET /answer/hunter2/ and /accounts/password/reset/key/1-hunter2/")
    for torn in (" ", "\n", "'", '"', "?", "'? "):
        logger.warning("GET /answer/%shunter2/ and /accounts/password/reset/key/%shunter2", torn, torn)
    logger.warning("GET /accounts/oidc/entra/login/callback/?code=hunter2&state=hunter2")
    logging.getLogger("django.server").warning("GET /accounts/oidc/google/login/callback/?code=hunter2")
    try:
        raise ValueError(f"cannot reach https://me:hunter2@example.org with {SECRET}")
    except ValueError:
        structlog.get_logger().exception("failed", key=SECRET)
    assert "hunter2" not in log.text
    assert "ss/w" not in log.text
    assert "/oidc/google/" in log.text, "nothing is written past the formatter"
    assert "in short" in log.text, "too short a secret would stand in ordinary words"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "address",
    [
        "/search/?q=zoe%20quixote",
        "/w/main/review/?verdict=dormant&q=zoe.quixote&page=2",
        "/login/?next=/x%3fq%3Dzoe%2520q",
        "/login/?next=/x%3Fpage%3D1%26q%3Dzoe%2520%2526%2520zoe%26page%3D2",
        "/login/?next=/login/%3Fnext%3D/x%253Fq%253Dzoe%252520zoe",
        "/login/?next=/x%3Fq=zoe&page=2",
        "/w/main/audit/?actor=zoe&page=2",
        "/w/main/cleanups/2/?approver=zoe.quixote&page=2",
        "/nowhere/?q=Tom%20%26%20zoe",
        '/nowhere/?q=zoe"quixote',
    ],
)
def test_whom_somebody_searched_for_is_in_no_line(write: Any, form: str, address: str) -> None:
    """Where a search finds nothing the whole address is written, and no erasure reaches a log."""
    log = write(form)
    structlog.get_logger("django_structlog").warning(
        "request_finished", code=404, request=f"GET {address}", ip="127.0.0.1"
    )
    assert "zoe" not in log.text
    assert "127.0.0.1" in log.text
    assert ("page=2" in log.text) is ("page=2" in address)


@pytest.mark.parametrize(
    "address",
    [
        *("/answer/", "/answer/?", "/answer/'", "/accounts/password/reset/key/"),
        *(
            '/?q=a"b',
            "/?q=a\\",
            '/?q=a\\"b',
            '/?x=%3Fq%3Da"b',
            '/login/callback/?code=a"b',
            'apikey abc"d',
            "?q=\x7f\n",
        ),
    ],
)
def test_an_address_without_what_would_be_hidden_leaves_a_line_of_json(write: Any, address: str) -> None:
    log = write("json")
    logging.getLogger("somebody.elses").warning("request", extra={"request": f"GET {address}", "code": 404})
    logging.getLogger("somebody.elses").warning(f"GET {address}")
    assert len(log.events) == 2


def broken(request: HttpRequest, **given: object) -> HttpResponse:
    raise RuntimeError("the page broke")


urlpatterns = [path("w/<slug:workspace>/cleanups/<int:number>/cases/<int:pk>/", broken)]


@pytest.mark.urls(__name__)
def test_a_page_that_fails_is_found_by_request_person_workspace_and_case(write: Any, admin_client: Client) -> None:
    log = write("json")
    admin_client.raise_request_exception = False
    assert admin_client.get("/w/main/cleanups/3/cases/77/").status_code == 500
    failed = [event for event in log.events if "exception" in event]
    assert failed
    for event in failed:
        assert "RuntimeError: the page broke" in event["exception"]
        named = {key: event.get(key) for key in ("workspace", "cleanup", "case")}
        assert named == {"workspace": "main", "cleanup": "3", "case": "77"}
        assert event["person"]
        assert len(event["request_id"]) == 36


def test_a_task_that_fails_is_found_by_task_and_workspace(write: Any, workspace: Workspace, settings: Any) -> None:
    log = write("json")
    settings.HUWISE = {}
    queue.name_task_in_logs(task={"id": "abc"})
    with pytest.raises(Exception, match="does not describe"):
        jobs.sync_job(workspace.pk)
    (event,) = log.events
    assert (event["task"], event["task_id"], event["workspace"]) == ("sync_job", "abc", "main")
    assert "Traceback" in event["exception"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("fault", [DiskFull("No space left on device\nHINT: ..."), psycopg.OperationalError("refused")])
def test_a_database_that_cannot_go_on_is_one_line_a_task(
    write: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, form: str, fault: psycopg.Error
) -> None:
    log = write(form)

    def fail(**_: object) -> None:
        raise OperationalError(str(fault)) from fault

    monkeypatch.setattr(Run.objects, "create", fail)
    jobs.sweep()
    (line,) = log.text.splitlines()
    assert "task=sweep" in line or '"task": "sweep"' in line
    assert str(fault).splitlines()[0] in line


def test_a_deadlock_keeps_its_traceback_and_is_a_failure(
    write: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write("console")

    def fail() -> None:
        raise OperationalError("deadlock detected") from DeadlockDetected("deadlock detected")

    monkeypatch.setattr(jobs, "watch", fail)
    with pytest.raises(OperationalError):
        jobs.sweep()
    assert "Traceback" in log.text


def test_what_is_bound_goes_into_lines_of_others_too(write: Any) -> None:
    log = write("json")
    with bound_contextvars(case=5):
        logging.getLogger("somebody.elses").warning("hm")
    assert log.events[0]["case"] == 5


@pytest.mark.parametrize("form", FORMATS)
def test_the_web_server_speaks_the_same_way_from_its_first_line(tmp_path: Path, form: str) -> None:
    port = free_port(8970)
    command = [sys.executable, "-m", "gunicorn", "tests.cleanup_portal.broken_wsgi", "--bind", f"127.0.0.1:{port}"]
    options = ["--logger-class", "cleanup_portal.logs.GunicornLogger", "--no-control-socket"]
    env = os.environ | {"DATA_DIR": str(tmp_path), "LOG_FORMAT": form, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen([*command, *options], env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    lines = []
    for line in server.stderr:
        lines.append(line)
        if "Booting worker" in line:
            with suppress(OSError):
                urlopen(f"http://127.0.0.1:{port}/", timeout=30)
            server.terminate()
    server.stderr.close()
    server.wait(30)
    assert "RuntimeError: the application broke" in "".join(lines)
    if form == "console":
        assert [line for line in lines if not START.match(line)] == []
    else:
        assert all(json.loads(line)["timestamp"] and json.loads(line)["level"] for line in lines)
