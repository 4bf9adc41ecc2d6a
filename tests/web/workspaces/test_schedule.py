"""The schedule: what runs by itself, how it ended, and whether anything runs at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now
from django_q.models import Schedule

from accounts_review.models import Run, Workspace
from accounts_review.tasks import schedule
from accounts_review.web.workspaces.schedule import JOBS, Job
from tests.web.records_kit import HOSTILE, HTMX, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    schedule.ensure_schedule()
    return Site(client, workspace, person).sign_in("operator")


def page(site: Site, query: str = "") -> Any:
    return site.client.get(f"/schedule/{query}")


def job(site: Site, task: str, query: str = "") -> Job:
    jobs: list[Job] = page(site, query).context["jobs"]
    return next(job for job in jobs if job.task == task)


def test_every_task_of_the_schedule_is_told_in_words() -> None:
    assert set(JOBS) == {func.rpartition(".")[2] for func, _ in schedule.SCHEDULE}


def test_it_says_how_often_each_runs_and_when_next(site: Site) -> None:
    said = {job.task: job.every for job in page(site).context["jobs"]}
    assert said["sweep"] == "every minute"
    assert said["send_emails_job"] == "every 10 minutes"
    assert said["sync_every_workspace"] == "every day at 02:30"
    assert (
        job(site, "sync_every_workspace").next_run
        == Schedule.objects.get(func__endswith="sync_every_workspace").next_run
    )


def test_it_says_how_the_last_run_ended_and_how_long_it_took(site: Site) -> None:
    began = now() - timedelta(minutes=9)
    site.ran("send_emails_job", started_at=began, finished_at=began + timedelta(seconds=75))
    last = job(site, "send_emails_job").last
    assert last
    assert (last.started_at, last.state) == (began, "complete")
    assert "1 min 15 s" in text(page(site))


def test_of_the_nightly_sync_it_tells_the_syncs_themselves(site: Site) -> None:
    site.ran("sync_every_workspace")
    site.ran("sync_job", workspace=site.workspace, error="It was read from elsewhere so far.")
    last = job(site, "sync_every_workspace").last
    assert last
    assert last.state == "failed"


def test_a_sync_that_ran_to_its_end_is_told_by_what_it_found(site: Site) -> None:
    sync = site.synced("quarantined")
    site.ran("sync_job", workspace=site.workspace)
    outcome = job(site, "sync_every_workspace").outcome
    assert outcome
    assert (outcome.state, outcome.url) == ("quarantined", site.at("sync_page", pk=sync.pk))


def test_a_sync_by_hand_is_told_too(site: Site) -> None:
    assert job(site, "sync_every_workspace").last is None
    by_hand = site.synced("complete", ago=timedelta(minutes=5))
    told = job(site, "sync_every_workspace")
    assert told.last
    assert (told.last.started_at, told.last.workspace) == (by_hand.started_at, site.workspace)
    assert told.outcome
    assert told.outcome.url == site.at("sync_page", pk=by_hand.pk)
    assert "never" not in text(page(site)).partition("Reads every account")[2].partition("</tr>")[0]


def test_the_workers_own_sync_is_not_taken_for_one_by_hand(site: Site) -> None:
    began = now() - timedelta(minutes=9)
    site.synced("complete", ago=timedelta(minutes=8))
    site.ran("sync_job", workspace=site.workspace, started_at=began, finished_at=began + timedelta(minutes=5))
    last = job(site, "sync_every_workspace").last
    assert last
    assert last.duration == timedelta(minutes=5)


def test_a_check_by_hand_is_told_without_how_long_it_took(site: Site) -> None:
    at = now() - timedelta(minutes=3)
    site.workspace.connection_checks.create(at=at, findings=[{"code": "host", "is_good": True}])
    told = job(site, "check_every_connection")
    assert told.last
    assert (told.last.started_at, told.took) == (at, None)


@pytest.mark.parametrize(("good", "word"), [(True, "healthy"), (False, "1 finding needs attention")])
def test_so_is_a_check_of_a_connection(site: Site, *, good: bool, word: str) -> None:
    site.workspace.connection_checks.create(at=now(), findings=[{"code": "host", "is_good": good}])
    site.ran("check_connection_job", workspace=site.workspace)
    outcome = job(site, "check_every_connection").outcome
    assert outcome
    assert outcome.word == word


def test_what_failed_is_told(site: Site) -> None:
    site.ran("sync_job", workspace=site.workspace, error="The workspace does not accept the API key.")
    site.ran("revoke_batch", workspace=site.workspace, finished_at=None)
    Run.objects.bury()
    shown = text(page(site))
    assert "The workspace does not accept the API key." in shown
    assert "The worker stopped before it finished" in shown
    assert "Removals due" in shown


def test_errors_are_never_markup(site: Site) -> None:
    site.ran("sweep", error=HOSTILE)
    assert HOSTILE.encode() not in page(site).content


def test_what_is_due_and_does_not_begin_is_called_overdue(site: Site) -> None:
    Schedule.objects.filter(func__endswith="sweep").update(next_run=now() - timedelta(minutes=2))
    assert not job(site, "sweep").is_overdue
    Schedule.objects.filter(func__endswith="sweep").update(next_run=now() - timedelta(minutes=4))
    assert job(site, "sweep").is_overdue


def test_a_worker_that_is_alive(site: Site) -> None:
    shown = text(page(site))
    assert "Last seen" in shown
    assert "not running" not in shown


def test_without_a_worker_it_says_what_to_do(site: Site) -> None:
    Run.objects.update(started_at=now() - timedelta(minutes=6), finished_at=now() - timedelta(minutes=6))
    assert "docker compose up -d worker" in text(page(site))
    Run.objects.all().delete()
    assert "The worker has never run" in text(page(site))


def test_a_long_sync_is_a_sign_of_life(site: Site) -> None:
    Run.objects.update(started_at=now() - timedelta(hours=1), finished_at=None)
    site.synced("running", ago=timedelta(0), finished_at=None)
    assert "not running" not in text(page(site))


def test_a_task_is_run_at_once(site: Site) -> None:
    answer = site.client.post("/schedule/", {"task": "send_digests_job"}, follow=True)
    assert site.enqueued == ["accounts_review.tasks.jobs.send_digests_job"]
    assert answer.redirect_chain == [("/schedule/?asked=send_digests_job-0", 302)]
    assert "“Operator digest” starts in a moment." in text(answer)
    assert job(site, "send_digests_job", "?asked=send_digests_job-0").is_awaited
    site.ran("send_digests_job")
    assert not job(site, "send_digests_job", "?asked=send_digests_job-0").is_awaited


@pytest.mark.parametrize("task", ["", "revoke_batch", "accounts_review.tasks.jobs.sweep", "os.abort", HOSTILE])
def test_only_what_is_scheduled_can_be_asked_for(site: Site, task: str) -> None:
    assert site.client.post("/schedule/", {"task": task}).status_code == 404
    assert site.enqueued == []


def test_an_auditor_may_look_and_not_ask(site: Site) -> None:
    site.sign_in("auditor")
    assert b"Run now" not in page(site).content
    assert site.client.post("/schedule/", {"task": "sweep"}).status_code == 403


def test_it_refreshes_itself(site: Site) -> None:
    assert b'hx-trigger="every 15s"' in page(site).content
    answer = site.client.get("/schedule/?asked=send_digests_job-0", headers=HTMX)
    assert b'hx-trigger="every 2s"' in answer.content
    assert b"<html" not in answer.content


def test_before_a_worker_ever_ran_the_schedule_is_known_all_the_same(site: Site) -> None:
    Schedule.objects.all().delete()
    assert len(page(site).context["jobs"]) == len(schedule.SCHEDULE)
    assert "when a worker starts" in text(page(site))


def test_it_asks_as_much_for_many_runs_as_for_few(site: Site, django_assert_max_num_queries: Any) -> None:
    for _ in range(20):
        site.ran("revoke_batch", workspace=site.workspace, error="KeyError")
    with django_assert_max_num_queries(20):
        page(site)
