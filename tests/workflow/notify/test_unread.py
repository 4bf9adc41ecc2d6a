"""As long as e-mails of a real workspace are files, nobody counts as warned, reminded or told by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts_review.huwise.address import host_at
from accounts_review.models import Workspace
from accounts_review.workflow import advance, workspaces
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.send import send_closings, send_notices, send_reminders, send_test
from accounts_review.workflow.unread import warns_nobody
from tests.stage import SetStage, Stage, someone
from tests.workflow.notify.kit import stopped
from tests.workflow.notify.mail_server import Server
from tests.workflow.notify.test_reminders import WITH_REMINDERS

SAID = "No mail server is set up, so e-mails would reach nobody"


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Stage:
    """Launched; then the portal was started anew without its mail server."""
    stage = set_stage(someone("marie"), someone("omar"), policy=WITH_REMINDERS, launched=("marie", "omar"))
    Workspace.objects.update(host="ville.huwise.example")
    stage.workspace.refresh_from_db()
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    return stage


def test_nobody_is_warned_by_a_file(stage: Stage, serve: Callable[..., Server]) -> None:
    done = send_notices(workspace=stage.workspace, now=stage.clock())
    assert (done.sent, done.left) == (0, 2)
    assert SAID in done.error
    assert stage.states() == {"marie": "awaiting_notice", "omar": "awaiting_notice"}
    assert stopped(stage) == "unread"
    stage.clock.advance(days=365)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    assert set(stage.states().values()) == {"awaiting_notice"}, "without a notice no day comes"

    serve()
    assert send_notices(workspace=stage.workspace, now=stage.clock()).sent == 2
    assert stopped(stage) == ""


def test_nobody_is_reminded_or_told_by_a_file(stage: Stage, serve: Callable[..., Server], settings: Any) -> None:
    files = settings.EMAIL_BACKEND
    serve()
    send_notices(workspace=stage.workspace, now=stage.clock())
    through_server = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = files
    stage.clock.advance(days=25)
    assert SAID in send_reminders(workspace=stage.workspace, now=stage.clock()).error
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=stage.clock())
    assert SAID in send_closings(workspace=stage.workspace, now=stage.clock()).error

    settings.EMAIL_BACKEND = through_server
    assert send_closings(workspace=stage.workspace, now=stage.clock()).sent == 2


def test_nobody_is_missed_where_nothing_is_due(stage: Stage) -> None:
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=stage.clock())
    assert send_notices(workspace=stage.workspace, now=stage.clock()).error == ""
    assert stopped(stage) == ""


@pytest.mark.parametrize("host", ["localhost:8801", "127.0.0.1:1", "[::1]:8000", "sandbox:8055"])
def test_a_workspace_on_this_host_or_beside_is_a_pretend_one(stage: Stage, host: str) -> None:
    stage.workspace.host = host
    assert not warns_nobody(stage.workspace)


@pytest.mark.parametrize("host", ["10.0.0.5", "intranet", "[2001:db8::1]:8443", "127.example.org"])
def test_any_other_is_real(stage: Stage, host: str) -> None:
    assert host_at(f"https://{host}") == host
    stage.workspace.host = host
    assert warns_nobody(stage.workspace)


def test_a_test_into_a_file_does_not_say_that_mail_works(stage: Stage) -> None:
    send_notices(workspace=stage.workspace, now=stage.clock())
    said = send_test(workspace=stage.workspace, kind="notice", actor=stage.staff("operator"), now=stage.clock())
    assert SAID in said
    assert stopped(stage) == "unread"


def test_nothing_waits_for_a_mail_server_in_a_retired_workspace(stage: Stage) -> None:
    send_notices(workspace=stage.workspace, now=stage.clock())
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=stage.clock())
    assert stopped(stage) == "unread"
    workspaces.retire(workspace=stage.workspace, actor=stage.staff("administrator"), now=stage.clock(), reason="over")
    assert stopped(stage) == ""


def test_a_pretend_workspace_is_tried_with_files(stage: Stage, tmp_path: Any, settings: Any) -> None:
    settings.EMAIL_FILE_PATH = tmp_path
    Workspace.objects.update(host="127.0.0.1:8801")
    stage.workspace.refresh_from_db()
    assert send_notices(workspace=stage.workspace, now=stage.clock()).sent == 2
