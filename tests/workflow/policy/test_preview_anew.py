"""A policy that moves most judgements has them written anew, and nobody can tell but by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.timezone import now

from accounts_review.models import (
    Account,
    Assessment,
    PolicyVersion,
    PreviewedAssessment,
    anew,
)
from accounts_review.rules.dormancy import BEFORE_ALL_DATES
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow import workspaces
from accounts_review.workflow.assess import assess
from accounts_review.workflow.policy import preview
from accounts_review.workflow.policy.activate import put_in_force
from tests.factories import make_account, make_case, make_cleanup
from tests.models.test_dormancy_count import counted, there_are
from tests.stage import NOW, SetStage, Stage, days_ago, policy_text, someone

pytestmark = pytest.mark.django_db(transaction=True)

TABLE = Assessment._meta.db_table
IT = f"'{TABLE}'::regclass"
DESCRIPTION = f"""
SELECT 'table', relname, concat_ws(' ', relowner::regrole, coalesce(relacl, acldefault('r', relowner)), reloptions)
    FROM pg_class WHERE relname LIKE '{TABLE}%%'
UNION ALL
SELECT 'column', attname,
    concat_ws(' ', atttypid::regtype, atttypmod, attnotnull, attstorage, pg_get_expr(adbin, adrelid))
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = {IT} AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = {IT}
UNION ALL
SELECT 'index', indexrelid::regclass::text, concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisprimary)
    FROM pg_index WHERE indrelid = {IT}
UNION ALL
SELECT 'trigger', tgname, concat_ws(' ', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE tgrelid = {IT}
ORDER BY 1, 2, 3
"""


@pytest.fixture
def stage(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return stage_anew(set_stage, monkeypatch)


def stage_anew(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A workspace whose judgements are written anew, few as they are."""
    monkeypatch.setattr(anew, "pays", lambda *args, **kwargs: True)
    monkeypatch.setattr(anew, "PAUSE", 0.01)
    return set_stage(
        someone("marie", idle=800), someone("omar", idle=400), someone("boss", permissions=["edit_domain"])
    )


@pytest.fixture(params=[{}, {"groups": ["nobody"]}], ids=["limits alone", "more than limits"])
def rules(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a policy changes beside a limit: then everybody was judged beforehand, and that takes over."""
    given: dict[str, Any] = request.param
    return given


def activate(stage: Stage, *, limit: int = 365, **rules: Any) -> PolicyVersion:
    text = policy_text(limit=limit, **rules)
    proposed = preview.propose(workspace=stage.workspace, text=text, actor=None, reason="why", now=stage.clock())
    assert preview.judge(policy_preview=proposed, clock=stage.clock)
    proposed.refresh_from_db()
    seen = preview.stamp(proposed)
    return preview.activate(policy_preview=proposed, seen=seen, actor=None, now=stage.clock(), is_shell=True)


def identity() -> Any:
    return asked("SELECT %s::regclass::oid::bigint", TABLE)[0][0]


def asked(sql: str, *given: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def limits() -> set[int]:
    return set(Assessment.objects.values_list("limit_days", flat=True))


@contextmanager
def somebody_else() -> Iterator[BaseDatabaseWrapper]:
    """Another connection."""
    other = connections.create_connection("default")
    try:
        yield other
    finally:
        other.close()


def test_it_says_of_everybody_what_an_update_would_have(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, rules: dict[str, Any]
) -> None:
    undated = make_account(stage.workspace, "undated", raw="{}")
    assess.assess(workspace=stage.workspace)
    Assessment.objects.filter(pk=undated.pk).update(dormant_from=BEFORE_ALL_DATES, activity_at=None)
    before = identity()
    written = activate(stage, **rules)
    assert identity() != before
    found = {account: {**row, "policy_id": 0} for account, row in rows().items()}
    assert {row["policy_id"] for row in rows().values()} == {written.pk}
    assert (counted(stage.workspace), stage.verdicts()["omar"]) == (there_are(stage.workspace), "dormant")

    activate(stage, limit=730)
    monkeypatch.undo()
    before = identity()
    updated = activate(stage, **rules)
    assert identity() == before
    assert {account: {**row, "policy_id": 0} for account, row in rows().items()} == found
    assert (updated.number, updated.is_judged, written.is_judged) == (written.number + 2, True, True)


def rows() -> dict[int, dict[str, Any]]:
    return {row["account_id"]: {**row} for row in Assessment.objects.values()}


def test_who_was_not_judged_before_is_counted_where_they_are_listed(stage: Stage) -> None:
    gone = make_account(stage.workspace, "gone", gone_at=now())
    new = make_account(stage.workspace, "new")
    activate(stage, groups=["nobody"])
    assert (Assessment.objects.get(pk=gone.pk).is_listed, Assessment.objects.get(pk=new.pk).is_listed) == (False, True)
    assert counted(stage.workspace) == there_are(stage.workspace)
    assert not PreviewedAssessment.objects.exists()


def test_other_workspaces_stay_as_they_are(stage: Stage, rules: dict[str, Any]) -> None:
    other = workspaces.open_workspace(name="other", now=NOW)
    make_account(other, "theirs")
    assess.assess(workspace=other)
    before = Assessment.objects.filter(account__workspace=other).values().get()
    activate(stage, **rules)
    assert Assessment.objects.filter(account__workspace=other).values().get() == before
    assert counted(other) == there_are(other)


def test_the_table_is_described_as_before(stage: Stage) -> None:
    before = asked(DESCRIPTION)
    assert {kind for kind, *_ in before} == {"table", "column", "constraint", "index", "trigger"}
    activate(stage)
    activate(stage, limit=400)
    assert asked(DESCRIPTION) == before


def test_who_is_written_to_later_is_counted(stage: Stage, rules: dict[str, Any]) -> None:
    activate(stage, **rules)
    stage.update("omar", last_seen_at=days_ago(1))
    stage.sync()
    Account.objects.filter(username="marie").update(gone_at=now())
    assert counted(stage.workspace) == there_are(stage.workspace)
    assert not Assessment.objects.get(account__username="marie").is_listed
    assert (stage.verdicts()["omar"], limits()) == ("active", {365})


def test_where_somebody_reads_for_long_it_is_changed_in_place(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, rules: dict[str, Any]
) -> None:
    monkeypatch.setattr(anew, "READERS", (0.05, 0.05))
    before = identity()
    with somebody_else() as other, transaction.atomic(), other.cursor() as theirs:
        theirs.execute("BEGIN")
        theirs.execute(f"SELECT count(*) FROM {TABLE}")
        activate(stage, **rules)
        assert asked("SHOW lock_timeout") == [("0",)]
    assert (identity(), limits()) == (before, {365})
    assert counted(stage.workspace) == there_are(stage.workspace)


@pytest.mark.parametrize(
    ("settled", "undone"),
    [
        (f"GRANT SELECT ON {TABLE} TO PUBLIC", f"REVOKE SELECT ON {TABLE} FROM PUBLIC"),
        (f"GRANT SELECT (segment) ON {TABLE} TO PUBLIC", f"REVOKE SELECT (segment) ON {TABLE} FROM PUBLIC"),
        (
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
            "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC",
        ),
        (f"CREATE VIEW seen AS SELECT * FROM {TABLE}", "DROP VIEW seen"),
        (f"CREATE TABLE later (id bigint REFERENCES {TABLE})", "DROP TABLE later"),
        (f"ALTER TABLE {TABLE} ADD later text DEFAULT 'x'", f"ALTER TABLE {TABLE} DROP later"),
        (f"ALTER TABLE {TABLE} DISABLE TRIGGER USER", f"ALTER TABLE {TABLE} ENABLE TRIGGER USER"),
        (f"COMMENT ON TABLE {TABLE} IS 'ours'", f"COMMENT ON TABLE {TABLE} IS NULL"),
        (f"ALTER TABLE {TABLE} REPLICA IDENTITY FULL", f"ALTER TABLE {TABLE} REPLICA IDENTITY DEFAULT"),
        (
            f"ALTER TABLE {TABLE} ALTER segment SET STATISTICS 500",
            f"ALTER TABLE {TABLE} ALTER segment SET STATISTICS -1",
        ),
        (f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY", f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY"),
    ],
)
def test_where_more_is_settled_about_it_it_is_changed_in_place(stage: Stage, settled: str, undone: str) -> None:
    before = identity()
    with connection.cursor() as cursor:
        cursor.execute(settled)
        try:
            activate(stage)
        finally:
            cursor.execute(undone)
    assert (identity(), limits()) == (before, {365})


@pytest.mark.parametrize("state", [CaseState.CLAIMED, CaseState.INTENDED])
def test_while_a_removal_is_on_its_way_it_is_changed_in_place(stage: Stage, state: CaseState) -> None:
    make_case(make_cleanup(stage.workspace), stage.account("marie"), state=state)
    before = identity()
    activate(stage)
    assert (identity(), limits()) == (before, {365})


def test_what_fails_in_between_leaves_the_policy_in_force(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before, in_force, verdicts = identity(), stage.workspace.current_policy, stage.verdicts()

    def fail(*args: object, **kwargs: object) -> None:
        raise DatabaseError("no space left")

    monkeypatch.setattr(preview, "put_in_force", fail)
    with pytest.raises(DatabaseError):
        activate(stage)
    monkeypatch.setattr(preview, "put_in_force", put_in_force)
    assert (identity(), stage.workspace.current_policy, stage.verdicts()) == (before, in_force, verdicts)
    assert counted(stage.workspace) == there_are(stage.workspace)
    activate(stage)
    assert (limits(), identity() == before) == ({365}, False)


@pytest.mark.parametrize("at", ["ANALYZE", "DROP TABLE", "CREATE TRIGGER"])
def test_whose_session_is_killed_leaves_the_policy_in_force(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    before, verdicts, do = identity(), stage.verdicts(), anew._do

    def die(sql: str) -> None:
        do("SELECT pg_terminate_backend(pg_backend_pid())" if sql.startswith(at) else sql)

    def activate_and_die() -> None:
        try:
            activate(stage)
        finally:
            connection.close()

    monkeypatch.setattr(anew, "_do", die)
    with ThreadPoolExecutor(1) as pool, pytest.raises(DatabaseError):
        pool.submit(activate_and_die).result()
    monkeypatch.setattr(anew, "_do", do)
    assert (identity(), limits(), stage.verdicts()) == (before, {730}, verdicts)
    activate(stage)
    assert (limits(), identity() == before) == ({365}, False)


def test_where_another_workspace_has_many_nobody_waits_for_the_whole_table(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = workspaces.open_workspace(name="other", now=NOW)
    for number in range(2):
        make_account(other, f"p{number}", raw="{}")
    assess.assess(workspace=other)
    monkeypatch.setattr(anew, "MANY", 3)
    before = identity()
    activate(stage)
    assert identity() != before
    monkeypatch.setattr(anew, "MANY", 2)
    before = identity()
    activate(stage, limit=900)
    assert (identity(), limits()) == (before, {730, 900})
