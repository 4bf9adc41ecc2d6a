"""The policy: a TOML text that says who is dormant, who is protected, how people are told, and the limits.

Pure: no Django, no input or output. :func:`parse` turns a text into a :class:`Policy` or raises one
:class:`PolicyError` that names every fault with its key and its line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accounts_review.rules.calendar import Avoided, avoided_by, read_avoided
from accounts_review.rules.names import Globs, Names, folded
from accounts_review.rules.policy_parser import PolicyError, PolicyFault, Reader, decode, gettext_noop, load
from accounts_review.rules.retention import Retention, read_retention

__all__ = ["Policy", "PolicyError", "PolicyFault", "Segment", "decode", "parse"]

CEILINGS = {"per_cleanup": 10_000, "per_hour": 100_000, "share_of_population": 0.5}
"""What no policy can exceed (law 8)."""

ALWAYS_PROTECTED = "edit_domain"
LONGEST_DAYS = 36_500
LONGEST_EXEMPTION_DAYS = 3_650
LONGEST_WAIT_HOURS = 24 * 30
MOST_SEGMENTS = 100

SECTIONS = ("protect", "notice", "approval", "launch", "limits", "exemption", "retention")
NAME_LISTS = ("account_types", "groups", "email_domains")
GLOB_LISTS = ("usernames", "emails")
CONDITIONS = ("never_used", "account_types", "groups", "permissions", "usernames", "emails", "email_domains")

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
  "manage_showcase_requests", "create_external_asset", "edit_external_asset",
]
groups = ["admins", "publishers", "data-stewards"]
usernames = []
email_domains = []

[notice]
days = 30
reminders_days_before = [7, 1]
avoid = []

[approval]
two_people = false
expires_after_days = 60

[launch]
wait_hours = 24

[limits]
per_cleanup = 500
per_hour = 200
share_of_population = 0.25
pause_at_regret = 0.1

[exemption]
longest_days = 1825

[retention]
months_after_end = 12
keep_audit_names_months = 24
"""
"""The vendor's advice as a policy: what a new workspace starts with."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A named part of the population with its own limit, in days without activity.

    The conditions are as written; what names are held against them is made ready once, beside them.
    """

    name: str
    dormant_after_days: int
    never_used: bool | None = None
    account_types: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    usernames: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions that it makes, in the order in which they are looked at."""
        return tuple(name for name in CONDITIONS if getattr(self, name) not in (None, ()))

    @property
    def matches_everyone(self) -> bool:
        return not self.conditions

    @cached_property
    def names(self) -> dict[str, Names]:
        """By condition: what an account's names are looked up in."""
        return {name: Names(getattr(self, name)) for name in NAME_LISTS}

    @cached_property
    def rights(self) -> frozenset[str]:
        return _spellings(self.permissions)

    @cached_property
    def globs(self) -> dict[str, Globs]:
        return {name: Globs(getattr(self, name)) for name in GLOB_LISTS}


@dataclass(frozen=True, kw_only=True)
class Protect:
    """Who must not be touched, idle or not. Usernames are globs; groups are named by uid. Capitals do not count."""

    permissions: frozenset[str]
    groups: frozenset[str]
    usernames: tuple[str, ...]
    email_domains: frozenset[str]

    @cached_property
    def names(self) -> dict[str, Names]:
        """By list: what an account's names are looked up in."""
        return {name: Names(getattr(self, name)) for name in ("groups", "email_domains")}

    @cached_property
    def rights(self) -> frozenset[str]:
        return _spellings(self.permissions)

    @cached_property
    def globs(self) -> Globs:
        return Globs(self.usernames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """How long people are warned, in days (0: no notice; see :class:`LaunchWait`), and when they are reminded.

    On days that it avoids no notice and no reminder leaves, and nobody is removed.
    """

    days: int
    reminders_days_before: tuple[int, ...]
    avoid: tuple[str, ...] = ()

    @property
    def avoided(self) -> Avoided:
        """The days that it avoids, to ask of each whether it is one."""
        return avoided_by(self.avoid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    two_people: bool
    expires_after_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchWait:
    """How long a live launch waits before its first removal where people get no notice; 0: it does not."""

    wait_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The blast radius: accounts per clean-up, per hour, and as a share of the population (0 to 0.5).

    ``pause_at_regret`` is the share of a clean-up's people who keep their account, sign in again or cannot be reached,
    beyond which it pauses.
    """

    per_cleanup: int
    per_hour: int
    share_of_population: float
    pause_at_regret: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionRules:
    """How far ahead a person may exempt an account, in days."""

    longest_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    title: str
    segments: tuple[Segment, ...]
    protect: Protect
    notice: Notice
    approval: Approval
    launch: LaunchWait
    limits: Limits
    exemption: ExemptionRules
    retention: Retention


EMPTY = gettext_noop("the text is empty, and would drop every segment and protection of the policy in force")
TWICE = gettext_noop("two segments are called %(name)s; give each its own name")
NUMBERS = gettext_noop("expected a list of whole numbers of days, such as [7, 1]")
WITHIN = gettext_noop("each must lie between 1 and %(most)s, within the notice")
TOO_SHORT = gettext_noop("must be longer than the notice of %(days)s days, or approvals lapse before their date")


def _spellings(rights: Iterable[str]) -> frozenset[str]:
    """Rights as a policy may write them; a record's must be spelled right, since any other is not known (law 1)."""
    written = frozenset(rights)
    return written | frozenset(map(folded, written))


def parse(text: str, *, in_force: bool = False) -> Policy:
    """Read a policy text; a section or key that is left out has the value of :data:`DEFAULT_TEXT`.

    Two are not guessed: without a title it is just called "Policy", and a [notice] that names no reminders has none.
    One that is or was ``in_force`` is read even where it would be refused today for being empty or for its globs.

    Raises :class:`PolicyError`.
    """
    document, reader = load(text), Reader(text, is_lenient=in_force)
    if all(value == {} for value in document.values()):
        reader.refuse("", "", EMPTY)
    policy = _read_policy(reader, document)
    if reader.faults:
        raise PolicyError(reader.faults)
    return policy


def _read_policy(reader: Reader, document: dict[str, Any]) -> Policy:
    reader.refuse_unknown("", document, {"title", "segment", *SECTIONS})
    title = reader.text("", document, "title", default="Policy")
    segments = tuple(_read_segments(reader, document))
    defaults = tomllib.loads(DEFAULT_TEXT)
    sections = {name: reader.section(document, name) for name in SECTIONS}
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
        launch=_read_launch(reader, merged["launch"]),
        limits=_read_limits(reader, merged["limits"]),
        exemption=_read_exemption(reader, merged["exemption"]),
        retention=read_retention(reader, merged["retention"]),
    )


def _read_segments(reader: Reader, document: dict[str, Any]) -> Iterator[Segment]:
    tables = document.get("segment", tomllib.loads(DEFAULT_TEXT)["segment"])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        reader.fault("", "segment", gettext_noop("write at least one [[segment]] table"))
        return
    if len(tables) > MOST_SEGMENTS:
        template = gettext_noop("at most %(most)s segments; here are %(count)s")
        reader.fault("", "segment", template, most=MOST_SEGMENTS, count=len(tables))
        return
    names: set[str] = set()
    for index, table in enumerate(tables):
        path = f"segment.{index}"
        reader.refuse_unknown(
            path, table, {"name", "dormant_after_days", "never_used", "permissions", *NAME_LISTS, *GLOB_LISTS}
        )
        segment = Segment(
            name=reader.text(path, table, "name"),
            dormant_after_days=reader.whole(path, table, "dormant_after_days", least=1, most=LONGEST_DAYS),
            never_used=reader.flag(path, table, "never_used") if "never_used" in table else None,
            account_types=reader.names(path, table, "account_types"),
            groups=reader.names(path, table, "groups"),
            permissions=reader.names(path, table, "permissions"),
            usernames=reader.globs(path, table, "usernames"),
            emails=reader.globs(path, table, "emails"),
            email_domains=reader.domains(path, table, "email_domains"),
        )
        if segment.name in names:
            reader.fault(path, "name", TWICE, name=repr(segment.name))
        names |= {segment.name} - {""}
        if index == len(tables) - 1 and not segment.matches_everyone:
            reader.fault(path, "name", gettext_noop("the last segment must match everyone: give it no condition"))
        yield segment


def _read_protect(reader: Reader, table: dict[str, Any]) -> Protect:
    return Protect(
        permissions=frozenset(reader.names("protect", table, "permissions")) | {ALWAYS_PROTECTED},
        groups=frozenset(reader.names("protect", table, "groups")),
        usernames=reader.globs("protect", table, "usernames"),
        email_domains=frozenset(reader.domains("protect", table, "email_domains")),
    )


def _read_notice(reader: Reader, table: dict[str, Any]) -> Notice:
    days = reader.whole("notice", table, "days", least=0, most=LONGEST_DAYS)
    reminders = table["reminders_days_before"]
    if not isinstance(reminders, list) or not all(type(day) is int for day in reminders):
        reader.fault("notice", "reminders_days_before", NUMBERS)
        reminders = []
    if any(not 0 < day < days for day in reminders) and days > 0:
        reader.fault("notice", "reminders_days_before", WITHIN, most=days - 1)
    return Notice(
        days=days,
        reminders_days_before=tuple(sorted(set(reminders), reverse=True)) if days else (),
        avoid=read_avoided(reader, table["avoid"]),
    )


def _read_approval(reader: Reader, table: dict[str, Any], *, notice: Notice) -> Approval:
    expires = reader.whole("approval", table, "expires_after_days", least=1, most=LONGEST_DAYS)
    if expires <= notice.days and table["expires_after_days"] == expires:
        reader.fault("approval", "expires_after_days", TOO_SHORT, days=notice.days)
    return Approval(two_people=reader.flag("approval", table, "two_people"), expires_after_days=expires)


def _read_launch(reader: Reader, table: dict[str, Any]) -> LaunchWait:
    return LaunchWait(wait_hours=reader.whole("launch", table, "wait_hours", least=0, most=LONGEST_WAIT_HOURS))


def _read_limits(reader: Reader, table: dict[str, Any]) -> Limits:
    return Limits(
        per_cleanup=reader.whole("limits", table, "per_cleanup", least=1, most=int(CEILINGS["per_cleanup"])),
        per_hour=reader.whole("limits", table, "per_hour", least=1, most=int(CEILINGS["per_hour"])),
        share_of_population=reader.share("limits", table, "share_of_population", most=CEILINGS["share_of_population"]),
        pause_at_regret=reader.share("limits", table, "pause_at_regret", most=1.0),
    )


def _read_exemption(reader: Reader, table: dict[str, Any]) -> ExemptionRules:
    longest = reader.whole("exemption", table, "longest_days", least=1, most=LONGEST_EXEMPTION_DAYS)
    return ExemptionRules(longest_days=longest)
