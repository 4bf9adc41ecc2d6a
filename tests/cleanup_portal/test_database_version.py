"""Code and database of different versions are said to be so, and by the worker and `migrate` refused."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from gunicorn.arbiter import Arbiter

from accounts_review.management.commands import worker
from cleanup_portal import database_version, gunicorn_settings

ROOT = Path(__file__).parents[2]
LATER = "9999_of_next_year"


@pytest.fixture
def recorder(db: None, monkeypatch: pytest.MonkeyPatch) -> MigrationRecorder:
    # They are for a process of its own.
    monkeypatch.setattr(worker, "end_when_told", lambda: None)
    monkeypatch.setattr(worker, "log_whatever_comes", lambda: None)
    return MigrationRecorder(connection)


def test_a_database_of_this_version_is_fine(recorder: MigrationRecorder) -> None:
    assert database_version.mismatch() == ""


@pytest.mark.parametrize("command", ["worker", "migrate"])
def test_one_that_a_newer_version_has_changed_is_neither_used_nor_changed(
    recorder: MigrationRecorder, command: str
) -> None:
    recorder.record_applied("accounts_review", LATER)
    with pytest.raises(CommandError, match=f"a newer version of the portal: it has {LATER}"):
        call_command(command)


def test_nor_does_a_command_by_hand_act_on_it(recorder: MigrationRecorder) -> None:
    """On a host that was not upgraded yet, a scheduled one would remove people by yesterday's rules."""
    recorder.record_applied("accounts_review", LATER)
    with pytest.raises(CommandError, match="a newer version of the portal"):
        call_command("revoke_due")


def test_what_is_left_of_a_restore_that_was_cut_off_is_neither_used_nor_taken_for_whole(
    recorder: MigrationRecorder,
) -> None:
    """A dump ends with the foreign keys, which nobody misses until rows stand without what they belong to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'accounts_review_case'::regclass AND contype = 'f'"
        )
        for [name] in cursor.fetchall():
            cursor.execute(f'ALTER TABLE accounts_review_case DROP CONSTRAINT "{name}"')
    for command in ("worker", "migrate"):
        with pytest.raises(CommandError, match=r"foreign keys, such as that of accounts_review_case\..*restore"):
            call_command(command)


def test_nor_is_one_that_was_cut_off_before_it_came_to_how_the_tables_were_made(recorder: MigrationRecorder) -> None:
    recorder.flush()
    for command in ("worker", "migrate"):
        with pytest.raises(CommandError, match=r"not by which version.*restore the backup again"):
            call_command(command)


def test_what_other_packages_have_added_says_nothing(recorder: MigrationRecorder) -> None:
    recorder.record_applied("sessions", LATER)
    assert database_version.mismatch() == ""


def test_a_worker_wants_an_older_one_migrated(recorder: MigrationRecorder) -> None:
    recorder.record_unapplied("accounts_review", "0031_keep_pages")
    with pytest.raises(CommandError, match="lacks changes of this version of the portal"):
        call_command("worker")


def test_a_web_server_refuses_a_newer_one_and_says_so(
    recorder: MigrationRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.record_applied("accounts_review", LATER)
    with pytest.raises(SystemExit) as ended:
        start_web()
    assert ended.value.code == Arbiter.WORKER_BOOT_ERROR, "which ends the other processes, too"
    assert f"it has {LATER}" in caplog.text


def test_a_web_server_says_that_an_older_one_wants_migrating(
    recorder: MigrationRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    start_web()
    assert caplog.text == ""
    recorder.record_unapplied("accounts_review", "0031_keep_pages")
    start_web()
    assert "lacks changes of this version of the portal. Run `manage.py migrate`" in caplog.text


def start_web() -> None:
    """What a process of the web server does before its first request."""
    with patch.object(connection, "close"):
        gunicorn_settings.post_worker_init(SimpleNamespace(log=logging.getLogger("web")))


@pytest.mark.slow(reason="starts a PostgreSQL of its own")
def test_any_command_on_an_empty_one_says_what_to_do(tmp_path: Path) -> None:
    env = os.environ | {"DATA_DIR": str(tmp_path), "DATABASE_URL": ""}
    command = [sys.executable, str(ROOT / "manage.py"), "audit_verify"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    said = "The database is empty. Run `manage.py migrate`, then try again.\n"
    assert (done.returncode, done.stderr) == (1, said)
