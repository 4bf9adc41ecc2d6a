"""Notify: warn people by e-mail, and let cases ripen when the promised date has come.

The notice is recorded after the mail server accepted it. A crash between the two sends it a second time rather
than never: a person warned twice is disturbed, a person not warned is wronged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts_review import wording
from accounts_review.lifecycle import CaseState
from accounts_review.models import Account, Case, Workspace
from accounts_review.record import Conflict, move


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What one run of :func:`send_notices` did; ``error`` says why it stopped early, if it did."""

    sent: int = 0
    undeliverable: int = 0
    spared: int = 0
    left: int = 0
    error: str = ""


def send_notices(*, workspace: Workspace, now: datetime, limit: int | None = None) -> Notices:
    """Warn everyone whose case awaits a notice in a running clean-up, one mail each.

    A refused address makes its own case undeliverable and stops nobody else; a mail server that cannot be
    reached ends the run, and the next one goes on from there.
    """
    cases = list(_awaiting(workspace)[:limit])
    sent = undeliverable = spared = 0
    error = ""
    try:
        with get_connection() as connection:
            for case in cases:
                try:
                    outcome = _warn(case, connection, now=now)
                except Conflict:
                    continue
                sent += outcome is CaseState.NOTICED
                undeliverable += outcome is CaseState.UNDELIVERABLE
                spared += outcome is CaseState.SPARED
    except (SMTPException, OSError) as failure:
        error = _("The mail server failed: %(error)s. Check EMAIL_URL.") % {"error": failure}
    left = _awaiting(workspace).count()
    return Notices(sent=sent, undeliverable=undeliverable, spared=spared, left=left, error=error)


@transaction.atomic
def ripen(*, workspace: Workspace, now: datetime) -> int:
    """Make due every warned case whose promised date has come; returns how many."""
    ripe = _of_running(workspace).filter(state="noticed", promised_at__lte=now).select_for_update(of=("self",))
    cases = list(ripe)
    move(cases, CaseState.DUE, kind="case.due", actor="portal", now=now)
    return len(cases)


def _awaiting(workspace: Workspace) -> QuerySet[Case]:
    return _of_running(workspace).filter(state="awaiting_notice").order_by("pk")


def _of_running(workspace: Workspace) -> QuerySet[Case]:
    running = Case.objects.filter(cleanup__workspace=workspace, cleanup__state="running", cleanup__dry_run=False)
    return running.select_related("account", "cleanup__workspace", "cleanup__policy")


def _warn(case: Case, connection: BaseEmailBackend, *, now: datetime) -> CaseState:
    account = Account.objects.assessed().with_verdict(now).get(pk=case.account_id)
    if account.verdict != "dormant" or account.absent_since or account.gone_at:
        why = wording.verdict(account.verdict) if account.verdict != "dormant" else _("no longer listed")
        move(
            [case],
            CaseState.SPARED,
            kind="case.spared",
            actor="portal",
            now=now,
            data={"why": why},
            outcome={"why": why},
        )
        return CaseState.SPARED
    assert case.cleanup.policy is not None
    promised = now + timedelta(days=case.cleanup.policy.rules.notice.days)
    try:
        _compose(case, account, promised, connection, now=now).send()
    except SMTPRecipientsRefused as refusal:
        if all(code < 500 for code, text in refusal.recipients.values()):
            # Put off, by greylisting for one; the next run tries again.
            return CaseState.AWAITING_NOTICE
        answers = ", ".join(f"{code} {text!r}" for code, text in refusal.recipients.values())
        return _undeliverable(case, answers, now=now)
    except SMTPDataError as refusal:
        if 500 <= refusal.smtp_code < 600:
            return _undeliverable(case, f"{refusal.smtp_code} {refusal.smtp_error!r}", now=now)
        raise
    except ValueError as malformed:
        return _undeliverable(case, str(malformed), now=now)
    data = {"to": account.email, "promised": promised.isoformat()}
    move(
        [case],
        CaseState.NOTICED,
        kind="case.noticed",
        actor="portal",
        now=now,
        data=data,
        noticed_at=now,
        promised_at=promised,
    )
    return CaseState.NOTICED


def _undeliverable(case: Case, why: str, *, now: datetime) -> CaseState:
    data = {"why": why[:500]}
    move([case], CaseState.UNDELIVERABLE, kind="case.undeliverable", actor="portal", now=now, data=data, outcome=data)
    return CaseState.UNDELIVERABLE


def _compose(
    case: Case, account: Account, promised: datetime, connection: BaseEmailBackend, *, now: datetime
) -> EmailMessage:
    found = account.assessment
    context = {
        "account": account,
        "workspace": case.cleanup.workspace,
        "promised": promised,
        "why": wording.idleness(
            activity_at=found.activity_at,
            activity_field=found.activity_field,
            limit_days=found.limit_days,
            segment=found.segment,
            now=now,
        ),
        "contact": settings.EMAIL_CONTACT,
    }
    return EmailMessage(
        subject=" ".join(render_to_string("emails/notice/subject.txt", context).split()),
        body=render_to_string("emails/notice/body.txt", context),
        to=[account.email],
        reply_to=[settings.EMAIL_REPLY_TO] if settings.EMAIL_REPLY_TO else None,
        connection=connection,
    )
