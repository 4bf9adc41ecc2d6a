"""The judgements of a first sync that a second process writes to a new table, in place of the empty one."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from django.db import connection

from accounts_review.models import Account, Assessment, anew
from accounts_review.tasks import actions
from accounts_review.workflow.assess import beside
from tests.factories import make_workspace
from tests.stage import SetStage, Stage, policy_text
from tests.workflow.assess.test_beside import counted, judged, read, unread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return unread(set_stage, monkeypatch, is_large=True)


def test_nobody_sees_them_before_and_triggers_and_indexes_are_as_they_were(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = about_table(), []
    store = beside.JudgingProcess.store

    def look(other: beside.JudgingProcess) -> None:
        seen.append((about_table(), judged(), counted()))
        store(other)

    monkeypatch.setattr(beside.JudgingProcess, "store", look)
    monkeypatch.setattr(beside._Judged, "merge", lambda _one, **_given: pytest.fail("adds them one by one"))
    read(stage)
    assert seen == [(before, [], 0)]
    assert len(judged()) == counted() == 65
    assert about_table()[1:] == before[1:]
    assert about_table()[0] != before[0]
    Assessment.objects.filter(account__username="marie").delete()
    assert counted() == 64


def test_who_was_judged_by_somebody_else_meanwhile_stays(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.adopt(policy_text(limit=700))
    version = stage.workspace.current_policy
    elsewhere = Account.objects.create(workspace=make_workspace("other"), username="zed", read_at=stage.clock())
    store, before = beside.JudgingProcess.store, about_table()

    def judge_first(other: beside.JudgingProcess) -> None:
        given: dict[str, Any] = {"segment": "everyone", "limit_days": 1, "standing": "ordinary", "basis": ""}
        Assessment.objects.create(account=elsewhere, policy=version, dormant_from=stage.clock(), **given)
        store(other)

    monkeypatch.setattr(beside.JudgingProcess, "store", judge_first)
    read(stage)
    assert about_table() == before
    assert Assessment.objects.filter(account=elsewhere).exists()
    assert Assessment.objects.count() == counted() == 66


def test_who_is_gone_in_the_moment_before_the_table_takes_its_place_is_in_no_list(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_out = anew._keep_writers_out

    def unlist_first(table: str) -> None:
        somebody = connection.copy()
        with somebody.cursor() as cursor:
            cursor.execute("UPDATE accounts_review_account SET gone_at = now() WHERE username = 'marie'")
        somebody.close()
        keep_out(table)

    monkeypatch.setattr(anew, "_keep_writers_out", unlist_first)
    read(stage)
    actions.take_in(stage.workspace, is_new=True)
    assert not Assessment.objects.filter(account__username="marie", is_listed=True).exists()
    assert counted() == 64


def test_what_somebody_changed_about_the_table_meanwhile_stays(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    store = beside.JudgingProcess.store

    def add_index_first(other: beside.JudgingProcess) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX by_somebody ON accounts_review_assessment (policy_id)")
        store(other)

    monkeypatch.setattr(beside.JudgingProcess, "store", add_index_first)
    try:
        read(stage)
        assert "by_somebody" in about_table()[1]
        assert len(judged()) == counted() == 65
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS by_somebody")


def test_killed_while_they_are_written_it_leaves_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, write, before = os.getpid(), anew._await, about_table()

    def die(*given: Any) -> None:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        write(*given)

    monkeypatch.setattr(anew, "_await", die)
    assert read(stage).state == "complete"
    assert not judged()
    actions.take_in(stage.workspace, is_new=True)
    assert len(judged()) == counted() == 65
    assert about_table() == before


def about_table() -> tuple[Any, ...]:
    """What identifies the table of the judgements, and what belongs to it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::int, (SELECT array_agg(indexname::text ORDER BY indexname) FROM pg_indexes"
            " WHERE tablename = class.relname), (SELECT array_agg(tgname::text ORDER BY tgname) FROM pg_trigger"
            " WHERE tgrelid = class.oid) FROM pg_class class WHERE oid = %s::regclass",
            [Assessment._meta.db_table],
        )
        return tuple(cursor.fetchone())
