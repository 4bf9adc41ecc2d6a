"""Names and details beside the chain: a change shows at the entry, an erasure leaves the chain whole."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from accounts_review import audit
from accounts_review.models import AuditEntry, PersonalData
from tests.audit.test_chain import NAMES, TABLE, order, tamper, write
from tests.stage import NOW


@pytest.fixture
def chain(db: None) -> int:
    """A chain of ten entries."""
    write(10)
    return 10


@pytest.mark.parametrize("change", ["name = 'somebody'", "salt = 'x'", "details = '{\"a\": 1}'", "name = ''"])
def test_a_changed_name_is_found_at_the_first_entry_that_tells_of_it(chain: int, change: str) -> None:
    row = AuditEntry.objects.get(seq=6)
    tamper(f"UPDATE {NAMES} SET {change} WHERE digest = %s", row.subject_ref_id)
    proven, flaw = audit.verify()
    assert (proven, flaw and flaw.seq, "names beside it" in str(flaw)) == (5, 6, True)


def test_a_name_that_was_removed_is_found(chain: int) -> None:
    tamper(f"DELETE FROM {NAMES} WHERE name = 'person 5'")
    proven, flaw = audit.verify()
    assert (proven, flaw and flaw.seq) == (5, 6)


def test_an_erasure_leaves_the_chain_whole_and_nothing_of_the_person(chain: int) -> None:
    before = AuditEntry.objects.get(seq=4)
    assert PersonalData.objects.filter(account_id=3).erase(now=NOW) == 2
    row = AuditEntry.objects.get(seq=4)
    assert (row.subject, row.actor, row.digest) == ("", "portal", before.digest)
    assert row.details == row.data
    assert "person 3" not in str(list(PersonalData.objects.values()))
    assert audit.verify() == (10, None)
    assert PersonalData.objects.filter(account_id=3).erase(now=NOW) == 0


def test_who_comes_after_an_erasure_is_known_by_another_reference(chain: int) -> None:
    PersonalData.objects.filter(account_id=None, name="portal").erase(now=NOW)
    write(1, after=100)
    first, last = AuditEntry.objects.get(seq=1), AuditEntry.objects.get(seq=11)
    assert (first.actor, last.actor) == ("", "portal")
    assert first.actor_ref_id != last.actor_ref_id
    assert audit.verify() == (11, None)


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE {NAMES} SET name = 'nobody'",
        f"UPDATE {NAMES} SET name = '', details = '{{}}', salt = ''",
        f"UPDATE {NAMES} SET name = 'x', details = '{{}}', salt = '', erased_at = now()",
        f"UPDATE {NAMES} SET digest = repeat('a', 64), name = '', details = '{{}}', salt = '', erased_at = now()",
        f"DELETE FROM {NAMES}",
        f"TRUNCATE {NAMES}, {TABLE}",
    ],
)
def test_the_database_lets_names_be_erased_and_nothing_else(chain: int, sql: str) -> None:
    with pytest.raises(DatabaseError, match="refused"):
        order(sql)
    assert audit.verify() == (10, None)


def test_one_person_has_one_reference_and_is_found_by_name(chain: int) -> None:
    write(10, after=100)
    assert AuditEntry.objects.filter(actor_ref__name="portal").count() == 20
    assert AuditEntry.objects.values("actor_ref").distinct().count() == 1
    told = AuditEntry.objects.filter(subject_ref__name="person 3", account_id=3)
    assert {entry.subject for entry in told} == {"person 3"}
    assert told.values("subject_ref").distinct().count() == 1
