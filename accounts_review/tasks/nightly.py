"""Jobs of the night: verifying the audit, and erasing personal data whose retention period has ended."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now
from django.utils.translation import ngettext

from accounts_review.models import Workspace
from accounts_review.tasks.actions import apply_retention
from accounts_review.tasks.jobs import recorded
from accounts_review.tasks.queue import enqueue_retention, enqueue_scrub, enqueue_verification
from accounts_review.tasks.sources import renew_keys
from accounts_review.wording.numbers import counted
from accounts_review.workflow import holds
from accounts_review.workflow.retention import traces
from accounts_review.workflow.retention.clients import forget_clients, forget_sessions

log = structlog.get_logger(__name__)

MOST_NAMED = 5


class AuditFlawed(ImproperlyConfigured):
    """The audit does not hold; the message says where, for people."""


class NotAllErased(ImproperlyConfigured):
    """Personal data whose time is over could not all be erased; the message says of whom, by keys."""

    def __init__(self, first: str, *, count: int) -> None:
        sentence = ngettext(
            "%(count)s erasure failed and will be tried again next night: %(first)s",
            "%(count)s erasures failed and will be tried again next night: %(first)s",
            count,
        )
        super().__init__(sentence % counted({"count": count, "first": first}))


@recorded
def verify_every_night() -> None:
    """Every night: have the whole audit proven, as a task that may take its time.

    And encrypt anew what processes that still had the former ``SECRET_KEY`` wrote after a worker had started.
    """
    enqueue_verification()
    renew_keys()


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
    """Erase those whose time is over, forget from where people signed in, and clear sessions that have ended.

    Raises :class:`NotAllErased` at the end, where somebody could not be erased.
    """
    failed = list[str]()
    for workspace in Workspace.objects.exclude(retention_since=None):
        failed += [f"{workspace}: {what}" for what in _erased_in(workspace)]
    after = timedelta(days=settings.CLIENT_ADDRESS_DAYS)
    for workspace in Workspace.objects.all():
        forget_clients(workspace=workspace, after=after, now=now())
    Session.objects.filter(expire_date__lt=now()).delete()
    forget_sessions(after=after, now=now())
    if failed:
        raise NotAllErased("; ".join(failed[:MOST_NAMED]), count=len(failed))


@recorded
def scrub_job() -> None:
    """Have the embedded database forget what its files hold of people who were erased."""
    traces.scrub_embedded()


def _erased_in(workspace: Workspace) -> list[str]:
    """Erase in one workspace; returns what failed, so that the others have their turn."""
    try:
        erased = apply_retention(workspace)
        # A scrub that began while this went on does not know of those who were erased after it.
        if erased.accounts or erased.terms:
            enqueue_scrub()
        return erased.failed
    except Exception as error:
        kind = type(error).__name__
        log.error("retention failed", workspace=workspace.name, error=kind)
        return [kind]
