"""One person's accounts in other workspaces, for whoever may see both."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from accounts_review.models import Account, Workspace

MOST = 20


def elsewhere(account: Account, *, seen: QuerySet[Workspace], now: datetime) -> list[Account]:
    """Listed accounts with the same username or address in the other workspaces that a person may see."""
    same = Q()
    if account.username:
        same |= Q(username=account.username)
    if account.email:
        same |= Q(email__iexact=account.email)
    if not same:
        return []
    others = Account.objects.filter(same, workspace__in=seen).exclude(workspace=account.workspace_id)
    found = others.listed().assessed().with_verdict(now).select_related("workspace")
    return list(found.order_by("workspace__name", "pk")[:MOST])
