"""What people are told about an account that nobody uses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import translation

from accounts_review.wording import durations, unused

SEEN = datetime(2024, 11, 6, 12, tzinfo=UTC)


def test_a_person_reads_the_last_day_and_the_rule_without_limits_in_days() -> None:
    said = unused.reason(activity_at=SEEN, activity_field="last_login_at", limit_days=730)
    assert said == "You last signed in on 6 November 2024. We close accounts that have not been used for two years."


def test_somebody_who_never_signed_in_reads_that_they_were_invited() -> None:
    said = unused.reason(activity_at=SEEN, activity_field="joined_at", limit_days=180)
    assert said.startswith("You were invited on 6 November 2024 and have never signed in. We close")
    assert said.endswith("for six months.")


def test_it_is_said_in_french() -> None:
    with translation.override("fr"):
        said = unused.reason(activity_at=SEEN, activity_field="last_login_at", limit_days=730)
    assert said == (
        "Vous vous êtes connecté pour la dernière fois le 6 novembre 2024. "
        "Nous fermons les comptes qui n’ont pas été utilisés depuis deux ans."
    )


def test_without_a_date_only_the_rule_is_told() -> None:
    assert unused.reason(activity_at=None, activity_field="", limit_days=45) == (
        "We close accounts that have not been used for 45 days."
    )


@pytest.mark.parametrize(
    ("days", "said"),
    [(1, "1 day"), (45, "45 days"), (90, "3 months"), (365, "1 year"), (366, "366 days"), (1826, "5 years")],
)
def test_a_chosen_length_is_told_exactly(days: int, said: str) -> None:
    assert durations.span(days) == said


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-06-14T20:00:00Z", "12 hours"),
        ("2026-06-14T08:00:00Z", "1 day"),
        ("2026-04-17T08:00:00Z", "59 days"),
        ("2026-04-15T08:00:00Z", "2 months"),
        ("2025-06-15T08:00:01Z", "11 months"),
        ("2025-06-15T08:00:00Z", "1 year"),
        ("2023-08-20T08:00:00Z", "2 years, 9 months"),
        ("2024-02-29T08:00:00Z", "2 years, 3 months"),
    ],
)
def test_a_long_time_is_told_in_years_and_months_of_the_calendar(since: str, said: str) -> None:
    now = datetime(2026, 6, 15, 8, tzinfo=UTC)
    assert durations.since(datetime.fromisoformat(since), now).replace("\xa0", " ") == said
    assert durations.ago(datetime.fromisoformat(since), now).replace("\xa0", " ") == f"{said} ago"
