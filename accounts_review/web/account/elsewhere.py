"""One person's accounts in other workspaces, for those who may see both."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from django.db.models import Q, QuerySet

from accounts_review.models import Account, Workspace
from accounts_review.rules.addresses import same_but_for_case

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
    workspaces = list(seen.exclude(pk=account.workspace_id))
    if not workspaces:
        return []
    others = Account.objects.filter(same, workspace__in=workspaces)
    found = others.listed().assessed().with_verdict(now).select_related("workspace").order_by("workspace__name", "pk")
    return list(islice((other for other in found.iterator(MOST) if _is_same(account, other)), MOST))


def _is_same(account: Account, other: Account) -> bool:
    """What the database takes for the same address may only look like it."""
    return other.username == account.username or same_but_for_case(account.email, other.email)
