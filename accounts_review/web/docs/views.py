"""The documentation: what there is, and one document."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts_review.web.shared.access import PortalView
from accounts_review.web.shared.documents import Document, document

SHELVES: list[tuple[Promise, list[str]]] = [
    (_("For people who use the portal"), ["guide", "screens", "policy", "accessibility"]),
    (
        _("For people who run the portal"),
        ["operate", "settings", "single_sign_on", "backup", "performance", "threat_model", "architecture"],
    ),
]


def shelves(language: str) -> list[tuple[Promise, list[Document]]]:
    """The documents, those first that most people look for; the others, such as decisions, are found by links."""
    return [(title, [found for each in known if (found := document(each, language))]) for title, known in SHELVES]


class Documentation(PortalView):
    """Lists the documents."""

    template_name = "accounts_review/docs/page.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_to_response(self.get_context_data(shelves=shelves(get_language() or "en")))


class DocumentPage(PortalView):
    """Shows one document, in the reader's language where it was written in it."""

    template_name = "accounts_review/docs/document.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        found = document(name, get_language() or "en")
        if found is None:
            raise Http404
        return self.render_to_response(self.get_context_data(document=found))
