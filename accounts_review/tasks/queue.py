"""Work handed to the worker; each call joins the transaction of its caller."""

from __future__ import annotations

from math import ceil
from typing import Any

from django.conf import settings
from django.db.models.functions import Now
from django.dispatch import receiver
from django_q.models import OrmQ
from django_q.signals import pre_execute
from django_q.tasks import async_task
from structlog.contextvars import bind_contextvars, clear_contextvars

from accounts_review.models import Case, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.retention import traces
from accounts_review.workflow.revoke.flight import AT_ONCE

REVOKE = "accounts_review.tasks.jobs.revoke_batch"
SCRUB = "accounts_review.tasks.nightly.scrub_job"
PREVIEW_POLICY = "accounts_review.tasks.jobs.preview_policy_job"

SYNC_SECONDS = 4 * 3600
"""How long a sync may take: a million accounts are a thousand calls, twice; and judging them, and proving the audit.
Every other task is short."""


REVOKE_SECONDS = 480
"""How long a worker may revoke. It claims for half a minute; what it has in flight then may meet a workspace that
answers late or asks for patience, and is waited for, so that its threads end before the process does."""


def enqueue_revoke(workspace: Workspace, *, cases: int = 1) -> None:
    """Tell the workers that so many cases may be due: at once as many workers as have something to do.

    What waits in the queue already counts; what is being worked on does not, because its worker may have died.
    """
    wanted = min(settings.WORKERS, ceil(cases / AT_ONCE))
    for _ in range(wanted - _waiting(REVOKE, workspace.pk)):
        async_task(REVOKE, workspace.pk, timeout=REVOKE_SECONDS)


def _waiting(task: str, *given: object) -> int:
    return sum((one.func(), one.args()) == (task, given) for one in OrmQ.objects.filter(lock__lte=Now()))


def enqueue_emails() -> None:
    """Ask the worker to send the e-mails that are due, rather than at its next turn."""
    async_task("accounts_review.tasks.jobs.send_emails_job")


def wake(workspace: Workspace) -> None:
    """After a launch, or anything that has e-mails and removals go on: both begin at once."""
    enqueue_emails()
    due = Case.objects.filter(cleanup__workspace=workspace, state=CaseState.DUE)
    enqueue_revoke(workspace, cases=max(1, due[: settings.WORKERS * AT_ONCE].count()))


def enqueue_alert() -> None:
    """Ask the worker to tell people at once what somebody did that they should hear of."""
    async_task("accounts_review.tasks.jobs.send_alerts_job")


def enqueue_attack_mail(login: str) -> None:
    """Ask the worker to tell the owner of a login, if it has one, that somebody tries passwords for it."""
    async_task("accounts_review.tasks.jobs.attack_mail_job", login)


def enqueue_login_mail(subject: str, body: str, *, to: str) -> None:
    """Ask the worker to tell somebody of a change to how they sign in, where no mail server may keep them waiting."""
    async_task("accounts_review.tasks.jobs.login_mail_job", subject, body, to)


def enqueue_sweep() -> None:
    """Have the worker look everywhere at once, as it should after a restart."""
    async_task("accounts_review.tasks.jobs.sweep")


def enqueue_sync(workspace: Workspace) -> None:
    """Ask the worker for a sync."""
    async_task("accounts_review.tasks.jobs.sync_job", workspace.pk, timeout=SYNC_SECONDS)


def enqueue_take_in(workspace: Workspace) -> None:
    """Ask the worker to judge what a sync that was killed has left."""
    async_task("accounts_review.tasks.jobs.take_in_job", workspace.pk, timeout=SYNC_SECONDS)


def enqueue_verification() -> None:
    """Ask the worker to prove the whole audit."""
    async_task("accounts_review.tasks.nightly.verify_audit_job", timeout=SYNC_SECONDS)


def enqueue_retention() -> None:
    """Ask the worker to erase those whose time is over."""
    async_task("accounts_review.tasks.nightly.retention_job", timeout=SYNC_SECONDS)


def enqueue_scrub() -> None:
    """Ask the worker to have the embedded database forget what its files hold of rows that were changed."""
    if traces.is_embedded() and not _waiting(SCRUB):
        async_task(SCRUB, timeout=SYNC_SECONDS)


def enqueue_policy_preview(policy_preview_id: int) -> None:
    """Ask the worker to judge under a proposed policy."""
    if not _waiting(PREVIEW_POLICY, policy_preview_id):
        async_task(PREVIEW_POLICY, policy_preview_id, timeout=SYNC_SECONDS)


def enqueue_bulk_decision(bulk_id: int) -> None:
    """Ask the worker to go on with a decision on very many."""
    async_task("accounts_review.tasks.jobs.bulk_decision_job", bulk_id)


def enqueue_connection_check(workspace: Workspace) -> None:
    """Ask the worker to look at a workspace's address, key and clocks."""
    async_task("accounts_review.tasks.jobs.check_connection_job", workspace.pk)


@receiver(pre_execute)
def name_task_in_logs(task: dict[str, Any], **_: object) -> None:
    """Have every log line of a task name it by its id in the queue; nothing of the one before is left."""
    clear_contextvars()
    bind_contextvars(task_id=task["id"])
