"""Warn again: a notice counts only at the address that the account has now (laws 5 and 10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Case, Workspace
from accounts_review.rules.addresses import same_mailbox
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.notify import due

WITHOUT_NOTICE: dict[str, Any] = {
    "noticed_at": None,
    "outcome": None,
    "tried_at": None,
    "reminders": [],
    "reminded_at": None,
}
"""What a case loses with its notice. The promised date stays: the next one is never earlier."""


@transaction.atomic
def follow_addresses(*, workspace: Workspace, now: datetime) -> int:
    """Warn again, for the full time, everyone whose address changed since the notice; returns how many.

    So does who could not be warned, once there is another address to try.
    """
    cases = list(_elsewhere(due.of_running(workspace)).select_for_update(no_key=True, of=("self",), skip_locked=True))
    moved = [case for case in cases if not same_mailbox(case.warned_to, case.account.email)]
    for case in cases:
        if case not in moved:  # Only written another way.
            Case.objects.filter(pk=case.pk).update(warned_to=case.account.email)
    audit.transition(
        moved,
        CaseState.AWAITING_NOTICE,
        kind=Event.CASE_ADDRESS_CHANGED,
        actor="portal",
        now=now,
        data=lambda case: {"address_before": case.warned_to, "address": case.account.email},
        **WITHOUT_NOTICE,
    )
    return len(moved)


def _elsewhere(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Those whose notice went, or was to go, to another address than the account has."""
    told = cases.filter(state__in=(CaseState.NOTICED, CaseState.DUE, CaseState.UNDELIVERABLE)).exclude(
        noticed_at=None, warned_to=""
    )
    return told.exclude(account__email="").exclude(warned_to=F("account__email")).order_by("pk")
