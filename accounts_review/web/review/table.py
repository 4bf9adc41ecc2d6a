"""The review table: what a row says of an account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_tables2.rows import BoundRows

from accounts_review.models import Account, Workspace
from accounts_review.web.account.evidence import idleness, reasons_in_force
from accounts_review.web.review.look import COLUMNS, PAGE_SIZES, USUAL_SIZE, ListLook
from accounts_review.web.review.seek import Order, Place, SeekPaginator, order_named
from accounts_review.web.shared.tables import PortalTable
from accounts_review.wording import segments
from accounts_review.workflow.review.decide import is_own

BAR = 100
"""The length of the bar beside *idle for*; the limit is its middle."""


@dataclass(frozen=True, slots=True)
class Line:
    """An account in the table, with what follows from its facts at the instant the table is read at."""

    account: Account
    url: str
    name: str
    """The full name, where it is not the username."""
    email: str
    """The address, where it is not the username."""
    segment: str
    is_own: bool
    idleness: str
    reasons: list[str]
    bar: int
    rights: Sequence[str]
    groups: list[str]


class ReviewTable(PortalTable):
    """Accounts to decide on, as they are at the instant ``now``, for the person who decides.

    One template draws all the rows, from :attr:`lines`; the columns are for the heads and the order.
    """

    htmx_target = "#results"
    most_per_page = PAGE_SIZES[-1]
    all_chosen = False
    """Whether everyone who matches is chosen, so that single boxes say nothing."""

    pick = tables.Column(_("Choose"), accessor="pk", orderable=False, attrs={"th": {"class": "cell-pick"}})
    username = tables.Column(_("Account"), attrs={"th": {"class": "cell-account"}})
    email = tables.Column(COLUMNS["email"], attrs={"th": {"class": "cell-email"}})
    activity = tables.Column(
        COLUMNS["activity"], accessor="assessment__activity_at", attrs={"th": {"class": "cell-idle"}}
    )
    dormant_from = tables.Column(
        COLUMNS["dormant_from"], accessor="assessment__dormant_from", attrs={"th": {"class": "cell-from"}}
    )
    segment = tables.Column(COLUMNS["segment"], accessor="assessment__segment", attrs={"th": {"class": "cell-segment"}})
    rights = tables.Column(COLUMNS["rights"], accessor="pk", orderable=False, attrs={"th": {"class": "cell-rights"}})
    state = tables.Column(COLUMNS["state"], accessor="pk", orderable=False, attrs={"th": {"class": "cell-state"}})

    class Meta(PortalTable.Meta):
        template_name = "accounts_review/review/_rows.html"
        attrs = {"class": "table table-hover", "aria-label": _("Accounts")}
        order_by = "dormant_from"
        per_page = USUAL_SIZE

    def __init__(
        self,
        *args: Any,
        now: datetime,
        actor: User,
        workspace: Workspace,
        look: ListLook,
        titles: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.now, self.actor, self.workspace = now, actor, workspace
        self.look, self.titles = look, titles or {}
        super().__init__(*args, **kwargs)
        for name in COLUMNS.keys() - set(look.columns):
            self.columns.hide(name)

    @property
    def lines(self) -> Iterator[Line]:
        """The rows of the current page."""
        # What all rows share is worked out once: a page may have two hundred.
        pages, words = reverse("account", kwargs={"workspace": self.workspace.name, "pk": 0}), dict[str, str]()
        for row in self.paginated_rows:
            account: Account = row.record
            username, full_name, segment = account.username, account.full_name, account.assessment.segment
            if segment not in words:
                words[segment] = segments.shown(segment)
            yield Line(
                account,
                f"{pages.removesuffix('0/')}{account.pk}/",
                full_name if full_name != username else "",
                account.email if account.email != username else "",
                words[segment],
                is_own(account, self.actor),
                idleness(account, now=self.now),
                reasons_in_force(account),
                self._bar(account),
                account.assessment.rights or (),
                [self.titles.get(uid, uid) for uid in account.groups or ()],
            )

    def paginate(  # type: ignore[override]  # one that seeks is not given as a class
        self, *, per_page: int | None = None, page: int = 1, place: Place, **counted: Any
    ) -> ReviewTable:
        """Show the page at a place, whose number it tells; ``counted`` is what a :class:`SeekPaginator` is to know."""
        accounts = self.data.data.defer("raw")
        self.paginator = SeekPaginator(accounts, self.clamped(per_page), order=self.order, **counted)
        self.page = self.paginator.at(place)
        self.page.object_list = BoundRows(data=self.page.object_list, table=self)
        return self

    @property
    def order(self) -> Order:
        """The order in force."""
        return order_named(next(iter(self.order_by), ""))

    def _bar(self, account: Account) -> int:
        found = account.assessment
        if found.activity_at is None:
            return 0
        days = max(0, (self.now - found.activity_at).days)
        return min(BAR, days * BAR // (2 * max(1, found.limit_days)))
