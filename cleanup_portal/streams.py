"""The standard streams of a command: there in any case, in UTF-8, and an output that cannot be written says so."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from io import TextIOWrapper

from django.utils import termcolors


class CannotPrint(OSError):
    """Standard output was closed, is full, or has nobody who reads it."""


CONTROL = re.compile(r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys, or turns the text around it: a reason or a name may hold it, whoever wrote that."""

RESET = "\x1b[0m"


def shown(text: str) -> str:
    """A text of which nothing makes a terminal do more than show it, but for what Django colours from end to end.

    Other colours could hide what stands in them, or what follows.
    """
    if not CONTROL.search(text):
        return text
    return "".join(
        part if odd else CONTROL.sub(lambda found: ascii(found[0])[1:-1], part) for odd, part in _parts(text)
    )


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """The text in its order, and which parts of it are the marks around what Django colours."""
    end = 0
    for found in _coloured().finditer(text):
        yield from ((False, text[end : found.start()]), (True, found[1]), (False, found[2]), (True, RESET))
        end = found.end()
    yield False, text[end:]


@cache
def _coloured() -> re.Pattern[str]:
    """What Django's commands colour, as its palette or ``DJANGO_COLORS`` has it."""
    chosen = termcolors.parse_color_setting(os.environ.get("DJANGO_COLORS", "")) or {}
    styles = [*termcolors.PALETTES[termcolors.DEFAULT_PALETTE].values(), *chosen.values()]
    marks = {termcolors.colorize("", **style).removesuffix(RESET) for style in styles if style}
    return re.compile(f"({'|'.join(map(re.escape, sorted(marks)))})([^\x1b]*){re.escape(RESET)}")


class ForPeople(TextIOWrapper):
    """A stream that people read."""

    def write(self, text: str, /) -> int:
        super().write(shown(text))
        return len(text)


class Output(TextIOWrapper):
    """Standard output that tells its own errors from those of other files."""

    is_for_people = False

    def write(self, text: str, /) -> int:
        """Raises :class:`CannotPrint`."""
        try:
            super().write(shown(text) if self.is_for_people else text)
            return len(text)
        except OSError as error:
            raise CannotPrint(error.errno, error.strerror) from None

    def flush(self) -> None:
        """Raises :class:`CannotPrint`."""
        try:
            super().flush()
        except OSError as error:
            raise CannotPrint(error.errno, error.strerror) from None


def prepare() -> None:
    """Set up the standard streams, whatever whoever started this process has made of them."""
    for number in range(3):
        _fill(number)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    encoding = sys.stderr.encoding if sys.stderr else "utf-8"
    errors = open(2, "wb", closefd=False)  # noqa: SIM115
    sys.stderr = ForPeople(errors, encoding=encoding, errors="backslashreplace", newline="\n", line_buffering=True)
    is_for_people = os.isatty(1)
    # What goes into a file is read as UTF-8 by everybody, and by us when it comes back.
    encoding = sys.stdout.encoding if sys.stdout and is_for_people else "utf-8"
    # As PYTHONUNBUFFERED asks for.
    at_once = isinstance(sys.stdout, TextIOWrapper) and sys.stdout.write_through
    binary = open(1, "wb", closefd=False)  # noqa: SIM115
    sys.stdout = Output(
        binary, encoding=encoding, errors="backslashreplace", newline="\n", line_buffering=is_for_people or at_once
    )
    # An interactive shell draws by such characters itself.
    sys.stdout.is_for_people = is_for_people and sys.argv[1:2] != ["shell"]


def _fill(number: int) -> None:
    """Where a stream is closed, the next file that is opened would take its number, and get what is printed."""
    try:
        os.fstat(number)
    except OSError:
        # Nothing can be read from it or, if it is standard output, written to it.
        os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
        os.set_inheritable(number, True)  # noqa: FBT003 (the function takes it no other way)


def give_up_output() -> None:
    """Print no more: what is left would be tried again when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
