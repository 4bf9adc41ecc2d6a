"""Who is found by name, address or username, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Left, Lower
from django.db.models.lookups import Exact

from accounts_review.models import Account, Case, Workspace
from accounts_review.models.account import BY_EMAIL, BY_USERNAME, AccountQuerySet
from accounts_review.rules.lifecycle import ENDED, CaseState
from accounts_review.web.account.evidence import idleness

MOST = 8
"""Results of one kind; whoever wants more follows the link below them."""
MOST_SORTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An account, how it stands, and how its last clean-up ended where it took part in one."""

    account: Account
    idleness: str
    case: Case | None
    may_operate: bool

    @property
    def was_revoked(self) -> bool:
        return self.case is not None and self.case.state == CaseState.REVOKED


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleFound:
    """Those listed now and those who are gone, each with whether there are more than are shown."""

    now: list[Found]
    gone: list[Found]
    are_more: bool
    gone_are_more: bool


def find(term: str, *, seen: QuerySet[Workspace], operated: QuerySet[Workspace], now: datetime) -> PeopleFound:
    """The accounts that hold the term, in the workspaces somebody may see; the exact username or address first."""
    # By their keys: an index of a few who are gone is used only where it is known of which workspace.
    here = list(seen.values_list("pk", flat=True))
    accounts = Account.objects.filter(workspace__in=here).select_related("workspace", "assessment").with_verdict(now)
    gone = accounts.filter(Q(absent_since__isnull=False) | Q(gone_at__isnull=False)).order_by(
        F("gone_at").desc(nulls_last=True), "-absent_since", "pk"
    )
    standing = accounts.listed().order_by("pk")
    listed = _first(standing.filter(pk__in=_exactly(standing, term)), _some(standing, term))
    is_exact = Q(username__iexact=term) | Q(email__iexact=term)
    # Of those who are gone the last ones count, so all their keys are put in order.
    last = gone.filter(pk__in=gone.search(term).values("pk")[: 2 * MOST + 2])
    left = _first(gone.search(term).filter(is_exact), last)
    may_operate, cases = set(operated.values_list("pk", flat=True)), _last_cases([*listed, *left])

    def known(some: Sequence[Account]) -> list[Found]:
        return [
            Found(
                account=account,
                idleness=idleness(account, now=now) if hasattr(account, "assessment") else "",
                case=cases.get(account.pk),
                may_operate=account.workspace_id in may_operate,
            )
            for account in some[:MOST]
        ]

    return PeopleFound(now=known(listed), gone=known(left), are_more=len(listed) > MOST, gone_are_more=len(left) > MOST)


def _first(exact: AccountQuerySet, found: AccountQuerySet) -> list[Account]:
    """One more than are shown, the exact ones first. Two queries, as sorting would read all that match."""
    first = list(exact[: MOST + 1])
    others = found.exclude(pk__in=[account.pk for account in first])
    return [*first, *others[: MOST + 1]][: MOST + 1]


def _exactly(accounts: AccountQuerySet, term: str) -> QuerySet[Any, Any]:
    """The keys of those whose username or address is the term, by the indexes of the orders by name and by address."""
    start = Lower(Left(Value(term), 200))
    by_name = accounts.order_by().filter(Exact(BY_USERNAME, start), username__iexact=term).values("pk")
    return by_name.union(accounts.order_by().filter(Exact(BY_EMAIL, start), email__iexact=term).values("pk"))


def _some(accounts: AccountQuerySet, term: str) -> AccountQuerySet:
    """Those who match, but no more than so many of them: so nobody is read in order until the first have come."""
    return accounts.filter(pk__in=accounts.order_by().search(term).values("pk")[:MOST_SORTED])


def _last_cases(accounts: Iterable[Account]) -> dict[int, Case]:
    """The last case of each that came to an end, but for those that somebody withdrew."""
    ended: Any = [state for state in ENDED if state != CaseState.WITHDRAWN]
    cases = Case.objects.filter(account__in=[account.pk for account in accounts], state__in=ended)
    found = cases.select_related("account", "cleanup__workspace").order_by("pk")
    return {case.account_id: case for case in found}
