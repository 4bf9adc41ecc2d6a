"""The embedded database forgets what its files hold, where nobody is kept waiting for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.utils.timezone import now

from accounts_review.models import Run, Workspace
from accounts_review.tasks import nightly
from accounts_review.workflow.retention import traces
from tests.factories import make_account

pytestmark = pytest.mark.django_db(transaction=True)

embedded = pytest.mark.skipif(not traces.is_embedded(), reason="a real server does so in its own time")


@pytest.fixture
def reader(transactional_db: None) -> Iterator[Any]:
    """Somebody who reads one table for long."""
    reader = connections.create_connection("default")
    with reader.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE accounts_review_workspace IN ACCESS SHARE MODE")
    yield reader
    reader.close()


def files_of_tables() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, relfilenode FROM pg_class JOIN pg_tables ON relname = tablename")
        return sorted(cursor.fetchall())


@embedded
def test_while_somebody_reads_for_long_no_table_is_written_anew(reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All would be again, a minute later, and nobody reads a table meanwhile."""
    monkeypatch.setattr(traces, "PATIENCE", "100ms")
    before = files_of_tables()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.2)")

    with pytest.raises(traces.StillRead):
        traces.scrub_embedded()

    assert files_of_tables() == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'")
        assert cursor.fetchone() == (0,)


def test_what_is_erased_on_a_shell_while_somebody_reads_is_told_all_the_same(
    workspace: Workspace, person: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has happened, and whoever asked is to know what of it is left."""

    def still_read() -> None:
        raise traces.StillRead

    monkeypatch.setattr(traces, "scrub_embedded", still_read)
    make_account(workspace, "zebulon.q", gone_at=now())
    out, err = StringIO(), StringIO()
    said = {"actor": person("administrator").username, "reason": "asked for", "stdout": out, "stderr": err}

    call_command("erase_person", "zebulon.q", **said)

    assert "accounts erased 1" in out.getvalue()
    assert "tried again in a minute" in err.getvalue()


@embedded
def test_while_somebody_reads_a_table_for_long_nobody_waits_behind_it() -> None:
    reader = connections.create_connection("default")
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LIMIT 1")
            cursor.execute(f'LOCK TABLE "{cursor.fetchone()[0]}" IN ACCESS SHARE MODE')

        with pytest.raises(traces.StillRead, match="tried again"):
            nightly.scrub_job()
    finally:
        reader.close()

    assert Run.objects.get(task=traces.SCRUB).error.startswith("Somebody downloads")
    assert not traces.scrubs().exists(), "it is still owed"
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_while_a_file_is_written_anew_nobody_else_can_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mail, chmod, before = tmp_path / "mail.log", Path.chmod, list[int]()
    mail.write_text("Dear Marie Curie")
    chmod(mail, 0o640)

    def note(path: Path, mode: int) -> None:
        before.append(path.stat().st_mode & 0o777)
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", note)
    assert traces.sweep_files(tmp_path, ["Marie Curie"]) == 1
    assert before == [0o600]
    assert mail.stat().st_mode & 0o777 == 0o640, "as it was"
