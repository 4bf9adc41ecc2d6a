"""Bounces: what was not delivered is no notice (law 10), whoever says so, and however late."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, Case, permit
from accounts_review.rules.lifecycle import CASE_TRANSITIONS, IN_FLIGHT, CaseState, CleanupState, IllegalTransition
from accounts_review.workflow.notify import emails
from accounts_review.workflow.notify.taken import TAKEN, record_first

LATEST = timedelta(days=30)
"""A report that names only an address is believed to be about a removal no longer ago than this."""


@transaction.atomic
def mark_undeliverable(*, case: Case, actor: User, why: str, now: datetime) -> None:
    """Record by hand that the warning came back; where the access was removed meanwhile, that it came back too late.

    Raises ``PermissionDenied``, ``ValueError`` without a reason, ``IllegalTransition`` where nothing is awaited.
    """
    permit(actor, "operate", case.cleanup.workspace)
    if not why.strip():
        raise ValueError(_("Give a reason; it is recorded in the audit."))
    if case.cleanup.dry_run:
        raise ValueError(_("A dry run warns nobody, so no notice can have bounced."))
    if case.state == CaseState.REVOKED:
        _note_late(case, actor=actor.get_username(), now=now, why=why.strip()[:500])
    else:
        give_up(case, actor=actor.get_username(), now=now, why=why.strip()[:500])


@transaction.atomic
def mark_bounced(*, message_id: str, recipient: str, why: str, now: datetime) -> int:
    """Record that the mail server could not deliver a warning after all; returns how many cases that concerns.

    The case is known by the notice's identifier, or else by the address that was written to. What was not delivered is
    no notice: the case becomes undeliverable; where a DELETE is under way, no other will follow it; where the access
    is gone already, that is recorded, and the person can be invited back. Saying it twice changes nothing.
    """
    found = _concerned(message_id.strip("<>")[:255], recipient, now=now)
    # Account first, then case: as deciders and the gate do.
    list(
        Account.objects.filter(cases__in=found)
        .order_by("pk")
        .select_for_update(no_key=True, of=("self",))
        .values_list("pk")
    )
    cases = list(
        found.select_related("account", "cleanup__workspace")
        .order_by("pk")
        .select_for_update(no_key=True, of=("self",))
    )
    details = {"why": emails.one_line(why, longest=500), "message_id": message_id.strip("<>")[:255]}
    for case in cases:
        _mark(case, now=now, **details, recipient=recipient[:320])
    return len(cases)


@transaction.atomic
def retry_notice(*, case: Case, actor: User, now: datetime) -> None:
    """Have an undeliverable warning sent again, to the address that the account has by then.

    The person gets the full notice again; the date they may have been given never moves earlier. Raises
    ``PermissionDenied`` and ``IllegalTransition``.
    """
    permit(actor, "operate", case.cleanup.workspace)
    if case.state != CaseState.UNDELIVERABLE:
        raise IllegalTransition(subject=case, origin=case.state, target=CaseState.AWAITING_NOTICE)
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


@transaction.atomic
def give_up(case: Case, *, actor: str, now: datetime, **details: object) -> None:
    """What was not delivered is no notice, whatever was thought before."""
    record_first(case, now=now)
    kind, none = Event.CASE_UNDELIVERABLE, None
    address = case.account.email if case.state == CaseState.AWAITING_NOTICE else case.warned_to
    audit.transition(
        [case],
        CaseState.UNDELIVERABLE,
        kind=kind,
        actor=actor,
        now=now,
        data=details,
        outcome=details,
        noticed_at=none,
        warned_to=address,
    )


def _concerned(message_id: str, recipient: str, *, now: datetime) -> QuerySet[Case]:
    """The cases that a report is about: the one whose notice has that identifier, or those written to there."""
    # The server may be faster than our own record.
    taken = Q(state=CaseState.AWAITING_NOTICE, outcome__has_key=TAKEN)
    warned = Case.objects.filter(Q(noticed_at__isnull=False) | taken)
    by_name = warned.filter(message_id=message_id) if message_id else warned.none()
    if not recipient or by_name.exists():
        return by_name
    # A report may come before the sending is recorded: then the warning on its way is no notice either.
    leaving = Q(state=CaseState.AWAITING_NOTICE, cleanup__state=CleanupState.RUNNING, cleanup__dry_run=False)
    leaving &= Q(account__email__iexact=recipient)
    removed = Q(state=CaseState.REVOKED, moved_at__gt=now - LATEST)
    written_to = Q(warned_to__iexact=recipient) & (Q(pk__in=Case.objects.open()) | removed) & ~Q(noticed_at=None)
    return Case.objects.filter(written_to | leaving)


def _mark(case: Case, *, now: datetime, **details: object) -> None:
    if CaseState.UNDELIVERABLE in CASE_TRANSITIONS[CaseState(case.state)]:
        give_up(case, actor="portal", now=now, **details)
    elif case.state in IN_FLIGHT:
        Case.objects.filter(pk=case.pk).update(noticed_at=None, bounced_at=now)
        audit.log([case], kind=Event.CASE_BOUNCED, actor="portal", now=now, data=details)
    elif case.state == CaseState.REVOKED:
        _note_late(case, actor="portal", now=now, **details)


def _note_late(case: Case, *, actor: str, now: datetime, **details: object) -> None:
    """The access is gone: nothing of that is rewritten, but a person should know, and may invite them back."""
    if Case.objects.filter(pk=case.pk, bounced_at=None).update(bounced_at=now):
        audit.log([case], kind=Event.CASE_BOUNCED, actor=actor, now=now, data=details | {"too_late": True})
