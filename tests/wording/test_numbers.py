"""Counts are written as people of each language write them; what is called by a number keeps it as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils.translation import ngettext, override

from accounts_review.rules.policy_parser import TOO_LONG, PolicyFault
from accounts_review.wording import findings, policies, policy_findings
from accounts_review.wording.numbers import GroupedNumber, counted, up_to

NARROW = "\u202f"
NAMED_BY_NUMBER = {"number", "version", "row", "hours", "minutes", "seconds"}


@pytest.mark.parametrize(
    ("count", "english", "french"),
    [(0, "0", "0"), (999, "999", "999"), (1_000, "1,000", f"1{NARROW}000"), (1_234_567, *2 * ["1,234,567"])],
)
def test_thousands_stand_apart_as_each_language_writes_them(count: int, english: str, french: str) -> None:
    assert str(GroupedNumber(count)) == english
    with override("fr"):
        assert str(GroupedNumber(count)) == french.replace(",", NARROW)


def test_a_count_still_chooses_the_plural() -> None:
    values = counted({"count": 1})

    assert ngettext("%(count)s row", "%(count)s rows", values["count"]) % values == "1 row"


def test_beyond_what_was_counted_it_is_said_that_there_are_more() -> None:
    assert [str(up_to(10_000, count)) for count in (0, 9_999, 10_000, 10_001)] == ["0", "9,999", "10,000", "10,000+"]
    with override("fr"):
        assert str(up_to(10_000, 10_001)) == f"10{NARROW}000+"
    many = counted({"count": up_to(10_000, 10_001)})
    assert ngettext("%(count)s row", "%(count)s rows", many["count"]) % many == "10,000+ rows"


def test_what_is_called_by_a_number_keeps_it() -> None:
    values = counted({"number": 4321, "count": 4321, "yes": True})

    assert [str(value) for value in values.values()] == ["4321", "4,321", "True"]


@pytest.mark.parametrize(
    "sentence",
    [
        lambda: str(findings.in_words({"code": "passes_disagree", "count": 12_345})),
        lambda: findings.of_anomalies([{"code": "candidates_multiplied", "after": 12_345, "before": 3}])[0],
        lambda: policy_findings.in_words({"code": "more_dormant", "count": 12_345}),
        lambda: policies.of_fault(PolicyFault(1, "", TOO_LONG, {"count": 12_345, "most": 2})),
        lambda: PolicyFault(1, "", TOO_LONG, {"count": 12_345, "most": 2}).message,
    ],
)
def test_sentences_from_stored_details_set_thousands_apart(sentence: Callable[[], str]) -> None:
    assert "12,345" in sentence()


def test_no_text_writes_a_count_without_separators() -> None:
    bare = [
        f"{path}: {name}"
        for path in Path("accounts_review").rglob("*.py")
        for name in re.findall(r"%\((\w+)\)d", path.read_text())
        if name not in NAMED_BY_NUMBER
    ]

    assert bare == []
