"""Notify: warn people by e-mail, remind them, let cases ripen when the promised date has come, and tell of the end.

A letter is recorded after the mail server accepted it. A crash between the two sends it a second time rather
than never: a person warned twice is disturbed, a person not warned is wronged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review.lifecycle import CaseState
from accounts_review.models import AuditEntry, Case, Workspace, permit
from accounts_review.record import move, note
from accounts_review.workflow import letters, owed
from accounts_review.workflow.delivery import alone, deliver, one_by_one
from accounts_review.workflow.pacing import ANY_TIME, Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What one run of :func:`send_notices` did; ``error`` says what the mail server failed with, if it did."""

    sent: int = 0
    undeliverable: int = 0
    spared: int = 0
    left: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """What one run of :func:`send_reminders` or :func:`send_closings` did."""

    sent: int = 0
    refused: int = 0
    spared: int = 0
    error: str = ""


def send_notices(*, workspace: Workspace, now: datetime, limit: int | None = None) -> Notices:
    """Warn everyone whose case awaits a notice in a running clean-up, one mail each, at most ``limit`` of them.

    A refused address makes its own case undeliverable and stops nobody else; a mail server that cannot be
    reached ends the run, and the next one goes on from there.
    """
    with alone(workspace) as is_alone:
        if not is_alone:
            return Notices(left=owed.notices(workspace).count(), error=_busy())
        keys = owed.notices(workspace).values_list("pk", flat=True)
        tally, error = one_by_one(keys, partial(_warn, workspace=workspace, now=now), limit=limit)
    return Notices(
        sent=tally["sent"],
        undeliverable=tally["undeliverable"],
        spared=tally["spared"],
        left=owed.notices(workspace).count(),
        error=error,
    )


def send_reminders(*, workspace: Workspace, now: datetime, limit: int | None = None) -> Letters:
    """Remind the warned of their date, as many days before it as the policy says, each once.

    Where several have become due at once, after a pause, only the one nearest to the date is sent. A refusal changes
    no case's state.
    """
    with alone(workspace) as is_alone:
        if not is_alone:
            return Letters(error=_busy())
        days_of = dict(owed.reminders(workspace, now=now))
        act = partial(_remind, workspace=workspace, days_of=days_of, now=now)
        tally, error = one_by_one(days_of, act, limit=limit)
    return Letters(sent=tally["sent"], refused=tally["refused"], spared=tally["spared"], error=error)


def send_closings(*, workspace: Workspace, now: datetime, limit: int | None = None) -> Letters:
    """Tell those whose access was removed that it was, once. A refusal is recorded and not tried again."""
    with alone(workspace) as is_alone:
        if not is_alone:
            return Letters(error=_busy())
        tally, error = one_by_one(
            owed.closings(workspace, now=now), partial(_tell_the_end, workspace=workspace, now=now), limit=limit
        )
    return Letters(sent=tally["sent"], refused=tally["refused"], error=error)


@transaction.atomic
def ripen(*, workspace: Workspace, now: datetime) -> int:
    """Make due every warned case whose promised date has come; returns how many."""
    ripe = owed.of_running(workspace).filter(state="noticed", promised_at__lte=now).select_for_update(of=("self",))
    cases = list(ripe)
    move(cases, CaseState.DUE, kind="case.due", actor="portal", now=now)
    return len(cases)


@transaction.atomic
def spare_returned(*, workspace: Workspace, now: datetime) -> int:
    """Spare whoever was seen again while they were being warned (law 10); returns how many."""
    waiting = Case.objects.filter(
        cleanup__workspace=workspace, state__in=("awaiting_notice", "noticed", "undeliverable")
    ).select_related("account__assessment", "cleanup__workspace")
    spared = 0
    # What somebody else holds just now is seen by the next sync, and by the last look.
    for case in waiting.select_for_update(of=("self",), skip_locked=True):
        activity_at = case.account.assessment.activity_at
        code = "newer_activity" if owed.is_newer(activity_at, case) else "verdict_active"
        if code == "newer_activity" or case.account.assessment.dormant_from > now:
            why = [{"code": code, "detail": activity_at.isoformat() if activity_at else ""}]
            _move_aside(case, CaseState.SPARED, kind="case.spared", why=why, now=now)
            spared += 1
    return spared


@transaction.atomic
def mark_undeliverable(*, case: Case, actor: User, why: str, now: datetime) -> None:
    """Record by hand that the warning came back: what was not delivered is no notice, and leads to no revocation.

    Raises ``PermissionDenied``, ``ValueError`` without a reason, ``IllegalMove`` where nothing is being waited for.
    """
    permit(actor, "operate")
    if not why.strip():
        raise ValueError(_("Say why; the reason is kept in the audit."))
    login, data = actor.get_username(), {"why": why.strip()[:500]}
    move(
        [case],
        CaseState.UNDELIVERABLE,
        kind="case.undeliverable",
        actor=login,
        now=now,
        data=data,
        outcome=data,
        noticed_at=None,
    )


@transaction.atomic
def retry_notice(*, case: Case, actor: User, now: datetime) -> None:
    """Have an undeliverable warning sent again, to the address that the account has by then.

    The person gets the full notice anew; the date they may have been given never moves earlier. Raises
    ``PermissionDenied`` and ``IllegalMove``.
    """
    permit(actor, "operate")
    login = actor.get_username()
    move(
        [case],
        CaseState.AWAITING_NOTICE,
        kind="case.notice_retried",
        actor=login,
        now=now,
        outcome=None,
        reminders=[],
        reminded_at=None,
    )


def send_test(*, workspace: Workspace, kind: str, actor: User, now: datetime) -> str:
    """Send one of the letters, about a made-up person, to the one who asks; returns why it failed, or "".

    Raises ``PermissionDenied``.
    """
    permit(actor, "operate")
    if not actor.email:
        return _("Your login here has no e-mail address.")
    refused: list[str] = []

    def act(key: int, through: BaseEmailBackend) -> str:
        refusal = deliver(letters.test(workspace, kind, to=actor.email, now=now), through=through)
        refused.extend([refusal.why] if refusal else [])
        return "refused" if refusal else "sent"

    tally, error = one_by_one([0], act)
    if tally["sent"]:
        note([workspace], kind="letter.tested", actor=actor.get_username(), now=now, data={"letter": kind})
    return error or "".join(refused)


def allowance(*, kind: str, pace: Pace, now: datetime) -> int | None:
    """How many letters the pace still allows, by the audit entries of their kind within the last hour; None: any."""
    if not pace.is_open(now):
        return 0
    if not pace.per_hour:
        return None
    recent = AuditEntry.objects.filter(kind=kind, at__gt=now - timedelta(hours=1)).count()
    return max(0, pace.per_hour - recent)


def waves(count: int, now: datetime, pace: Pace = ANY_TIME) -> list[tuple[date, int]]:
    """The days on which so many notices would leave at a pace, and how many on each. Pure."""
    return pace.waves(count, now)


def _warn(key: int, through: BaseEmailBackend, *, workspace: Workspace, now: datetime) -> str:
    case = owed.still(owed.notices(workspace), key)
    if why := owed.objection(case, now=now):
        _move_aside(case, CaseState.SPARED, kind="case.spared", why=why, now=now)
        return "spared"
    assert case.cleanup.policy is not None
    promised = now + timedelta(days=case.cleanup.policy.rules.notice.days)
    promised = max(promised, case.promised_at or promised)
    refusal = deliver(letters.notice(case, promised=promised, now=now), through=through)
    if refusal and not refusal.is_final:
        return "deferred"  # By greylisting for one; the next run tries again.
    if refusal:
        _move_aside(case, CaseState.UNDELIVERABLE, kind="case.undeliverable", why=refusal.why[:500], now=now)
        return "undeliverable"
    data = {"to": case.account.email, "promised": promised.isoformat()}
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
    return "sent"


def _remind(
    key: int, through: BaseEmailBackend, *, workspace: Workspace, days_of: dict[int, int], now: datetime
) -> str:
    case, days = owed.still(owed.warned(workspace, now=now), key), days_of[key]
    if why := owed.objection(case, now=now):
        _move_aside(case, CaseState.SPARED, kind="case.spared", why=why, now=now)
        return "spared"
    refusal = deliver(letters.reminder(case, days=days, now=now), through=through)
    if refusal and not refusal.is_final:
        return "deferred"
    data = {"days": days, "to": case.account.email}
    if refusal:
        note([case], kind=owed.REMINDER_REFUSED, actor="portal", now=now, data=data | {"why": refusal.why[:500]})
        return "refused"
    with transaction.atomic():
        reminders = [*case.reminders, days]
        Case.objects.filter(pk=case.pk).update(reminded_at=now, reminders=reminders)
        note([case], kind="case.reminded", actor="portal", now=now, data=data)
    return "sent"


def _tell_the_end(key: int, through: BaseEmailBackend, *, workspace: Workspace, now: datetime) -> str:
    case = owed.still(owed.revoked(workspace, now=now), key)
    refusal = deliver(letters.closing(case, now=now), through=through)
    if refusal and not refusal.is_final:
        return "deferred"
    data = {"to": case.account.email}
    if refusal:
        note([case], kind=owed.CLOSING_REFUSED, actor="portal", now=now, data=data | {"why": refusal.why[:500]})
        return "refused"
    with transaction.atomic():
        Case.objects.filter(pk=case.pk).update(closing_told_at=now)
        note([case], kind="case.closing_told", actor="portal", now=now, data=data)
    return "sent"


def _move_aside(case: Case, to: CaseState, *, kind: str, why: object, now: datetime) -> None:
    data = {"why": why}
    move([case], to, kind=kind, actor="portal", now=now, data=data, outcome=data)


def _busy() -> str:
    return _("Another process is sending the mails of this workspace just now.")
