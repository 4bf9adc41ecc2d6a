"""Checkpoints: what a host has seen of the audit, kept outside the database, and held against it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.audit.checkpoint import GENESIS, Checkpoint, Keeper
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Hold, Workspace
from accounts_review.workflow.workspaces import open_workspace
from tests.factories import make_hold

pytestmark = pytest.mark.usefixtures("keeper")

Cause = Hold.Cause


@pytest.fixture
def portal(keeper: Keeper) -> Workspace:
    """A portal with some entries."""
    workspace = open_workspace(name="main", now=now())
    write(workspace, 3)
    return workspace


@pytest.fixture
def full_disk(keeper: Keeper) -> Iterator[None]:
    """Nothing can be written to the folder; root may write anywhere, so that a file stands in the way."""
    aside = keeper.folder.with_name("aside")
    keeper.folder.rename(aside)
    keeper.folder.write_text("")
    yield
    keeper.folder.unlink()
    aside.rename(keeper.folder)


def write(workspace: Workspace, count: int = 1) -> None:
    for _ in range(count):
        audit.log([workspace], kind=Event.CASE_HELD, actor="portal", now=now())


def restore_to(seq: int) -> None:
    """What a restored backup leaves: the entries up to one."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM accounts_review_auditentry WHERE seq > %s", [seq])
        cursor.execute("SET session_replication_role = DEFAULT")


def cause() -> str | None:
    finding = checkpoint.look()
    return finding.cause if finding else None


def test_every_commit_that_wrote_entries_is_noted_at_once(keeper: Keeper, portal: Workspace) -> None:
    assert keeper.read() == audit.newest_checkpoint()
    write(portal)
    assert keeper.read() == audit.newest_checkpoint()
    assert cause() is None


def test_the_files_are_readable_by_nobody_else(keeper: Keeper, portal: Workspace) -> None:
    for path in (keeper.file, keeper.key_file):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not list(keeper.folder.glob("*.[0-9]*"))


def test_what_is_rolled_back_is_not_noted(keeper: Keeper, portal: Workspace) -> None:
    before = keeper.read()

    def fail() -> None:
        with transaction.atomic():
            write(portal)
            assert keeper.read() == before
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert keeper.read() == before == audit.newest_checkpoint()


def test_an_empty_database_is_noted_before_its_first_entry(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between the first commit and its checkpoint holds nothing up."""
    monkeypatch.setattr(Keeper, "keep", lambda self: None)
    open_workspace(name="main", now=now())
    assert keeper.read() == Checkpoint(0, GENESIS)
    monkeypatch.undo()
    monkeypatch.setattr(checkpoint, "keeper", keeper)
    assert cause() is None
    keeper.keep()
    assert keeper.read() == audit.newest_checkpoint()


def test_a_crash_between_commit_and_checkpoint_is_made_up_for(
    keeper: Keeper, portal: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "keep", lambda self: None)
        write(portal, 2)
    assert keeper.read() != audit.newest_checkpoint()
    assert cause() is None
    assert keeper.keep() is None
    assert keeper.read() == audit.newest_checkpoint()


def test_a_database_that_is_older_is_behind(keeper: Keeper, portal: Workspace) -> None:
    newest = audit.newest_checkpoint()
    restore_to(newest.seq - 2)
    assert cause() == Cause.BEHIND
    finding = keeper.keep()
    assert finding
    assert (finding.details["number"], finding.details["newest"]) == (newest.seq, newest.seq - 2)
    assert keeper.read() == newest


def test_a_database_that_was_emptied_is_behind(keeper: Keeper, portal: Workspace) -> None:
    restore_to(0)
    assert cause() == Cause.BEHIND
    write(portal)
    assert cause() == Cause.BEHIND


def test_one_that_was_restored_and_went_on_is_another_and_never_noted(keeper: Keeper, portal: Workspace) -> None:
    newest = audit.newest_checkpoint()
    restore_to(newest.seq - 2)
    write(portal, 5)
    assert cause() == Cause.REWRITTEN
    assert keeper.read() == newest


def test_a_host_without_a_checkpoint_has_no_evidence(keeper: Keeper, portal: Workspace) -> None:
    keeper.file.unlink()
    assert cause() == Cause.MISSING
    write(portal)
    assert cause() == Cause.MISSING
    assert not keeper.file.exists()


@pytest.mark.parametrize("change", ["number", "digest", "at", "signature", "cut", "rubbish", "list", "key", "no key"])
def test_a_checkpoint_that_was_changed_is_no_evidence(keeper: Keeper, portal: Workspace, change: str) -> None:
    text = keeper.file.read_text()
    record = json.loads(text)
    record |= {"number": {"number": 1}, "digest": {"digest": "a" * 64}, "at": {"at": "2001-01-01T00:00:00+00:00"}}.get(
        change, {}
    )
    record |= {"signature": record["signature"][::-1]} if change == "signature" else {}
    others = {"cut": text[: len(text) // 2], "rubbish": "\x00\xff", "list": "[1, 2]"}
    keeper.file.write_text(others.get(change, json.dumps(record)))
    if change == "key":
        keeper.key_file.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    if change == "no key":
        keeper.key_file.unlink()
    assert cause() == Cause.UNREADABLE
    write(portal)
    assert cause() == Cause.UNREADABLE


def test_a_checkpoint_signed_by_another_key_is_no_evidence(keeper: Keeper, portal: Workspace, tmp_path: Path) -> None:
    other = Keeper(tmp_path / "other")
    other.begin()
    keeper.file.write_text(other.file.read_text())
    assert cause() == Cause.UNREADABLE


def test_where_it_cannot_be_written_the_act_stands_and_the_host_is_held(
    keeper: Keeper, portal: Workspace, full_disk: None
) -> None:
    before = AuditEntry.objects.count()
    write(portal)
    assert AuditEntry.objects.count() == before + 1
    finding = checkpoint.look()
    assert finding
    assert finding.cause in (Cause.NOT_KEPT, Cause.UNREADABLE)
    assert keeper.keep() is not None


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    keeper: Keeper, portal: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keeper.read()

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        write(portal)
        assert cause() == Cause.NOT_KEPT
        assert keeper.read() == before
        assert not list(keeper.folder.glob("*.[0-9]*"))
    assert cause() == Cause.NOT_KEPT
    assert keeper.keep() is None
    assert cause() is None
    assert keeper.read() == audit.newest_checkpoint()


def test_many_who_write_at_once_never_turn_it_back(keeper: Keeper, portal: Workspace) -> None:
    def work() -> None:
        write(portal, 10)
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keeper.read() == audit.newest_checkpoint()
    assert cause() is None


def test_a_release_lets_a_host_without_evidence_begin_once(keeper: Keeper, portal: Workspace) -> None:
    keeper.file.unlink()
    make_hold(Cause.MISSING, host="elsewhere", released_at=now())
    assert keeper.keep() is not None
    make_hold(Cause.MISSING, host=keeper.host, released_at=now())
    assert keeper.keep() is None
    assert keeper.read() == audit.newest_checkpoint()
    keeper.file.unlink()
    assert keeper.keep() is not None


def test_only_what_was_noted_before_the_release_is_superseded(keeper: Keeper, portal: Workspace) -> None:
    restore_to(2)
    make_hold(Cause.BEHIND, host="any", released_at=now() - timedelta(hours=1))
    assert cause() == Cause.BEHIND
    make_hold(Cause.BEHIND, host="any", released_at=now())
    assert cause() is None
    keeper.keep()
    assert keeper.read() == audit.newest_checkpoint()


def test_a_checkpoint_is_read_from_its_file_or_as_number_and_digest(keeper: Keeper, portal: Workspace) -> None:
    for text in (keeper.file.read_text(), f" {audit.newest_checkpoint()}\n"):
        assert audit.verify(Checkpoint.parse(text)) == (audit.newest_checkpoint().seq, None)
    with pytest.raises(ValueError, match="signature"):
        Checkpoint.parse(keeper.file.read_text().replace('"number": ', '"number": 1'))


def test_of_a_file_that_checkpoints_were_appended_to_the_newest_counts(keeper: Keeper, portal: Workspace) -> None:
    assert len(keeper.history()) > 1
    kept = keeper.history_file.read_text()
    for text in (kept, kept.replace("\n", "\r\n"), kept.replace("\n", "\r\n") + '{"torn": '):
        assert Checkpoint.parse(text) == keeper.read()
    restore_to(audit.newest_checkpoint().seq - 1)
    count, flaw = audit.verify(Checkpoint.parse(keeper.history_file.read_text()))
    assert flaw is not None
    assert flaw.seq == count + 1
