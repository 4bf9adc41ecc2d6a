"""A sign of life to the outside: whoever listens there raises the alarm when it stops."""

from __future__ import annotations

import structlog
from django.conf import settings
from httpx import HTTPError, InvalidURL, get

log = structlog.get_logger(__name__)

SECONDS = 10


def ping() -> None:
    """Call ``PING_URL``, where it is set. A failure is logged and changes nothing else."""
    if not settings.PING_URL:
        return
    try:
        get(settings.PING_URL, timeout=SECONDS, follow_redirects=True).raise_for_status()
    except (HTTPError, InvalidURL, OSError, ValueError) as error:
        # The address may hold a secret, and a message of the library the address.
        log.warning("ping failed", error=type(error).__name__)
