"""What an auditor with a shell hands in and takes away, and that the audit tells of what was taken alone."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from accounts_review.models import AuditEntry
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
