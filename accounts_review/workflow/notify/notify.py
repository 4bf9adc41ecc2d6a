"""Notify: warn people by e-mail, remind them, let cases ripen when the promised date has come, and tell of the end.

A letter is recorded after the mail server accepted it. A crash between the two sends it a second time rather
than never: a person warned twice is disturbed, a person not warned is wronged.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Workspace, permit
from accounts_review.rules.dormancy import Standing
from accounts_review.rules.lifecycle import CASE_MOVES, IN_FLIGHT, CaseState
from accounts_review.workflow.notify import due, emails
from accounts_review.workflow.notify.pace import ANY_TIME, Pace
from accounts_review.workflow.notify.smtp import Refusal, alone, deliver, one_by_one

PATIENCE, MOST_TRIES = timedelta(days=5), 10
"""An address that puts the warning off is given up after both: RFC 5321 (4.5.4.1) asks a sender for four to five days,
and a worker that stood still meanwhile has not tried just because the days went by."""


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


def send_notices(
    *, workspace: Workspace, now: datetime, limit: int | None = None, budget: timedelta | None = None
) -> Notices:
    """Warn everyone whose case awaits a notice in a running clean-up, one mail each, at most ``limit`` of them.

    A refused address makes its own case undeliverable, and so does in the end one that only ever puts the warning off;
    neither stops anybody else. A mail server that cannot be reached ends the run, as does the time ``budget``, and the
    next one goes on from there.
    """
    with alone(workspace) as is_alone:
        if not is_alone:
            return Notices(left=due.notices(workspace).count(), error=_busy())
        keys = due.notices(workspace).values_list("pk", flat=True)
        act = partial(_warn, workspace=workspace, now=now)
        tally, error = one_by_one(keys, act, limit=limit, until=_until(budget))
    return Notices(
        sent=tally["sent"],
        undeliverable=tally["undeliverable"],
        spared=tally["spared"],
        left=due.notices(workspace).count(),
        error=error,
    )


def send_reminders(
    *, workspace: Workspace, now: datetime, limit: int | None = None, budget: timedelta | None = None
) -> Letters:
    """Remind the warned of their date, as many days before it as the policy says, each once.

    Where several have become due at once, after a pause, only the one nearest to the date is sent. A refusal changes
    no case's state.
    """
    with alone(workspace) as is_alone:
        if not is_alone:
            return Letters(error=_busy())
        days_of = dict(due.reminders(workspace, now=now))
        act = partial(_remind, workspace=workspace, days_of=days_of, now=now)
        tally, error = one_by_one(days_of, act, limit=limit, until=_until(budget))
    return Letters(sent=tally["sent"], refused=tally["refused"], spared=tally["spared"], error=error)


def send_closings(
    *, workspace: Workspace, now: datetime, limit: int | None = None, budget: timedelta | None = None
) -> Letters:
    """Tell those whose access was removed that it was, once. A refusal is recorded and not tried again."""
    with alone(workspace) as is_alone:
        if not is_alone:
            return Letters(error=_busy())
        act = partial(_tell_the_end, workspace=workspace, now=now)
        tally, error = one_by_one(due.closings(workspace, now=now), act, limit=limit, until=_until(budget))
    return Letters(sent=tally["sent"], refused=tally["refused"], error=error)


@transaction.atomic
def ripen(*, workspace: Workspace, now: datetime) -> int:
    """Make due every warned case whose promised date has come; returns how many.

    One whose notice came back while its DELETE was under way, and was without effect, is undeliverable after all.
    """
    running = due.of_running(workspace).order_by("pk").select_for_update(of=("self",))
    ripe = list(running.filter(state="noticed", promised_at__lte=now))
    returned = list(running.filter(state="due", noticed_at=None, promised_at__isnull=False))
    audit.transition(ripe, CaseState.DUE, kind=Event.CASE_DUE, actor="portal", now=now)
    for case in returned:
        _give_up(case, actor="portal", now=now, why=_("the notice came back"))
    return len(ripe)


@transaction.atomic
def spare_returned(*, workspace: Workspace, now: datetime) -> int:
    """Spare whoever was seen again or became protected while they were being warned (law 10); returns how many."""
    waiting = Case.objects.filter(
        cleanup__workspace=workspace, state__in=("awaiting_notice", "noticed", "undeliverable")
    ).select_related("account__assessment", "cleanup__workspace")
    spared = 0
    # What somebody else holds just now is seen by the next sync, and by the last look.
    for case in waiting.select_for_update(of=("self",), skip_locked=True):
        found = case.account.assessment
        activity_at = found.activity_at
        code = "newer_activity" if due.is_newer(activity_at, case) else "verdict_active"
        if code == "newer_activity" or found.dormant_from > now:
            why = [{"code": code, "detail": activity_at.isoformat() if activity_at else ""}]
            _spare(case, why, now=now)
            spared += 1
        elif found.standing == Standing.PROTECTED:
            _spare(case, [{"code": "verdict_protected", "detail": "", "because": found.reasons}], now=now)
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
    if case.cleanup.dry_run:
        raise ValueError(_("A dry run warns nobody, so that nothing can have come back."))
    _give_up(case, actor=actor.get_username(), now=now, why=why.strip()[:500])


@transaction.atomic
def mark_bounced(*, message_id: str, recipient: str, why: str, now: datetime) -> int:
    """Record that the mail server could not deliver a warning after all; returns how many cases that concerns.

    The case is known by the notice's identifier, or else by the address. What was not delivered is no notice: the case
    becomes undeliverable; where a DELETE is under way, no other will follow it. What has ended stays as it is, and
    saying it twice changes nothing.
    """
    known, name = Case.objects.exclude(noticed_at=None), message_id.strip("<>")[:255]
    found = known.filter(message_id=name) if name else known.none()
    if recipient and not found.exists():
        # A report may come before the sending is recorded: then the warning on its way is no notice either.
        leaving = Q(state="awaiting_notice", cleanup__state="running", cleanup__dry_run=False)
        known = Case.objects.open().filter(~Q(noticed_at=None) | leaving)
        found = known.filter(Q(account__email__iexact=recipient) | Q(evidence__email__iexact=recipient))
    # Account first, then case: as deciders and the gate do.
    list(Account.objects.filter(cases__in=found).order_by("pk").select_for_update(of=("self",)).values_list("pk"))
    cases = list(found.select_related("account", "cleanup__workspace").order_by("pk").select_for_update(of=("self",)))
    said = {"why": emails.one_line(why, longest=500), "message_id": name, "recipient": recipient[:320]}
    for case in cases:
        if CaseState.UNDELIVERABLE in CASE_MOVES[CaseState(case.state)]:
            _give_up(case, actor="portal", now=now, **said)
        elif case.state in IN_FLIGHT:
            Case.objects.filter(pk=case.pk).update(noticed_at=None)
            audit.log([case], kind=Event.CASE_BOUNCED, actor="portal", now=now, data=said)
    return len(cases)


@transaction.atomic
def retry_notice(*, case: Case, actor: User, now: datetime) -> None:
    """Have an undeliverable warning sent again, to the address that the account has by then.

    The person gets the full notice anew; the date they may have been given never moves earlier. Raises
    ``PermissionDenied`` and ``IllegalMove``.
    """
    permit(actor, "operate")
    login = actor.get_username()
    audit.transition(
        [case],
        CaseState.AWAITING_NOTICE,
        kind=Event.CASE_NOTICE_RETRIED,
        actor=login,
        now=now,
        outcome=None,
        tried_at=None,
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
        answer = deliver(emails.test(workspace, kind, to=actor.email, now=now), through=through)
        if isinstance(answer, Refusal):
            refused.append(answer.why)
            return "refused"
        return "sent"

    tally, error = one_by_one([0], act)
    if tally["sent"]:
        audit.log([workspace], kind=Event.EMAIL_TESTED, actor=actor.get_username(), now=now, data={"letter": kind})
    return error or "".join(refused)


def allowance(*, workspace: Workspace, kind: Event, pace: Pace, now: datetime) -> int | None:
    """How many letters of a kind a workspace's pace still allows, by the audit of the last hour; None: any."""
    if not pace.is_open(now):
        return 0
    if not pace.per_hour:
        return None
    recent = AuditEntry.objects.of(workspace).filter(kind=kind, at__gt=now - timedelta(hours=1))
    return max(0, pace.per_hour - recent.count())


def waves(count: int, now: datetime, pace: Pace = ANY_TIME) -> list[tuple[date, int]]:
    """The days on which so many notices would leave at a pace, and how many on each. Pure."""
    return pace.waves(count, now)


def _warn(key: int, through: BaseEmailBackend, *, workspace: Workspace, now: datetime) -> str:
    case = due.still(due.notices(workspace), key, now=now)
    if why := due.objection(case, now=now):
        _spare(case, why, now=now)
        return "spared"
    assert case.cleanup.policy is not None
    promised = now + timedelta(days=case.cleanup.policy.rules.notice.days)
    promised = max(promised, case.promised_at or promised)
    answer = deliver(emails.notice(case, promised=promised, now=now), through=through)
    if isinstance(answer, Refusal):
        return _not_warned(case, answer, now=now)
    data = {"address": case.account.email, "promised": promised.isoformat(), "message_id": answer[:255]}
    audit.transition(
        [case],
        CaseState.NOTICED,
        kind=Event.CASE_NOTICED,
        actor="portal",
        now=now,
        data=data,
        noticed_at=now,
        promised_at=promised,
        message_id=answer[:255],
        outcome=None,
    )
    return "sent"


def _not_warned(case: Case, refusal: Refusal, *, now: datetime) -> str:
    """Count a try that came to nothing; the case is given up where the refusal is final, or patience ends."""
    before = case.outcome or {}
    since, tries = before.get("since", now.isoformat()), before.get("tries", 0) + 1
    said = {"why": refusal.why[:500], "tries": tries, "since": since}
    if refusal.is_final or (tries >= MOST_TRIES and now - datetime.fromisoformat(since) >= PATIENCE):
        _give_up(case, actor="portal", now=now, **said)
        return "undeliverable"
    Case.objects.filter(pk=case.pk, state="awaiting_notice").update(tried_at=now, outcome=said)
    return refusal.kind


def _remind(
    key: int, through: BaseEmailBackend, *, workspace: Workspace, days_of: dict[int, int], now: datetime
) -> str:
    case, days = due.still(due.warned(workspace, now=now), key, now=now), days_of[key]
    if why := due.objection(case, now=now):
        _spare(case, why, now=now)
        return "spared"
    answer = deliver(emails.reminder(case, days=days, now=now), through=through)
    data = {"days": days, "address": case.account.email}
    if isinstance(answer, Refusal):
        return _not_told(case, answer, kind=due.REMINDER_REFUSED, data=data, now=now)
    with transaction.atomic():
        reminders = [*case.reminders, days]
        Case.objects.filter(pk=case.pk).update(reminded_at=now, reminders=reminders)
        audit.log([case], kind=Event.CASE_REMINDED, actor="portal", now=now, data=data)
    return "sent"


def _tell_the_end(key: int, through: BaseEmailBackend, *, workspace: Workspace, now: datetime) -> str:
    case = due.still(due.revoked(workspace, now=now), key, now=now)
    answer = deliver(emails.closing(case, now=now), through=through)
    data = {"address": case.account.email}
    if isinstance(answer, Refusal):
        return _not_told(case, answer, kind=due.CLOSING_REFUSED, data=data, now=now)
    with transaction.atomic():
        Case.objects.filter(pk=case.pk).update(closing_told_at=now)
        audit.log([case], kind=Event.CASE_CLOSING_TOLD, actor="portal", now=now, data=data)
    return "sent"


def _not_told(case: Case, refusal: Refusal, *, kind: Event, data: dict[str, Any], now: datetime) -> str:
    """A letter that changes no state: a final refusal is recorded, anything else is tried again after the others."""
    if refusal.is_final:
        audit.log([case], kind=kind, actor="portal", now=now, data=data | {"why": refusal.why[:500]})
    else:
        Case.objects.filter(pk=case.pk).update(tried_at=now)
    return refusal.kind


def _spare(case: Case, why: object, *, now: datetime) -> None:
    data = {"why": why}
    audit.transition([case], CaseState.SPARED, kind=Event.CASE_SPARED, actor="portal", now=now, data=data, outcome=data)


def _give_up(case: Case, *, actor: str, now: datetime, **said: object) -> None:
    """What was not delivered is no notice, whatever was thought before."""
    kind, none = Event.CASE_UNDELIVERABLE, None
    audit.transition(
        [case], CaseState.UNDELIVERABLE, kind=kind, actor=actor, now=now, data=said, outcome=said, noticed_at=none
    )


def _until(budget: timedelta | None) -> float | None:
    return time.monotonic() + budget.total_seconds() if budget else None


def _busy() -> str:
    return _("Another process is sending the mails of this workspace just now.")
