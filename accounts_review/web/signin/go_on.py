"""After somebody was asked anew: what they had filled in, to be sent by their own click."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.web.shared import anew
from accounts_review.web.shared.access import PortalView
from accounts_review.wording import roles

WRITTEN: dict[str, Promise] = {
    "reason": gettext_lazy("Reason"),
    "text": gettext_lazy("Text"),
    "until": gettext_lazy("Until"),
    "count": gettext_lazy("Number of accounts"),
    "login": gettext_lazy("Login"),
    "email": gettext_lazy("E-mail address"),
    "role": gettext_lazy("Role"),
    "place": gettext_lazy("Where"),
    "title": gettext_lazy("Name shown to people"),
    "contact": gettext_lazy("Contact"),
    "sender": gettext_lazy("Sender of e-mails"),
    "subject": gettext_lazy("Subject"),
    "body": gettext_lazy("Text"),
    "greeting": gettext_lazy("Greeting"),
    "signature": gettext_lazy("Signature"),
    "sender_name": gettext_lazy("Sender name"),
    "reply_to": gettext_lazy("Reply to"),
    "url": gettext_lazy("Address"),
    "key_owner": gettext_lazy("Owner of the API key"),
}
"""What people fill in or choose, and would want to see again before it counts."""
WRITTEN_AT: dict[str, dict[str, Promise]] = {"policy": {"title": gettext_lazy("Title")}}
"""Where a page means something else by such a name."""
SAID: dict[str, Callable[[str], str]] = {
    "role": roles.said,
    "place": lambda name: _("the whole portal") if name == "*" else name,
}
"""What is chosen by a code, in words."""
PLACES: dict[str, Promise] = {"workspace": gettext_lazy("Workspace"), "number": gettext_lazy("Clean-up")}
"""What the address of a form may name."""


class GoOn(PortalView):
    """Shows what was kept, with the button that sends it. It changes nothing itself."""

    template_name = "accounts_review/signin/go_on.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        kept = anew.kept(request)
        if kept is None:
            return redirect("home")
        if not anew.is_fresh(request):
            return redirect(anew.question(request))
        labels = WRITTEN | WRITTEN_AT.get(kept.get("page", ""), {})  # The session may be of an earlier release.
        written = [
            (labels[name], SAID[name](value) if name in SAID else value)
            for name, values in kept["fields"]
            for value in values
            if name in labels and value
        ]
        place = kept.get("place", {})  # A session may be of an earlier release.
        places = [(label, place[name]) for name, label in PLACES.items() if name in place]
        return self.render_to_response(self.get_context_data(kept=kept, told=[*places, *written]))
