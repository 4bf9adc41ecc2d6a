"""Beside: four people who read while something large goes on; what it does to how long they wait.

Runs after ``sync``. What a worker does is done as nicely as a worker does it. Two cores do both, and the readers' own
process: on a busy machine this says nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Any

import audit
import httpx
import reviewers
import sync
from frame import Figure, Ground, cost_of

READERS, PAUSE_SECONDS, LEAST_SECONDS = 4, 0.15, 12
PAGES = (
    *("/w/main/review/", "/w/main/", "/w/main/review/?verdict=all&sort=username", "/w/main/audit/"),
    *("/w/main/review/?verdict=all&q=0012", "/w/main/review/?verdict=dormant&never_used=on"),
)


def measure(ground: Ground) -> Iterator[Figure]:
    policies = [_policy(ground, days) for days in (330, 730)]
    acts: dict[str, Callable[[], Any]] = {
        "a sync": lambda: cost_of(as_worker, "sync"),
        "a policy that moves many": lambda: [cost_of(as_worker, "policy", policy) for policy in policies],
        "a decision on all who are dormant": lambda: [cost_of(as_worker, name) for name in ("approve", "undo")],
    }
    with reviewers.served() as (url, _processes):
        cookies = [reviewers.signed_in(number) for number in range(READERS)]
        acts["an export of all"] = lambda: _export(url, cookies[0])
        # The first requests of a process import what the others find.
        _waits(url, cookies, lambda: time.sleep(1))
        alone = _waits(url, cookies, lambda: time.sleep(1))
        yield Figure("4 readers, p95, nothing beside", against="", ratio=_p95(alone) * 1000, unit="ms")
        for name, act in acts.items():
            beside = _waits(url, cookies, act)
            ratio, against = _p95(beside) / _p95(alone), f"{_p95(beside) * 1000:.0f} ms of {len(beside)}"
            yield Figure(f"4 readers, p95, beside {name}", against=against, ratio=ratio, target=2)


def as_worker(act: str, *given: str) -> None:
    """Do it as a background process does."""
    from accounts_review.management.commands.worker import give_way

    os.setsid()
    give_way()
    match act:
        case "sync":
            sync.sync()
        case "policy":
            sync.load_policy(*given)
        case _:
            audit.decide(act)


def _policy(ground: Ground, days: int) -> str:
    """A file with the policy of the shape, under another limit."""
    path = Path(ground.folder) / f"policy-{days}.toml"
    path.write_text(ground.shape.policy.replace("dormant_after_days = 730", f"dormant_after_days = {days}"))
    return str(path)


def _export(url: str, cookie: str) -> None:
    address = f"{url}/w/main/review/export/?verdict=all&format=csv"
    with httpx.stream("GET", address, cookies={"sessionid": cookie}, timeout=600) as answer:
        for _part in answer.iter_bytes():
            pass


def _waits(url: str, cookies: list[str], act: Callable[[], Any]) -> list[float]:
    """How long each answer took, sorted, while an act was done again and again for a while."""
    with _readers(url, cookies) as told:
        until = time.monotonic() + LEAST_SECONDS
        while time.monotonic() < until:
            act()
    return told


def _p95(waits: list[float]) -> float:
    return waits[len(waits) * 95 // 100]


@contextmanager
def _readers(url: str, cookies: list[str]) -> Iterator[list[float]]:
    """They read until the block ends; then the list holds how long each answer took."""
    told: list[float] = []
    given = json.dumps({"url": url, "cookies": cookies})
    command = [sys.executable, __file__, given]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield told
        told += json.loads(process.communicate()[0])


async def _read(url: str, cookie: str, number: int, is_over: Event) -> list[float]:
    took: list[float] = []
    pages = cycle(PAGES[number:] + PAGES[:number])
    async with httpx.AsyncClient(base_url=url, cookies={"sessionid": cookie}, timeout=60) as client:
        while not is_over.is_set():
            began = time.monotonic()
            answer = await client.get(next(pages))
            took.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.status_code  # noqa: S101
            await asyncio.sleep(PAUSE_SECONDS)
    return took


async def _all(url: str, cookies: list[str]) -> list[float]:
    is_over = Event()
    Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    found = await asyncio.gather(*(_read(url, cookie, number, is_over) for number, cookie in enumerate(cookies)))
    return sorted(wait for each in found for wait in each)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_all(**json.loads(sys.argv[1])))))  # noqa: T201
