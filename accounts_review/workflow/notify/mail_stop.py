"""The mail stop: whether e-mails to people leave a workspace now, remembered from run to run for everyone to see."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Workspace
from accounts_review.models.audit_entry import EMAILS
from accounts_review.workflow.notify.smtp import MailStop, Round


def remember(run: Round, *, workspace: Workspace, now: datetime) -> None:
    """Keep that a run was stopped, or that mail works again; a run in which nothing was tried says neither."""
    if run.stop:
        _stop(workspace, run.stop, now=now)
    elif run.tally["sent"]:
        resume(workspace, now=now)


def stands(workspace: Workspace) -> bool:
    """Whether a mail stop stands now."""
    return Workspace.objects.filter(pk=workspace.pk, mail_stopped__isnull=False).exists()


@transaction.atomic
def resume(workspace: Workspace, *, now: datetime) -> None:
    """Mail works again, or nothing is owed any more."""
    held = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    if held.mail_stopped:
        Workspace.objects.filter(pk=held.pk).update(mail_stopped=None)
        audit.log([held], kind=Event.MAIL_RESUMED, actor="portal", now=now)


def took_mail_since(workspace: Workspace, instant: datetime) -> bool:
    """Whether the mail server has taken an e-mail since then, so that a refusal was not of us."""
    return AuditEntry.objects.of(workspace).filter(kind__in=EMAILS, at__gt=instant).exists()


@transaction.atomic
def _stop(workspace: Workspace, stop: MailStop, *, now: datetime) -> None:
    held = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    before, cause = held.mail_stopped, {"code": stop.code.value, "reply": stop.reply}
    at = before["at"] if before else now.isoformat()
    Workspace.objects.filter(pk=held.pk).update(mail_stopped=cause | {"at": at})
    if not before:
        audit.log([held], kind=Event.MAIL_STOPPED, actor="portal", now=now, data=cause)
