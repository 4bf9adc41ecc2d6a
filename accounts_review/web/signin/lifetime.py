"""How long a session lasts: so long without a click, and so long in any case. What was being sent is kept."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts_review.web.shared import anew

BEGAN, SEEN = "began_at", "seen_at"
REFRESHING = frozenset({"progress", "news", "sync", "check_connection", "session_left"})
"""Pages that look again by themselves: they prove nobody's presence."""
IN_PART = frozenset({"bulk_decision", "cleanup", "policy_preview", "schedule", "sync_page"})
"""Pages of which a part looks again by itself."""
PERSON = "portal_person"
PRECISION = 60.0
"""Seconds: a click is not written down more often."""


class SessionLifetimeMiddleware:
    """Ends a session that nobody has used for ``SESSION_IDLE_SECONDS``, or that began ``SESSION_COOKIE_AGE`` ago."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated and _last_person(request) != request.user.pk:
            _remember_person(response, request.user.pk)
        return response

    def process_view(self, request: HttpRequest, view: Any, *args: Any) -> HttpResponse | None:
        if not request.user.is_authenticated:
            # Of the session nothing is left, not even its cookie.
            needs_login = getattr(view, "login_required", True)
            return _signed_out(request, owner=_last_person(request)) if needs_login else None
        at, session = time(), request.session
        if BEGAN not in session:
            session[BEGAN] = session[SEEN] = at
        if at - session[BEGAN] > settings.SESSION_COOKIE_AGE or at - session[SEEN] > settings.SESSION_IDLE_SECONDS:
            return _ended(request)
        if at - session[SEEN] > PRECISION and not _looks_by_itself(request):
            session[SEEN] = at
        request.session_left = left_of(request)["left"]  # type: ignore[attr-defined]
        return None


def left_of(request: HttpRequest) -> dict[str, int | bool]:
    """The seconds that are left, and whether a click makes them more: beyond ``SESSION_SECONDS`` none does."""
    at, session = time(), request.session
    idle = settings.SESSION_IDLE_SECONDS - (at - session.get(SEEN, at))
    whole = settings.SESSION_COOKIE_AGE - (at - session.get(BEGAN, at))
    return {"left": int(min(idle, whole)), "can_stay": idle < whole}


def _looks_by_itself(request: HttpRequest) -> bool:
    name = request.resolver_match.url_name if request.resolver_match else ""
    is_part = name in REFRESHING or (name in IN_PART and "HX-Request" in request.headers)
    return is_part and request.method == "GET"


def _ended(request: HttpRequest) -> HttpResponse | None:
    """Sign out. What was being sent is offered again to the same person after they signed in."""
    owner = request.user.pk
    logout(request)
    return _signed_out(request, owner=owner)


def _signed_out(request: HttpRequest, *, owner: int | None) -> HttpResponse | None:
    """Lead to the sign-in, and from there on to what was being sent; a page leads back to itself anyway.

    A part of a page does not: what htmx gets for it would stand in its place. One that looks again by itself leaves the
    page as it is, which says that the session ended.
    """
    if request.method != "POST":
        return _part_signed_out(request) if request.headers.get("HX-Request") else None
    url = reverse("account_login")
    if anew.keep(request, _("Send it again"), owner=owner):
        url += f"?{urlencode({'next': reverse('go_on')})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)


def _part_signed_out(request: HttpRequest) -> HttpResponse:
    if _looks_by_itself(request):
        return HttpResponse(status=204)
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    here = f"{page.path}?{page.query}" if page.query else page.path
    return HttpResponse(headers={"HX-Redirect": f"{reverse('account_login')}?{urlencode({'next': here})}"})


def _last_person(request: HttpRequest) -> int | None:
    """Who was signed in with this browser last: what was filled in is offered to nobody else."""
    try:
        return int(request.get_signed_cookie(PERSON, salt=PERSON) or "")
    except (BadSignature, KeyError, ValueError):
        return None


def _remember_person(response: HttpResponse, key: int) -> None:
    response.set_signed_cookie(
        PERSON, str(key), salt=PERSON, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )
