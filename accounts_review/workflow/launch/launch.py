"""Launch: freeze the draft into a dated clean-up, confirm it where the policy asks, pause it and cancel it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Case, Cleanup, Workspace, permit
from accounts_review.models.keys import Among
from accounts_review.rules.lifecycle import WITHDRAWABLE, CaseState, CleanupState
from accounts_review.wording import findings
from accounts_review.workflow import clock
from accounts_review.workflow.brake import TOO_MANY_AGAINST, feedback_of
from accounts_review.workflow.launch import limits

BETWEEN_REMINDERS = timedelta(hours=1)
ASKED = (Event.CLEANUP_LAUNCHED, Event.CLEANUP_REMINDED)
"""What has those who can confirm a launch asked to do so."""


class CannotLaunch(ValueError):
    """The clean-up cannot take this step; the message says why and what to do."""


@transaction.atomic
def launch(*, cleanup: Cleanup, actor: User, now: datetime) -> Cleanup:
    """Freeze the draft: mode, policy and cases. It runs at once, or awaits a second person's confirmation.

    Where the draft exceeds what the limits leave room for, those idle longest go and the others stay for the next one.
    Raises ``PermissionDenied`` and :class:`CannotLaunch`.
    """
    permit(actor, "operate", cleanup.workspace)
    cleanup = _locked(cleanup)
    if not cleanup.is_draft:
        raise CannotLaunch(_("This clean-up has already been launched."))
    if found := clock.behind(cleanup.workspace, now=now):
        raise CannotLaunch(str(findings.in_words(found)))
    version = cleanup.workspace.current_policy
    room = limits.room(cleanup.workspace, now=now)
    ranked = list(ranked_cases(cleanup).values_list("pk", flat=True))
    launching, held_back = ranked[: room.allows], ranked[room.allows :]
    if not launching and not held_back:
        raise CannotLaunch(_("The draft is empty; approve accounts first."))
    if not launching:
        raise CannotLaunch(str(findings.in_words(room.objection)))
    login, two_people = actor.get_username(), version.rules.approval.two_people
    target = CleanupState.AWAITING_CONFIRMATION if two_people else CleanupState.RUNNING
    data = {"cases": len(launching), "held_back": len(held_back), "policy": version.number}
    data |= {"dry_run": not cleanup.workspace.is_live, "notice_days": version.rules.notice.days}
    # Read before the first entry: nobody else writes one from then on.
    going = list(_bare(cleanup, pk__in=Among(launching))) if target is CleanupState.RUNNING else []
    audit.transition(
        [cleanup],
        target,
        kind=Event.CLEANUP_LAUNCHED,
        actor=login,
        now=now,
        data=data,
        dry_run=not cleanup.workspace.is_live,
        policy=version,
        launched_at=now,
        launched_by=login,
    )
    _hold_back(cleanup, held_back, now=now)
    if target is CleanupState.RUNNING:
        _start(cleanup, going, actor=login, now=now)
    return cleanup


@transaction.atomic
def confirm(*, cleanup: Cleanup, actor: User, now: datetime) -> Cleanup:
    """The second pair of eyes: starts a launched clean-up. Whoever launched it cannot confirm it.

    Raises ``PermissionDenied`` and :class:`CannotLaunch`.
    """
    permit(actor, "operate", cleanup.workspace)
    cleanup = _locked(cleanup)
    login = actor.get_username()
    if cleanup.state != CleanupState.AWAITING_CONFIRMATION:
        raise CannotLaunch(_("This clean-up is not waiting for confirmation."))
    if cleanup.launched_by == login:
        raise CannotLaunch(_("You launched this clean-up; another person has to confirm it."))
    going = list(_bare(cleanup, state=CaseState.IN_DRAFT))
    audit.transition(
        [cleanup], CleanupState.RUNNING, kind=Event.CLEANUP_CONFIRMED, actor=login, now=now, confirmed_by=login
    )
    _start(cleanup, going, actor=login, now=now)
    return cleanup


@transaction.atomic
def remind(*, cleanup: Cleanup, actor: User, now: datetime) -> None:
    """Have those who can confirm asked again by e-mail, an hour after the last time at the earliest.

    Raises ``PermissionDenied`` and :class:`CannotLaunch`.
    """
    permit(actor, "operate", cleanup.workspace)
    cleanup = _locked(cleanup)
    if cleanup.state != CleanupState.AWAITING_CONFIRMATION:
        raise CannotLaunch(_("This clean-up is not waiting for confirmation."))
    entries = AuditEntry.objects.of(cleanup.workspace).filter(cleanup=cleanup.number, at__gt=now - BETWEEN_REMINDERS)
    if entries.filter(kind__in=ASKED).exists():
        raise CannotLaunch(_("They were asked within the last hour."))
    audit.log([cleanup], kind=Event.CLEANUP_REMINDED, actor=actor.get_username(), now=now)


@transaction.atomic
def pause(*, cleanup: Cleanup, actor: User, reason: str, now: datetime) -> None:
    """Stop taking further steps; a DELETE that is on its way is still settled."""
    why = {"code": "paused", "reason": reason}
    _turn(cleanup, CleanupState.PAUSED, Event.CLEANUP_PAUSED, actor=actor, reason=reason, now=now, stopped_because=why)


@transaction.atomic
def resume(*, cleanup: Cleanup, actor: User, reason: str, now: datetime) -> None:
    """Go on with a paused or stopped clean-up.

    Where it paused because many spoke against it, as many again must do so until it pauses for that once more.
    """
    paused = Cleanup.objects.get(pk=cleanup.pk)
    was_against = paused.stopped_because.get("code") == TOO_MANY_AGAINST
    accepted = {"against_accepted": feedback_of(paused).count} if was_against else {}
    kind, none = Event.CLEANUP_RESUMED, dict[str, Any]()
    _turn(cleanup, CleanupState.RUNNING, kind, actor=actor, reason=reason, now=now, stopped_because=none, **accepted)


@transaction.atomic
def cancel(*, cleanup: Cleanup, actor: User, reason: str, now: datetime) -> None:
    """End a clean-up before its time: every case that can still be withdrawn is."""
    ended = {"closed_at": now, "stopped_because": {}}
    _turn(cleanup, CleanupState.CANCELLED, Event.CLEANUP_CANCELLED, actor=actor, reason=reason, now=now, **ended)
    audit.transition(
        list(_bare(cleanup, state__in=WITHDRAWABLE).select_for_update(no_key=True, of=("self",))),
        CaseState.WITHDRAWN,
        kind=Event.ACCOUNT_WITHDRAWN,
        actor=actor.get_username(),
        now=now,
        data={"reason": reason},
    )


def ranked_cases(cleanup: Cleanup) -> QuerySet[Case]:
    """The draft's cases, those idle longest first: so many of them as the limits allow are launched."""
    return cleanup.cases.filter(state=CaseState.IN_DRAFT).order_by("account__assessment__dormant_from", "pk")


def _turn(
    cleanup: Cleanup,
    to: CleanupState,
    kind: Event,
    *,
    actor: User,
    reason: str,
    now: datetime,
    **changes: Any,
) -> None:
    permit(actor, "operate", cleanup.workspace)
    if not reason.strip():
        raise CannotLaunch(_("Give a reason; it is recorded in the audit."))
    cleanup = _locked(cleanup)
    if to is CleanupState.RUNNING and cleanup.state != CleanupState.PAUSED:
        raise CannotLaunch(_("This clean-up is not paused."))
    audit.transition(
        [cleanup],
        to,
        kind=kind,
        actor=actor.get_username(),
        now=now,
        data={"reason": reason},
        **changes,
    )


def _start(cleanup: Cleanup, cases: list[Case], *, actor: str, now: datetime) -> None:
    """Send the cases on their way. In a dry run nothing is promised, so nothing is waited for."""
    assert cleanup.policy is not None
    waits = not cleanup.dry_run and cleanup.policy.rules.notice.days > 0
    audit.transition(
        cases,
        CaseState.AWAITING_NOTICE if waits else CaseState.DUE,
        kind=Event.CASE_LAUNCHED,
        actor=actor,
        now=now,
    )


def _bare(cleanup: Cleanup, **which: Any) -> QuerySet[Case]:
    """Cases of a clean-up, with no more than a transition asks: all of it takes longer than the rest of a launch."""
    return cleanup.cases.filter(**which).select_related("account").only("state", "cleanup", "account__username")


def _hold_back(cleanup: Cleanup, cases: list[int], *, now: datetime) -> None:
    if not cases:
        return
    last = cleanup.workspace.cleanups.aggregate(last=Max("number"))["last"]
    draft = Cleanup.objects.create(workspace=cleanup.workspace, number=last + 1, created_at=now)
    Case.objects.filter(pk__in=Among(cases)).update(cleanup=draft)
    audit.log(
        [draft],
        kind=Event.CLEANUP_HELD_BACK,
        actor="portal",
        now=now,
        data={"cases": len(cases), "from": cleanup.number},
    )


def _locked(cleanup: Cleanup) -> Cleanup:
    """The clean-up, held until the transaction ends; its workspace too, so that no approval slips into it meanwhile.

    Its cases are held before anything is written, because deciders take a case first and the end of the audit last.
    """
    Workspace.objects.select_for_update(no_key=True).get(pk=cleanup.workspace_id)
    held = Cleanup.objects.select_for_update(no_key=True, of=("self",)).select_related("workspace").get(pk=cleanup.pk)
    list(held.cases.filter(state__in=WITHDRAWABLE).select_for_update(no_key=True).values_list("pk"))
    return held
