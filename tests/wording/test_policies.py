"""A policy in words, and what changes between two."""

from __future__ import annotations

import pytest
from django.utils import translation

from accounts_review.rules.policy import DEFAULT_TEXT, PolicyError, parse
from accounts_review.wording.policies import changes, in_words, of_fault

POLICY = parse(DEFAULT_TEXT)


def changed(*edits: tuple[str, str]) -> list[tuple[str, str]]:
    text = DEFAULT_TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return [(change.before, change.after) for change in changes(POLICY, parse(text))]


def test_a_policy_says_everything_in_words() -> None:
    said = [clause.text for clause in in_words(POLICY)]
    assert said[:2] == [
        "“never activated” (never used) counts as dormant after 90 days without activity.",
        "“everyone else” (everyone no other segment matches) counts as dormant after 730 days without activity.",
    ]
    assert "Protected by their group: admins, data-stewards, publishers." in said
    assert "People are warned 30 days before their access ends, with reminders 7 days and 1 day before." in said
    assert "At most 25 % of all accounts in 30 days." in said
    assert "An exemption lasts at most 1,825 days." in said


def test_the_same_policy_in_other_words_changes_nothing() -> None:
    assert changed(("[notice]", "# a remark\n[notice]")) == []


def test_each_change_says_what_was_and_what_would_be() -> None:
    assert changed(("days = 30", "days = 0"), ("reminders_days_before = [7, 1]", "")) == [
        (
            "People are warned 30 days before their access ends, with reminders 7 days and 1 day before.",
            "Nobody is warned.",
        )
    ]
    assert changed(("longest_days = 1825", "longest_days = 365")) == [
        ("An exemption lasts at most 1,825 days.", "An exemption lasts at most 365 days.")
    ]


def test_a_list_says_what_is_added_and_what_is_removed() -> None:
    text = DEFAULT_TEXT.replace('["admins", "publishers", "data-stewards"]', '["admins", "friends"]')
    (change,) = changes(POLICY, parse(text))
    assert (change.added, change.dropped) == (("friends",), ("data-stewards", "publishers"))


def test_a_list_that_becomes_empty_names_what_was_in_it() -> None:
    text = DEFAULT_TEXT.replace('["admins", "publishers", "data-stewards"]', "[]")
    (change,) = changes(POLICY, parse(text))
    assert (change.after, change.dropped) == ("", ("admins", "data-stewards", "publishers"))


def test_another_order_of_segments_is_a_change() -> None:
    partners = '[[segment]]\nname = "partners"\ngroups = ["partners"]\ndormant_after_days = 365\n\n'
    first = DEFAULT_TEXT.replace("[[segment]]", f"{partners}[[segment]]", 1)
    second = DEFAULT_TEXT.replace('[[segment]]\nname = "everyone', partners + '[[segment]]\nname = "everyone')
    (change,) = changes(parse(first), parse(second))
    assert "“partners”, “never activated”" in change.before
    assert "“never activated”, “partners”" in change.after


def test_what_is_wrong_with_a_text_is_told_in_the_readers_language() -> None:
    with pytest.raises(PolicyError) as refused:
        parse('titel = "x"\n[limits]\nper_hour = 0\n')
    with translation.override("fr"):
        said = [of_fault(fault) for fault in refused.value.faults]
    assert said[0].startswith("clé inconnue\u202f; clés possibles ici\u00a0: ")
    assert said[1] == "il faut un nombre entier de 1 à 100000"
    assert str(refused.value).endswith("line 3: limits.per_hour: expected a whole number from 1 to 100000")
