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
    ratio = exported.result["cpu"] / copied.result
    yield Figure("export as CSV", against="COPY TO of its query", ratio=ratio, target=4, cost=exported)
    yield Figure("its first byte", against="none", ratio=exported.result["first"], target=0.5, unit="s")


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


def export() -> dict[str, float]:
    """Read all of an export; what is imported once is not counted. Its CPU, and when its first byte came."""
    client = _client()
    client.get(PLAIN)
    began, cpu, first = time.monotonic(), cpu_here(), 0.0
    for _piece in client.get("/w/main/review/export/?verdict=all&format=csv"):
        first = first or time.monotonic() - began
    return {"cpu": cpu_here() - cpu, "first": first}


def cpu_here() -> float:
    """Seconds of CPU of this process, and of the database process that serves it."""
    return time.process_time() + _database()


def copy() -> float:
    """The query of the export, with its verdicts, exemptions and cases, as the database writes it."""
    from django.db import connection
    from django.utils.timezone import now

    from accounts_review.models import Account
    from accounts_review.spreadsheet.rows import account_query

    at = now()
    rows = account_query(Account.objects.reviewable().with_verdict(at), as_of=at)
    sql, parameters = rows.query.sql_with_params()
    cpu = cpu_here()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", parameters) as lines:
        for _line in lines:
            pass
    return cpu_here() - cpu


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
