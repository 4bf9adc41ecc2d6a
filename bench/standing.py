"""Standing: what the portal takes while nobody asks anything of it, and on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
from frame import Figure, Ground
from ground import ROOT

MINUTE = 60
ENOUGH = 1000
"""Of fewer rows, the size tells what the database takes for a table."""


def measure(ground: Ground) -> Iterator[Figure]:
    yield from _disk()
    port = 18_431
    command = [sys.executable, "manage.py", "up", "--port", str(port)]
    began = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as portal:  # noqa: S603
        try:
            _wait_for(f"http://127.0.0.1:{port}/accounts/login/", portal)
            yield Figure("from start to the first page", against="", ratio=time.monotonic() - began, unit="s")
            time.sleep(MINUTE / 4)
            before = _statements()
            time.sleep(MINUTE)
            yield Figure("transactions a minute, idle", against="", ratio=_statements() - before, target=100, unit="")
            held = sum(_held(process) for process in [psutil.Process(portal.pid), *_below(portal.pid), *_database()])
            yield Figure("memory, idle, database included", against="", ratio=held, target=300, unit="MB")
        finally:
            portal.terminate()
            portal.wait(timeout=MINUTE)


def _disk() -> Iterator[Figure]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL ANALYZE accounts_review_account, accounts_review_assessment")
        for name, tables in {
            "disk for each account": ("account", "assessment"),
            "disk for each audit entry": ("auditentry", "personaldata"),
        }.items():
            cursor.execute(f"SELECT count(*) FROM accounts_review_{tables[0]}")  # noqa: S608
            count = cursor.fetchone()[0]
            size = 0
            for table in tables:
                cursor.execute("SELECT pg_total_relation_size(%s)", [f"accounts_review_{table}"])
                size += cursor.fetchone()[0]
            if count >= ENOUGH:
                yield Figure(name, against=f"{count} rows", ratio=size / count, unit="B")


def _wait_for(address: str, portal: subprocess.Popen[bytes]) -> None:
    while portal.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(address, timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the portal ended with {portal.returncode}")


def _statements() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _database() -> list[psutil.Process]:
    pids = [int(pid.read_text().split()[0]) for pid in Path(os.environ["DATA_DIR"]).rglob("postmaster.pid")]
    return [process for pid in pids for process in (psutil.Process(pid), *_below(pid))]


def _held(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0
