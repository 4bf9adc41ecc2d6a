"""Revocations: a look and a DELETE for each account, beside bare threads that do the same and write nothing down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import launched
import people
from frame import Figure, Ground, cost_of

FEW, MANY = 1_000, 10_000
THREADS = 8
DELAY_MS = 50
ONE_BY_ONE = 8
"""The first goes alone, and then five together."""


def measure(ground: Ground) -> Iterator[Figure]:
    most = ground.shape.accounts // 6
    floor = cost_of(bare_threads, ground.url, few := min(FEW, most))
    bare = floor.cpu / few
    yield Figure("a look and a DELETE, eight threads, CPU", against="itself", ratio=bare * 1000, unit="ms", cost=floor)
    for count in sorted({few, min(MANY, most)}):
        cost_of(launched.launch, count, 0)
        ours = cost_of(revoke, few)
        cost_of(launched.end)
        each = (ours.result["cpu"] + ours.database) / ours.result["revoked"]
        name = f"a revocation, {count} due, CPU"
        yield Figure(name, against="", ratio=each * 1000, target=10, unit="ms", cost=ours)
        yield Figure(name, against="eight bare threads", ratio=each / bare)
    yield from _far_away(ground.url, few)


def _far_away(url: str, few: int) -> Iterator[Figure]:
    """One process, and a worker of two, beside threads that wait as long. On a busy machine the CPU counts, too."""
    httpx.post(f"{url}/delay?ms={DELAY_MS}")
    try:
        floor = cost_of(bare_threads, url, few).wall / few
        for name, processes in (("one process", 1), ("a worker of two", 2)):
            cost_of(launched.launch, few, 0)
            # As long as one goes alone, others find nothing to do.
            cost_of(revoke, ONE_BY_ONE)
            with ThreadPoolExecutor(processes) as together:
                costs = list(together.map(lambda part: cost_of(revoke, part), [few // processes] * processes))
            cost_of(launched.end)
            each = max(cost.result["wall"] for cost in costs) / sum(cost.result["revoked"] for cost in costs)
            about = f"a revocation, {DELAY_MS} ms away, {name}"
            yield Figure(about, against="", ratio=each * 1000, unit="ms", cost=costs[0])
            yield Figure(about, against="eight bare threads", ratio=each / floor, target=1.3)
    finally:
        httpx.post(f"{url}/delay?ms=0")


def bare_threads(url: str, count: int) -> None:
    """The same two requests for as many; of people who do not exist, so that nobody goes."""
    with httpx.Client(base_url=f"{url}/api/automation/v1.0", headers={"Authorization": "apikey none"}) as client:

        def act(number: int) -> None:
            client.get(f"/users/{people.username(number)}")
            client.delete(f"/users/nobody.{number}")

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(act, range(count)))


def revoke(limit: int) -> dict[str, float]:
    """What the command and the worker do; what is imported once, and the first calls, are not counted."""
    from accounts_review.models import Workspace
    from accounts_review.tasks import actions

    workspace = Workspace.objects.get()
    actions.revoke_due(workspace, limit=ONE_BY_ONE)
    began, cpu = time.monotonic(), time.process_time()
    tally = actions.revoke_due(workspace, limit=limit - ONE_BY_ONE, budget=timedelta(minutes=10))
    spent = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - began}
    return spent | {"revoked": tally["revoked"]}
