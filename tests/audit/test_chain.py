"""The audit chain: numbered without a gap, sealed, append-only, and any tampering is found at the first bad entry."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts_review import audit
from accounts_review.audit.chain import seal
from accounts_review.audit.checkpoint import GENESIS
from accounts_review.audit.events import Event
from accounts_review.audit.verification.chain import is_digest
from accounts_review.models import AuditEntry, PersonalData, Workspace
from accounts_review.models.audit_entry import AppendOnly
from accounts_review.spreadsheet.audit_rows import audit_lines
from tests.stage import NOW

TABLE = "accounts_review_auditentry"
COLUMNS = "at, workspace, actor_ref_id, kind, subject_ref_id, account_id, cleanup, data, personal_id, previous, digest"


def write(count: int, *, after: int = 0) -> None:
    """Entries with contents that differ, some of them hard to serialise."""
    data: dict[str, Any] = {"text": "Zoé 'quoted' \\ 100%", "list": [1, None, True], "nested": {"b": 1, "a": 2}}
    with transaction.atomic():
        audit.append(
            audit.NewEntry(
                at=NOW + timedelta(seconds=after + n, microseconds=n),
                workspace="main",
                actor="portal",
                kind=Event.CASE_HELD,
                subject=f"person {n}",
                account_id=n if n % 2 else None,
                cleanup=None if n % 2 else n,
                data=data | {"n": n},
            )
            for n in range(count)
        )


def tamper(sql: str, *parameters: Any) -> None:
    """What only a superuser of the database can do: the triggers are switched off meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, parameters)
        cursor.execute("SET session_replication_role = DEFAULT")


def order(sql: str) -> None:
    """What anybody can try who may write to the database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def chain(db: None) -> int:
    """A chain of ten entries."""
    write(10)
    return 10


def test_entries_are_numbered_from_one_without_a_gap_and_each_holds_the_digest_before_it(chain: int) -> None:
    write(3, after=100)
    rows = list(AuditEntry.objects.order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, 14))
    assert [row.previous for row in rows] == [GENESIS, *(row.digest for row in rows[:-1])]


def test_verify_proves_a_whole_chain(chain: int) -> None:
    assert audit.verify() == (10, None)


def test_verify_proves_an_empty_record(db: None) -> None:
    assert audit.verify() == (0, None)


def test_anyone_can_recompute_a_seal_as_documented(chain: int) -> None:
    row = AuditEntry.objects.get(seq=4)
    at = "2026-06-15T08:00:03.000003+00:00"
    content = [4, at, "main", row.actor_ref_id, "case.held", row.subject_ref_id, 3, None, row.data]
    assert row.digest == sha256([*content, row.personal_id, row.previous])
    assert row.subject_ref
    assert row.subject_ref_id == sha256([row.subject_ref.salt, "person 3", {}])
    assert row.personal
    assert row.personal_id == sha256([row.personal.salt, "", {"text": "Zoé 'quoted' \\ 100%"}])
    assert "Zoé" not in str(row.data)


def sha256(content: list[Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


CHANGES = {
    "at": "at = at + interval '1 microsecond'",
    "workspace": "workspace = 'other'",
    "actor": "actor_ref_id = subject_ref_id",
    "kind": "kind = 'other'",
    "subject": "subject_ref_id = actor_ref_id",
    "nobody": "subject_ref_id = NULL",
    "personal details": "personal_id = NULL",
    "account": "account_id = 4711",
    "account forgotten": "account_id = NULL",
    "clean-up": "cleanup = 99",
    "data": "data = jsonb_set(data, '{n}', '77')",
    "data removed": "data = '{}'",
    "digest": "digest = repeat('a', 64)",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_entry_is_named(chain: int, change: str) -> None:
    tamper(f"UPDATE {TABLE} SET {change} WHERE seq = 6")
    proven, flaw = audit.verify()
    assert (proven, flaw and flaw.seq, flaw and flaw.problem) == (5, 6, "its content does not match its digest")


def test_a_changed_entry_that_was_sealed_anew_is_named(chain: int) -> None:
    row = AuditEntry.objects.get(seq=6)
    row.workspace = "other"
    tamper(f"UPDATE {TABLE} SET workspace = 'other', digest = %s WHERE seq = 6", seal(row))
    proven, flaw = audit.verify()
    assert (proven, flaw and flaw.seq) == (5, 6)


def test_where_the_secret_key_was_lost_that_is_told_beside_the_worse(
    chain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.SECRET_KEY", "another-long-and-random-key-of-this-portal")
    write(1, after=100)
    _, flaw = audit.verify()
    assert flaw
    assert flaw.seq == 1
    assert "the portal did not write it, or wrote it with a SECRET_KEY that it no longer knows" in flaw.problem
    assert "SECRET_KEY_FALLBACKS" in flaw.problem


@pytest.mark.parametrize(("seq", "proven"), [(1, 0), (5, 4)])
def test_a_deleted_entry_is_named(chain: int, seq: int, proven: int) -> None:
    tamper(f"DELETE FROM {TABLE} WHERE seq = %s", seq)
    held, flaw = audit.verify()
    assert (held, flaw and flaw.seq, flaw and flaw.problem) == (proven, seq, "the entry is missing")


def test_a_deleted_entry_whose_gap_was_closed_is_named(chain: int) -> None:
    tamper(f"DELETE FROM {TABLE} WHERE seq = 5")
    for seq in range(6, 11):
        tamper(f"UPDATE {TABLE} SET seq = seq - 1 WHERE seq = %s", seq)
    proven, flaw = audit.verify()
    assert (proven, flaw and flaw.seq) == (4, 5)


def test_an_inserted_entry_is_named(chain: int) -> None:
    for seq in range(10, 4, -1):
        tamper(f"UPDATE {TABLE} SET seq = seq + 1 WHERE seq = %s", seq)
    tamper(f"INSERT INTO {TABLE} (seq, {COLUMNS}) SELECT 5, {COLUMNS} FROM {TABLE} WHERE seq = 4")
    proven, flaw = audit.verify()
    assert (proven, flaw and flaw.seq) == (4, 5)


def test_an_entry_put_before_the_first_is_named(chain: int) -> None:
    tamper(f"INSERT INTO {TABLE} (seq, {COLUMNS}) SELECT 0, {COLUMNS} FROM {TABLE} WHERE seq = 1")
    proven, flaw = audit.verify()
    assert proven == 0
    assert flaw


def test_two_entries_that_changed_places_are_named(chain: int) -> None:
    for before, after in ((4, 99), (5, 4), (99, 5)):
        tamper(f"UPDATE {TABLE} SET seq = %s WHERE seq = %s", after, before)
    proven, flaw = audit.verify()
    assert (proven, flaw and flaw.seq) == (3, 4)


def test_another_chain_put_after_the_first_entries_is_named(chain: int) -> None:
    tamper(f"UPDATE {TABLE} SET previous = %s WHERE seq = 7", GENESIS)
    proven, flaw = audit.verify()
    assert (proven, flaw and flaw.seq, flaw and flaw.problem) == (6, 7, "it does not follow from the entry before it")


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE {TABLE} SET workspace = 'x' WHERE seq = 3",
        f"UPDATE {TABLE} SET workspace = workspace",
        f"DELETE FROM {TABLE} WHERE seq = 10",
        f"DELETE FROM {TABLE}",
        f"TRUNCATE {TABLE}",
    ],
)
def test_the_database_refuses_to_change_or_remove_entries(chain: int, sql: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"):
        order(sql)
    assert audit.verify() == (10, None)


def test_python_refuses_to_change_or_remove_entries(chain: int) -> None:
    row = AuditEntry.objects.get(seq=3)
    row.workspace = "other"
    for attempt in (
        row.save,
        row.delete,
        AuditEntry.objects.filter(seq=3).delete,
        lambda: AuditEntry.objects.update(workspace="other"),
        lambda: AuditEntry.objects.bulk_update([row], ["workspace"]),
    ):
        with pytest.raises(AppendOnly), transaction.atomic():
            attempt()
    assert AuditEntry.objects.get(seq=3).workspace == "main"
    assert audit.verify() == (10, None)


def test_more_entries_than_one_batch_are_one_chain(db: None) -> None:
    write(2500)
    assert audit.verify() == (2500, None)


def test_the_chain_goes_on_after_a_rolled_back_entry(workspace: Workspace) -> None:
    before, _ = audit.verify()

    def write_and_fail() -> None:
        with transaction.atomic():
            audit.log([workspace], kind=Event.CASE_HELD, actor="portal", now=NOW)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write_and_fail()
    audit.log([workspace], kind=Event.CASE_HELD, actor="portal", now=NOW)
    assert audit.verify() == (before + 1, None)


def test_a_record_holds_against_a_checkpoint(chain: int) -> None:
    kept = audit.Checkpoint.parse(f" {str(audit.newest_checkpoint()).upper()}\n")
    write(3, after=100)
    assert audit.verify(kept) == (13, None)


def test_an_end_that_was_cut_off_shows_against_a_checkpoint_only(chain: int) -> None:
    kept = audit.newest_checkpoint()
    tamper(f"DELETE FROM {TABLE} WHERE seq > 7")
    assert audit.verify() == (7, None)
    proven, flaw = audit.verify(kept)
    assert (proven, flaw and flaw.seq, "cut off" in str(flaw)) == (7, 10, True)


def test_a_record_written_anew_shows_against_a_checkpoint_only(chain: int) -> None:
    kept = audit.newest_checkpoint()
    tamper(f"DELETE FROM {TABLE}")
    write(12, after=50)
    assert audit.verify() == (12, None)
    proven, flaw = audit.verify(kept)
    assert (proven, flaw and flaw.seq, "rewritten" in str(flaw)) == (9, 10, True)


def test_the_head_of_an_empty_record_is_its_beginning(db: None) -> None:
    assert str(audit.newest_checkpoint()) == f"0:{GENESIS}"
    assert audit.verify(audit.newest_checkpoint()) == (0, None)


@pytest.mark.parametrize("text", ["", "12", "12:abc", "x:" + "a" * 64, "-1:" + "a" * 64, "1:" + "g" * 64, "9" * 30])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="entry number"):
        audit.Checkpoint.parse(text)


NAMES = "accounts_review_personaldata"


def test_an_event_that_is_not_registered_is_refused(workspace: Workspace) -> None:
    kind: Any = "case.noticd"
    with pytest.raises(ValueError, match=kind):
        audit.log([workspace], kind=kind, actor="portal", now=NOW)


def test_an_export_alone_proves_itself_and_says_who_it_was(chain: int) -> None:
    PersonalData.objects.filter(account_id=3).erase(now=NOW)
    previous = GENESIS
    for text in audit_lines(AuditEntry.objects.order_by("seq")):
        line = json.loads(text)
        content = [line["seq"], line["at"], line["workspace"], line["actor_ref"], line["kind"]]
        content += [line["subject_ref"], line["account_id"], line["cleanup"], line["data"], line["personal"]]
        assert line["digest"] == sha256([*content, previous])
        for reference, told in line["beside"].items():
            assert told is None or sha256(told) == reference
        assert line["actor"] == "portal"
        assert line["subject"] == ("" if line["account_id"] == 3 else f"person {line['seq'] - 1}")
        previous = line["digest"]


def test_that_a_clock_was_years_ahead_is_told_once_and_breaks_nothing(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = AuditEntry.objects.count()
    write(2, after=3 * 365 * 86400)
    write(3)
    report = audit.verify_everything(now=NOW)
    assert [flaw.seq for flaw in report.misdated] == [before + 3]
    assert report.entries == before + 5
    call_command("audit_verify", "--checkpoint", str(audit.newest_checkpoint()))
    said = capsys.readouterr()
    assert f"{before + 5} entries hold" in said.out
    assert f"Entry {before + 3}, case.held: it is dated 2026-06-15 " in said.err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(data=JSON)
def test_verification_reads_any_details_as_the_recipe_wrote_them(data: Any) -> None:
    recipe = json.dumps(["a", data, None], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(recipe.encode()).hexdigest()
    assert is_digest(digest, ("a",), json.dumps(data, ensure_ascii=False), (None,))
    assert not is_digest(digest, ("b",), json.dumps(data, ensure_ascii=False), (None,))
    assert not is_digest(digest, ("a",), "1" * 5000, (None,))
