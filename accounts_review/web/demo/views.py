"""The mailbox and the clock of the demo."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts_review.tasks import queue, sources
from accounts_review.web.demo.mailbox import Mailed, mailed
from accounts_review.web.shared.access import PortalView
from accounts_review.web.shared.frames import LINKS, SHOWN_ALONE
from accounts_review.wording import instants
from cleanup_portal import demo_clock

DAYS = 30


class DemoView(PortalView):
    """A page that is there in the demo alone, for its administrator: some of what is mailed lets people in."""

    needs = "administer"
    everywhere = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.IS_DEMO:
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class Mailbox(DemoView):
    """What was mailed, each as its reader sees it; the HTML part comes alone, for a frame in which nothing runs."""

    template_name = "accounts_review/demo/mailbox.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        found = mailed(settings.DATA_DIR / "mail", portal=settings.PUBLIC_URL)
        chosen = self._chosen(found)
        if chosen and "html" in request.GET:
            shown_alone = SHOWN_ALONE.replace("sandbox", f"sandbox {LINKS}")
            headers = {"Content-Security-Policy": shown_alone, "X-Frame-Options": "SAMEORIGIN"}
            return HttpResponse(chosen.html.replace("<head>", '<head><base target="_blank">', 1), headers=headers)
        context = {"mails": found, "mail": chosen, "links": LINKS, "now": timezone.now(), "days": DAYS}
        context["days_ahead"] = demo_clock.days_ahead(settings.DATA_DIR)
        return self.render_to_response(self.get_context_data(**context))

    def _chosen(self, found: list[Mailed]) -> Mailed | None:
        asked = self.request.GET.get("mail")
        if asked is None:
            return next(iter(found), None)
        if known := next((each for each in found if each.key == asked), None):
            return known
        raise Http404


class SkipDays(DemoView):
    """Move the clock forward, and read the workspaces as they are then; what is due then happens by itself."""

    def post(self, request: HttpRequest) -> HttpResponse:
        if not sources.are_all_pretended():
            messages.error(request, _("A workspace here is a real one. Its time cannot be skipped."))
            return redirect("mailbox")
        demo_clock.skip(settings.DATA_DIR, days=DAYS)
        # Who skips stays signed in.
        request.session.modified = True
        for each in filter(sources.is_reachable, sources.known_workspaces()):
            queue.enqueue_sync(each)
        day = instants.dated(timezone.localtime(timezone.now()), "j F Y")
        messages.success(request, _("It is %(day)s now. What is due by then happens within a minute.") % {"day": day})
        return redirect("mailbox")
