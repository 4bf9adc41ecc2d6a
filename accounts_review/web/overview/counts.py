"""Who waits in a workspace: what its overview counts, and the overview of all of them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from accounts_review.models import Account, Workspace
from accounts_review.rules.policy import ALWAYS_PROTECTED


def dormant_administrators(workspace: Workspace, *, now: datetime) -> QuerySet[Account]:
    """Idle past their limit, and never revoked because of what they may do: nobody else's list shows them."""
    holds = [{"code": "right", "subject": ALWAYS_PROTECTED}]
    accounts = Account.objects.filter(workspace=workspace).reviewable()
    idle = accounts.filter(assessment__standing="protected", assessment__dormant_from__lte=now)
    return idle.filter(assessment__reasons__contains=holds).order_by("assessment__dormant_from", "pk")
