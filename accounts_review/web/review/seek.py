"""Pages of the review table that begin beside an account, at a letter or a day: as quick at the end as at the start.

An order is a key that is never null, and the account as the last word on equals; each has an index. A page after or
before an account is a range of that index. A page by its number alone is reached from whichever end is nearer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import BooleanField, DateField, ExpressionWrapper, F, Func, Max, Min, Q, QuerySet, Value
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan, LessThanOrEqual
from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.functional import cached_property

from accounts_review.models import Account, Assessment, DormancyCount, Workspace
from accounts_review.models.account import BY_EMAIL, BY_USERNAME
from accounts_review.models.assessment import EVER
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.rules.dormancy import BEFORE_ALL_DATES, Verdict
from accounts_review.wording import instants

LAST = "last"
_SHOWN = ("username", "email", "display_name", "first_name", "last_name", "groups")
_SHOWN_OF_ASSESSMENT = (
    *("activity_at", "activity_field", "dormant_from", "limit_days", "reasons", "rights", "segment", "standing"),
)
_ROWS = Prepared(
    lambda keys, now: (
        Account.objects.assessed()
        .with_verdict(now)
        .only(*_SHOWN, *(f"assessment__{name}" for name in _SHOWN_OF_ASSESSMENT))
        .filter(pk__in=Among(keys))
    ),
    keys=list,
    now=datetime,
)
"""What a page shows of its accounts, and nothing else. Found by their keys, it is one query, whatever leads to them."""
A_DAY = timedelta(days=1)
LONGEST, LARGEST = 100, chr(sys.maxunicode)
_OF_ASSESSMENT: Any = Assessment._meta.get_field("account").get_col(Assessment._meta.db_table)
"""The account in the table of assessments, where the indexes have it; the ORM would ask for it in the other table."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the table; ``goes_to`` is what one can go to in it: a letter or a date."""

    key: Any
    last_word: Any = _OF_ASSESSMENT
    goes_to: str = "date"
    is_descending: bool = False

    def sorted(self, accounts: QuerySet[Account], *, backwards: bool = False) -> QuerySet[Account]:
        """Accounts in this order, or from its end."""
        return accounts.order_by(*self.of_accounts(backwards=backwards))

    def of_accounts(self, *, backwards: bool = False) -> tuple[OrderBy, OrderBy]:
        """This order, or from its end, as a query has it."""
        if self.is_descending != backwards:
            return self.key.desc(), self.last_word.desc()
        return self.key.asc(), self.last_word.asc()

    def beyond(self, accounts: QuerySet[Account], end: tuple[Any, int], *, before: bool = False) -> QuerySet[Account]:
        """Those that come after a key and an account in this order, or before them."""
        sides = Func(self.key, self.last_word, function="ROW"), Func(*map(Value, end), function="ROW")
        sign = " < " if self.is_descending != before else " > "
        return accounts.filter(Func(*sides, template="(%(expressions)s)", arg_joiner=sign, output_field=BooleanField()))

    def end_of(self, everyone: QuerySet[Account], pk: int) -> tuple[Any, int] | None:
        """Where an account stands in this order, if there is such an account."""
        key = everyone.filter(pk=pk).order_by().annotate(key=self.key).values_list("key", flat=True).first()
        return None if key is None else (key, pk)

    def start_at(self, text: str) -> tuple[Any, int] | None:
        """The end before whatever a person asks to go to; ``None`` where that is nothing of the kind."""
        if self.goes_to == "letter":
            start = text[:LONGEST].lower()
            # Going down, all whose name begins so are still to come.
            return (start + LARGEST if self.is_descending else start, 0) if start else None
        try:
            day = parse_date(text)
        except ValueError:
            return None
        return (instants.midnight(day), 0) if day else None


ORDERS = {
    "dormant_from": Order(F("assessment__dormant_from")),
    "activity": Order(Coalesce("assessment__activity_at", Value(EVER))),
    "-activity": Order(Coalesce("assessment__activity_at", Value(BEFORE_ALL_DATES)), is_descending=True),
    "segment": Order(F("assessment__segment"), goes_to="letter"),
    "username": Order(BY_USERNAME, F("pk"), goes_to="letter"),
    "email": Order(BY_EMAIL, F("pk"), goes_to="letter"),
}
DEFAULT_ORDER = "dormant_from"


def order_named(name: str) -> Order:
    """The order that an address asks for, going up or (with ``-``) down; the usual one where it asks for no other."""
    found = ORDERS.get(name) or ORDERS.get(name.removeprefix("-"))
    if found is None:
        return ORDERS[DEFAULT_ORDER]
    return replace(found, is_descending=True) if name.startswith("-") else found


def idle_enough(verdict: str, *, sort: str, workspace: Workspace, now: datetime) -> Q:
    """What is known of the last activity under a verdict, where that is the order: it leaps over all others.

    By the days that are counted: when those past their limit were last active at the latest, and the others at the
    earliest; a day is added for the hours.
    """
    is_active = verdict == Verdict.ACTIVE
    if sort != ("activity" if is_active else "-activity"):
        return Q()
    if is_active and Account.objects.filter(workspace=workspace, unconfirmed_activity_at__isnull=False).exists():
        # Whoever was seen again by a sync that was not accepted is active by another date than the one that is shown.
        return Q()
    counted = DormancyCount.objects.filter(workspace=workspace, is_dated=True)
    counted = counted.filter(**{"day__gte" if is_active else "day__lte": now.astimezone(UTC).date()})
    last_active = ExpressionWrapper(F("day") - F("limit_days"), DateField())
    day = counted.aggregate(day=(Min if is_active else Max)(last_active))["day"]
    if day is None:
        return Q()
    compared, apart = (GreaterThan, -A_DAY) if is_active else (LessThanOrEqual, 2 * A_DAY)
    return Q(compared(order_named(sort).key, Value(datetime.combine(day, time.min, UTC) + apart)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: by its number, and quicker or elsewhere, after or before an account, or at a start."""

    number: int | None = 1
    after: int | None = None
    before: int | None = None
    start: str = ""

    @classmethod
    def asked(cls, query: QueryDict) -> Place:
        """What an address asks for; anything odd is the first page."""
        after, before = _key(query.get("after")), _key(query.get("before"))
        start = query.get("start", "").strip().replace("\0", "")
        if query.get("page") == LAST:
            return cls(None)
        number = _key(query.get("page")) or (None if after or before or start else 1)
        return cls(number, after, before, start)


class SeekPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of accounts in an order; ``count`` is how many there are, at the least where ``is_capped``.

    A page can begin beside any account among ``everyone``: one who was decided on need no longer match. ``keys`` are
    those of the accounts in their order, where somebody has looked at each already: then only a page of them is read.
    ``ends`` looks up keys from the start, or the end, where that is quicker than by ``accounts``. Those are asked for
    only where neither tells: putting their query together took 2.7 ms of a page.
    """

    def __init__(
        self,
        accounts: Callable[[], QuerySet[Account]],
        per_page: int,
        *,
        everyone: QuerySet[Account],
        order: Order,
        count: int,
        is_capped: bool,
        now: datetime,
        keys: list[int] | None = None,
        ends: Callable[[bool, int], list[int]] | None = None,
    ) -> None:
        super().__init__((), per_page)
        self.now = now
        self.count = count
        self.everyone, self.order, self.is_capped = everyone, order, is_capped
        self._accounts = accounts
        self.keys, self.ends = keys, ends

    @cached_property
    def accounts(self) -> QuerySet[Account]:
        return self._accounts()

    def at(self, place: Place) -> SeekPage:
        """The page at a place; where there is no such place, the first or the last."""
        return self._beside(place) or self._numbered(place.number)

    def _beside(self, place: Place) -> SeekPage | None:
        if self.keys is not None and (place.after in self.keys or place.before in self.keys):
            return self._beside_known(place, self.keys)
        if place.before:
            end = self.order.end_of(self.everyone, place.before)
            rows = self._rows(self.order.beyond(self.accounts, end, before=True), backwards=True) if end else []
            if len(rows) < self.per_page:
                return None
            return SeekPage(rows[: self.per_page][::-1], place.number, self, (len(rows) > self.per_page, True))
        end = self.order.end_of(self.everyone, place.after) if place.after else self.order.start_at(place.start)
        rows = self._rows(self.order.beyond(self.accounts, end)) if end else []
        has_next = len(rows) > self.per_page
        return SeekPage(rows[: self.per_page], place.number, self, (True, has_next)) if rows else None

    def _beside_known(self, place: Place, keys: list[int]) -> SeekPage | None:
        start, end = 0, len(keys)
        if place.before in keys:
            end = keys.index(place.before)
            start = max(0, end - self.per_page)
        elif place.after:
            start = keys.index(place.after) + 1
            end = min(end, start + self.per_page)
        if start == end or (place.before and end - start < self.per_page):
            return None
        return SeekPage(self._read(keys[start:end]), place.number, self, (start > 0, end < len(keys)))

    def _numbered(self, number: int | None) -> SeekPage:
        """A page by its number; ``None`` for the last."""
        if self.is_capped:
            page = self._from_start(number) if number else None
            return page if page is not None and (page.object_list or number == 1) else self._from_end(None)
        number = min(number or self.num_pages, self.num_pages)
        is_near_start = (number - 1) * self.per_page <= self.count // 2
        return self._from_start(number) if is_near_start else self._from_end(number)

    def _from_start(self, number: int) -> SeekPage:
        rows = self._rows(skip=(number - 1) * self.per_page)
        return SeekPage(rows[: self.per_page], number, self, (number > 1, len(rows) > self.per_page))

    def _from_end(self, number: int | None) -> SeekPage:
        to_come = max(0, self.count - number * self.per_page) if number else 0
        size = min(self.per_page, self.count - (number - 1) * self.per_page) if number else self.per_page
        rows = self._rows(backwards=True, skip=to_come)[:size]
        return SeekPage(rows[::-1], number, self, (number != 1, to_come > 0))

    def _rows(self, some: QuerySet[Account] | None = None, *, backwards: bool = False, skip: int = 0) -> list[Account]:
        """The accounts of a page and one more, found by their keys alone: of all, or of some of them."""
        end = skip + self.per_page + 1
        if self.keys is not None and some is None:
            return self._read((self.keys[::-1] if backwards else self.keys)[skip:end])
        if self.ends and not skip and some is None:
            return self._read(self.ends(backwards, end))
        ordered = self.order.sorted(self.accounts if some is None else some, backwards=backwards)
        return self._read(list(ordered.values_list("pk", flat=True)[skip:end]))

    def _read(self, keys: list[int]) -> list[Account]:
        """The accounts of some keys, in their order, as they are now."""
        known = {account.pk: account for account in _ROWS.objects(keys=keys, now=self.now)} if keys else {}
        return [known[key] for key in keys if key in known]


class SeekPage(Page[Any]):
    """A page that knows its neighbours; ``number`` is ``None`` where nobody counted how many come before it."""

    def __init__(
        self, rows: list[Account], number: int | None, paginator: SeekPaginator, neighbours: tuple[bool, bool]
    ) -> None:
        super().__init__(rows, number, paginator)  # type: ignore[arg-type]
        self._has_previous, self._has_next = neighbours
        self.first: int | None = rows[0].pk if rows else None
        self.last: int | None = rows[-1].pk if rows else None

    def has_next(self) -> bool:
        return self._has_next

    def has_previous(self) -> bool:
        return self._has_previous

    def next_page_number(self) -> int:
        return self.number + 1

    def previous_page_number(self) -> int:
        return self.number - 1


def _key(text: str | None) -> int | None:
    """A number as an address has it, if it is one that a row can have."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 12 else None
