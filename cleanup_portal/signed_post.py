"""Post something to an address that the settings name, signed so that the receiver knows who sent it."""

from __future__ import annotations

import hashlib
import hmac

from httpx import HTTPError, InvalidURL
from httpx import post as http_post

SECONDS = 20


class NotDelivered(RuntimeError):
    """The receiver did not take it; the text says why, without the address, which may hold a secret."""


def post(url: str, body: bytes, *, kind: str, secret: str = "", headers: dict[str, str] | None = None) -> None:
    """Post a body; with a secret, ``X-Signature: sha256=…`` is its HMAC-SHA256. Raises :class:`NotDelivered`."""
    sent = {"Content-Type": kind} | (headers or {})
    if secret:
        sent["X-Signature"] = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    try:
        answer = http_post(url, content=body, headers=sent, timeout=SECONDS, follow_redirects=False)
    except (HTTPError, InvalidURL, OSError, ValueError) as error:
        raise NotDelivered(type(error).__name__) from None
    if not answer.is_success:
        raise NotDelivered(f"status {answer.status_code}")
