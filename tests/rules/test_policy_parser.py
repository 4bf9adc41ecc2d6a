"""The policy's parser: how a file may be written, and how a fault is told."""

from __future__ import annotations

import time

import pytest

from accounts_review.rules.policy import (
    PolicyError,
    decode,
    parse,
)
from tests.rules.test_policy import FULL, LAST, faults

# How a file is written


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=ascii)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
def test_a_byte_order_mark_and_the_ends_of_lines_do_no_harm(mark: str, end: str) -> None:
    content = (mark + FULL.replace("\n", end)).encode()
    assert decode(content) == FULL
    assert parse(content.decode().replace("\r", "\n") if end == "\r" else content.decode()) == parse(FULL)
    with pytest.raises(PolicyError, match=r"line 3: limits\.per_hour"):
        parse(decode((mark + end.join(["", "[limits]", "per_hour = 0"])).encode()))


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("title = 'x'".encode("utf-16"), 1, "UTF-16; save it as UTF-8"),
        ("title = 'x'".encode("utf-16-le"), 1, "UTF-16, save it as UTF-8"),
        ("title = 'x'\n# é\n".encode("latin-1"), 2, "0xe9 is not UTF-8"),
        ("title = 'x'\n\n# “é”".encode("mac-roman"), 3, "is not UTF-8"),
        (b"title = 'x'\n\0", 2, "NUL"),
    ],
    ids=ascii,
)
def test_another_encoding_is_named_with_its_line(content: bytes, line: int, words: str) -> None:
    with pytest.raises(PolicyError, match=words) as refused:
        parse(decode(content))
    assert [fault.line for fault in refused.value.faults] == [line]


MONSTROUS = {
    "deep list": "x = " + "[" * 9000,
    "long number": "x = " + "9" * 9000,
    "deep key": "x" + ".x" * 3000 + " = 1",
    "deep quoted key": '"x"' + ' . "x"' * 3000 + " = 1",
    "long": "# " + "x" * 400_000,
    "dotted keys": "\n".join(f"limits.k{number} = 1" for number in range(20_000)),
    "keys": "[limits]\n" + "\n".join(f"'k{number}' = 1" for number in range(20_000)),
    "keys on one line": "limits = {" + ", ".join(f"k{number} = 1" for number in range(20_000)) + "}",
    "tables": "\n".join(f"[t{number}]" for number in range(20_000)),
    "string": 'x = "' + '\\"' * 150_000,
    "string of lines": 'x = """' + '\\"""' * 90_000,
}


@pytest.mark.parametrize("text", MONSTROUS.values(), ids=MONSTROUS)
def test_a_monstrous_text_is_refused_like_any_other(text: str) -> None:
    """Each would otherwise take minutes; that it ends is the test."""
    assert len(faults(text)) == 1


def test_what_is_said_of_too_many_keys_names_the_line_and_the_number() -> None:
    (fault,) = faults("[limits]\n" + "per_hour = 1 # x = y = z\n" * 2500)
    assert (fault.line, "2,501, and 2,000" in fault.message) == (2001, True)


def test_signs_in_names_and_remarks_are_no_keys() -> None:
    names = ", ".join(f'"cn=user{number},ou=a.b.c.d.e.f.g.h.i.j"' for number in range(3000))
    assert len(parse(f"[protect]\nusernames = [{names}] # a.b.c.d.e.f.g.h.i.j").protect.usernames) == 3000


def test_a_list_that_seems_to_end_on_every_line_is_given_up_in_good_time() -> None:
    text = "[protect]\nusernames = [\n" + '  "a]",\n' * 20_000 + "]\nuids = []\n"
    with pytest.raises(PolicyError, match="unknown key"):
        parse(text)


def test_a_fault_at_the_end_of_a_very_long_text_is_found_in_good_time() -> None:
    names = "".join(f'  "user{number}",\n' for number in range(20_000))
    started = time.monotonic()
    assert [str(fault)[:28] for fault in faults(f"[protect]\nusernames = [\n{names}]\nuids = 1")] == [
        "line 20004: protect.uids: un"
    ]
    assert time.monotonic() - started < 5


def test_several_faults_are_told_together_first_line_first() -> None:
    text = """colour = "red"
[[segment]]
name = "all"
dormant_after_days = 0
never_used = true
[limits]
per_hour = 0
per_day = 5
[notice]
days = 100
[protect]
groups = 5
"""
    assert [(fault.line, fault.key) for fault in faults(text)] == [
        (1, "colour"),
        (1, "approval.expires_after_days"),
        (3, "segment.name"),
        (4, "segment.dormant_after_days"),
        (7, "limits.per_hour"),
        (8, "limits.per_day"),
        (12, "protect.groups"),
    ]


def test_an_unknown_key_is_told_which_keys_are_known() -> None:
    (fault,) = faults("[notice]\nday = 3")
    assert "days, reminders_days_before" in fault.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limits.per_hour = 0", "a whole number from 1 to 100000"),
        ("limits.share_of_population = 1", "at most 0.5"),
        ("notice.days = 90", "longer than the notice of 90 days"),
        ("[notice]\ndays = 5\nreminders_days_before = [5]", "between 1 and 4"),
        (LAST + LAST, "two segments are called 'all'"),
    ],
)
def test_a_fault_says_what_to_write_instead(text: str, words: str) -> None:
    assert words in str(faults(text)[0])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("title = 'x'\n[limits\nper_hour = 3", 2),
        ("title = 'x'\ntitle = 'y'", 2),
        ("title = 'x'\n\nper hour = 3\n", 3),
        ("title = 'x'\nsegment = [\n", 2),
        ("notice.days = 3\n[notice]\ndays = 4", 2),
        ("x = 2024-13-45", 1),
    ],
)
def test_what_is_not_toml_is_refused_at_its_line(text: str, line: int) -> None:
    (fault,) = faults(text)
    assert (fault.line, fault.key) == (line, "")
    assert str(fault).startswith(f"line {line}: ")
    assert str(fault).endswith("this is not valid TOML")
    assert "(at" not in fault.message
