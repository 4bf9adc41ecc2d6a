"""Many accounts are judged by several processes: the same judgements, and nothing is lost with one that dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from accounts_review.models import Assessment
from accounts_review.workflow.assess import assess, judging, processes
from tests.stage import SetStage, Stage, policy_text, someone

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = set_stage(someone("marie", idle=800), someone("admin", permissions=["edit_domain"]), others=30)
    monkeypatch.setattr(processes, "MANY", 10)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    # The pretend workspace is served by a thread of this process, which no child needs.
    monkeypatch.setattr("threading.active_count", lambda: 1)
    monkeypatch.setattr(judging, "BATCH", 4)
    return stage


def judged() -> list[tuple[Any, ...]]:
    return list(Assessment.objects.order_by("pk").values_list("pk", "standing", "dormant_from", "segment", "basis"))


def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    fork: Callable[[], int] = os.fork
    pids: list[int] = []

    def count() -> int:
        pid = fork()
        pids.append(pid)
        return pid

    monkeypatch.setattr(os, "fork", count)
    return pids


def test_each_part_is_judged_as_it_would_be_alone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = judged()
    Assessment.objects.update(basis="")
    pids = started(monkeypatch)
    assert assess.assess(workspace=stage.workspace) == len(before) == 33
    assert len(pids) == 2
    assert judged() == before
    for pid in pids:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


@pytest.mark.parametrize("how", ["killed", "fails"])
def test_what_a_process_leaves_is_judged_by_the_one_that_waited(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    before, parent, real = judged(), os.getpid(), judging.Judging.row

    def die(one: judging.Judging, *stored: Any) -> tuple[Any, ...]:
        if os.getpid() != parent:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("broken")
        return real(one, *stored)

    Assessment.objects.update(basis="")
    monkeypatch.setattr(judging.Judging, "row", die)
    assess.assess(workspace=stage.workspace)
    assert judged() == before
    assert not assess.is_owed(workspace=stage.workspace)


def test_a_policy_comes_into_force_with_everybody_judged_by_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = started(monkeypatch)
    stage.adopt(policy_text(limit=900))
    assert pids
    assert stage.verdicts()["marie"] == "active"
    assert set(Assessment.objects.values_list("limit_days", flat=True)) == {900}


def test_within_a_transaction_there_is_one_process(stage: Stage) -> None:
    assert processes.parts_for(1000) == 3
    with transaction.atomic():
        assert connection.in_atomic_block
        assert processes.parts_for(1000) == 1
    assert processes.parts_for(9) == 1


def test_what_a_cluster_starts_to_give_back_results_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    results: multiprocessing.Queue[str] = multiprocessing.Queue()
    before = threading.active_count()
    results.put("done")
    assert threading.active_count() == before + 1
    monkeypatch.setattr("threading.active_count", lambda: 2)
    assert processes.is_possible()
    results.close()
    results.join_thread()
    assert not processes.is_possible()
