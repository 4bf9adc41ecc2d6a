"""Pages: what each takes beside a plain page, and the export beside COPY of as many columns.

Compare two runs to see growth: a page of a million accounts is to take at most 1.5 times that of ten thousand.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from frame import Cost, Figure, Ground, cost_of

TIMES = 5
PLAIN = "/workspaces/"
PAGES = {
    "review": "review/",
    "review, all": "review/?verdict=all",
    "review, page 200": "review/?verdict=all&page=200",
    "review, last": "review/?verdict=all&page=last",
    "review, by name": "review/?verdict=all&sort=username",
    "review, by name, from m": "review/?verdict=all&sort=username&start=m",
    "review, never used": "review/?verdict=all&never_used=on",
    "review, searched": "review/?verdict=all&q=0012",
    "overview": "",
    "audit": "audit/",
}


def measure(ground: Ground) -> Iterator[Figure]:
    plain = cost_of(ask, PLAIN)
    for name, address in PAGES.items():
        page = cost_of(ask, f"/w/main/{address}")
        ratio = _each(page) / _each(plain)
        yield Figure(f"{name}, CPU", against="a plain page", ratio=ratio, target=3, cost=page)
    copied, exported = cost_of(copy), cost_of(export)
    yield Figure("export as CSV", against="COPY TO", ratio=exported.cpus / copied.cpus, target=4, cost=exported)
    yield Figure("its first byte", against="none", ratio=exported.result, target=0.5, unit="s")


def _each(cost: Cost) -> float:
    return float(cost.result)


def ask(address: str) -> float:
    """Ask for a page several times; the CPU of one, here and in the database process that answers it."""
    client = _client()
    for _ in range(2):
        assert client.get(address).status_code == 200  # noqa: S101
    began = time.process_time() + _database()
    for _ in range(TIMES):
        client.get(address)
    return (time.process_time() + _database() - began) / TIMES


def export() -> float:
    """Read all of an export; returns when its first byte came."""
    began, first = time.monotonic(), 0.0
    for _piece in _client().get("/w/main/review/export/?verdict=all&format=csv"):
        first = first or time.monotonic() - began
    return first


def copy() -> None:
    """The columns of an export that the database has, as CSV."""
    from django.db import connection

    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY (SELECT username, email, standing, segment, activity_at, dormant_from, reasons, display_name,"
            " first_name, last_name, account_type, groups, read_at, digest FROM accounts_review_account JOIN"
            " accounts_review_assessment ON id = account_id) TO STDOUT (FORMAT csv)"
        ) as rows,
    ):
        for _row in rows:
            pass


def _client() -> Any:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.filter(username="bench").first() or User.objects.create_superuser("bench"))
    return client


def _database() -> float:
    """Seconds of CPU of the database process that serves this connection."""
    import psutil
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        spent = psutil.Process(cursor.fetchone()[0]).cpu_times()
    return float(spent.user + spent.system)
