"""The report on paper: every case on one page, and what stands at the foot of each printed one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django_tables2 import RequestConfig

from accounts_review import audit
from accounts_review.web.cleanups.filters import ReportFilter
from accounts_review.web.cleanups.views import CleanupView, case_table, standing_of
from accounts_review.wording import instants
from accounts_review.workflow.notify.emails import one_line

PAGE = """@page {{
  size: A4 landscape;
  margin: 12mm 12mm 18mm;
  @bottom-left {{ content: "{foot}"; font: 8pt sans-serif; }}
  @bottom-right {{ content: counter(page) "\\a0/\\a0" counter(pages); font: 8pt sans-serif; }}
}}
"""


class Print(CleanupView):
    """The report as it is printed: the cover, and all cases that the clean-up's page would show, in its order."""

    template_name = "accounts_review/cleanups/print.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if self.cleanup.is_draft:
            return self.to_page()
        found = ReportFilter(request.GET, self.cases)
        table = case_table(self, found.qs)
        RequestConfig(request, paginate=False).configure(table)
        return self.render_to_response(self.get_context_data(filter=found, table=table, **standing_of(self)))


class Paper(CleanupView):
    """A style sheet of its own for each print: a page's margin can hold no other text."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        foot = _(
            "%(workspace)s · clean-up %(number)d · printed %(at)s by %(login)s · audit checkpoint %(checkpoint)s"
        ) % {
            "workspace": self.workspace.shown_name,
            "number": self.cleanup.number,
            "at": instants.dated(self.now, "j M Y, H:i"),
            "login": self.request.user.get_username(),
            "checkpoint": audit.newest_checkpoint(),
        }
        return HttpResponse(PAGE.format(foot=_quoted(foot)), content_type="text/css; charset=utf-8")


def _quoted(text: str) -> str:
    """A text that may stand between the quotes of a style sheet: whatever is no plain word is written as its number."""
    line = one_line(text, longest=600)
    return "".join(each if each.isalnum() or each in " .,:-·" else f"\\{ord(each):06x} " for each in line)
