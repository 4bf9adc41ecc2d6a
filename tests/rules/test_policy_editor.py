"""A policy's text is changed by its values: only what differs is written, and no comment is lost."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from accounts_review.rules.policy import DEFAULT_TEXT, PolicyError, parse
from accounts_review.rules.policy_editor import NotEditable, PolicyValues, SegmentValues, edited, values_of

WRITTEN = """# Ours, agreed with the DPO
title = "Yearly" # the title

# Those who never came
[[segment]]
name = "never activated" # as the vendor says
never_used = true
dormant_after_days = 90 # three months

# Partners keep longer
[[segment]]
name = "partners"
groups = ["partners", "Cities"] # by uid
dormant_after_days = 1000

# All the rest
[[segment]]
name = "everyone else"
dormant_after_days = 730 # two years

[protect]
permissions = [
  "edit_domain", # always
  "edit_page",
  "manage_page", # the web team
]
email_domains = ["@Ville.Example"]

# How we tell people
[notice]
days = 30 # a month
reminders_days_before = [7, 1]

[limits]
per_hour = 200 # slowly
"""


def wanted(text: str = WRITTEN, **changes: Any) -> PolicyValues:
    """What the text says, with other values: ``limits__per_hour=5``."""
    values = values_of(parse(text))
    sections = {name: dict(section) for name, section in values.sections.items()}
    for key, value in changes.items():
        section, _dots, name = key.partition("__")
        sections[section][name] = value
    return replace(values, sections=sections)


def with_segments(values: PolicyValues, *segments: SegmentValues) -> PolicyValues:
    return replace(values, segments=list(segments))


def comments(text: str) -> list[str]:
    return sorted(re.findall(r"#.*", text))


@pytest.mark.parametrize("text", [WRITTEN, DEFAULT_TEXT, 'title = "x"\n', "[limits]\nper_hour = 3"])
def test_a_text_that_says_it_already_stays_to_the_letter(text: str) -> None:
    assert edited(text, wanted(text)).strip() == text.strip()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"limits__per_hour": 50}, "per_hour = 50 # slowly"),
        ({"limits__per_cleanup": 40}, "per_cleanup = 40"),
        ({"limits__share_of_population": 0.1}, "share_of_population = 0.1"),
        ({"notice__days": 45}, "days = 45 # a month"),
        ({"notice__reminders_days_before": [14, 7]}, "reminders_days_before = [7, 14]"),
        ({"notice__avoid": ["weekends"]}, 'avoid = ["weekends"]'),
        ({"approval__two_people": True}, "two_people = true"),
        ({"launch__wait_hours": 48}, "wait_hours = 48"),
        ({"protect__usernames": ["svc.*"]}, 'usernames = ["svc.*"]'),
        ({"protect__email_domains": []}, "email_domains = []"),
        ({"exemption__longest_days": 365}, "longest_days = 365"),
    ],
)
def test_one_value_changes_one_line_and_no_comment(changes: dict[str, Any], line: str) -> None:
    text = edited(WRITTEN, wanted(**changes))

    assert line in text.splitlines()
    assert comments(text) == comments(WRITTEN)
    assert parse(text)
    (key, value), *_rest = changes.items()
    section, _dots, name = key.partition("__")
    said = values_of(parse(text)).sections[section][name]
    assert sorted(said) == sorted(value) if isinstance(value, list) else said == value
    removed = set(WRITTEN.splitlines()) - set(text.splitlines())
    assert len(removed) <= 1


def test_a_right_is_taken_out_and_another_put_in_beside_the_comments() -> None:
    text = edited(WRITTEN, wanted(protect__permissions=["manage_page", "edit_theme"]))

    assert parse(text).protect.permissions == {"edit_domain", "manage_page", "edit_theme"}
    assert '"edit_domain", # always' in text
    assert '"manage_page", # the web team' in text
    assert '"edit_page"' not in text


def test_a_limit_of_a_segment_keeps_its_comment() -> None:
    values = wanted()
    first, second, last = values.segments
    text = edited(WRITTEN, with_segments(values, replace(first, dormant_after_days=60), second, last))

    assert "dormant_after_days = 60 # three months" in text
    assert comments(text) == comments(WRITTEN)


def test_a_new_condition_stands_in_its_own_segment_and_not_behind_the_next_comment() -> None:
    values = wanted()
    first, second, last = values.segments
    text = edited(WRITTEN, with_segments(values, replace(first, lists={"email_domains": ["x.example"]}), second, last))

    assert text.index('email_domains = ["x.example"]') < text.index("# Partners keep longer")
    assert comments(text) == comments(WRITTEN)


def test_segments_change_places_with_the_comments_above_them() -> None:
    values = wanted()
    first, second, last = values.segments
    text = edited(WRITTEN, with_segments(values, second, first, last))

    assert [segment.name for segment in parse(text).segments] == ["partners", "never activated", "everyone else"]
    assert text.index("# Partners keep longer") < text.index('"partners"') < text.index("# Those who never came")
    assert comments(text) == comments(WRITTEN)


def test_a_segment_goes_with_its_comments_and_no_other() -> None:
    values = wanted()
    text = edited(WRITTEN, with_segments(values, values.segments[0], values.segments[2]))

    gone = set(comments(WRITTEN)) - set(comments(text))
    assert gone == {"# Partners keep longer", "# by uid"}


def test_a_segment_is_added() -> None:
    values, new = (
        wanted(),
        SegmentValues(origin=None, name="robots", dormant_after_days=400, lists={"emails": ["*bot*"]}),
    )
    text = edited(WRITTEN, with_segments(values, *values.segments[:-1], new, values.segments[-1]))

    assert [segment.name for segment in parse(text).segments][2] == "robots"
    assert parse(text).segments[2].emails == ("*bot*",)
    assert comments(text) == comments(WRITTEN)


def test_segments_left_to_the_default_are_written_out_where_one_changes() -> None:
    values = wanted('title = "x"\n')
    text = edited(
        'title = "x"\n', with_segments(values, values.segments[0], replace(values.segments[1], dormant_after_days=500))
    )

    assert [segment.dormant_after_days for segment in parse(text).segments] == [90, 500]


def test_dotted_keys_and_inline_tables_are_changed_where_they_stand() -> None:
    text = edited(
        "limits.per_hour = 7 # dotted\nnotice = { days = 20 }\n",
        wanted("limits.per_hour = 7\nnotice = { days = 20 }\n", limits__per_hour=8, notice__days=21),
    )

    assert parse(text).limits.per_hour == 8
    assert parse(text).notice.days == 21
    assert "# dotted" in text


def test_segments_written_as_one_list_are_left_to_whoever_edits_the_text() -> None:
    inline = 'segment = [{ name = "all", dormant_after_days = 800 }]\n'
    values = wanted(inline)

    with pytest.raises(NotEditable):
        edited(inline, with_segments(values, replace(values.segments[0], dormant_after_days=700)))


def test_what_would_be_no_policy_is_refused_as_a_text_would_be() -> None:
    values = wanted()
    with pytest.raises(PolicyError, match="the last segment must match everyone"):
        edited(WRITTEN, with_segments(values, values.segments[2], values.segments[1]))
    with pytest.raises(PolicyError, match="must be longer than the notice"):
        edited(WRITTEN, wanted(approval__expires_after_days=30))


def test_a_comment_that_looks_like_a_table_and_a_text_of_several_lines_cut_nothing() -> None:
    tricky = WRITTEN.replace('title = "Yearly"', 'title = "[limits]"').replace("# slowly", "# [[segment]]")
    text = edited(tricky, wanted(tricky, limits__per_hour=9))

    assert parse(text).title == "[limits]"
    assert "per_hour = 9 # [[segment]]" in text
