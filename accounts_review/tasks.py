"""The clock: what the worker runs, and when. A task reads clock and settings, opens the client, makes one call.

The queue is only a doorbell: a lost, doubled or late message changes nothing, and :func:`sweep` rings again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from time import monotonic, sleep
from typing import Any, ParamSpec
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.utils.timezone import now
from django_q.models import Schedule
from django_q.signals import pre_execute
from django_q.tasks import async_task
from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars

from accounts_review.audit.events import Event
from accounts_review.huwise import Client, HuwiseError, Route, host_of
from accounts_review.models import Case, ConnectionCheck, PolicyPreview, Run, Sync, Workspace
from accounts_review.rules.lifecycle import IN_FLIGHT
from accounts_review.workflow import brake, holds, identity, workspaces
from accounts_review.workflow.assess import assess
from accounts_review.workflow.check_connection import LARGEST_SKEW, check_connection, record_failure
from accounts_review.workflow.notify import digest, notify
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.policy import preview
from accounts_review.workflow.restore import invite, returns
from accounts_review.workflow.revoke import revoke
from accounts_review.workflow.sync.sync import AlreadyRunning, WrongHost, end_dead_syncs, sync_workspace
from cleanup_portal.ping import ping

log = structlog.get_logger(__name__)
Given = ParamSpec("Given")

SCHEDULE = (
    ("accounts_review.tasks.sweep", {"schedule_type": Schedule.MINUTES, "minutes": 1}),
    ("accounts_review.tasks.send_emails_job", {"schedule_type": Schedule.MINUTES, "minutes": 10}),
    ("accounts_review.tasks.send_digests_job", {"schedule_type": Schedule.MINUTES, "minutes": 15}),
    ("accounts_review.tasks.check_every_connection", {"schedule_type": Schedule.CRON, "cron": "0 2 * * *"}),
    ("accounts_review.tasks.sync_every_workspace", {"schedule_type": Schedule.CRON, "cron": "30 2 * * *"}),
)
"""What runs by itself: the sweep, mails as their pace allows, news for operators, at night a check and a sync."""

_SCHEDULE_LOCK = 0x7363686564  # any constant that nothing else in the database uses

DRAIN_BUDGET = timedelta(seconds=30)
HELD_PATIENCE = timedelta(hours=1)
"""So long the worker leaves an account alone that it held back for what the account shows."""
SYNC_SECONDS = 4 * 3600
"""How long a sync may take: a million accounts are a thousand calls, twice. Every other task is short."""

JUDGED_AT_ONCE = 5_000
"""So many accounts can be judged while a person waits: two seconds of work."""

SILENT_PREVIEW = timedelta(minutes=2)
"""After so long without a sign of life, whoever was judging under a preview is taken for dead."""

LETTERS_BUDGET = timedelta(seconds=20)
"""For each kind of letter: the queue ends a task after two minutes, wherever it stands."""


class MailStopped(RuntimeError):
    """Letters that were owed could not be sent, because the mail server failed; they are owed still."""


SPOKEN = (HuwiseError, ImproperlyConfigured, AlreadyRunning, WrongHost, MailStopped)
"""Errors whose text is meant for people and holds no secret."""


def recorded(work: Callable[Given, None]) -> Callable[Given, None]:
    """Keep when a task ran and how it ended; of an error that is not meant for people, its kind alone."""

    @wraps(work)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        task = work.__name__
        workspace = next((pk for pk in args if isinstance(pk, int)), None)
        begun = Run.objects.create(task=task, workspace_id=workspace, started_at=now())
        ids = {"task": task} | ({"workspace": begun.workspace.name} if begun.workspace else {})
        error = ""
        try:
            with bound_contextvars(**ids), _failure_logged():
                work(*args, **kwargs)
        except BaseException as raised:
            error = str(raised) if isinstance(raised, SPOKEN) else type(raised).__name__
            raise
        finally:
            Run.objects.filter(pk=begun.pk).update(finished_at=now(), error=error)
            Run.objects.forget_old(task)

    return run


@contextmanager
def _failure_logged() -> Iterator[None]:
    try:
        yield
    except BaseException:
        log.exception("a task failed")
        raise


@receiver(pre_execute)
def name_task_in_logs(task: dict[str, Any], **_: object) -> None:
    """Have every log line of a task name it by its id in the queue; nothing of the one before is left."""
    clear_contextvars()
    bind_contextvars(task_id=task["id"])


def known_workspaces() -> list[Workspace]:
    """The workspaces that the environment describes; a new one is opened under the default policy.

    Raises ``ImproperlyConfigured`` where one of them is known by another name.
    """
    return [
        workspaces.open_workspace(name=name, host=host_of(described["url"]), now=now())
        for name, described in settings.HUWISE.items()
    ]


def open_client(workspace: Workspace) -> Client:
    """A client for a workspace, by the environment. Raises ``ImproperlyConfigured``."""
    try:
        described = settings.HUWISE[workspace.name]
        route = Route(proxy=settings.HUWISE_PROXY, authorities=settings.HUWISE_CA)
        return Client(url=described["url"], api_key=described["api_key"], route=route)
    except KeyError:
        raise ImproperlyConfigured(
            f"The environment does not describe the workspace {workspace.name!r}; set HUWISE_URL and HUWISE_API_KEY."
        ) from None
    except ValueError as error:
        raise ImproperlyConfigured(f"HUWISE_URL: {error}") from None


def sync(workspace_id: int) -> Sync:
    """Extract and assess one workspace."""
    workspace = Workspace.objects.get(pk=workspace_id)
    with open_client(workspace) as client:
        key_owner = settings.HUWISE[workspace.name]["key_owner"]
        sync = sync_workspace(workspace=workspace, client=client, key_owner=key_owner, clock=now)
    take_in(workspace)
    return sync


def take_in(workspace: Workspace) -> None:
    """Judge what a sync has stored, and act on who is back."""
    assess.assess(workspace=workspace)
    notify.spare_returned(workspace=workspace, now=now())
    returns.note_returns(workspace=workspace, now=now())


@recorded
def take_in_job(workspace_id: int) -> None:
    """Judge what a sync that was killed has left."""
    take_in(Workspace.objects.get(pk=workspace_id))


def check_workspace_connection(workspace: Workspace) -> ConnectionCheck:
    """Look at a workspace's address, key and clocks. Raises ``ImproperlyConfigured``."""
    with open_client(workspace) as client:
        key_owner = settings.HUWISE[workspace.name]["key_owner"]
        return check_connection(workspace=workspace, client=client, key_owner=key_owner, clock=now)


def change_host(workspace: Workspace, *, actor: User) -> None:
    """Follow a workspace to the host that the environment names now; see :func:`identity.change_host`."""
    with open_client(workspace) as client:
        key_owner = settings.HUWISE[workspace.name]["key_owner"]
        identity.change_host(workspace=workspace, client=client, key_owner=key_owner, actor=actor, clock=now)


@recorded
def check_connection_job(workspace_id: int) -> None:
    """a connection check as a task: where the workspace cannot even be looked at, that is what was found."""
    workspace = Workspace.objects.get(pk=workspace_id)
    try:
        check_workspace_connection(workspace)
    except ImproperlyConfigured as error:
        record_failure(workspace=workspace, error=str(error), now=now())


@recorded
def drain(workspace_id: int) -> None:
    """Revoke what is due, for half a minute; then ring again if something is left that can be done now."""
    workspace = Workspace.objects.get(pk=workspace_id)
    before, until = _open_cases(workspace), monotonic() + DRAIN_BUDGET.total_seconds()
    revoke_due(workspace, budget=DRAIN_BUDGET, patience=HELD_PATIENCE)
    # What waits for a lease or for a quiet period to end is soon worth another look.
    while _in_flight(workspace).exists() and monotonic() < until:
        sleep(2)
        left = timedelta(seconds=max(1, until - monotonic()))
        revoke_due(workspace, budget=left, patience=HELD_PATIENCE)
    if 0 < _open_cases(workspace) < before:
        ring(workspace)


def revoke_due(
    workspace: Workspace,
    *,
    limit: int | None = None,
    budget: timedelta | None = None,
    patience: timedelta = timedelta(0),
) -> Counter[str]:
    """Let cases ripen, then revoke what is due; returns how many cases went to each state."""
    notify.ripen(workspace=workspace, now=now())
    with open_client(workspace) as client:
        revoker = revoke.Revoker(
            workspace=workspace,
            client=client,
            clock=now,
            lease=timedelta(seconds=settings.LEASE_SECONDS),
            quiet=timedelta(seconds=settings.QUIET_SECONDS),
            largest_skew=LARGEST_SKEW,
            patience=patience,
        )
        return revoker.run(limit=limit, budget=budget)


def restore(workspace: Workspace, cases: Sequence[Case], *, actor: User) -> list[invite.Restored]:
    """Invite the people of revoked cases back to their workspace. Raises ``PermissionDenied``."""
    with open_client(workspace) as client:
        return invite.restore(cases=cases, client=client, actor=actor, now=now())


def ring(workspace: Workspace) -> None:
    """Tell the worker that something may be due; joins the caller's transaction."""
    async_task("accounts_review.tasks.drain", workspace.pk)


def enqueue_sweep() -> None:
    """Have the worker look everywhere at once, as it should after a restart."""
    async_task("accounts_review.tasks.sweep")


def enqueue_sync(workspace: Workspace) -> None:
    """Ask the worker for a sync."""
    async_task("accounts_review.tasks.sync_job", workspace.pk, timeout=SYNC_SECONDS)


def preview_policy(policy_preview: PolicyPreview) -> None:
    """Have everybody judged under a proposed policy: now where they are few, else by the worker."""
    if policy_preview.total <= JUDGED_AT_ONCE:
        preview.judge(policy_preview=policy_preview, clock=now)
    else:
        enqueue_policy_preview(policy_preview.pk)


def enqueue_policy_preview(policy_preview_id: int) -> None:
    """Ask the worker to judge under a proposed policy."""
    async_task("accounts_review.tasks.preview_policy_job", policy_preview_id)


def preview_policy_job(policy_preview_id: int) -> None:
    """Judge under a proposed policy for half a minute; then ring again if somebody is left."""
    policy_preview = (
        PolicyPreview.objects.select_related("workspace").filter(pk=policy_preview_id, state="judging").first()
    )
    if policy_preview is not None and not preview.judge(policy_preview=policy_preview, clock=now, budget=DRAIN_BUDGET):
        enqueue_policy_preview(policy_preview_id)


def enqueue_connection_check(workspace: Workspace) -> None:
    """Ask the worker to look at a workspace's address, key and clocks."""
    async_task("accounts_review.tasks.check_connection_job", workspace.pk)


def enqueue_scheduled(task: str) -> None:
    """Ask the worker to run a task of the schedule at once. Raises ``KeyError`` for any other."""
    async_task({func.rpartition(".")[2]: func for func, _ in SCHEDULE}[task])


@recorded
def sync_job(workspace_id: int) -> None:
    """A sync as a task: one that runs already is enough."""
    try:
        sync(workspace_id)
    except AlreadyRunning as busy:
        log.info("sync left out", why=str(busy))


@recorded
def sweep() -> None:
    """Every minute: ring for every workspace where a case can move or a clean-up close, and for what fell silent."""
    watch()
    for workspace in known_workspaces():
        end_dead_syncs(workspace=workspace)
        brake.brake_all(workspace, now=now())
        if assess.is_owed(workspace=workspace) and not workspace.syncs.filter(state="running").exists():
            async_task("accounts_review.tasks.take_in_job", workspace.pk, timeout=SYNC_SECONDS)
        finished = workspace.cleanups.filter(state="running").exclude(cases__in=Case.objects.open())
        if _open_cases(workspace) or notify.ripen(workspace=workspace, now=now()) or finished.exists():
            ring(workspace)
    silent = PolicyPreview.objects.filter(state="judging", heartbeat_at__lt=now() - SILENT_PREVIEW)
    for policy_preview_id in silent.values_list("pk", flat=True):
        enqueue_policy_preview(policy_preview_id)
    ping()


def watch() -> None:
    """Each host, every minute: note the newest audit entry, and let hosts join that have not seen any yet."""
    holds.watch(now=now())
    holds.vouch(now=now())


def pace() -> Pace:
    """How mails to people are spread, by the settings."""
    return Pace(
        per_hour=settings.NOTICES_PER_HOUR,
        hours=settings.NOTICE_HOURS,
        weekdays=settings.NOTICE_WEEKDAYS,
        zone=ZoneInfo(settings.TIME_ZONE),
    )


def warn(workspace: Workspace, *, budget: timedelta | None = None) -> notify.Notices:
    """Send the notices that are waiting, as many as the pace and the time budget allow now."""
    brake.brake_all(workspace, now=now())
    limit = notify.allowance(workspace=workspace, kind=Event.CASE_NOTICED, pace=pace(), now=now())
    return notify.send_notices(workspace=workspace, now=now(), limit=limit, budget=budget)


@recorded
def send_emails_job() -> None:
    """Every ten minutes: send the reminders that are due, the notices that are waiting, and tell of the end."""
    stopped: list[str] = []
    for workspace in known_workspaces():
        reminders, closings = (
            send(
                workspace=workspace,
                now=now(),
                limit=notify.allowance(workspace=workspace, kind=kind, pace=pace(), now=now()),
                budget=LETTERS_BUDGET,
            )
            for send, kind in (
                (notify.send_reminders, Event.CASE_REMINDED),
                (notify.send_closings, Event.CASE_CLOSING_TOLD),
            )
        )
        errors = {reminders.error, warn(workspace, budget=LETTERS_BUDGET).error, closings.error} - {""}
        for error in errors:
            log.error("mails stopped", workspace=workspace.name, error=error)
        stopped += errors
    if stopped:
        raise MailStopped("; ".join(dict.fromkeys(stopped)))


@recorded
def send_digests_job() -> None:
    """Every quarter of an hour: mail the operators what happened since the last time."""
    for workspace in known_workspaces():
        digest.send_digest(workspace=workspace, now=now())
        digest.tell_owners(workspace=workspace, now=now())


@recorded
def check_every_connection() -> None:
    """Every night: have each workspace's address, key and clocks looked at, before it is synced."""
    for workspace in known_workspaces():
        enqueue_connection_check(workspace)


@recorded
def sync_every_workspace() -> None:
    """Every night: have each workspace synced, each as a task of its own, so that no one's fault stops another's."""
    for workspace in known_workspaces():
        enqueue_sync(workspace)


@transaction.atomic
def ensure_schedule() -> None:
    """Bring the worker's schedule in line with :data:`SCHEDULE`; what is unchanged keeps its next run.

    Workers that start together take turns.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEDULE_LOCK])
    ours = Schedule.objects.filter(name__startswith=f"{__name__}.")
    ours.exclude(name__in=[func for func, _ in SCHEDULE]).delete()
    for func, timing in SCHEDULE:
        Schedule.objects.update_or_create(name=func, defaults={"func": func, "minutes": None, "cron": None} | timing)


def _in_flight(workspace: Workspace) -> QuerySet[Case]:
    return Case.objects.filter(cleanup__workspace=workspace, state__in=IN_FLIGHT)


def _open_cases(workspace: Workspace) -> int:
    """Cases that the worker can move now: due, in flight, or unknown."""
    states = ("due", "claimed", "intended", "unknown")
    cases = Case.objects.filter(cleanup__workspace=workspace, state__in=states)
    return (
        cases.filter(cleanup__state="running").count()
        + cases.filter(state__in=states[1:]).exclude(cleanup__state="running").count()
    )
