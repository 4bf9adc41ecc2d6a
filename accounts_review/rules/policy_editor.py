"""Changing a policy's text by its values: only what differs is written, and every comment stays.

Pure: no Django, no input or output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tomlkit
from tomlkit.items import Array

from accounts_review.rules.names import folded
from accounts_review.rules.policy import (
    ALWAYS_PROTECTED,
    DEFAULT_TEXT,
    GLOB_LISTS,
    NAME_LISTS,
    SECTIONS,
    Policy,
    PolicyError,
    Segment,
    parse,
)
from accounts_review.rules.policy_parser import lines_of

SEGMENTS = "segments"
CONDITIONS = ("permissions", *NAME_LISTS, *GLOB_LISTS)
"""The lists of a segment; all it may hold beside its name, its limit and ``never_used``."""


class NotEditable(ValueError):
    """The text is written in a way in which its values cannot be changed one by one; then people edit the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentValues:
    """A segment as it is wanted; ``origin`` is its place in the text so far, ``None`` where it is new."""

    origin: int | None
    name: str
    dormant_after_days: int
    never_used: bool | None = None
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValues:
    """A policy as it is wanted: its title, its segments in their order, and its sections by key."""

    title: str
    segments: Sequence[SegmentValues]
    sections: Mapping[str, Mapping[str, Any]]


def values_of(policy: Policy) -> PolicyValues:
    """What a policy says, as values to change."""
    return PolicyValues(
        title=policy.title,
        segments=[_segment_values(index, segment) for index, segment in enumerate(policy.segments)],
        sections={name: _section_values(policy, name) for name in SECTIONS},
    )


def edited(text: str, wanted: PolicyValues) -> str:
    """The text with the wanted values. What it says already is left as it is written, to the letter.

    Raises :class:`NotEditable`, and :class:`PolicyError` where the text or the wanted policy has faults.
    """
    before = values_of(parse(text, in_force=True))
    blocks = _blocks(text, len(before.segments))
    if wanted.title != before.title:
        blocks.head = _changed(blocks.head, {"title": (before.title, wanted.title)})
    if [_keys(each) for each in wanted.segments] != [_keys(each) for each in before.segments]:
        blocks.write_out(text, len(before.segments))
        blocks.segments = [_segment(blocks, before, each) for each in wanted.segments]
    for name, section in wanted.sections.items():
        known = before.sections[name]
        changes = {key: (known.get(key), value) for key, value in section.items() if _differs(known.get(key), value)}
        if changes:
            blocks.change_section(name, changes)
    written = blocks.text()
    if not _agree(written, wanted):
        raise NotEditable
    return written


@dataclass(slots=True)
class _Blocks:
    """A text cut at its tables, each with the comment right above it."""

    head: str
    segments: list[str]
    sections: dict[str, str]
    order: list[str]

    def text(self) -> str:
        """The text again: what comes before the tables, then all tables, the segments where the first of them stood."""
        tables = (self.segments if name == SEGMENTS else [self.sections[name]] for name in self.order)
        parts = [self.head, *(part for table in tables for part in table)]
        return "".join(part if part.endswith("\n") or not part else f"{part}\n" for part in parts)

    def write_out(self, text: str, count: int) -> None:
        """Have segments to change also where the text leaves them to the default."""
        if SEGMENTS in self.order:
            return
        if "segment" in tomlkit.parse(text):
            raise NotEditable
        self.order.insert(0, SEGMENTS)
        self.segments = _blocks(DEFAULT_TEXT, count).segments

    def change_section(self, name: str, changes: Mapping[str, tuple[Any, Any]]) -> None:
        if name in self.sections:
            self.sections[name] = _changed(self.sections[name], changes, within=name)
        elif name in tomlkit.parse(self.head):
            self.head = _changed(self.head, changes, within=name)
        else:
            self.order.append(name)
            self.sections[name] = _changed(f"\n[{name}]\n", changes, within=name)


def _blocks(text: str, count: int) -> _Blocks:
    lines = text.split("\n")
    starts: dict[str, int] = {}
    for name, number in lines_of(text).items():
        is_table = name in SECTIONS or re.fullmatch(r"segment\.\d+", name)
        if is_table and lines[number - 1].lstrip().startswith("["):
            starts[name] = _with_comment(lines, number - 1)
    named = sorted(starts, key=lambda name: starts[name])
    ends = [*(starts[name] for name in named), len(lines)]
    cut = {name: "\n".join([*lines[starts[name] : end], ""]) for name, end in zip(named, ends[1:], strict=True)}
    if named:
        # The last line of a text has no line after it.
        cut[named[-1]] = cut[named[-1]].removesuffix("\n")
    head = "\n".join([*lines[: ends[0]], ""]) if named else text
    order = list(dict.fromkeys(SEGMENTS if name.startswith("segment.") else name for name in named))
    segments = [cut.pop(f"segment.{index}", "") for index in range(count)]
    return _Blocks(head, segments, cut, order)


def _with_comment(lines: Sequence[str], at: int) -> int:
    """Where a table begins, with the comment that stands right above it."""
    while at and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    return at


def _segment(blocks: _Blocks, before: PolicyValues, wanted: SegmentValues) -> str:
    if wanted.origin is None:
        known, block = SegmentValues(origin=None, name="", dormant_after_days=0), "[[segment]]\n\n"
    else:
        known, block = before.segments[wanted.origin], blocks.segments[wanted.origin]
    old, new = _keys(known), _keys(wanted)
    changes = {key: (old[key], new[key]) for key in new if _differs(old[key], new[key])}
    return _changed(block, changes, within="segment") if changes else block


def _keys(segment: SegmentValues) -> dict[str, Any]:
    lists = {name: list(segment.lists.get(name, ())) for name in CONDITIONS}
    used = {"name": segment.name, "never_used": segment.never_used}
    return used | lists | {"dormant_after_days": segment.dormant_after_days}


def _changed(block: str, changes: Mapping[str, tuple[Any, Any]], *, within: str = "") -> str:
    """A block with other values; what is ``None`` or an empty list in a segment is taken out."""
    body = block.rstrip("\n")
    document: Any = tomlkit.parse(f"{body}\n")
    table = document[within] if within else document
    table = table[0] if within == "segment" else table
    for key, (_before, value) in changes.items():
        is_dropped = value is None or (within == "segment" and value == [])
        if is_dropped:
            table.pop(key, None)
        elif isinstance(value, list) and isinstance(table.get(key), Array):
            _change_list(table[key], value)
        else:
            table[key] = value
    return tomlkit.dumps(document).rstrip("\n") + block[len(body) :]


def _change_list(array: Any, wanted: Sequence[Any]) -> None:
    """Take out what is not wanted and add what is missing, so that comments beside the others stay."""
    for item in [item for item in array if not _is_among(item, [*wanted, ALWAYS_PROTECTED])]:
        array.remove(item)
    for item in wanted:
        if not any(_is_among(held, [item]) for held in array):
            array.append(item)


def _is_among(item: Any, wanted: Iterable[Any]) -> bool:
    return any(_plain(str(item)) == _plain(str(one)) for one in wanted)


def _plain(name: str) -> str:
    return folded(name.strip().removeprefix("@")).strip(".")


def _differs(before: Any, after: Any) -> bool:
    if isinstance(after, list):
        return sorted(map(str, before or [])) != sorted(map(str, after))
    if isinstance(after, float):
        return before is None or abs(before - after) > 1e-9
    return bool(before != after)


def _agree(text: str, wanted: PolicyValues) -> bool:
    """Whether the text says what was wanted. Raises :class:`PolicyError` where that has faults."""
    written = values_of(parse(text, in_force=True))
    same = [_keys(segment) for segment in written.segments], [_keys(segment) for segment in wanted.segments]
    segments = len(same[0]) == len(same[1]) and not any(
        _differs(old[key], new[key]) for old, new in zip(*same, strict=True) for key in CONDITIONS
    )
    return segments and not any(
        _differs(written.sections[name].get(key), value)
        for name, section in wanted.sections.items()
        for key, value in section.items()
    )


def _segment_values(index: int, segment: Segment) -> SegmentValues:
    return SegmentValues(
        origin=index,
        name=segment.name,
        dormant_after_days=segment.dormant_after_days,
        never_used=segment.never_used,
        lists={name: list(getattr(segment, name)) for name in CONDITIONS},
    )


def _section_values(policy: Policy, name: str) -> dict[str, Any]:
    """A section by key; lists are sorted, and the right that is always protected is left out."""
    section = getattr(policy, name)
    keys = type(section).__dataclass_fields__
    held = {key: getattr(section, key) for key in keys}
    return {
        key: sorted(set(value) - {ALWAYS_PROTECTED}) if isinstance(value, frozenset) else _plain_value(value)
        for key, value in held.items()
    }


def _plain_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


__all__ = ["CONDITIONS", "NotEditable", "PolicyError", "PolicyValues", "SegmentValues", "edited", "values_of"]
