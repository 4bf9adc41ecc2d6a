"""What became of a removal that no reading tells: an administrator has looked in Huwise, and says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, Case, permit
from accounts_review.rules.lifecycle import CaseState, CleanupState, IllegalTransition
from accounts_review.wording.cases import BY_HAND

A_WHILE = timedelta(hours=1)
"""Two rechecks that can be read have settled an unknown outcome by then."""


@transaction.atomic
def settle_by_hand(*, case: Case, actor: User, is_gone: bool, reason: str, now: datetime) -> None:
    """Settle a case that has been unknown for a while; one that is still there needs a new look, gate and intent, or
    leaves a clean-up that was cancelled.

    Nothing is sent to the workspace. Raises ``PermissionDenied``, ``ValueError`` without a reason or too early,
    ``IllegalTransition`` and ``audit.Conflict`` where the outcome is known by now.
    """
    permit(actor, "administer", case.cleanup.workspace)
    if not reason.strip():
        raise ValueError(_("Give a reason; it is recorded in the audit."))
    to = CaseState.REVOKED if is_gone else CaseState.DUE
    if case.state != CaseState.UNKNOWN:
        raise IllegalTransition(subject=case, origin=case.state, target=to)
    if now - case.moved_at < A_WHILE:
        raise ValueError(_("The portal is still checking. Look again an hour after the removal was sent."))
    data = (case.outcome or {}) | {"rechecks": case.rechecks, "kind": BY_HAND, "reason": reason.strip()}
    login, seen = actor.get_username(), {"moved_at": case.moved_at}
    if is_gone:
        Account.objects.filter(pk=case.account_id).update(gone_at=now)
        audit.transition(
            [case], to, kind=Event.CASE_REVOKED, actor=login, now=now, data=data, expect=seen, outcome=data
        )
    else:
        audit.transition(
            [case], to, kind=Event.CASE_STILL_THERE, actor=login, now=now, data=data, expect=seen, claim=None
        )
        if case.cleanup.state == CleanupState.CANCELLED:
            why = {"reason": {"code": "cancelled"}}
            audit.transition(
                [case], CaseState.WITHDRAWN, kind=Event.ACCOUNT_WITHDRAWN, actor="portal", now=now, data=why
            )
