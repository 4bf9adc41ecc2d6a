"""What every page keeps to: it is never stored, and tells the time of whoever looks at it."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_vary_headers

ZONES = frozenset(available_timezones())


class PrivatePagesMiddleware:
    """Forbids storing every answer, and keeps a page and its htmx fragment apart at one address.

    Without it, the browser's Back button shows a bare fragment.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        patch_vary_headers(response, ["HX-Request"])
        return response


class TimeZoneMiddleware:
    """Shows a person who has signed in the time of their own zone, which their browser names in a cookie.

    Mails and the page that answers them stay in TIME_ZONE, so that both speak of the same promised day.
    """

    cookie = "portal_time_zone"

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(self.cookie, "")
        if not request.user.is_authenticated or name not in ZONES:
            return self.get_response(request)
        with timezone.override(ZoneInfo(name)):
            return self.get_response(request)
