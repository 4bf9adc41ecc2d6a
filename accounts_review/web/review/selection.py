"""Which accounts a decision is about, and whether the world is still as the person saw it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.models import Account, Case, Exemption, Snooze, Workspace
from accounts_review.models.account import AccountQuerySet
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.web.review.filters import ReviewFilter
from accounts_review.wording.numbers import counted

MOST_AT_ONCE = 1_000_000
"""More are not decided in one go."""
WHILE_ONE_WAITS = 1_000
"""So many are decided on while the person waits; more are left to the worker, portion by portion."""


class Stale(ValueError):
    """The list is no longer what the person decided on; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Everyone:
    """All accounts that match a filter: how many, and a digest of which."""

    count: int
    digest: str
    keys: list[int] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def of(cls, accounts: QuerySet[Account]) -> Everyone | None:
        """Those of a query, or ``None`` where they are too many."""
        keys = list(accounts.order_by("pk").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        return cls(len(keys), digest_of(keys), keys) if len(keys) <= MOST_AT_ONCE else None


def digest_of(keys: Iterable[int]) -> str:
    return hashlib.sha256(",".join(map(str, keys)).encode()).hexdigest()


def filtered(query: QueryDict, *, workspace: Workspace, now: datetime) -> ReviewFilter:
    """The accounts of the review page (listed and assessed), narrowed as an address asks."""
    accounts = _reviewable().filter(workspace=workspace)
    return ReviewFilter(query, queryset=accounts, workspace=workspace, now=now)


@cache
def _reviewable() -> AccountQuerySet:
    """Put together once: of most pages it is never asked."""
    return Account.objects.reviewable()


def chosen(keys: Sequence[int], *, workspace: Workspace, now: datetime) -> list[Account]:
    """The accounts of some keys, with their verdicts. Raises :class:`Stale`."""
    if not keys:
        raise Stale(_("Select at least one account first."))
    found: list[Account] = _CHOSEN.objects(workspace=workspace.pk, keys=list(keys), now=now)
    if len(found) != len(keys):
        raise Stale(_("Some selected accounts are no longer in this list. Check the list again."))
    return found


def _of_workspace(workspace: Workspace | int, *, now: datetime) -> QuerySet[Account]:
    return Account.objects.filter(workspace=workspace).assessed().with_verdict(now).order_by("username", "pk")


_CHOSEN = Prepared(
    lambda workspace, keys, now: _of_workspace(workspace, now=now).filter(pk__in=Among(keys)),
    workspace=int,
    keys=list,
    now=datetime,
)


def matching(form: dict[str, Any], *, workspace: Workspace, now: datetime) -> list[int]:
    """The keys of all that match, where they are still those whom the person confirmed. Raises :class:`Stale`."""
    found = filtered(QueryDict(form["filter"]), workspace=workspace, now=now)
    everyone = Everyone.of(found.qs) if found.is_valid() else None
    if everyone is None or everyone != Everyone(form["expected"] or 0, form["digest"]):
        raise Stale(_moved(form["expected"] or 0, everyone))
    return everyone.keys


def _moved(expected: int, everyone: Everyone | None) -> str:
    if everyone is None:
        return _("Too many accounts to decide at once. Narrow the filter.")
    if everyone.count == expected:
        return _("Different accounts match now. Check the list again.")
    said = ngettext(
        "%(now)s account matches now, not %(then)s. Check the list again.",
        "%(now)s accounts match now, not %(then)s. Check the list again.",
        everyone.count,
    )
    return said % counted({"now": everyone.count, "then": expected})


def decided_at(at: str, *, workspace: Workspace, actor: User, now: datetime) -> list[Account]:
    """Those on whom a person decided at one moment, where that still stands. Raises :class:`Stale`."""
    with suppress(ValueError):
        if (instant := parse_datetime(at)) and instant.tzinfo:
            approved = Case.objects.open().filter(approved_by=actor, approved_at=instant)
            exempted = Exemption.objects.in_force(now).filter(by=actor, at=instant)
            snoozed = Snooze.objects.in_force().filter(by_login=actor.get_username(), at=instant)
            keys = [found.values("account") for found in (approved, exempted, snoozed)]
            accounts = _of_workspace(workspace, now=now)
            if found := list(accounts.filter(Q(pk__in=keys[0]) | Q(pk__in=keys[1]) | Q(pk__in=keys[2]))):
                return found
    raise Stale(_("There is nothing left to undo."))
