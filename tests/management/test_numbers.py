"""Numbers given on the command line."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from accounts_review.management.numbers import count, port


@pytest.mark.parametrize("text", ["-1", "1e3", "", "many", "9" * 5000, "9" * 30])
def test_what_can_be_no_number_of_things_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"^'.{0,40}' is not a whole number from 0 to 1,000,000,000$"):
        count(text)


@pytest.mark.parametrize("text", ["0", "-5", "65536", "70000", "http"])
def test_nobody_can_listen_on_what_is_no_port(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"is not a whole number from 1 to 65,535$"):
        port(text)


def test_none_and_many_are_numbers_of_things() -> None:
    assert [count("0"), count("500"), port("8000")] == [0, 500, 8000]
