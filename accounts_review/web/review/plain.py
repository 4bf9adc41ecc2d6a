"""The ends of lists, by the way that is quickest: those narrowed by verdict and state alone are put into SQL once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet

from accounts_review.models import Account
from accounts_review.models.account import AccountQuerySet
from accounts_review.models.prepared import Prepared
from accounts_review.rules.dormancy import BEFORE_ALL_DATES, Verdict
from accounts_review.web.review.counts import Counts
from accounts_review.web.review.decided import Memory, Place, keep_first_open, remembered
from accounts_review.web.review.filters import DEFAULT, EVERYONE, ReviewFilter, state_is
from accounts_review.web.review.seek import DEFAULT_ORDER, order_named

NARROWED, OF_ACTIVITY = {"verdict", "state"}, ("activity", "-activity")
ONE_IN = 4
"""Where no more than one in so many is open, nearly all are decided on."""
WITHOUT_VERDICT = {"verdict": EVERYONE}


def ends_of(found: ReviewFilter) -> Callable[[str, bool, int], list[int]] | None:
    """How to look up so many keys in an order from the start of a list, or from its end; ``None`` for any other list.

    Those by the last activity leap over days, which depends on what is counted.
    """
    given: dict[str, str] = found.data.dict()
    is_plain = given.keys() <= NARROWED and given.get("state") != "lapsing" and found.form.is_valid()
    is_known = given == WITHOUT_VERDICT or given.get("verdict", EVERYONE) != EVERYONE
    if not (is_plain and is_known) or found.sort in OF_ACTIVITY:
        return None
    verdict, state = given["verdict"], given.get("state", "")
    values: dict[str, Any] = {"workspace": found.workspace.pk}
    if verdict != EVERYONE:
        values["now"] = found.now

    def keys(sort: str, backwards: bool, count: int) -> list[int]:  # noqa: FBT001
        if (
            given == DEFAULT
            and sort in ("", DEFAULT_ORDER)
            and not backwards
            and (known := remembered(found.workspace, now=found.now))
        ):
            return _first_open(found, count, known)
        asked = _keys(verdict, state, sort, backwards, count)
        return [key for (key,) in asked.rows(**values)]

    return keys


def _first_open(found: ReviewFilter, count: int, known: Memory) -> list[int]:
    """The first keys of those open for decision, without looking again at those before them who are decided on."""
    since, after = known.first_open or (BEFORE_ALL_DATES, 0)
    given = {"workspace": found.workspace.pk, "now": found.now, "since": since, "after": after}
    rows = _open_beyond(count).rows(**given)
    first: Place = (rows[0][1], rows[0][0] - 1) if rows else (found.now, 0)
    if first != known.first_open:
        keep_first_open(known, first)
    return [key for key, _dormant_from in rows]


@lru_cache(maxsize=10)
def _open_beyond(count: int) -> Prepared:
    order = order_named(DEFAULT_ORDER)

    def build(workspace: int, now: datetime, since: datetime, after: int) -> QuerySet[Any, Any]:
        dormant = Account.objects.filter(workspace=workspace).reviewable().whose_verdict(Verdict.DORMANT, now=now)
        beyond = order.beyond(dormant.filter(state_is("open", now=now)), (since, after))
        return order.sorted(beyond).values_list("pk", "assessment__dormant_from")[:count]

    return Prepared(build, workspace=int, now=datetime, since=datetime, after=int)


@lru_cache(maxsize=100)
def _keys(verdict: str, state: str, sort: str, backwards: bool, count: int) -> Prepared:  # noqa: FBT001
    order = order_named(sort)

    def everyone(workspace: int) -> QuerySet[Any, Any]:
        accounts = Account.objects.filter(workspace=workspace).reviewable()
        return order.sorted(accounts, backwards=backwards).values_list("pk")[:count]

    def some(workspace: int, now: datetime) -> QuerySet[Any, Any]:
        accounts = Account.objects.filter(workspace=workspace).reviewable().whose_verdict(verdict, now=now)
        accounts = accounts.filter(state_is(state, now=now)) if state else accounts
        return order.sorted(accounts, backwards=backwards).values_list("pk")[:count]

    if verdict == EVERYONE:
        return Prepared(everyone, workspace=int)
    return Prepared(some, workspace=int, now=datetime)


def are_nearly_all(found: ReviewFilter) -> bool:
    """Whether a list of decided accounts has nearly everybody on it, so that a page of them is soon met.

    Of fewer, all may come last: then going through the others takes longer than to put these in order.
    """
    everyone = sum(found.by_segment.values(), Counts())
    is_one = found.data.get("state") == "decided" and found.form.is_valid()
    return is_one and everyone.still_open.total() * ONE_IN <= everyone.totals.total()


def walked(found: ReviewFilter) -> AccountQuerySet:
    """Those who match, for whoever goes through accounts in an order because very many do."""
    accounts: AccountQuerySet = found.queryset
    for name, value in found.form.cleaned_data.items():
        if name == "q" and value:
            accounts = accounts.search(value, is_walked=True)
        elif (name, value) == ("state", "decided"):
            accounts = accounts.filter(~state_is("open", now=found.now))
        else:
            accounts = found.filters[name].filter(accounts, value)
    return accounts
