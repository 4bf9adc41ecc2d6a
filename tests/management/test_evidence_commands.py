"""What an auditor with a shell hands in and takes away, and that the audit tells of what was taken alone."""

from __future__ import annotations

import codecs
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts_review import audit
from accounts_review.audit import NewEntry, sentences
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry
from tests.conftest import NOW
from tests.management.conftest import Run


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_audit_verify_printed_is_a_checkpoint_for_the_next_time(
    synced: Run, tmp_path: Path, encoding: str
) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(f"checkpoint 1999:{'a' * 64}\n1,999 entries hold\n", encoding=encoding)
    with pytest.raises(CommandError, match=r"Entry 1,?999: .* cut off"):
        synced("audit_verify", "--checkpoint", str(kept))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: Is a directory"),
        ("1:é".encode("latin-1"), "not UTF-8 text; save it as UTF-8"),
        (codecs.BOM_UTF16_LE + "1:a".encode("utf-16-le"), "not UTF-8 text; save it as UTF-8"),
    ],
)
def test_a_checkpoint_that_cannot_be_read_is_named_in_plain_words(
    synced: Run, tmp_path: Path, content: bytes | None, said: str
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir() if content is None else kept.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        synced("audit_verify", "--checkpoint", str(kept))
    assert said in str(refused.value)
    assert "codec" not in str(refused.value)
    assert "Errno" not in str(refused.value)


@pytest.mark.parametrize(
    "command",
    [
        ("access_report", "marie+data@ville.example"),
        ("evidence_pack", "--account", "marie+data@ville.example"),
        ("export_accounts",),
    ],
)
def test_the_audit_tells_of_no_evidence_that_could_not_be_written(
    synced: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(CommandError, match="cannot be written"):
        synced(*command, "-o", str(tmp_path / "nowhere" / "file"))
    assert AuditEntry.objects.count() == before


def test_nor_of_a_pack_about_nothing(synced: Run, tmp_path: Path) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(CommandError, match=r"nothing to (prove|sign)"):
        synced("evidence_pack", "--from", "2999-01-01", "-o", str(tmp_path / "pack.zip"))
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    ("command", "kind", "why"),
    [
        (("access_report", "marie+data@ville.example"), "person.reported", "No space left on device"),
        (("export_accounts",), "accounts.exported", "No space left on device"),
        (("evidence_pack", "--from", "2000-01-01"), "audit.exported", "This host keeps no checkpoint"),
    ],
)
def test_what_did_not_get_through_is_not_left_in_the_audit_as_taken(
    synced: Run, command: tuple[str, ...], kind: str, why: str
) -> None:
    with pytest.raises(CommandError, match=f"/dev/full.*: {why}"):
        synced(*command, "-o", "/dev/full")
    taken, failed = AuditEntry.objects.filter(kind=kind).order_by("seq")
    assert "could not be written" not in sentences.of_entry(taken)
    assert sentences.of_entry(failed).startswith(f"what was taken could not be written whole: {why}")


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("access_report", "marie+data@ville.example"), "person.reported"),
        (("export_accounts",), "accounts.exported"),
        (("evidence_pack", "--from", "2000-01-01"), "audit.exported"),
    ],
)
def test_nor_what_was_written_whole_and_could_not_take_its_place(
    synced: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], kind: str
) -> None:
    folder, put = tmp_path / "folder", os.replace

    def vanish(*paths: str) -> None:
        shutil.rmtree(folder)
        put(*paths)

    def pack(*_: object, into: IO[bytes], **__: object) -> None:
        into.write(b"pack")

    folder.mkdir()
    monkeypatch.setattr("accounts_review.management.commands.evidence_pack.write_pack", pack)
    monkeypatch.setattr("accounts_review.management.files.os.replace", vanish)
    with pytest.raises(CommandError, match="file cannot be written: No such file or directory"):
        synced(*command, "-o", str(folder / "file"))
    taken, failed = AuditEntry.objects.filter(kind=kind).order_by("seq")
    assert "could not be written" not in sentences.of_entry(taken)
    assert sentences.of_entry(failed) == "what was taken could not be written whole: No such file or directory"


def test_who_exports_the_audit_of_a_portal_without_any_workspace_is_in_it(db: None) -> None:
    """There is something to take already, such as who was made a superuser."""
    audit.append([NewEntry(at=NOW, workspace="", actor="shell", kind=Event.PERSON_ADDED, data={"login": "ada"})])
    out = io.StringIO()
    call_command("audit_export", stdout=out)
    assert len(out.getvalue().splitlines()) == 1
    assert sentences.of_entry(AuditEntry.objects.latest("seq")) == "exported 1 audit entry"


@pytest.mark.parametrize(
    ("command", "kind"), [("export_accounts", "accounts.exported"), ("audit_export", "audit.exported")]
)
def test_who_exports_is_in_the_audit(synced: Run, person: Callable[[str], User], command: str, kind: str) -> None:
    before = AuditEntry.objects.count()
    synced(command)
    synced(command, "--actor", person("auditor").username)
    entries = AuditEntry.objects.order_by("seq")[before:]
    assert [entry.actor for entry in entries] == ["shell", "auditor"]
    assert {entry.kind for entry in entries} == {kind}
    assert all(sentences.of_entry(entry).startswith("exported ") for entry in entries)


@pytest.mark.parametrize("command", ["export_accounts", "audit_export"])
def test_who_may_not_read_exports_nothing(synced: Run, person: Callable[[str], User], command: str) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(CommandError, match="may not do this"):
        synced(command, "--actor", person("nobody").username)
    assert AuditEntry.objects.count() == before
