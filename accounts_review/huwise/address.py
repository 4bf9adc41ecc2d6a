"""Where a request may go: one workspace, and one account of it. Both are refused rather than repaired."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import httpx
from django.utils.translation import gettext as _

from accounts_review.rules.addresses import usable_in_url

from .errors import UnsafeUsername, one_line

BASE_PATH = "/api/automation/v1.0"

COMPOSE_SANDBOX = "sandbox"
"""The pretend workspace beside the portal in ``docker-compose.yml``, on a network of their own: plain http will do."""


def base_url(url: str) -> httpx.URL:
    """The API's address on the workspace at ``url``, which may or may not end in a slash or in the API's own path.

    :raises ValueError: in words for the person who wrote the setting, without repeating what may hold a secret.
    """
    given = _parsed(url.strip())
    if given is None or given.scheme not in ("https", "http") or not given.host:
        raise ValueError(_("The workspace's address must look like https://data.example.org"))
    host = {"host": given.host}
    if given.userinfo or "@" in url:
        raise ValueError(_("The address of %(host)s must not contain a username or password") % host)
    if given.query or given.fragment or "?" in url or "#" in url:
        raise ValueError(_("The address of %(host)s must end with the host: nothing after ? or #") % host)
    if given.scheme == "http" and given.host != COMPOSE_SANDBOX and not _is_loopback(given.host):
        raise ValueError(
            _("The address of %(host)s must start with https, or the API key would travel unencrypted") % host
        )
    if not all(0 < len(label) < 64 for label in given.raw_host.rstrip(b".").split(b".")):
        raise ValueError(_("%(host)s is not the name of a host") % {"host": one_line(given.host)})
    return given.copy_with(path=_with_base_path(given))


def host_at(url: str) -> str:
    """The host of the workspace at ``url``, with its port where that is not the usual one.

    :raises ValueError: as :func:`base_url`.
    """
    return base_url(url).netloc.decode("ascii")


def host_of(url: str) -> str:
    """As :func:`host_at`; "" where there is none."""
    try:
        return host_at(url)
    except ValueError:
        return ""


def path_segment(username: str) -> str:
    """The username percent-encoded, slashes, dots and all, to stand between two slashes of a path.

    :raises UnsafeUsername: by the rule of :func:`accounts_review.rules.addresses.usable_in_url`.
    """
    if not usable_in_url(username):
        raise UnsafeUsername(message=one_line(ascii(username)))
    return quote(username, safe="")


def _parsed(url: str) -> httpx.URL | None:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        return None


def _with_base_path(given: httpx.URL) -> str:
    path = given.path.rstrip("/")
    if path and not path.endswith(BASE_PATH):
        raise ValueError(
            _("The address of %(host)s must be the workspace's own, without the path of a page") % {"host": given.host}
        )
    return path or BASE_PATH


def is_pretend(host: str) -> bool:
    """Whether a workspace at a host (with or without a port) can only be a pretend one, on this host or beside."""
    name = urlsplit(f"//{host}").hostname or ""
    return not name or name == COMPOSE_SANDBOX or _is_loopback(name)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
