"""Runs: the worker's only sign of life, kept as long as they are of use."""

from __future__ import annotations

from datetime import timedelta

from accounts_review.models import Run, Workspace
from accounts_review.models.run import KEPT
from tests.conftest import NOW
from tests.factories import make_run, make_sync


def ran(task: str = "sweep", *, ago: timedelta, error: str = "", took: timedelta | None = timedelta(0)) -> Run:
    ended = NOW - ago + took if took is not None else None
    return make_run(task=task, at=NOW - ago, finished_at=ended, error=error)


def test_a_failure_outlives_the_good_runs_after_it(db: None) -> None:
    failure = ran(ago=timedelta(days=2), error="KeyError")
    for minutes in range(KEPT + 5):
        ran(ago=timedelta(minutes=minutes))
    other = ran("send_emails_job", ago=timedelta(days=9))
    Run.objects.forget_old("sweep")
    assert Run.objects.filter(task="sweep", error="").count() == KEPT
    assert Run.objects.filter(task="sweep", error="").earliest("started_at").started_at == NOW - timedelta(minutes=29)
    assert list(Run.objects.failed()) == [failure]
    assert Run.objects.filter(pk=other.pk).exists()


def test_nothing_has_ever_run(db: None) -> None:
    assert Run.objects.last_sign_of_life() is None


def test_a_run_gives_a_sign_of_life_when_it_begins_and_when_it_ends(db: None) -> None:
    ran(ago=timedelta(hours=1), took=None)
    assert Run.objects.last_sign_of_life() == NOW - timedelta(hours=1)
    ran(ago=timedelta(hours=2), took=timedelta(minutes=90))
    assert Run.objects.last_sign_of_life() == NOW - timedelta(minutes=30)


def test_a_reading_that_moves_on_is_a_sign_of_life(workspace: Workspace) -> None:
    make_sync(workspace)
    assert Run.objects.last_sign_of_life() == NOW
