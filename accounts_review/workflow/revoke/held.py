"""Cases that are held back: not revoked now; where that may last, a person is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from accounts_review.audit.events import Event
from accounts_review.rules.gate import ABOUT_THE_ACCOUNT

A_DAY = timedelta(days=1)


def held_with(
    why: Sequence[Mapping[str, Any]], *, before: Mapping[str, Any] | None, now: datetime
) -> tuple[Event, dict[str, Any]]:
    """The audit's event and what is kept of a case that is put back; held for a day for its account, a person is told.

    ``before`` is what was kept of it so far.
    """
    outcome: dict[str, Any] = {"why": why}
    if not any(objection["code"] in ABOUT_THE_ACCOUNT for objection in why):
        return Event.CASE_HELD, outcome
    known = before or {}
    since = datetime.fromisoformat(known.get("held_since") or now.isoformat())
    is_long = now - since >= A_DAY
    is_news = is_long and not known.get("is_long")
    outcome |= {"held_since": since.isoformat(), "is_long": is_long}
    return Event.CASE_HELD_FOR_A_DAY if is_news else Event.CASE_HELD, outcome
