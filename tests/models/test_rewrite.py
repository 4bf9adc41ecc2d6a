"""Who rewrites very many rows of a workspace waits its turn before it locks any, so that no two end in a deadlock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, connections, transaction

from accounts_review.models import DormancyCount
from accounts_review.models.rewrite import wait_to_rewrite
from accounts_review.workflow.policy import preview
from accounts_review.workflow.sync.sync import reset_breaker
from tests.stage import SetStage, Stage, policy_text, someone

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(someone("marie", idle=800), someone("omar", idle=400))


@contextmanager
def somebody_rewriting(stage: Stage) -> Iterator[None]:
    """Another process is at it, and who waits for it gives up at once."""
    other = connections.create_connection("default")
    with other.cursor() as theirs, connection.cursor() as ours:
        ours.execute("SET lock_timeout = '100ms'")
        theirs.execute("BEGIN")
        theirs.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x72657772, stage.workspace.pk])
        try:
            yield
        finally:
            theirs.execute("ROLLBACK")
            ours.execute("RESET lock_timeout")
    other.close()


def activate(stage: Stage) -> None:
    proposed = preview.propose(
        workspace=stage.workspace,
        text=policy_text(limit=365),
        actor=stage.staff("administrator"),
        reason="why",
        now=stage.clock(),
    )
    preview.judge(policy_preview=proposed, clock=stage.clock)
    proposed.refresh_from_db()
    seen = preview.stamp(proposed)
    preview.activate(policy_preview=proposed, seen=seen, actor=stage.staff("administrator"), now=stage.clock())


@pytest.mark.parametrize(
    "rewrite",
    [Stage.sync, activate, lambda stage: DormancyCount.objects.recount(stage.workspace)],
    ids=["a sync", "a policy", "a recount"],
)
def test_each_waits_for_the_others(stage: Stage, rewrite: Callable[[Stage], object]) -> None:
    with somebody_rewriting(stage), pytest.raises(OperationalError, match="lock timeout"):
        rewrite(stage)


def test_so_does_a_quarantined_sync_that_a_person_uses(stage: Stage) -> None:
    for number in range(4):
        stage.update(f"crowd.{number:04d}", last_seen_at=None, last_login_at=None)
    assert stage.sync().state == "quarantined"
    administrator = stage.staff("administrator")
    with somebody_rewriting(stage), pytest.raises(OperationalError, match="lock timeout"):
        reset_breaker(workspace=stage.workspace, actor=administrator, reason="looked", discard=False, now=stage.clock())
    assert stage.workspace.is_quarantined


def test_the_turn_ends_with_the_transaction(stage: Stage) -> None:
    with transaction.atomic():
        wait_to_rewrite(stage.workspace)
    activate(stage)
    assert stage.sync().state == "complete"
