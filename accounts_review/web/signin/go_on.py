"""After somebody was asked anew: what they had filled in, to be sent by their own click."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts_review.web.shared import anew
from accounts_review.web.shared.access import PortalView


class GoOn(PortalView):
    """Shows what was kept, with the button that sends it. It changes nothing itself."""

    template_name = "accounts_review/signin/go_on.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        kept = anew.kept(request)
        if kept is None:
            return redirect("home")
        if not anew.is_fresh(request):
            return redirect(anew.question(request))
        return self.render_to_response(self.get_context_data(kept=kept))
