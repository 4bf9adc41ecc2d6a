"""A preview, and somebody who judges at the same moment: nobody is overlooked, and neither is ended for the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import pytest
from django.db import connection, transaction

from accounts_review.models import Account, Assessment, PolicyPreview, PolicyVersion, PreviewedAssessment, Workspace
from accounts_review.workflow.assess import assess
from accounts_review.workflow.assess.judging import mark_changed
from accounts_review.workflow.policy import preview
from accounts_review.workflow.sync.sync import sync_workspace
from tests.stage import SetStage, Stage, days_ago, policy_text, someone

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(someone("marie", idle=800), someone("omar", idle=400))


@pytest.fixture
def proposed(stage: Stage) -> PolicyPreview:
    return propose(stage)


@pytest.fixture
def rival(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Future[bool]]]:
    """Starts somebody who judges omar: it is written, and is committed once somebody has to wait for it."""
    has_written = Event()

    def slowly(workspace: Workspace) -> None:
        monkeypatch.setattr(assess, "mark_changed", mark_changed)
        mark_changed(workspace)
        has_written.set()
        until_somebody_waits()
        mark_changed(workspace)

    def start() -> Future[bool]:
        monkeypatch.setattr(assess, "mark_changed", slowly)
        judging = pool.submit(judge_omar)
        assert has_written.wait(60)
        return judging

    with ThreadPoolExecutor(1) as pool:
        yield start


def judge_omar() -> bool:
    try:
        version = PolicyVersion.objects.select_related("workspace").get(is_current=True)
        return assess._judge(version, [Account.objects.get(username="omar").pk])
    finally:
        connection.close()


def until_somebody_waits() -> None:
    deadline = monotonic() + 10
    with connection.cursor() as cursor:
        while monotonic() < deadline:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
            if cursor.rowcount:
                return
            sleep(0.01)
    raise AssertionError("nobody waited")


def propose(stage: Stage) -> PolicyPreview:
    text = policy_text(limit=365)
    return preview.propose(workspace=stage.workspace, text=text, actor=None, reason="x", now=stage.clock())


def activate(stage: Stage, proposed: PolicyPreview) -> None:
    proposed.refresh_from_db()
    seen = preview.stamp(proposed)
    preview.activate(policy_preview=proposed, seen=seen, actor=None, now=stage.clock(), is_shell=True)


def limits() -> set[int]:
    return set(Assessment.objects.values_list("limit_days", flat=True))


def test_whose_judgement_is_under_way_is_waited_for(
    stage: Stage, proposed: PolicyPreview, rival: Callable[[], Future[bool]]
) -> None:
    stage.update("omar", last_seen_at=days_ago(1))
    sync_workspace(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    judging = rival()
    assert preview.judge(policy_preview=proposed, clock=stage.clock)
    assert judging.result()
    activate(stage, proposed)
    assert (stage.verdicts()["omar"], limits()) == ("active", {365})
    assert not assess.is_owed(workspace=stage.workspace)


def test_who_judges_and_who_activates_do_not_wait_for_each_other(
    stage: Stage, proposed: PolicyPreview, rival: Callable[[], Future[bool]]
) -> None:
    assert preview.judge(policy_preview=proposed, clock=stage.clock)
    judging = rival()
    activate(stage, proposed)
    assert judging.result()
    assert (stage.verdicts()["omar"], limits()) == ("dormant", {365})
    assert not assess.is_owed(workspace=stage.workspace)


def test_at_one_look_whose_judgement_is_under_way_is_waited_for(
    stage: Stage, proposed: PolicyPreview, rival: Callable[[], Future[bool]]
) -> None:
    stage.update("omar", last_seen_at=days_ago(1))
    sync_workspace(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    judging = rival()
    assert preview.activate_at_one_look(policy_preview=proposed, actor=None, now=stage.clock())
    assert judging.result()
    assert (stage.verdicts()["omar"], limits()) == ("active", {365})
    assert not assess.is_owed(workspace=stage.workspace)


def test_who_replaces_one_waits_for_who_still_writes_to_it(
    stage: Stage, proposed: PolicyPreview, rival: Callable[[], Future[bool]]
) -> None:
    assert preview.judge(policy_preview=proposed, clock=stage.clock)
    judging = rival()
    replacement = propose(stage)
    assert judging.result()
    assert PolicyPreview.objects.get() == replacement
    assert not PreviewedAssessment.objects.exists()


def test_who_judges_does_not_write_to_one_that_is_being_replaced(stage: Stage, proposed: PolicyPreview) -> None:
    assert preview.judge(policy_preview=proposed, clock=stage.clock)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            propose(stage)
            judging = pool.submit(judge_omar)
            until_somebody_waits()
        assert judging.result()
    assert not PreviewedAssessment.objects.exists()
