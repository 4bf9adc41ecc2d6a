"""What is found about a policy is said in whole sentences, whatever the numbers, and under the title of its kind."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.wording.policy_findings import KINDS, SAID, by_kind, in_words

EXAMPLES: list[tuple[dict[str, Any], str]] = [
    ({"code": "unmatched", "list": "groups", "names": ["a"], "close": ["b"], "total": 1}, "Protected groups: the only"),
    (
        {"code": "unmatched", "list": "emails", "segment": "x", "names": ["a", "b"], "close": [], "total": 1102},
        "segment “x”, e-mail addresses: none of 1,102 accounts matches “a”, “b”.",
    ),
    (
        {"code": "unknown_permissions", "list": "permissions", "names": ["fly"], "close": [], "count": 1, "total": 9},
        "Protected rights: not a known right: “fly”. Held by 1 account.",
    ),
    (
        {"code": "short_limit", "segment": "x", "days": 1, "count": 1},
        "“x” counts as dormant after only 1 day. 1 account",
    ),
    ({"code": "short_notice", "days": 0}, "No warning is sent before access ends."),
    ({"code": "short_notice", "days": 1}, "The notice is only 1 day."),
    (
        {"code": "shorter_limit", "segment": "x", "before": 30, "after": 1, "count": 5},
        "“x” counts as dormant after 1 day; before, 30 days. 5 accounts would be dormant.",
    ),
    (
        {"code": "shorter_for_some", "segment": "x", "before": 30, "after": 1, "count": 1},
        "“x” counts as dormant after 1 day; before, up to 30 days for some of its accounts. 1 account would be",
    ),
    ({"code": "fewer_avoided", "names": ["weekends"]}, "E-mails and removals can happen again on days that were"),
    (
        {"code": "shorter_retention", "of": "keep_audit_names_months", "before": 2, "after": 1},
        "The names of people who left are erased sooner, after fewer months: 1; before, 2.",
    ),
    ({"code": "shorter_wait", "before": 24, "after": 0}, "A launch without notice waits 0 hours before its first"),
    ({"code": "shorter_notice", "before": 2, "after": 1}, "The notice is shorter: 1 day; before, 2 days."),
    ({"code": "longer_approval", "before": 60, "after": 90}, "An approval lasts longer: 90 days; before, 60 days."),
    (
        {"code": "higher_limit", "limit": "share_of_population", "before": 0.25, "after": 0.5},
        "A larger share of all accounts may be removed: 50 %; before, 25 %.",
    ),
    (
        {"code": "higher_limit", "limit": "another", "before": 1, "after": 2},
        "The limit another is higher: 2; before, 1.",
    ),
    (
        {"code": "protects_less", "list": "groups", "names": list("abcdefghijklm"), "count": 1},
        "Protected groups: “a”, “b”, “c”, “d”, “e”, “f”, “g”, “h”, “i”, “j” and 3 more removed. 1 account is",
    ),
    ({"code": "of a later version"}, "of a later version"),
]


@pytest.mark.parametrize(("found", "said"), EXAMPLES, ids=lambda value: str(value)[:40])
def test_a_finding_is_a_sentence(found: dict[str, Any], said: str) -> None:
    assert in_words(found).startswith(said)


def test_every_code_has_its_kind() -> None:
    assert sorted(code for codes in KINDS.values() for code in codes) == sorted(SAID)


def test_findings_stand_under_their_kind() -> None:
    assert by_kind([{"code": "one_person"}, {"code": "nobody_read"}, {"code": "short_notice", "days": 0}]) == [
        ("Names", [in_words({"code": "nobody_read"})]),
        ("Risks", ["No warning is sent before access ends."]),
        ("Looser than the policy in force", [in_words({"code": "one_person"})]),
    ]
