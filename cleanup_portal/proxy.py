"""Who is calling: what throttling and logs take for the client's address."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

CLAIMS = ("X_REAL_IP", "CLIENT_IP", "X_FORWARDED", "X_CLUSTER_CLIENT_IP", "FORWARDED_FOR", "FORWARDED", "VIA",
          "CF_CONNECTING_IP", "TRUE_CLIENT_IP", "X_CLIENT_IP", "FASTLY_CLIENT_IP", "X_APPENGINE_USER_IP")  # fmt: skip
"""Further headers by which anybody may claim any address. Some libraries believe them."""


class ClientAddressMiddleware:
    """Puts the client's address into ``REMOTE_ADDR``, and drops every header that claims another.

    Each proxy adds the address it was called from at the end of ``X-Forwarded-For``; so behind N trusted ones the
    client's is the Nth from the right. What stands left of it was sent by the client and proves nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        for claim in CLAIMS:
            request.META.pop(f"HTTP_{claim}", None)
        if client := client_address(forwarded, proxies=settings.TRUSTED_PROXIES):
            request.META["REMOTE_ADDR"] = client
        return self.get_response(request)


class HealthFromWithinMiddleware:
    """Lets a container's own health check in, which calls a public portal by a name of the loopback interface."""

    names = frozenset({"localhost", "127.0.0.1", "[::1]"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host, colon, port = request.META.get("HTTP_HOST", "").rpartition(":")
        name = host if colon and port.isdecimal() else request.META.get("HTTP_HOST", "")
        if settings.IS_PUBLIC and name in self.names and request.path_info.startswith("/health/"):
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip(".")
        return self.get_response(request)


def client_address(forwarded: str, *, proxies: int) -> str:
    """The address that the outermost trusted proxy was called from; "" where the header does not say."""
    addresses = forwarded.split(",")
    if not 0 < proxies <= len(addresses):
        return ""
    found = addresses[-proxies].strip()
    # Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
    host = found[1:].partition("]")[0] if found.startswith("[") else found.partition(":")[0]
    for candidate in (found, host):
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return ""
