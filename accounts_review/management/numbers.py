"""Numbers given on the command line; what cannot be meant is refused before anything is done."""

from __future__ import annotations

from argparse import ArgumentTypeError


def count(text: str) -> int:
    """A number of things: not less than none."""
    return _within(text, 0, 10**9)


def port(text: str) -> int:
    """A port on which one can listen."""
    return _within(text, 1, 65_535)


def _within(text: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise ArgumentTypeError(f"{text[:40]!r} is not a whole number from {least} to {most:,}")
    return number
