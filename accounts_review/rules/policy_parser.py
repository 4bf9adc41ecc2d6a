"""Reading a policy text: typed values out of TOML, and every fault with its key and its line.

Pure: no Django, no input or output.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeGuard

from accounts_review.rules.names import LONGEST, folded, has_wildcard, is_broken

LONGEST_TEXT = 400_000
MOST_KEYS = 2_000
MOST_DOTS = 8
MOST_PATTERNS = 200
"""Wildcards in one list: each is held against every account."""


def gettext_noop(message: str) -> str:
    """Mark a text that whoever shows it puts into the reader's language; the law itself knows none."""
    return message


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One thing wrong with a policy text: the line it stands on, its key, and what to write instead.

    ``template`` and ``details`` make the message, in English here and in any language in ``wording.policies``.
    """

    line: int
    key: str
    template: str
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def message(self) -> str:
        details = self.details.items()
        return self.template % {name: f"{it:,}" if isinstance(it, int) else it for name, it in details}

    def __str__(self) -> str:
        return f"line {self.line}: {self.key}: {self.message}" if self.key else f"line {self.line}: {self.message}"


FILE_TOO_LONG = gettext_noop("the file is too long: %(most)s characters are allowed")
NESTED = gettext_noop("a number is too long or a list is nested too deep")
UNKNOWN_KEY = gettext_noop("unknown key; known here: %(known)s")
NOT_A_TABLE = gettext_noop("expected a table: write [%(name)s] on a line of its own")
SOME_NAMES = gettext_noop("expected a list of names, such as %(example)s")
WILDCARDS = gettext_noop("at most %(most)s names with wildcards; list the others in full")
TOO_DEEP = gettext_noop("a key of more than %(most)s parts; the deepest here has two")
BROKEN = gettext_noop("the pattern %(name)s is broken: write a set as [abc], and a bracket as [[]")
WILDCARD = gettext_noop(
    "%(name)s has a wildcard, which means nothing here: name each domain; a segment may have a pattern for whole "
    "addresses"
)
TOO_LONG = gettext_noop("the text is too long: %(count)s characters, and %(most)s are allowed")
TOO_MANY = gettext_noop("too many keys: %(count)s, and %(most)s are allowed")
MOST_TRIES = 300
"""So many lines are tried as the end of one list; each try reads the list again."""


class PolicyError(ValueError):
    """A policy text that cannot be used; ``faults`` names everything wrong with it, first line first."""

    def __init__(self, faults: list[PolicyFault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.line)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def decode(content: bytes) -> str:
    """The text of a policy's file. Raises :class:`PolicyError` where it is not UTF-8."""
    if len(content) > 4 * LONGEST_TEXT:
        raise PolicyError([PolicyFault(1, "", FILE_TOO_LONG, {"most": LONGEST_TEXT})])
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PolicyError([PolicyFault(1, "", gettext_noop("the file is UTF-16; save it as UTF-8"))])
    try:
        return re.sub("\r\n?", "\n", content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        odd = gettext_noop("the byte %(byte)s is not UTF-8; save the file as UTF-8")
        raise PolicyError([PolicyFault(line, "", odd, {"byte": f"0x{error.object[error.start]:02x}"})]) from None


def load(text: str) -> dict[str, Any]:
    """The document of a TOML text; a byte order mark before it does no harm. Raises :class:`PolicyError`."""
    text = text.removeprefix("\ufeff")
    if faults := list(_bounds_passed(text)):
        raise PolicyError(faults)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([_syntax_fault(error, text)]) from None
    except (ValueError, RecursionError):  # what the TOML reader lets through
        raise PolicyError([PolicyFault(1, "", NESTED)]) from None


class Reader:
    """Reads typed values out of a parsed document and gathers faults instead of stopping at the first."""

    def __init__(self, text: str, *, is_lenient: bool = False) -> None:
        self.faults: list[PolicyFault] = []
        self._text = text.removeprefix("\ufeff")
        self._is_lenient = is_lenient

    def fault(self, path: str, key: str, template: str, **details: object) -> None:
        shown = ".".join(part for part in (re.sub(r"\.\d+$", "", path), key) if part)
        line = self._lines.get(f"{path}.{key}".strip("."), self._lines.get(path, 1))
        self.faults.append(PolicyFault(line, shown, template, details))

    def refuse(self, path: str, key: str, template: str, **details: object) -> None:
        """A fault that texts which are in force already may have: they came into force before it was looked for."""
        if not self._is_lenient:
            self.fault(path, key, template, **details)

    @cached_property
    def _lines(self) -> dict[str, int]:
        return lines_of(self._text)

    def section(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        value = document.get(name, {})
        if isinstance(value, dict):
            return value
        self.fault("", name, NOT_A_TABLE, name=name)
        return {}

    def refuse_unknown(self, path: str, table: dict[str, Any], known: set[str]) -> None:
        for key in sorted(table.keys() - known):
            self.fault(path, key, UNKNOWN_KEY, known=", ".join(sorted(known)))

    def text(self, path: str, table: dict[str, Any], key: str, default: str = "") -> str:
        value = table.get(key, default)
        if _is_plain(value) and len(value) <= 200:
            return value.strip()
        self.fault(path, key, gettext_noop("expected a text of 1 to 200 characters, on one line"))
        return default

    def whole(self, path: str, table: dict[str, Any], key: str, *, least: int, most: int) -> int:
        value = table.get(key)
        if type(value) is int and least <= value <= most:
            return value
        # As the text takes it: without separators.
        bounds = {"least": str(least), "most": str(most)}
        self.fault(path, key, gettext_noop("expected a whole number from %(least)s to %(most)s"), **bounds)
        return least

    def share(self, path: str, table: dict[str, Any], key: str, *, most: float) -> float:
        value = table.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most:
            return float(value)
        self.fault(path, key, gettext_noop("expected a share above 0 and at most %(most)s"), most=f"{most:g}")
        return 0.0

    def flag(self, path: str, table: dict[str, Any], key: str) -> bool:
        value = table.get(key)
        if isinstance(value, bool):
            return value
        self.fault(path, key, gettext_noop("expected true or false"))
        return False

    def names(self, path: str, table: dict[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if isinstance(value, list) and all(map(_is_name, value)):
            return tuple(name.strip() for name in value)
        self.fault(path, key, SOME_NAMES, example='["readers", "partners"]')
        return ()

    def globs(self, path: str, table: dict[str, Any], key: str) -> tuple[str, ...]:
        names = self.names(path, table, key)
        for name in filter(is_broken, names):
            self.refuse(path, key, BROKEN, name=_short(name))
        if sum(map(has_wildcard, names)) > MOST_PATTERNS:
            self.refuse(path, key, WILDCARDS, most=MOST_PATTERNS)
        return names

    def domains(self, path: str, table: dict[str, Any], key: str) -> tuple[str, ...]:
        names = tuple(folded(name.strip().removeprefix("@")).strip(".") for name in self.names(path, table, key))
        if not all(names):
            self.fault(path, key, gettext_noop("expected domains, such as %(example)s"), example='["example.org"]')
        for name in filter(has_wildcard, names):
            self.refuse(path, key, WILDCARD, name=_short(name))
        return names


def _is_plain(value: object) -> TypeGuard[str]:
    """Whether it is a text of one line that says something; PostgreSQL refuses NUL, and a title heads mails."""
    return isinstance(value, str) and bool(value.strip()) and not re.search(r"[\x00-\x1f\x7f]", value)


def _is_name(value: object) -> TypeGuard[str]:
    return _is_plain(value) and len(value) <= LONGEST and bool(folded(value))


def _short(name: str) -> str:
    return repr(name if len(name) <= 60 else f"{name[:59]}…")


STRINGS = re.compile(
    r'''"""(?:\\.|[^\\])*?(?:"""|\Z)|'{3}.*?(?:'{3}|\Z)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|#[^\n]*''', re.DOTALL
)
"""What no key stands in: strings, closed or not, and comments."""


def _bounds_passed(text: str) -> Iterator[PolicyFault]:
    """What makes a text too much for the TOML reader, whose time grows with the square of what it holds."""
    if len(text) > LONGEST_TEXT:
        yield PolicyFault(1, "", TOO_LONG, {"count": len(text), "most": LONGEST_TEXT})
        return
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        yield PolicyFault(line, "", gettext_noop("a NUL character is no text; if the file is UTF-16, save it as UTF-8"))
        return
    bare = STRINGS.sub(lambda found: "\n" * found[0].count("\n") + "_", text)
    keys = [*re.finditer(r"=|^[ \t]*\[", bare, re.MULTILINE)]
    if len(keys) > MOST_KEYS:
        line = bare[: keys[MOST_KEYS].start()].count("\n") + 1
        yield PolicyFault(line, "", TOO_MANY, {"count": len(keys), "most": MOST_KEYS})
    if deep := re.search(rf"(?<![\w-])(?:[\w-]+[ \t]*\.[ \t]*){{{MOST_DOTS}}}", bare):
        line = bare[: deep.start()].count("\n") + 1
        yield PolicyFault(line, "", TOO_DEEP, {"most": MOST_DOTS})


def lines_of(text: str) -> dict[str, int]:
    """The line on which each table and key stands: ``limits``, ``limits.per_hour``, ``segment.0.name``."""
    lines: dict[str, int] = {}
    table, segments = "", 0
    for number, statement, content in _statements(text):
        names = list(_names_in(content))
        if statement.lstrip().startswith("["):
            if names[-1] == "segment.0":
                names[-1], segments = f"segment.{segments}", segments + 1
            table = names[-1]
        elif table:
            names = [f"{table}.{name}" for name in names]
        for name in names:
            lines.setdefault(name, number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The statements of a valid text, each with its first line and its content.

    The TOML reader of the standard library keeps no positions. But a statement takes whole lines, and is the
    shortest run of them that is valid on its own.
    """
    start, so_far, tries = 1, "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        so_far += line + "\n"
        if number > start and not re.search(r"[\]}]|\"{3}|'{3}", line):
            continue  # cannot be the last line of a list, a table or a text of several lines
        if tries == MOST_TRIES:
            return  # Nobody writes such a list by hand; what comes after it is placed at the first line.
        tries += 1
        try:
            content = tomllib.loads(so_far)
        except (ValueError, RecursionError):
            continue
        yield start, so_far, content
        start, so_far, tries = number + 1, "", 0


def _names_in(content: object, path: str = "") -> Iterator[str]:
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inside:
        yield f"{path}{key}"
        if path.count(".") < 3:
            yield from _names_in(value, f"{path}{key}.")


def _syntax_fault(error: tomllib.TOMLDecodeError, text: str) -> PolicyFault:
    position = re.search(r"\(at line (\d+), column \d+\)", str(error))
    line = int(position[1]) if position else max(1, text.rstrip("\n").count("\n") + 1)
    problem = re.sub(r"\s*\(at .*\)$", "", str(error))
    return PolicyFault(line, "", gettext_noop("%(problem)s; this is not valid TOML"), {"problem": problem})
