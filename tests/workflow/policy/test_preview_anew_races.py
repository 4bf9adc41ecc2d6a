"""Who reads, writes and decides while judgements are written anew goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.models import (
    Account,
    Assessment,
    PolicyVersion,
    anew,
)
from accounts_review.models.prepared import Prepared
from accounts_review.workflow.assess import assess
from accounts_review.workflow.policy import preview
from accounts_review.workflow.policy.activate import put_in_force
from accounts_review.workflow.review import decide
from tests.models.test_dormancy_count import counted, there_are
from tests.stage import SetStage, Stage
from tests.workflow.policy.test_preview_anew import TABLE, activate, identity, limits, somebody_else, stage_anew
from tests.workflow.policy.test_preview_races import until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)

_ALL = Prepared(lambda least: Assessment.objects.filter(pk__gte=least).values_list("limit_days"), least=int)


@pytest.fixture
def stage(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return stage_anew(set_stage, monkeypatch)


@pytest.fixture
def while_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Has somebody do something who comes when the table is locked, and so waits until the policy is in force."""
    with ThreadPoolExecutor(1) as pool:

        def come(act: Callable[[], Any]) -> Any:
            def wait(*args: Any, **kwargs: Any) -> PolicyVersion:
                waiting.append(pool.submit(act))
                until_somebody_waits()
                monkeypatch.setattr(preview, "put_in_force", put_in_force)
                return put_in_force(*args, **kwargs)

            waiting = list[Any]()
            monkeypatch.setattr(preview, "put_in_force", wait)
            return waiting

        yield come


def test_who_waits_meanwhile_reads_the_new_by_the_same_prepared_statement(
    stage: Stage, while_nobody_reads: Callable[[Callable[[], Any]], Any]
) -> None:
    count = Assessment.objects.count()
    with somebody_else() as other:
        other.ensure_connection()

        def read() -> set[tuple[Any, ...]]:
            return set(other.connection.execute(sql, {"least": 0}, prepare=True).fetchall())

        sql = f"SELECT limit_days, count(*) FROM {TABLE} WHERE account_id >= %(least)s GROUP BY 1"
        for _ in range(7):
            # By then the database has a plan that it keeps.
            assert read() == {(730, count)}
        waiting = while_nobody_reads(read)
        activate(stage)
        assert waiting[0].result(60) == {(365, count)}
        assert read() == {(365, count)}
    assert len(_ALL.rows(least=0)) == count
    activate(stage, limit=400)
    assert set(_ALL.rows(least=0)) == {(400,)}


def test_who_waits_meanwhile_writes_to_the_new_and_is_counted(
    stage: Stage, while_nobody_reads: Callable[[Callable[[], Any]], Any]
) -> None:
    def leave() -> None:
        try:
            Account.objects.filter(username__in=["marie", "omar"]).update(gone_at=now())
        finally:
            connection.close()

    waiting = while_nobody_reads(leave)
    activate(stage)
    waiting[0].result(60)
    gone = Assessment.objects.filter(is_listed=False).values_list("account__username", flat=True)
    assert set(gone) == {"marie", "omar"}
    assert counted(stage.workspace) == there_are(stage.workspace)


def test_who_has_read_and_waits_for_the_audit_is_let_go_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody exempts while somebody else writes to the audit, and then the policy comes into force."""
    monkeypatch.setattr(anew, "READERS", (0.1,) * 50)
    before, until = identity(), stage.clock() + timedelta(days=1)
    accounts, actor = [stage.account("omar")], stage.staff("reviewer")

    def exempt() -> None:
        try:
            decide.exempt(accounts=accounts, actor=actor, reason="x", until=until, now=stage.clock())
        finally:
            connection.close()

    def activate_meanwhile() -> None:
        try:
            activate(stage)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            audit.wait_for_turn()
            exempting = pool.submit(exempt)
            until_somebody_waits()
            activating = pool.submit(activate_meanwhile)
            with pytest.raises(TimeoutError):
                activating.result(0.3)
        exempting.result(60)
        activating.result(60)
    assert (limits(), identity() == before) == ({365}, False)
    assert stage.verdicts()["omar"] == "protected"


def test_who_judges_meanwhile_waits_and_leaves_it_to_the_new_policy(stage: Stage) -> None:
    version = PolicyVersion.objects.select_related("workspace").get(is_current=True)

    def judge() -> bool:
        try:
            return assess._judge(version, [Account.objects.get(username="omar").pk])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            activate(stage)
            judging = pool.submit(judge)
            until_somebody_waits()
        assert judging.result(60) is False
    assert limits() == {365}
