"""Instants that a workspace states in headers and error bodies, in every form seen in the wild (domain.md 2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_WAIT = timedelta(days=366)


def http_date(text: str | None) -> datetime | None:
    """The instant of a ``Date``-like header, or ``None`` where it is absent or unreadable."""
    try:
        return _in_utc(parsedate_to_datetime(text or ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_instant(*, headers: Mapping[str, str], reset_time: object, now: datetime) -> datetime | None:
    """When a 429 allows the next call: ``Retry-After``, else ``X-RateLimit-Reset``, else the body's ``reset_time``."""
    return (
        _after(headers.get("retry-after", ""), now=now)
        or _instant(headers.get("x-ratelimit-reset", ""))
        or _instant(reset_time)
    )


def _after(text: str, *, now: datetime) -> datetime | None:
    seconds = _number(text)
    if seconds is None:
        return http_date(text)
    return now + timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))


def _instant(value: object) -> datetime | None:
    """An epoch or a datetime, as text or number."""
    text = str(value).strip()
    try:
        epoch = _number(text)
        return _in_utc(datetime.fromisoformat(text)) if epoch is None else datetime.fromtimestamp(epoch, UTC)
    except (ValueError, OverflowError, OSError):
        return http_date(text)


def _number(text: str) -> float | None:
    """A number that counts seconds: never negative, infinite or NaN."""
    plain = text.strip()
    return float(plain) if plain.isascii() and plain.replace(".", "", 1).isdigit() and len(plain) < 40 else None


def _in_utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
