"""The crash matrix: a worker killed at each step, whatever its DELETE meets; then a new worker, and the truth.

Every cell is a case in a clean-up of its own. The queue's own pusher, worker and monitor carry the message, in a
process that ``kill -9`` ends at the step. Then somebody else is given the name of half of those who are gone, and
workers run until nothing is left. What was removed is told by the sandbox's journal, not by what the portal believes.
"""

from __future__ import annotations

import inspect
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from multiprocessing import Event, Queue, RawValue, Value
from typing import Any

import pytest
from django_q.brokers import get_broker
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.worker import worker as queue_worker

from accounts_review import audit
from accounts_review.models import AuditEntry, Case, Cleanup
from accounts_review.tasks import actions, jobs, queue
from accounts_review.workflow.launch import launch
from accounts_review.workflow.revoke import worker
from tests.stage import Clock, SetStage, Stage, client_of, days_ago, policy_text, someone
from tests.workflow.revoke.test_crash import ended_by, in_child

pytestmark = pytest.mark.django_db(transaction=True)

TIMEOUT = 2.0
"""Seconds that a request may take; long enough for a machine that is busy."""
STEPS = ("s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s1", "s0")
"""Those at which nothing is claimed yet come last: their cases stay due, and would be taken by the next worker."""

FAULTS: dict[str, list[dict[str, Any]]] = {
    "204": [],
    "404": [],
    "500": [{"kind": "status", "status": 500}],
    "time-out before the effect": [{"kind": "latency", "seconds": 3 * TIMEOUT}, {"kind": "status", "status": 504}],
    "time-out after the effect": [{"kind": "hang_after", "seconds": 3 * TIMEOUT}],
    "cut before the effect": [{"kind": "cut_before"}],
    "cut after the effect": [{"kind": "cut_after"}],
    "redirect": [{"kind": "redirect", "location": "http://127.0.0.1:9/"}],
}
"""What the first DELETE of a case meets. A 404 is honest: the account has vanished just before."""

CELLS = {f"{step}.{number}": outcome for step, (number, outcome) in product(STEPS, enumerate(FAULTS))}
"""A person for each cell, and what their DELETE meets."""


class Running(Clock):
    """A clock that goes on by itself, the same in every process; whoever waits by it lets it run ahead instead."""

    def __init__(self) -> None:
        super().__init__()
        self.started = time.monotonic()
        self.waited = RawValue("d", 0.0)

    def __call__(self) -> datetime:
        return self.instant + timedelta(seconds=self.seconds())

    def seconds(self) -> float:
        return time.monotonic() - self.started + float(self.waited.value)

    def wait(self, seconds: float) -> None:
        self.waited.value += seconds


def carry_one_message(*, die_at: str = "", budget: float = TIMEOUT) -> None:
    """What the cluster's three processes do with one message, in this one; it dies at the step."""

    def passing(label: str) -> None:
        if label == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def revoke_batch(workspace_id: int, do: Callable[[int], None] = jobs.revoke_batch) -> None:
        passing("s0")
        do(workspace_id)
        passing("s9")

    jobs.revoke_batch, jobs.BATCH_BUDGET = revoke_batch, timedelta(seconds=budget)
    worker.crashpoint = passing
    messages, results, once, broker = Queue(), Queue(), Event(), get_broker()  # type: ignore[var-annotated]
    once.set()
    pusher(messages, once, broker)
    messages.put("STOP")
    queue_worker(messages, results, Value("f", -1))
    results.put("STOP")
    monitor(results, broker)
    os._exit(0)


@pytest.fixture
def stage(set_stage: SetStage, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    # At most half of everybody may go, so as many stay as are in the cells.
    stage = set_stage(*map(someone, CELLS), policy=policy_text(per_hour=10_000), others=len(CELLS))
    stage.clock = clock = Running()
    settings.HUWISE = {"main": {"url": stage.url, "api_key": "unused", "key_owner": ""}}
    monkeypatch.setattr(actions, "open_client", lambda workspace: client_of(stage.url, seconds=TIMEOUT))
    monkeypatch.setattr(actions, "now", clock)
    monkeypatch.setattr(jobs, "now", clock)
    monkeypatch.setattr(jobs, "monotonic", clock.seconds)
    monkeypatch.setattr(jobs, "sleep", lambda seconds: clock.wait(0.3))
    # The portal's clock is moved here, and the workspace's is not.
    monkeypatch.setattr(actions, "LARGEST_SKEW", timedelta(days=99_999))
    one = {"method": "DELETE", "times": 1}
    stage.order(*[{**one, **fault, "path": f"/users/{who}"} for who, what in CELLS.items() for fault in FAULTS[what]])
    vanish_before_the_delete(stage, {who for who, what in CELLS.items() if what == "404"}, monkeypatch)
    return stage


def vanish_before_the_delete(stage: Stage, people: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    remove = stage.site.workspace.remove

    def too_late(username: str, *, guarded: bool = True) -> bool:
        if username in people:
            people.discard(username)
            remove(username, guarded=False)
        return remove(username, guarded=guarded)

    monkeypatch.setattr(stage.site.workspace, "remove", too_late)


def kill_a_worker_in_every_cell(stage: Stage, settings: Any) -> int:
    settings.LEASE_SECONDS = settings.QUIET_SECONDS = 600
    kills = 0
    for who in CELLS:
        stage.launch(who)
        queue.enqueue_revoke(stage.workspace)
        act = partial(carry_one_message, die_at=who.partition(".")[0])
        kills += ended_by(in_child(act)) == signal.SIGKILL
    return kills


def strangers_take_names(stage: Stage) -> set[str]:
    gone = [who for who in CELLS if stage.site.workspace.user(who) is None]
    for who in gone[::2]:
        stage.site.workspace.put(someone(who, joined_at=days_ago(900), last_seen_at=None))
    return set(gone[::2])


def restart_until_settled(stage: Stage, settings: Any) -> float:
    """Workers run, an operator resumes what stopped; returns the seconds that it took, or as many as it may take."""
    settings.LEASE_SECONDS, settings.QUIET_SECONDS = 2, 1
    stage.clock.advance(seconds=600)
    began = stage.clock()
    until = began + timedelta(seconds=allowed_seconds())
    while Case.objects.open().exists() and stage.clock() < until:
        queue.enqueue_sweep()
        for _ in range(2):
            ended_by(in_child(partial(carry_one_message, budget=20)))
        for cleanup in Cleanup.objects.filter(state="paused"):
            launch.resume(cleanup=cleanup, actor=stage.staff("operator"), reason="looked", now=stage.clock())
    return (stage.clock() - began).total_seconds()


def allowed_seconds() -> float:
    """A minute, on a machine that has nothing else to do."""
    return 60 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.mark.slow(reason="80 workers are started and killed, and a quarter of their DELETEs time out")
def test_killed_at_any_step_whatever_its_delete_meets(
    stage: Stage, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    others = stage.site.workspace.usernames() - set(CELLS)
    kills = kill_a_worker_in_every_cell(stage, settings)
    strangers = strangers_take_names(stage)
    seconds = restart_until_settled(stage, settings)

    sent, removed = Counter(name for name, _, _ in stage.deletes), Counter(n for n, _, done in stage.deletes if done)
    intents = Counter(AuditEntry.objects.filter(kind="case.intended").values_list("subject_ref__name", flat=True))
    figures = {
        "double": sum(sent[who] > intents[who] or removed[who] > 1 for who in CELLS),
        "wrong": len((others | strangers) - stage.site.workspace.usernames()),
        "lost": Case.objects.exclude(state__in=("revoked", "already_gone")).count(),
        "left": len(stage.members - strangers),
    }
    with capsys.disabled():
        print(
            f"\ncrash matrix: {kills} kills in {len(STEPS)} steps x {len(FAULTS)} answers, {sent.total()} DELETEs, "
            f"{len(strangers)} names taken anew: {', '.join(f'{n} {what}' for what, n in figures.items())}; "
            f"settled {seconds:.1f} s after the restart, {time.monotonic() - began:.0f} s in all"
        )
    assert kills == len(CELLS) == len(STEPS) * len(FAULTS)
    assert set(figures.values()) == {0}
    assert len(strangers) == 8
    assert Case.objects.count() == len(CELLS)
    assert seconds < allowed_seconds()
    assert set(Cleanup.objects.values_list("state", flat=True)) == {"closed"}
    assert audit.verify()[1] is None


def test_every_step_of_the_code_is_in_the_matrix() -> None:
    assert {"s0", "s9", *re.findall(r'crashpoint\("(\w+)"\)', inspect.getsource(worker))} == set(STEPS)
