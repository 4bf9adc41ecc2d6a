"""Days are written as the reader's language writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.utils.translation import override

from accounts_review.wording import instants, unused
from accounts_review.workflow.notify import emails


@pytest.mark.parametrize(
    ("language", "day", "said"),
    [
        ("fr", 1, "1er août 2027"),
        ("fr", 11, "11 août 2027"),
        ("fr", 21, "21 août 2027"),
        ("en", 1, "1 August 2027"),
    ],
)
def test_the_first_of_a_month_is_the_first_in_french(language: str, day: int, said: str) -> None:
    with override(language):
        assert instants.dated(date(2027, 8, day), "j F Y") == said


def test_an_email_says_it_so_too() -> None:
    first = datetime(2027, 3, 1, 12, tzinfo=UTC)
    with override("fr"):
        assert emails._dates({"promised": first}) == {"promised": "lundi 1er mars 2027"}
        assert "1er mars 2027" in unused.reason(activity_at=first, activity_field="last_seen_at", limit_days=730)
