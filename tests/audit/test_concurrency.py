"""Several writers at once, each with its own connection and real transactions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Cleanup, Workspace
from accounts_review.rules.lifecycle import CleanupState
from tests.factories import make_cleanup
from tests.stage import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(*acts: Callable[[], object]) -> list[object]:
    """Start the acts at the same moment; each result, or the exception it raised."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            start.wait()
            return act()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_writers_at_the_same_time_make_one_unbroken_chain(workspace: Workspace) -> None:
    before, _ = audit.verify()

    def write() -> None:
        for number in range(15):
            with transaction.atomic():
                audit.log([workspace] * 3, kind=Event.CASE_HELD, actor="portal", now=NOW, data={"n": number})

    assert in_threads(write, write, write) == [None, None, None]
    assert audit.verify() == (before + 3 * 15 * 3, None)


def test_a_writer_waits_for_the_one_before_it_to_commit(workspace: Workspace) -> None:
    """Else both would continue the same entry."""
    before, _ = audit.verify()

    def write_slowly() -> None:
        with transaction.atomic():
            audit.log([workspace], kind=Event.CASE_HELD, actor="portal", now=NOW)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.1)")

    assert in_threads(write_slowly, write_slowly, write_slowly) == [None] * 3
    assert audit.verify() == (before + 3, None)


def test_of_two_who_move_the_same_row_one_succeeds(workspace: Workspace) -> None:
    cleanup = make_cleanup(workspace, number=1, state="running")

    stale = [Cleanup.objects.select_related("workspace").get(pk=cleanup.pk) for _ in range(4)]

    def move_stale(row: Cleanup) -> Callable[[], None]:
        return lambda: audit.transition([row], CleanupState.PAUSED, kind=Event.CASE_HELD, actor="portal", now=NOW)

    outcomes = in_threads(*(move_stale(row) for row in stale))
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, audit.Conflict) for outcome in outcomes) == 3
    assert AuditEntry.objects.filter(kind=Event.CASE_HELD).count() == 1
