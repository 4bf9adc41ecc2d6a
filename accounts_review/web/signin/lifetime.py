"""How long a session lasts: so long without a click, and so long in any case. What was being sent is kept."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts_review.web.shared import anew

BEGAN, SEEN = "began_at", "seen_at"
REFRESHING = frozenset({"progress", "news", "sync", "check_connection"})
"""Pages that look again by themselves: they prove nobody's presence."""
PRECISION = 60.0
"""Seconds: a click is not written down more often."""


class SessionLifetimeMiddleware:
    """Ends a session that nobody has used for ``SESSION_IDLE_SECONDS``, or that began ``SESSION_COOKIE_AGE`` ago."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        if not request.user.is_authenticated:
            return None
        at, session = time(), request.session
        if BEGAN not in session:
            session[BEGAN] = session[SEEN] = at
        if at - session[BEGAN] > settings.SESSION_COOKIE_AGE or at - session[SEEN] > settings.SESSION_IDLE_SECONDS:
            return _ended(request)
        looks_by_itself = request.resolver_match is not None and request.resolver_match.url_name in REFRESHING
        if at - session[SEEN] > PRECISION and not (looks_by_itself and request.method == "GET"):
            session[SEEN] = at
        return None


def _ended(request: HttpRequest) -> HttpResponse | None:
    """Sign out. What was being sent is offered again to the same person after they signed in."""
    owner = request.user.pk
    logout(request)
    if request.method != "POST":
        return None
    anew.keep(request, _("Send it again"), owner=owner)
    url = f"{reverse('account_login')}?{urlencode({'next': reverse('go_on')})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)
