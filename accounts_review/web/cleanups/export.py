"""The cases of a clean-up as a file."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.spreadsheet import FORMATS
from accounts_review.spreadsheet.rows import cases_sheet
from accounts_review.web.cleanups.filters import ReportFilter
from accounts_review.web.cleanups.views import CleanupView, case_table
from accounts_review.web.shared.download import as_shown, download
from accounts_review.wording.cases import of_case


class CleanupExport(CleanupView):
    """The cases of a clean-up as a file: those that its page shows, in its order."""

    http_method_names = ("get",)  # whoever asks by HEAD takes nothing, so nothing is recorded

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        found = ReportFilter(request.GET, self.cases)
        kind = request.GET.get("format", "csv")
        if not found.is_valid() or kind not in FORMATS:
            return self.to_page()
        cases = as_shown(case_table(self, found.qs), request)
        given = {name: value for name, value in found.form.cleaned_data.items() if value}
        data = {"filter": given, "count": cases.count(), "format": kind}
        audit.log(
            [self.cleanup], kind=Event.CLEANUP_EXPORTED, actor=self.request.user.get_username(), now=self.now, data=data
        )
        sheet = cases_sheet(cases, said=partial(of_case, now=self.now))
        return download(self, sheet, kind=kind, name=f"cleanup-{self.cleanup.number}")
