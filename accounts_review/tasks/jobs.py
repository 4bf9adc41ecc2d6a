"""The worker's jobs, each recorded with how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from time import monotonic, sleep
from typing import ParamSpec

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.db import OperationalError
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from structlog.contextvars import bound_contextvars

from accounts_review.audit.events import Event
from accounts_review.huwise import HuwiseError
from accounts_review.models import BulkDecision, Case, PolicyPreview, Run, Sync, Workspace
from accounts_review.rules.lifecycle import IN_FLIGHT, CleanupState
from accounts_review.tasks.actions import (
    alert_administrators,
    check_workspace_connection,
    pace,
    revoke_due,
    sync,
    take_in,
    warn,
    watch,
)
from accounts_review.tasks.queue import (
    enqueue_bulk_decision,
    enqueue_connection_check,
    enqueue_policy_preview,
    enqueue_revoke,
    enqueue_scrub,
    enqueue_sync,
    enqueue_take_in,
)
from accounts_review.tasks.sources import described_workspaces, stored_workspaces
from accounts_review.workflow import advance, brake
from accounts_review.workflow.assess import assess
from accounts_review.workflow.check_connection import record_failure
from accounts_review.workflow.notify import alert, confirmation, digest, due
from accounts_review.workflow.notify.send import allowance, send_closings, send_reminders
from accounts_review.workflow.people import owed
from accounts_review.workflow.policy import preview
from accounts_review.workflow.retention import traces
from accounts_review.workflow.review import bulk
from accounts_review.workflow.sync.lock import AlreadyRunning
from accounts_review.workflow.sync.sync import WrongHost, end_dead_syncs
from cleanup_portal.logs import is_of_the_server
from cleanup_portal.ping import ping

log = structlog.get_logger(__name__)

Given = ParamSpec("Given")

BATCH_BUDGET = timedelta(seconds=30)

HELD_PATIENCE = timedelta(hours=1)
"""So long the worker leaves an account alone that it held back for what the account shows."""

SILENT_PREVIEW = timedelta(minutes=2)
"""After so long without a sign of life, whoever was judging under a preview is taken for dead."""

EMAILS_BUDGET = timedelta(seconds=20)
"""For each kind of e-mail: the queue ends a task after two minutes, wherever it stands."""


class MailStopped(RuntimeError):
    """E-mails that were owed could not be sent, because the mail server failed; they are owed still."""


SPOKEN = (HuwiseError, ImproperlyConfigured, AlreadyRunning, WrongHost, MailStopped)
"""Errors whose text is meant for people and holds no secret."""


def recorded(work: Callable[Given, None]) -> Callable[Given, None]:
    """Keep when a task ran and how it ended; of an error that is not meant for people, its kind alone."""

    @wraps(work)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        task = work.__name__
        workspace = next((pk for pk in args if isinstance(pk, int)), None)
        with _database_waited_for(task):
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
def _database_waited_for(task: str) -> Iterator[None]:
    """Where the database itself cannot go on, say so in a line: the sweep asks for the work again when it can."""
    try:
        yield
    except OperationalError as error:
        if not is_of_the_server(error):
            raise
        log.exception("a task was left out: the database cannot go on", task=task)


@contextmanager
def _failure_logged() -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if not is_of_the_server(error):
            log.exception("a task failed")
        raise


@recorded
def take_in_job(workspace_id: int) -> None:
    """Judge what a sync that was killed has left."""
    take_in(Workspace.objects.get(pk=workspace_id))


@recorded
def check_connection_job(workspace_id: int) -> None:
    """A connection check as a task: where the workspace cannot even be looked at, that is what was found."""
    workspace = Workspace.objects.get(pk=workspace_id)
    try:
        check_workspace_connection(workspace)
    except ImproperlyConfigured as error:
        record_failure(workspace=workspace, error=str(error), now=now())


@recorded
def revoke_batch(workspace_id: int) -> None:
    """Revoke what is due, for half a minute; then again if something is left that can be done now."""
    workspace = Workspace.objects.get(pk=workspace_id)
    before, until = _open_cases(workspace), monotonic() + BATCH_BUDGET.total_seconds()
    revoke_due(workspace, budget=BATCH_BUDGET, patience=HELD_PATIENCE)
    # What waits for a lease or for a quiet period to end is soon worth another look.
    while _in_flight(workspace).exists() and monotonic() < until:
        sleep(2)
        left = timedelta(seconds=max(1, until - monotonic()))
        revoke_due(workspace, budget=left, patience=HELD_PATIENCE)
    if 0 < _open_cases(workspace) < before:
        enqueue_revoke(workspace)


def preview_policy_job(policy_preview_id: int) -> None:
    """Judge under a proposed policy for half a minute; then again if somebody is left."""
    policy_preview = (
        PolicyPreview.objects.select_related("workspace")
        .filter(pk=policy_preview_id, state=PolicyPreview.State.JUDGING)
        .first()
    )
    if policy_preview is not None and not preview.judge(policy_preview=policy_preview, clock=now, budget=BATCH_BUDGET):
        enqueue_policy_preview(policy_preview_id)


def bulk_decision_job(bulk_id: int) -> None:
    """Go on with a decision on very many for half a minute; then again if somebody is left."""
    found = BulkDecision.objects.filter(pk=bulk_id).defer("accounts").first()
    if found is not None and bulk.carry_on(bulk=found, clock=now, budget=BATCH_BUDGET):
        enqueue_bulk_decision(bulk_id)


@recorded
def sync_job(workspace_id: int) -> None:
    """A sync as a task: one that runs already is enough."""
    try:
        sync(workspace_id)
    except AlreadyRunning as busy:
        log.info("sync left out", why=str(busy))


@recorded
def sweep() -> None:
    """Every minute: work is asked for wherever a case can move or a clean-up close, and for what fell silent."""
    watch()
    failed = _in_each(_sweep)
    silent = PolicyPreview.objects.filter(state=PolicyPreview.State.JUDGING, heartbeat_at__lt=now() - SILENT_PREVIEW)
    for policy_preview_id in silent.values_list("pk", flat=True):
        enqueue_policy_preview(policy_preview_id)
    if traces.is_scrub_owed():
        enqueue_scrub()
    for bulk_id in bulk.silent(now=now()):
        enqueue_bulk_decision(bulk_id)
    alert_administrators()
    if failed:
        raise failed
    ping()


def _sweep(workspace: Workspace) -> None:
    end_dead_syncs(workspace=workspace)
    if assess.is_owed(workspace=workspace) and not workspace.syncs.filter(state=Sync.State.RUNNING).exists():
        enqueue_take_in(workspace)
    is_moving, cases = _move_on(workspace), _open_cases(workspace)
    if is_moving or cases:
        enqueue_revoke(workspace, cases=max(1, cases))


def _move_on(workspace: Workspace) -> bool:
    """Pause what is to be paused and make due what is; whether that moved a case, or a clean-up can close."""
    running = workspace.cleanups.filter(state=CleanupState.RUNNING)
    if not running.exists():
        return False
    brake.brake_all(workspace, now=now())
    became_due = advance.make_due(workspace=workspace, now=now())
    return became_due > 0 or running.exclude(cases__in=Case.objects.open()).exists()


@recorded
def send_emails_job() -> None:
    """Every ten minutes: send the reminders that are due, the notices that are waiting, and tell of the end."""
    stopped: list[str] = []
    failed = _in_each(lambda workspace: stopped.extend(_send_emails(workspace)))
    if stopped:
        raise MailStopped("; ".join(dict.fromkeys(stopped)))
    if failed:
        raise failed


def _send_emails(workspace: Workspace) -> set[str]:
    """Why e-mails of a workspace stopped, if they did."""
    if due.is_quiet(workspace, now=now()):
        return set()
    reminders, closings = (
        send(
            workspace=workspace,
            now=now(),
            limit=allowance(workspace=workspace, kinds=kinds, pace=pace(), now=now()),
            budget=EMAILS_BUDGET,
        )
        for send, kinds in (
            (send_reminders, (Event.CASE_REMINDED,)),
            (send_closings, (Event.CASE_CLOSING_TOLD, Event.CASE_KEPT_TOLD)),
        )
    )
    errors = {reminders.error, warn(workspace, budget=EMAILS_BUDGET).error, closings.error} - {""}
    for error in errors:
        log.error("mails stopped", workspace=workspace.name, error=error)
    return errors


@recorded
def send_digests_job() -> None:
    """Every quarter of an hour: mail the operators what happened since the last time."""
    if failed := _in_each(_send_digest):
        raise failed


def _send_digest(workspace: Workspace) -> None:
    digest.send_digest(workspace=workspace, now=now())
    digest.tell_owners(workspace=workspace, now=now())


@recorded
def send_alerts_job() -> None:
    """At once: mail the administrators what somebody did that could harm many, and ask who can confirm a launch.

    And people whose login or role was changed, where that was not told with the change.
    """
    for workspace in Workspace.objects.all():
        alert.tell_administrators(workspace=workspace, now=now())
        confirmation.ask(workspace=workspace, now=now())
    owed.tell_owed(now=now())


def attack_mail_job(login: str) -> None:
    """Tell the owner of a login that somebody tries passwords for it."""
    alert.tell_of_attack(login=login)


def login_mail_job(subject: str, body: str, to: str) -> None:
    """Send what a sign-in has left to be told."""
    digest.sent([EmailMessage(subject=subject, body=body, to=[to])])


@recorded
def check_every_connection() -> None:
    """Every night: have each workspace's address, key and clocks looked at, before it is synced."""
    if failed := _in_each(enqueue_connection_check):
        raise failed


@recorded
def sync_every_workspace() -> None:
    """Every night: have each workspace synced, each as a task of its own, so that no one's fault stops another's."""
    if failed := _in_each(enqueue_sync):
        raise failed


def _in_each(work: Callable[[Workspace], None]) -> Exception | None:
    """Do something in every workspace in use; one that fails stops no other. Returns the first failure."""
    failed: list[Exception] = []
    for source in (stored_workspaces, described_workspaces):
        try:
            found = [workspace for workspace in source() if workspace.is_active]
        except ImproperlyConfigured as error:
            found = []
            failed.append(error)
        for workspace in found:
            try:
                work(workspace)
            except Exception as error:
                log.exception("a task failed in one workspace", workspace=workspace.name)
                failed.append(error)
    return failed[0] if failed else None


def _in_flight(workspace: Workspace) -> QuerySet[Case]:
    return Case.objects.filter(cleanup__workspace=workspace, state__in=IN_FLIGHT)


def _open_cases(workspace: Workspace) -> int:
    """Cases that the worker can move now: due (a cancelled clean-up lets go of such), in flight, or unknown."""
    in_flight = ("claimed", "intended", "unknown")
    turns = (CleanupState.RUNNING, CleanupState.CANCELLED)
    can_move = Q(state__in=in_flight) | Q(state="due", cleanup__state__in=turns)
    return Case.objects.filter(can_move, cleanup__workspace=workspace).count()
