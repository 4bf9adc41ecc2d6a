"""The policy: a TOML text that says who is dormant, who is protected, how people are told, and the limits.

Pure: no Django, no input or output. :func:`parse` turns a text into a :class:`Policy` or raises one
:class:`PolicyError` that names every fault with its key and its line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

CEILINGS = {"per_cleanup": 10_000, "per_hour": 100_000, "share_of_population": 0.5}
"""What no policy can exceed (law 8)."""

ALWAYS_PROTECTED = "edit_domain"
LONGEST_DAYS = 36_500

DEFAULT_TEXT = """title = "Yearly clean-up"

[[segment]]
name = "never activated"
never_used = true
dormant_after_days = 90

[[segment]]
name = "everyone else"
dormant_after_days = 730

[protect]
permissions = [
  "edit_domain", "manage_subdomains", "create_dataset", "edit_dataset", "publish_dataset", "manage_dataset",
  "create_page", "edit_page", "manage_page", "edit_theme", "edit_form", "edit_reuse", "manage_glossary",
  "manage_showcase_requests", "create_external_asset", "edit_external_asset", "manage_users", "manage_domain",
]
groups = ["admins", "publishers", "data-stewards"]
usernames = []
email_domains = []

[notice]
days = 30
reminders_days_before = [7, 1]

[approval]
two_people = false
expires_after_days = 60

[limits]
per_cleanup = 500
per_hour = 200
share_of_population = 0.25
"""
"""The vendor's advice as a policy: what a new workspace starts with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A named part of the population with its own limit, in days without activity."""

    name: str
    dormant_after_days: int
    never_used: bool | None = None
    account_types: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()

    @property
    def matches_everyone(self) -> bool:
        lists = (self.account_types, self.groups, self.permissions, self.email_domains)
        return self.never_used is None and not any(lists)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protect:
    """Who must not be touched, idle or not. Usernames are globs; groups match by uid exactly."""

    permissions: frozenset[str]
    groups: frozenset[str]
    usernames: tuple[str, ...]
    email_domains: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """How long people are warned, in days (0: no notice, no waiting), and when they are reminded."""

    days: int
    reminders_days_before: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    two_people: bool
    expires_after_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The blast radius: accounts per clean-up, per hour, and as a share of the population (0 to 0.5)."""

    per_cleanup: int
    per_hour: int
    share_of_population: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    title: str
    segments: tuple[Segment, ...]
    protect: Protect
    notice: Notice
    approval: Approval
    limits: Limits


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a policy text: the line it stands on, its key, and what to write instead."""

    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.key}: {self.message}" if self.key else f"line {self.line}: {self.message}"


class PolicyError(ValueError):
    """A policy text that cannot be used; ``faults`` names everything wrong with it, first line first."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.line)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def parse(text: str) -> Policy:
    """Read a policy text; a section or key that is left out has the value of :data:`DEFAULT_TEXT`.

    Two are not guessed: without a title it is just called "Policy", and a [notice] that names no reminders has none.

    Raises :class:`PolicyError`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([_syntax_fault(error, text)]) from None
    except (ValueError, RecursionError):  # what the TOML reader lets through
        raise PolicyError([Fault(1, "", "a number is too long or a list is nested too deep")]) from None
    reader = _Reader(text)
    policy = _read_policy(reader, document)
    if reader.faults:
        raise PolicyError(reader.faults)
    return policy


def _read_policy(reader: _Reader, document: dict[str, Any]) -> Policy:
    reader.refuse_unknown("", document, {"title", "segment", "protect", "notice", "approval", "limits"})
    title = reader.text("", document, "title", default="Policy")
    segments = tuple(_read_segments(reader, document))
    defaults = tomllib.loads(DEFAULT_TEXT)
    sections = {name: reader.section(document, name) for name in ("protect", "notice", "approval", "limits")}
    for name, section in sections.items():
        reader.refuse_unknown(name, section, set(defaults[name]))
    merged = {name: defaults[name] | section for name, section in sections.items()}
    if "notice" in document and "reminders_days_before" not in sections["notice"]:
        merged["notice"]["reminders_days_before"] = []
    notice = _read_notice(reader, merged["notice"])
    return Policy(
        title=title,
        segments=segments,
        protect=_read_protect(reader, merged["protect"]),
        notice=notice,
        approval=_read_approval(reader, merged["approval"], notice=notice),
        limits=_read_limits(reader, merged["limits"]),
    )


def _read_segments(reader: _Reader, document: dict[str, Any]) -> Iterator[Segment]:
    tables = document.get("segment", tomllib.loads(DEFAULT_TEXT)["segment"])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        reader.fault("", "segment", "write at least one [[segment]] table")
        return
    names: set[str] = set()
    for index, table in enumerate(tables):
        path = f"segment.{index}"
        known = {"name", "dormant_after_days", "never_used", "account_types", "groups", "permissions", "email_domains"}
        reader.refuse_unknown(path, table, known)
        segment = Segment(
            name=reader.text(path, table, "name"),
            dormant_after_days=reader.whole(path, table, "dormant_after_days", least=1, most=LONGEST_DAYS),
            never_used=reader.flag(path, table, "never_used") if "never_used" in table else None,
            account_types=reader.names(path, table, "account_types"),
            groups=reader.names(path, table, "groups"),
            permissions=reader.names(path, table, "permissions"),
            email_domains=reader.domains(path, table, "email_domains"),
        )
        if segment.name in names:
            reader.fault(path, "name", f"two segments are called {segment.name!r}; give each its own name")
        names |= {segment.name} - {""}
        if index == len(tables) - 1 and not segment.matches_everyone:
            reader.fault(path, "name", "the last segment must match everyone: give it no condition")
        yield segment


def _read_protect(reader: _Reader, table: dict[str, Any]) -> Protect:
    return Protect(
        permissions=frozenset(reader.names("protect", table, "permissions")) | {ALWAYS_PROTECTED},
        groups=frozenset(reader.names("protect", table, "groups")),
        usernames=reader.names("protect", table, "usernames"),
        email_domains=frozenset(reader.domains("protect", table, "email_domains")),
    )


def _read_notice(reader: _Reader, table: dict[str, Any]) -> Notice:
    days = reader.whole("notice", table, "days", least=0, most=LONGEST_DAYS)
    reminders = table["reminders_days_before"]
    if not isinstance(reminders, list) or not all(type(day) is int for day in reminders):
        reader.fault("notice", "reminders_days_before", "expected a list of whole numbers of days, such as [7, 1]")
        reminders = []
    if any(not 0 < day < days for day in reminders) and days > 0:
        reader.fault("notice", "reminders_days_before", f"each must lie between 1 and {days - 1}, within the notice")
    return Notice(days=days, reminders_days_before=tuple(sorted(set(reminders), reverse=True)) if days else ())


def _read_approval(reader: _Reader, table: dict[str, Any], *, notice: Notice) -> Approval:
    expires = reader.whole("approval", table, "expires_after_days", least=1, most=LONGEST_DAYS)
    if expires <= notice.days and table["expires_after_days"] == expires:
        message = f"must be longer than the notice of {notice.days} days, or approvals lapse before their date"
        reader.fault("approval", "expires_after_days", message)
    return Approval(two_people=reader.flag("approval", table, "two_people"), expires_after_days=expires)


def _read_limits(reader: _Reader, table: dict[str, Any]) -> Limits:
    share, ceiling = table["share_of_population"], CEILINGS["share_of_population"]
    if type(share) not in (int, float) or not 0 < share <= ceiling:
        reader.fault("limits", "share_of_population", f"expected a share above 0 and at most {ceiling}")
        share = 0
    return Limits(
        per_cleanup=reader.whole("limits", table, "per_cleanup", least=1, most=int(CEILINGS["per_cleanup"])),
        per_hour=reader.whole("limits", table, "per_hour", least=1, most=int(CEILINGS["per_hour"])),
        share_of_population=float(share),
    )


class _Reader:
    """Reads typed values out of a parsed document and gathers faults instead of stopping at the first."""

    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self._text = text

    def fault(self, path: str, key: str, message: str) -> None:
        shown = ".".join(part for part in (re.sub(r"\.\d+$", "", path), key) if part)
        line = self._lines.get(f"{path}.{key}".strip("."), self._lines.get(path, 1))
        self.faults.append(Fault(line, shown, message))

    @cached_property
    def _lines(self) -> dict[str, int]:
        return _lines_of(self._text)

    def section(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        value = document.get(name, {})
        if isinstance(value, dict):
            return value
        self.fault("", name, f"expected a table: write [{name}] on a line of its own")
        return {}

    def refuse_unknown(self, path: str, table: dict[str, Any], known: set[str]) -> None:
        for key in sorted(table.keys() - known):
            self.fault(path, key, f"unknown key; known here: {', '.join(sorted(known))}")

    def text(self, path: str, table: dict[str, Any], key: str, default: str = "") -> str:
        value = table.get(key, default)
        if _is_plain(value) and len(value) <= 200:
            return value.strip()
        self.fault(path, key, "expected a text of 1 to 200 characters, on one line")
        return default

    def whole(self, path: str, table: dict[str, Any], key: str, *, least: int, most: int) -> int:
        value = table.get(key)
        if type(value) is int and least <= value <= most:
            return value
        self.fault(path, key, f"expected a whole number from {least} to {most}")
        return least

    def flag(self, path: str, table: dict[str, Any], key: str) -> bool:
        value = table.get(key)
        if isinstance(value, bool):
            return value
        self.fault(path, key, "expected true or false")
        return False

    def names(self, path: str, table: dict[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if isinstance(value, list) and all(map(_is_plain, value)):
            return tuple(value)
        self.fault(path, key, 'expected a list of names, such as ["readers", "partners"]')
        return ()

    def domains(self, path: str, table: dict[str, Any], key: str) -> tuple[str, ...]:
        names = tuple(name.strip().removeprefix("@").casefold() for name in self.names(path, table, key))
        if not all(names):
            self.fault(path, key, 'expected domains, such as ["example.org"]')
        return names


def _is_plain(value: object) -> TypeGuard[str]:
    """Whether it is a text of one line that says something; PostgreSQL refuses NUL, and a title heads mails."""
    return isinstance(value, str) and bool(value.strip()) and not re.search(r"[\x00-\x1f\x7f]", value)


def _lines_of(text: str) -> dict[str, int]:
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
    start, so_far = 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        so_far += line + "\n"
        if number > start and not re.search(r"[\]}]|\"{3}|'{3}", line):
            continue  # cannot be the last line of a list, a table or a text of several lines
        try:
            content = tomllib.loads(so_far)
        except (ValueError, RecursionError):
            continue
        yield start, so_far, content
        start, so_far = number + 1, ""


def _names_in(content: object, path: str = "") -> Iterator[str]:
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inside:
        yield f"{path}{key}"
        if path.count(".") < 3:
            yield from _names_in(value, f"{path}{key}.")


def _syntax_fault(error: tomllib.TOMLDecodeError, text: str) -> Fault:
    position = re.search(r"\(at line (\d+), column \d+\)", str(error))
    line = int(position[1]) if position else max(1, text.rstrip("\n").count("\n") + 1)
    return Fault(line, "", re.sub(r"\s*\(at .*\)$", "", str(error)) + "; this is not valid TOML")
