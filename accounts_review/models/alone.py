"""One process at a time does something, by a lock that the database frees when the process dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

ATTEMPTS, PAUSE = 10, 0.1
"""For a second: so long the database may take to notice that who held the lock was killed."""


@contextmanager
def alone(*key: int) -> Iterator[bool]:
    """Whether no other process holds the lock of this key (one number, or two of 32 bits); held until the end."""
    is_alone = any(_is_had(key, attempt) for attempt in range(ATTEMPTS))
    try:
        yield is_alone
    finally:
        if is_alone:
            _call("pg_advisory_unlock", key)


def _is_had(key: tuple[int, ...], attempt: int) -> bool:
    if attempt:
        time.sleep(PAUSE)
    return _call("pg_try_advisory_lock", key)


def _call(function: str, key: tuple[int, ...]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({', '.join(['%s'] * len(key))})", key)
        return bool(cursor.fetchone()[0])
