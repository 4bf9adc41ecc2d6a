"""Jobs of the night: proving the audit, and erasing what has had its time."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now

from accounts_review.models import Workspace
from accounts_review.tasks.actions import apply_retention
from accounts_review.tasks.jobs import recorded
from accounts_review.tasks.queue import enqueue_retention, enqueue_verification
from accounts_review.workflow import holds
from accounts_review.workflow.retention.clients import forget_clients


class AuditFlawed(ImproperlyConfigured):
    """The audit does not hold; the message says where, for people."""


@recorded
def verify_every_night() -> None:
    """Every night: have the whole audit proven, as a task that may take its time."""
    enqueue_verification()


@recorded
def erase_every_night() -> None:
    """Every night: have those erased whose time is over."""
    enqueue_retention()


@recorded
def verify_audit_job() -> None:
    """Prove the whole audit; what is wrong holds everything until an administrator has looked."""
    if flaws := holds.verify(now=now()):
        raise AuditFlawed("; ".join(flaws[:5]))


@recorded
def retention_job() -> None:
    """Erase those whose time is over, forget from where people signed in, and clear sessions that have ended."""
    for workspace in Workspace.objects.exclude(retention_since=None):
        apply_retention(workspace)
    for workspace in Workspace.objects.all():
        forget_clients(workspace=workspace, after=timedelta(days=settings.CLIENT_ADDRESS_DAYS), now=now())
    Session.objects.filter(expire_date__lt=now()).delete()
