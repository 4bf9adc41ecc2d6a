"""Reasons of the portal's own, among those that people give: stored in English, told in the reader's language."""

from __future__ import annotations

import re
from datetime import date

from django.utils.translation import get_language, gettext, gettext_noop

from accounts_review.wording import instants

UNDONE = gettext_noop("undone")
AGAIN = gettext_noop("again, after clean-up %(number)d")
AWAY = gettext_noop("away until %(date)s")
"""Stored with the day as ``2026-08-01``."""
KEEP = gettext_noop("asked to keep it")
KEEP_BECAUSE = gettext_noop("asked to keep it: %(text)s")
DEFAULT_POLICY = gettext_noop("default policy")
FOUND_AGAIN = gettext_noop("found again, with more")
"""Why the portal ends a hold of its own, for one that says more."""

_VALUES = {"number": r"\d{1,9}", "date": r"\d{4}-\d\d-\d\d", "text": ".*"}


def told(reason: str) -> str:
    """A stored reason: one of the portal's own in the reader's language, any other as somebody wrote it."""
    for own, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(reason):
            return gettext(own) % {name: _said(name, value) for name, value in found.groupdict().items()}
    return reason


def _said(name: str, value: str) -> str | int:
    if name == "number":
        return int(value)
    try:
        return instants.written(date.fromisoformat(value), get_language()) if name == "date" else value
    except ValueError:  # Somebody wrote it themselves.
        return value


def _pattern(own: str) -> re.Pattern[str]:
    """What recognises a reason, whatever is named in it."""
    parts = re.split(r"%\((\w+)\)[sd]", own)
    named = [f"(?P<{part}>{_VALUES[part]})" if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    return re.compile("".join(named), re.DOTALL)


_PATTERNS = {own: _pattern(own) for own in (UNDONE, AGAIN, AWAY, KEEP, KEEP_BECAUSE, DEFAULT_POLICY, FOUND_AGAIN)}
