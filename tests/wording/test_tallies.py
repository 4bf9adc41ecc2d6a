"""Words that stand behind a number of accounts."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from accounts_review.models.cleanup import CASE_LABELS
from accounts_review.rules.dormancy import Verdict
from accounts_review.wording.labels import labelled
from accounts_review.wording.quotes import quoted
from accounts_review.wording.tallies import TALLIES, tally


def test_every_verdict_and_every_state_has_one() -> None:
    assert set(TALLIES) == {*Verdict, *CASE_LABELS}


@pytest.mark.parametrize(
    ("kind", "one", "many"),
    [
        ("dormant", "inactif", "inactifs"),
        ("revoked", "révoqué", "révoqués"),
        ("would_revoke", "serait révoqué", "seraient révoqués"),
    ],
)
def test_french_words_agree_with_the_number(kind: str, one: str, many: str) -> None:
    with override("fr"):
        assert [tally(kind, count) for count in (0, 1, 2, 1_000)] == [one, one, many, many]


def test_colons_and_quotation_marks_follow_the_language() -> None:
    assert (labelled("Reason", "x"), quoted("x")) == ("Reason: x", "“x”")
    nbsp = "\N{NO-BREAK SPACE}"
    with override("fr"):
        assert (labelled("Motif", "x"), quoted("x")) == (f"Motif{nbsp}: x", f"«{nbsp}x{nbsp}»")
