"""The review table: what a row says of an account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import django_tables2 as tables
from django.contrib.auth.models import User
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_tables2.rows import BoundRows

from accounts_review.models import Workspace
from accounts_review.web.review.look import COLUMNS, PAGE_SIZES, USUAL_SIZE, ListLook
from accounts_review.web.review.rows import RowWriter
from accounts_review.web.review.seek import Order, Place, SeekPaginator, order_named
from accounts_review.web.shared.made import Made
from accounts_review.web.shared.tables import PortalTable


class ReviewTable(PortalTable):
    """Accounts to decide on, as they are at the instant ``now``, for the person who decides.

    The columns are for the heads and the order; :mod:`accounts_review.web.review.rows` writes the rows.
    """

    htmx_target = "#results"
    most_per_page = PAGE_SIZES[-1]
    all_chosen = False
    """Whether everyone who matches is chosen, so that single boxes say nothing."""
    says_verdict = False
    """Whether the list is of several verdicts, so that each row says its own."""

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
    def rows_written(self) -> SafeString:
        """The rows of the current page, as HTML."""
        writer = RowWriter(
            now=self.now,
            actor=self.actor,
            workspace=self.workspace,
            titles=self.titles,
            columns=self.look.columns,
            picks="pick" not in self.exclude,
            is_all=self.all_chosen,
            says_verdict=self.says_verdict,
        )
        return SafeString("".join(writer.row(row.record) for row in self.paginated_rows))

    def paginate(  # type: ignore[override]  # one that seeks is not given as a class
        self, *, per_page: int | None = None, page: int = 1, place: Place, **counted: Any
    ) -> ReviewTable:
        """Show the page at a place, whose number it tells; ``counted`` is what a :class:`SeekPaginator` is to know."""
        known: dict[str, Any] = {"order": self.order, "now": self.now} | counted
        if known.get("ends"):
            known["ends"] = partial(known["ends"], next(iter(self.order_by), ""))
        self.paginator = SeekPaginator(per_page=self.clamped(per_page), **known)
        self.page = self.paginator.at(place)
        # The others are only counted.
        self.rows = self.page.object_list = BoundRows(data=self.page.object_list, table=self)
        return self

    @property
    def heads(self) -> Made:
        """The table, for its heads."""
        return Made((*self.look.columns, *self.exclude, str(self.order_by), self.request.GET.urlencode()), self)

    @property
    def pager(self) -> Made:
        """The table, for the pages beside this one."""
        page, query = self.page, self.request.GET.urlencode()
        beside = (page.number, page.first, page.last, page.has_previous(), page.has_next())
        return Made((*beside, self.paginator.num_pages, self.paginator.is_capped, str(self.order_by), query), self)

    @property
    def order(self) -> Order:
        """The order in force."""
        return order_named(next(iter(self.order_by), ""))
