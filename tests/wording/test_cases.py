"""Cases in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts_review.models import Case
from accounts_review.rules.lifecycle import CaseState
from accounts_review.wording import cases


@pytest.mark.parametrize(
    ("tries", "said"),
    [
        (1, "deferred once by the mail server; trying again: slow down"),
        (2, "deferred 2 times by the mail server; trying again: slow down"),
    ],
)
def test_a_notice_that_was_deferred_says_how_often(tries: int, said: str) -> None:
    case = Case(state=CaseState.AWAITING_NOTICE, outcome={"tries": tries, "why": "slow down"})
    assert cases.of_case(case, now=datetime(2026, 6, 15, tzinfo=UTC)) == said
