"""Locks that the database frees when their process dies, a moment later."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts_review.models.alone import PAUSE, alone

KEY = (0x74657374, 1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def another() -> Iterator[BaseDatabaseWrapper]:
    """A connection of another process that holds the lock."""
    other = connections.create_connection("default")
    other.inc_thread_sharing()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", KEY)
    yield other
    _let_go(other)
    other.close()


def test_a_lock_that_another_holds_is_not_had(another: BaseDatabaseWrapper) -> None:
    with alone(*KEY) as is_alone:
        assert not is_alone


def test_a_lock_that_is_freed_a_moment_later_is_had(another: BaseDatabaseWrapper) -> None:
    freed = threading.Timer(2 * PAUSE, _let_go, [another])
    freed.start()
    with alone(*KEY) as is_alone:
        assert is_alone
    freed.join()


def test_it_is_held_until_the_end_alone(another: BaseDatabaseWrapper) -> None:
    _let_go(another)
    with alone(*KEY), another.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", KEY)
        assert cursor.fetchone() == (False,)
    with another.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", KEY)
        assert cursor.fetchone() == (True,)


def _let_go(other: BaseDatabaseWrapper) -> None:
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")
