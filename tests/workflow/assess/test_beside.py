"""Who is read for the first time is judged beside the reading: the same judgements, whatever becomes of the process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts_review.models import Account, Assessment, DormancyCount, Sync, anew, indexes
from accounts_review.tasks import actions
from accounts_review.workflow.assess import assess, beside, judging
from accounts_review.workflow.sync import staging
from accounts_review.workflow.sync.sync import sync_workspace
from huwise_sandbox.records import group
from tests.stage import SetStage, Stage, client_of, policy_text, someone
from tests.workflow.revoke.test_crash import ended_by, in_child
from tests.workflow.sync.test_indexes import is_there

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[False, True], ids=["added", "written anew"])
def stage(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Stage:
    return unread(set_stage, monkeypatch, is_large=request.param)


def unread(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch, *, is_large: bool) -> Stage:
    """A workspace that was never read; where it is large, all judgements of it are written to a new table."""
    if is_large:
        monkeypatch.setattr(anew, "MANY", 10)
    people = (
        someone("marie", idle=800),
        someone("admin", permissions=["edit_domain"]),
        someone("zoé", groups=[{"uid": "staff"}]),
        someone("odd", last_seen_at="yesterday"),
    )
    # The pretend workspace is served by a thread of this process, which no child needs.
    monkeypatch.setattr("threading.active_count", lambda: 1)
    monkeypatch.setattr(staging, "AT_ONCE", 10)
    return set_stage(*people, groups=[group("staff", "Staff", [])], others=60, synced=False)


def read(stage: Stage) -> Sync:
    with beside.judging_beside(stage.workspace) as other:
        sync = sync_workspace(
            workspace=stage.workspace, client=stage.client, key_owner="admin", clock=stage.clock, follower=other
        )
    stage.workspace.refresh_from_db()
    return sync


def judged() -> list[tuple[Any, ...]]:
    names = ("account__username", "policy", "is_listed", "never_used", "rights", "reasons", "basis", "segment")
    days = ("activity_at", "activity_field", "dormant_from", "limit_days", "standing")
    return list(Assessment.objects.order_by("account__username").values_list(*names, *days))


def judged_as_ever(stage: Stage) -> list[tuple[Any, ...]]:
    Assessment.objects.all().delete()
    assess.assess(workspace=stage.workspace)
    return judged()


def counted() -> int:
    return sum(DormancyCount.objects.values_list("count", flat=True))


def test_everyone_is_judged_once_the_sync_is_accepted(stage: Stage) -> None:
    assert read(stage).state == "complete"
    before = judged()
    assert len(before) == Account.objects.count() == counted() == 65
    assert assess.assess(workspace=stage.workspace, is_new=True) == 0
    assert not assess.is_owed(workspace=stage.workspace)
    assert judged_as_ever(stage) == before
    assert counted() == 65


def test_who_was_judged_so_is_not_judged_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    read(stage)
    monkeypatch.setattr(judging.Judging, "row", lambda *_: pytest.fail("is judged again"))
    actions.take_in(stage.workspace, is_new=True)
    assert stage.verdicts()["marie"] == "dormant"


def test_whom_it_cannot_follow_is_judged_afterwards(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside.JudgingProcess, "_is_free", lambda _self: False)
    read(stage)
    assert not judged()
    actions.take_in(stage.workspace, is_new=True)
    assert len(judged()) == counted() == 65


def test_however_slow_it_is_the_one_that_reads_waits_for_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    store, wait = beside._store, os.waitpid
    ends: list[tuple[int, int]] = []

    def wait_for(child: int, flags: int) -> tuple[int, int]:
        ends.append(wait(child, flags))
        return ends[-1]

    def store_late(one: Any, **given: Any) -> None:
        time.sleep(0.5)
        store(one, **given)

    monkeypatch.setattr(beside, "_store", store_late)
    monkeypatch.setattr(os, "waitpid", wait_for)
    read(stage)
    assert [status for _, status in ends] == [0]
    assert len(judged()) == 65


@pytest.mark.parametrize("place", ["os.memfd_create", "os.fork", "socket.socketpair"])
def test_where_there_can_be_no_process_the_sync_goes_on_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(place, refuse)
    assert read(stage).state == "complete"
    assert not judged()
    monkeypatch.undo()
    actions.take_in(stage.workspace, is_new=True)
    assert len(judged()) == counted() == 65


def test_once_all_is_stored_the_indexes_are_there_whoever_dies_then(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "MANY", 10)
    read(stage)
    assert not assess.is_owed(workspace=stage.workspace)
    assert is_there("assessment_by_day")


@pytest.mark.parametrize("how", ["killed", "fails"])
def test_where_the_process_is_lost_everybody_is_judged_as_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    parent, row = os.getpid(), judging.Judging.row

    def die(one: judging.Judging, *stored: Any) -> tuple[Any, ...]:
        if os.getpid() != parent:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("broken")
        return row(one, *stored)

    monkeypatch.setattr(judging.Judging, "row", die)
    assert read(stage).state == "complete"
    assert not judged()
    actions.take_in(stage.workspace, is_new=True)
    assert len(judged()) == counted() == 65


def test_with_the_process_that_reads_the_other_ends(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(_other: beside.JudgingProcess) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def begin() -> None:
        monkeypatch.setattr(beside.JudgingProcess, "store", die)
        with client_of(stage.url) as client:
            stage.client = client
            read(stage)

    assert ended_by(in_child(begin)) == signal.SIGKILL
    deadline = time.monotonic() + 30
    while sessions() > 1:
        assert time.monotonic() < deadline, "a process goes on for nobody"
        time.sleep(0.05)
    assert not judged()
    actions.take_in(stage.workspace, is_new=True)
    assert len(judged()) == counted() == 65


def sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def adopt(stage: Stage) -> None:
    stage.adopt(policy_text(limit=900))


def change_rights(stage: Stage) -> None:
    stage.workspace.groups.update(permissions=["edit_domain"])


def change_owner(stage: Stage) -> None:
    stage.workspace.key_owner = "marie"
    stage.workspace.save()


def dispute(_stage: Stage) -> None:
    Account.objects.update(disputed=["edit_domain"])


def read_anew(_stage: Stage) -> None:
    Account.objects.update(digest="f" * 32)


@pytest.mark.parametrize("change", [adopt, change_rights, change_owner, dispute, read_anew])
def test_what_rests_on_something_that_has_changed_does_not_count(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, change: Callable[[Stage], None]
) -> None:
    store = beside.JudgingProcess.store

    def change_first(other: beside.JudgingProcess) -> None:
        stage.workspace.refresh_from_db()
        change(stage)
        Assessment.objects.filter(policy__is_current=False).delete()
        store(other)

    monkeypatch.setattr(beside.JudgingProcess, "store", change_first)
    read(stage)
    assert not [row for row in judged() if row[1] != stage.workspace.current_policy.pk]
    if change is not adopt:
        assert not judged()


def test_an_account_that_was_read_twice_spoils_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    take = beside.JudgingProcess.take

    def take_twice(other: beside.JudgingProcess, records: Any) -> None:
        take(other, records)
        take(other, records)

    monkeypatch.setattr(beside.JudgingProcess, "take", take_twice)
    assert read(stage).state == "complete"
    assert len(judged()) == counted() == 65
    before = judged()
    assert judged_as_ever(stage) == before


def test_of_a_sync_that_is_not_accepted_nothing_is_judged_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_serve", lambda *_args, **_given: time.sleep(600))
    stage.order({"path": "/users", "kind": "status", "status": 500, "after": 1})
    assert read(stage).state != "complete", "and nobody waits for what is judged for nothing"
    assert not judged()


def test_a_workspace_that_was_read_before_is_read_by_one_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.sync()
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("starts a process"))
    with beside.judging_beside(stage.workspace) as other:
        assert other is None


def test_who_is_not_listed_any_more_by_then_is_in_no_list(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    store = beside.JudgingProcess.store

    def unlist_first(other: beside.JudgingProcess) -> None:
        Account.objects.filter(username="marie").update(absent_since=stage.clock())
        store(other)

    monkeypatch.setattr(beside.JudgingProcess, "store", unlist_first)
    read(stage)
    actions.take_in(stage.workspace, is_new=True)
    assert counted() == 64
    assert Assessment.objects.get(is_listed=False).account.username == "marie"


@pytest.mark.parametrize("few", [1, beside.FEW_OTHERS])
def test_of_whom_no_account_came_there_is_no_judgement(stage: Stage, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(beside, "FEW_OTHERS", few)
    take = beside.JudgingProcess.take

    def take_more(other: beside.JudgingProcess, records: Any) -> None:
        take(other, [*records, *((key + 1000, digest[::-1], raw) for key, digest, raw in records)])

    monkeypatch.setattr(beside.JudgingProcess, "take", take_more)
    read(stage)
    assert Assessment.objects.count() == counted() == 65
    before = judged()
    assert judged_as_ever(stage) == before


def test_where_the_list_moved_while_it_was_read_nobody_is_judged_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stands on another page in the second pass has another key."""
    take = beside.JudgingProcess.take

    def take_moved(other: beside.JudgingProcess, records: Any) -> None:
        take(other, [(key + 1000 * (key % 2), digest, raw) for key, digest, raw in records])

    monkeypatch.setattr(beside.JudgingProcess, "take", take_moved)
    read(stage)
    monkeypatch.setattr(judging.Judging, "row", lambda *_: pytest.fail("is judged again"))
    actions.take_in(stage.workspace, is_new=True)
    assert len(judged()) == counted() == 65
