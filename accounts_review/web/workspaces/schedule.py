"""The schedule: what runs by itself, how it ended last, and whether anything runs at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_q.models import OrmQ, Schedule

from accounts_review.models import ConnectionCheck, Run, Sync, may, permit, workspaces_of
from accounts_review.models.run import INTERRUPTED, RunQuerySet
from accounts_review.tasks import schedule
from accounts_review.web.shared.access import PortalView

SHOWN_FAILURES = 20
LATE = timedelta(minutes=3)
"""What is due for so long and has not begun is called overdue."""

JOBS: dict[str, tuple[Promise, Promise]] = {
    "sweep": (
        gettext_lazy("Follow-up"),
        gettext_lazy("Finds cases whose notice period ended or that were left behind, and queues them."),
    ),
    "send_emails_job": (
        gettext_lazy("E-mails to people"),
        gettext_lazy("Sends the notices, reminders and removal e-mails that are due, at the pace that is set."),
    ),
    "send_digests_job": (
        gettext_lazy("Operator digest"),
        gettext_lazy(
            "Tells operators by e-mail what happened, and owners of service accounts that their exemption ends soon."
        ),
    ),
    "check_every_connection": (
        gettext_lazy("Connection check"),
        gettext_lazy("Checks each workspace's address, key and clock before a sync."),
    ),
    "sync_every_workspace": (
        gettext_lazy("Sync"),
        gettext_lazy("Reads every account of each workspace and assesses those that changed."),
    ),
    "verify_every_night": (
        gettext_lazy("Verification of the audit"),
        gettext_lazy("Verifies every audit entry, and that cases and decisions match the audit."),
    ),
    "erase_every_night": (
        gettext_lazy("Erasure"),
        gettext_lazy(
            "Erases personal data whose retention period has ended, once an administrator has switched this on."
        ),
    ),
}
"""What each task of the schedule is called and does."""

TITLES: dict[str, Promise] = {
    "revoke_batch": gettext_lazy("Removals due"),
    "sync_job": gettext_lazy("Sync"),
    "check_connection_job": gettext_lazy("Check of one connection"),
    "verify_audit_job": gettext_lazy("Verification of the audit"),
    "retention_job": gettext_lazy("Erasure"),
    "scrub_job": gettext_lazy("Erasure from the database's files"),
}
"""What the other tasks are called, which these or people ask for."""

DOING = {
    "sync_every_workspace": "sync_job",
    "check_every_connection": "check_connection_job",
    "verify_every_night": "verify_audit_job",
    "erase_every_night": "retention_job",
}
"""Tasks that only ask for others: how those ended is what people want to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What came of a run that ended: a state that has a colour, a word for it, and where to read on."""

    state: str
    word: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task of the schedule at an instant."""

    task: str
    title: str
    does: str
    every: str
    newest: int
    """The last run by the worker; 0 before the first."""
    last: Run | None
    """The last run, also one that somebody began on a shell."""
    outcome: RunOutcome | None
    """Of a sync or a check that ended: that a task went well does not say that what it found is well."""
    next_run: datetime | None
    is_overdue: bool
    asked: str

    @property
    def mark(self) -> str:
        """Differs as soon as it has run again."""
        return f"{self.task}-{self.newest}"

    @property
    def is_awaited(self) -> bool:
        return self.asked == self.mark

    @property
    def took(self) -> timedelta | None:
        """How long it took, where that is known: of a check that no worker made, only the end is."""
        return self.last.duration or None if self.last else None


@dataclass(frozen=True, slots=True)
class RunFailure:
    """A run that went wrong."""

    run: Run
    title: str

    @property
    def was_interrupted(self) -> bool:
        return self.run.error == INTERRUPTED


class SchedulePage(PortalView):
    """The worker's schedule; its tasks can be run at once."""

    def get(self, request: HttpRequest) -> HttpResponse:
        at = now()
        jobs = _jobs(self.request.user, at, asked=request.GET.get("asked", ""))
        is_hot = any(job.is_awaited or (job.last and job.last.is_running) for job in jobs)
        context = {
            "now": at,
            "jobs": jobs,
            "failures": [RunFailure(run, title_of(run.task)) for run in _failed(self.request.user)],
            "sign_of_life": Run.objects.last_sign_of_life(),
            "worker_is_silent": Run.objects.is_silent(at),
            "waiting": OrmQ.objects.count(),
            "seconds": 2 if is_hot else 15,
            "may_operate": may(self.request.user, "operate", None),
        }
        self.template_name = f"accounts_review/workspaces/{'_jobs' if self.is_partial else 'schedule'}.html"
        return self.render_to_response(self.get_context_data(**context))

    def post(self, request: HttpRequest) -> HttpResponse:
        permit(self.request.user, "operate", None)
        task = request.POST.get("task", "")
        marks = {job.task: job.mark for job in _jobs(self.request.user, now())}
        if task not in marks:
            raise Http404
        schedule.enqueue_scheduled(task)
        messages.success(request, _("“%(title)s” starts in a moment.") % {"title": title_of(task)})
        return redirect(f"/schedule/?asked={marks[task]}")


def title_of(task: str) -> str:
    """What a task is called."""
    return str(JOBS[task][0] if task in JOBS else TITLES.get(task, task))


def _runs(user: User) -> RunQuerySet:
    """The runs of the portal and of the workspaces that a person may know of."""
    return Run.objects.filter(Q(workspace=None) | Q(workspace__in=workspaces_of(user)))


def _failed(user: User) -> list[Run]:
    """The last that went wrong; what a run of the portal says of it may name any workspace."""
    runs = _runs(user) if may(user, "read", None) else _runs(user).exclude(workspace=None)
    return list(runs.failed().select_related("workspace")[:SHOWN_FAILURES])


def _jobs(user: User, at: datetime, *, asked: str = "") -> list[Job]:
    next_runs = dict(Schedule.objects.values_list("func", "next_run"))
    newest = _runs(user).order_by("task", "-started_at", "-pk").distinct("task").select_related("workspace")
    runs, by_hand = {run.task: run for run in newest}, {run.task: run for run in _by_hand(user)}
    return [_job(func, timing, runs, by_hand, next_runs.get(func), at, asked) for func, timing in schedule.SCHEDULE]


def _by_hand(user: User) -> Iterator[Run]:
    """The newest sync and the newest check of a connection, as runs: a worker may have made them, or a shell."""
    here = workspaces_of(user)
    ended = Sync.objects.filter(workspace__in=here).exclude(state=Sync.State.RUNNING).select_related("workspace")
    if sync := ended.first():
        end = sync.finished_at or sync.heartbeat_at
        yield Run(task="sync_job", workspace=sync.workspace, started_at=sync.started_at, finished_at=end)
    if check := ConnectionCheck.objects.filter(workspace__in=here).select_related("workspace").first():
        yield Run(task="check_connection_job", workspace=check.workspace, started_at=check.at, finished_at=check.at)


def _last(run: Run | None, by_hand: Run | None) -> Run | None:
    """What was done last: what began after the worker's run had ended, the worker did not do."""
    if run is None or by_hand is None:
        return run or by_hand
    return by_hand if run.finished_at and by_hand.started_at > run.finished_at else run


def _job(
    func: str,
    timing: Mapping[str, Any],
    runs: Mapping[str, Run],
    by_hand: Mapping[str, Run],
    next_run: datetime | None,
    at: datetime,
    asked: str,
) -> Job:
    task = func.rpartition(".")[2]
    run = runs.get(DOING.get(task, task))
    last = _last(run, by_hand.get(DOING.get(task, task)))
    return Job(
        task=task,
        title=title_of(task),
        does=str(JOBS[task][1]),
        every=_every(timing),
        newest=run.pk if run else 0,
        last=last,
        outcome=_outcome(last) if last and last.state == "complete" else None,
        next_run=next_run,
        is_overdue=next_run is not None and at - next_run > LATE,
        asked=asked,
    )


def _outcome(run: Run) -> RunOutcome | None:
    """What a sync or a check of a connection found."""
    if run.workspace is None:
        return None
    if run.task == "sync_job" and (sync := run.workspace.syncs.exclude(state=Sync.State.RUNNING).first()):
        page = reverse("sync_page", kwargs={"workspace": run.workspace.name, "pk": sync.pk})
        return RunOutcome(state=sync.state, word=sync.get_state_display(), url=page)
    if run.task == "check_connection_job" and (connection_check := ConnectionCheck.last_of(run.workspace)):
        faults = len(connection_check.faults)
        word = ngettext("%(count)s finding needs attention", "%(count)s findings need attention", faults) % {
            "count": faults
        }
        state = "failed" if faults else "complete"
        return RunOutcome(state=state, word=word if faults else _("healthy"), url=reverse("workspaces"))
    return None


def _every(timing: Mapping[str, Any]) -> str:
    """When it runs, in words."""
    if timing["schedule_type"] == Schedule.MINUTES:
        minutes = timing["minutes"]
        return ngettext("every minute", "every %(count)s minutes", minutes) % {"count": minutes}
    minute, hour, *rest = timing["cron"].split()
    if rest == ["*", "*", "*"] and minute.isdigit() and hour.isdigit():
        return _("every day at %(time)s") % {"time": f"{int(hour):02d}:{int(minute):02d}"}
    return str(timing["cron"])
