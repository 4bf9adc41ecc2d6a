"""The pages for whoever watches from outside: what should happen by itself, and whether it does."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Hold, Workspace
from tests.factories import make_hold, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.objects.create(name="main", created_at=now())


def a_worker_ran(at: datetime) -> None:
    make_run(at=at)


def a_sync_ended(workspace: Workspace, at: datetime, state: str = "complete") -> None:
    workspace.syncs.create(state=state, started_at=at, heartbeat_at=at, finished_at=at)


def findings(client: Client, address: str = "/health/worker/") -> tuple[int, dict[str, str]]:
    answer = client.get(address)
    assert answer.headers["Content-Type"] == "application/json"
    assert "no-store" in answer.headers["Cache-Control"]
    return answer.status_code, json.loads(answer.content)


def test_all_is_well_on_a_first_day_before_the_first_night(client: Client, workspace: Workspace) -> None:
    a_worker_ran(now())
    assert findings(client) == (200, {"worker": "OK", "sync of main": "OK", "hold of main": "OK"})


def test_a_worker_that_never_ran_or_fell_silent_is_a_fault(client: Client) -> None:
    status, found = findings(client)
    assert (status, found["worker"]) == (500, "no worker has ever run; start one, or read its log")
    a_worker_ran(now() - timedelta(minutes=6))
    status, found = findings(client)
    assert status == 500
    assert found["worker"].startswith("no sign of life since")
    assert client.get("/health/").status_code == 200, "the web server is not started anew because of a worker"


@pytest.mark.parametrize("state", ["failed", "incomplete"])
def test_a_sync_that_is_old_is_a_fault_whatever_was_tried_since(
    client: Client, workspace: Workspace, state: str
) -> None:
    a_worker_ran(now())
    a_sync_ended(workspace, now() - timedelta(hours=37))
    a_sync_ended(workspace, now(), state)
    status, found = findings(client)
    assert status == 500
    assert found["sync of main"].startswith("no good sync since")
    assert findings(client, "/health/worker/alive/")[0] == 200, "which no restart of a container would mend"


def test_a_workspace_that_was_never_read_is_a_fault_after_its_first_night(client: Client, workspace: Workspace) -> None:
    a_worker_ran(now())
    Workspace.objects.update(created_at=now() - timedelta(hours=37))
    assert findings(client)[0] == 500


def test_a_hold_is_a_fault_until_somebody_has_looked(client: Client, workspace: Workspace) -> None:
    a_worker_ran(now())
    a_sync_ended(workspace, now())
    a_sync_ended(workspace, now(), "quarantined")
    status, found = findings(client)
    assert status == 500
    assert "looked wrong" in found["hold of main"]
    workspace.syncs.filter(state="quarantined").update(state="discarded")
    assert findings(client)[0] == 200


@pytest.mark.parametrize("is_everything", [True, False])
def test_what_a_person_holds_is_a_fault_until_it_is_released(
    client: Client, workspace: Workspace, is_everything: bool
) -> None:
    a_worker_ran(now())
    hold = make_hold(workspace=None if is_everything else workspace, by="ada", reason="wait")
    status, found = findings(client)
    assert (status, found["hold of main"]) == (500, "everything is held; see the page Hold")
    Hold.objects.filter(pk=hold.pk).update(released_at=now())
    assert findings(client)[0] == 200


@pytest.mark.parametrize(
    "asked", [{"query_params": {"format": "openmetrics"}}, {"headers": {"accept": "application/openmetrics-text"}}]
)
def test_metrics_say_the_same_in_numbers(client: Client, workspace: Workspace, asked: dict[str, Any]) -> None:
    a_sync_ended(workspace, now())
    answer = client.get("/health/worker/", **asked)
    lines = answer.content.decode().splitlines()
    assert answer.status_code == 200, "Prometheus drops the numbers of any other"
    assert 'cleanup_portal_ok{check="worker"} 0' in lines
    assert 'cleanup_portal_ok{check="sync",workspace="main"} 1' in lines
    assert lines[-1] == "# EOF"
