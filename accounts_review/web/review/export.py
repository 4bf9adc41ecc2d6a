"""The accounts of the review page as a file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.spreadsheet import FORMATS, MOST_ROWS
from accounts_review.spreadsheet.rows import accounts_sheet
from accounts_review.web.review.filters import ReviewFilter
from accounts_review.web.review.seek import order_named
from accounts_review.web.review.selection import filtered
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.download import download


class ReviewExport(WorkspaceView):
    """The accounts of the review page as a file: exactly those that match its filters, in its order."""

    http_method_names = ("get",)  # whoever asks by HEAD takes nothing, so nothing is recorded

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        found = filtered(request.GET, workspace=self.workspace, now=self.now)
        kind = request.GET.get("format", "csv")
        back = f"{reverse('review', kwargs={'workspace': self.workspace.name})}?{found.query}"
        if not found.is_valid() or kind not in FORMATS:
            return redirect(back)
        accounts = order_named(request.GET.get("sort", "")).sorted(found.qs.with_verdict(self.now))
        count = _count(found)
        if kind == "xlsx" and count >= MOST_ROWS:
            messages.error(
                request, _("A spreadsheet cannot hold this many rows. Narrow the filter, or download the CSV.")
            )
            return redirect(back)
        data = {"filter": found.query, "count": count, "format": kind}
        login = self.request.user.get_username()
        audit.log([self.workspace], kind=Event.ACCOUNTS_EXPORTED, actor=login, now=self.now, data=data)
        return download(self, accounts_sheet(accounts, as_of=self.now), kind=kind)


def _count(found: ReviewFilter) -> int:
    """How many match, however many they are."""
    here = next((tab for tab in found.tabs() if tab.is_current), None)
    return found.qs.count() if here is None or here.is_capped else here.count
