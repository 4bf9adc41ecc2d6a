"""Reviewers: fifty people who read and decide without pause, beside the sign-in page asked for as often.

Eight requests of ten are pages of the review list under some filter, two are decisions on an account of the page seen
last. The web server runs as it is deployed, with 2 processes; who asks is a process of its own, of which half a core
goes off what the server could take. On a busy machine, read the ratio and the CPU a request.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any

import httpx
import psutil
from frame import Cost, Figure, Ground, database_cpu
from ground import ROOT

REVIEWERS, SECONDS, DECIDING = 50, 20, 0.2
FILTERS = ("", "?verdict=all", "?sort=username", "?verdict=all&page=last", "?never_used=on&verdict=dormant", "?q=0012")
SIGN_IN = "/accounts/login/"
ROW = re.compile(r'id="row-(\d+)"')
SEEN = re.compile(r'name="seen" value="(\d+)"')


def measure(ground: Ground) -> Iterator[Figure]:
    cookies = [signed_in(number) for number in range(REVIEWERS)]
    with served() as (url, processes):
        # The first requests of a process import what the others find.
        _drive(url, cookies, seconds=5, page="")
        plain, _ = _weighed(url, cookies, processes, page=SIGN_IN)
        before = _decided()
        told, cost = _weighed(url, cookies, processes, page="")
        kept = _decided() - before
    rate = told["requests"] / told["seconds"]
    yield Figure("the sign-in page, 50 at once", against="", ratio=plain["requests"] / plain["seconds"], unit="/s")
    yield Figure("50 reviewers, requests", against="60 a second", ratio=60 / rate, target=1, unit="x", cost=cost)
    yield Figure("CPU a request", against="", ratio=1000 * cost.cpus / told["requests"], unit="ms")
    for name in ("read", "decide"):
        yield Figure(f"50 reviewers, {name}, p95", against="", ratio=told[name], target=1.5, unit="s")
    yield Figure("decisions lost", against=f"{told['decided']} taken", ratio=told["decided"] - kept, target=0, unit="")
    yield Figure("answers that were no answer", against="", ratio=told["failed"], target=0, unit="")


def signed_in(number: int) -> str:
    """A reviewer who has signed in."""
    from django.contrib.auth.models import User
    from django.test import Client
    from django.utils.timezone import now

    from accounts_review.models import Role
    from accounts_review.workflow.people import people

    login = f"reviewer-{number:02}"
    person = User.objects.filter(username=login).first() or User.objects.create_user(login)
    if not Role.objects.filter(person=person).exists():
        # The audit, which is proven later, tells who made them so.
        people.grant(person=person, role="reviewer", workspace=None, actor=None, now=now())
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(person)
    return client.cookies["sessionid"].value


@contextmanager
def served() -> Iterator[tuple[str, list[psutil.Process]]]:
    port = 18_432
    command = [sys.executable, "-m", "gunicorn", "--config", "python:cleanup_portal.gunicorn_settings"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--log-level", "critical"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as web:  # noqa: S603
        try:
            url = f"http://127.0.0.1:{port}"
            while web.poll() is None:
                with suppress(httpx.HTTPError):
                    httpx.get(f"{url}/health/", timeout=5)
                    break
                time.sleep(0.1)
            server = psutil.Process(web.pid)
            yield url, [server, *server.children(recursive=True)]
        finally:
            web.terminate()
            web.wait(timeout=30)


def _weighed(
    url: str, cookies: list[str], processes: list[psutil.Process], *, page: str
) -> tuple[dict[str, Any], Cost]:
    """Have them ask for so long; what the server and the database took for it."""
    web, database, began = _cpu(processes), database_cpu(), time.monotonic()
    told = _drive(url, cookies, seconds=SECONDS, page=page)
    return told, Cost(time.monotonic() - began, _cpu(processes) - web, database_cpu() - database)


def _cpu(processes: list[psutil.Process]) -> float:
    spent = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in spent))


def _drive(url: str, cookies: list[str], *, seconds: float, page: str) -> dict[str, Any]:
    given = json.dumps({"url": url, "cookies": cookies, "seconds": seconds, "page": page})
    done = subprocess.run([sys.executable, __file__], input=given, text=True, check=True, stdout=subprocess.PIPE)  # noqa: S603
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _decided() -> int:
    """How many decisions of reviewers the database holds."""
    from accounts_review.models import Case, Exemption

    cases = Case.objects.filter(approved_by_login__startswith="reviewer-").count()
    return cases + Exemption.objects.filter(by_login__startswith="reviewer-").count()


class Reviewer:
    """One of them, as a browser would ask; notes how long each answer took."""

    def __init__(self, url: str, cookie: str, number: int) -> None:
        self.dice, self.filters = random.Random(number), cycle(FILTERS)  # noqa: S311
        for _ in range(number % len(FILTERS)):
            next(self.filters)
        token = "x" * 32
        cookies = {"sessionid": cookie, "csrftoken": token}
        self.client = httpx.AsyncClient(base_url=url, cookies=cookies, headers={"X-CSRFToken": token}, timeout=60)
        self.rows: list[str] = []
        self.seen = "0"
        self.took: dict[str, list[float]] = {"read": [], "decide": []}
        self.decided = self.failed = 0

    async def work(self, until: float, page: str) -> None:
        async with self.client:
            while time.monotonic() < until:
                decides = self.rows and self.dice.random() < DECIDING
                began = time.monotonic()
                if decides and not page:
                    await self._decide()
                else:
                    await self._read(page or f"/w/main/review/{next(self.filters)}")
                self.took["decide" if decides and not page else "read"].append(time.monotonic() - began)

    async def _read(self, address: str) -> None:
        answer = await self.client.get(address)
        self.failed += answer.status_code not in (200, 302)
        self.rows = ROW.findall(answer.text) or self.rows
        if found := SEEN.search(answer.text):
            self.seen = found[1]

    async def _decide(self) -> None:
        row = self.rows.pop(self.dice.randrange(len(self.rows)))
        given = {"decision": self.dice.choice(("approve", "exempt")), "account": row, "seen": self.seen}
        given |= {"reason": "measured", "until": f"{time.localtime().tm_year + 1}-01-15"}
        answer = await self.client.post("/w/main/review/decide/", data=given)
        self.decided += answer.status_code == 302
        # Of some nobody can decide, and on some another has: both are told.
        self.failed += answer.status_code not in (302, 409)


async def _all(url: str, cookies: list[str], seconds: float, page: str) -> dict[str, Any]:
    reviewers = [Reviewer(url, cookie, number) for number, cookie in enumerate(cookies)]
    began = time.monotonic()
    await asyncio.gather(*(reviewer.work(began + seconds, page) for reviewer in reviewers))
    told: dict[str, Any] = {"seconds": time.monotonic() - began, "requests": 0}
    for name in ("read", "decide"):
        took = sorted(each for reviewer in reviewers for each in reviewer.took[name])
        told["requests"] += len(took)
        told[name] = took[len(took) * 95 // 100] if took else 0.0
    return told | {name: sum(getattr(reviewer, name) for reviewer in reviewers) for name in ("decided", "failed")}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_all(**json.load(sys.stdin)))))  # noqa: T201
