"""Cases advance when their notice period ends, or when their person is seen again."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import DateTimeField, F, Q, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, NullIf

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Case, Workspace
from accounts_review.rules.dormancy import Standing
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.notify import due, rewarn
from accounts_review.workflow.notify.bounces import give_up
from accounts_review.workflow.notify.due import spare


@transaction.atomic
def make_due(*, workspace: Workspace, now: datetime) -> int:
    """Make due every warned case whose notice period has ended; returns how many.

    One whose address has changed is warned again instead, and one waits whose link no longer works, for want of
    the key that signed it. One whose notice came back while its DELETE was under way, and was without effect, is
    undeliverable after all.
    """
    rewarn.follow_addresses(workspace=workspace, now=now)
    running = due.of_running(workspace).order_by("pk").select_for_update(no_key=True, of=("self",))
    ripe = list(due.answerable(running).filter(state=CaseState.NOTICED, promised_at__lte=now))
    returned = list(running.filter(state=CaseState.DUE, noticed_at=None, promised_at__isnull=False))
    audit.transition(ripe, CaseState.DUE, kind=Event.CASE_DUE, actor="portal", now=now)
    for case in returned:
        give_up(case, actor="portal", now=now, why={"code": "notice_came_back"})
    return len(ripe)


@transaction.atomic
def spare_returned(*, workspace: Workspace, now: datetime) -> int:
    """Spare whoever was seen again or became protected while they were being warned (law 10); returns how many."""
    waiting = Case.objects.filter(
        cleanup__workspace=workspace, state__in=(CaseState.AWAITING_NOTICE, CaseState.NOTICED, CaseState.UNDELIVERABLE)
    )
    approved_on = Cast(NullIf(KT("evidence__activity_at"), Value("")), DateTimeField())
    # Nearly nobody of the many who were warned: who is not to be spared is not even read.
    seen = waiting.annotate(approved_on=approved_on).filter(
        Q(account__assessment__activity_at__gt=F("approved_on"))
        | Q(approved_on=None, account__assessment__activity_at__isnull=False)
        | Q(account__assessment__dormant_from__gt=now)
        | Q(account__assessment__standing=Standing.PROTECTED)
    )
    back = seen.select_related("account__assessment", "cleanup__workspace").defer("account__raw").order_by("pk")
    spared = 0
    # What somebody else holds just now is seen by the next sync, and by the last look.
    for case in back.select_for_update(no_key=True, of=("self",), skip_locked=True):
        found = case.account.assessment
        activity_at = found.activity_at
        code = "newer_activity" if due.is_newer(activity_at, case) else "verdict_active"
        if code == "newer_activity" or found.dormant_from > now:
            why = [{"code": code, "detail": activity_at.isoformat() if activity_at else ""}]
            spare(case, why, now=now)
            spared += 1
        elif found.standing == Standing.PROTECTED:
            spare(case, [{"code": "verdict_protected", "detail": "", "because": found.reasons}], now=now)
            spared += 1
    return spared
