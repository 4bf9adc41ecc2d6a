"""The people of the benchmarks, in any shape, as the bytes that the API answers with: the same each time."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from huwise_sandbox import records

AS_OF = datetime(2026, 11, 27, 6, tzinfo=UTC)
GROUPS = 200
RIGHTS = {0: "edit_domain", 1: "publish_dataset", 2: "edit_page", 3: "manage_dataset", 4: "create_dataset"}
"""What the first groups grant; the others let read what is restricted, or nothing."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the workspace is made of. Nothing in the portal may be tuned to one of these."""

    accounts: int = 100_000
    groups: int = 1
    """How many groups most people are in."""
    record_bytes: int = 650
    dormant: int = 36
    """So many of a hundred were not seen for two years."""
    segments: int = 4

    @staticmethod
    def add_to(cli: argparse.ArgumentParser) -> None:
        for field in fields(Shape):
            cli.add_argument(f"--{field.name.replace('_', '-')}", type=int, default=field.default)

    @classmethod
    def of(cls, options: argparse.Namespace) -> Shape:
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    @property
    def options(self) -> list[str]:
        """As they are given on a command line."""
        return [f"--{field.name.replace('_', '-')}={getattr(self, field.name)}" for field in fields(self)]

    @property
    def policy(self) -> str:
        """A policy with so many segments, the last of which matches everyone."""
        named = (
            f'[[segment]]\nname = "people {number:02d}"\ngroups = ["group-{number + 20:03d}"]\n'
            f"dormant_after_days = {400 + 30 * number}\n"
            for number in range(self.segments - 2)
        )
        first = '[[segment]]\nname = "never used"\nnever_used = true\ndormant_after_days = 90\n'
        last = '[[segment]]\nname = "everyone else"\ndormant_after_days = 730\n'
        protect = '[protect]\npermissions = ["edit_domain", "publish_dataset"]\ngroups = ["group-000"]\n'
        return "\n".join([first, *named, last, protect])


def groups() -> list[bytes]:
    return [
        _json(records.group(f"group-{number:03d}", f"Group {number}", [right] if (right := RIGHTS.get(number)) else []))
        for number in range(GROUPS)
    ]


def username(number: int) -> str:
    return f"person.{number:07d}"


def everyone(shape: Shape) -> Iterator[bytes]:
    """Everybody's record, ordered by username; the first owns the API key."""
    return (person(shape, number) for number in range(shape.accounts))


def person(shape: Shape, number: int, *, later: int = 0) -> bytes:
    """One person's record; ``later`` days after it was first given, it shows use of the day."""
    mixed = number * 2_654_435_761 % 2**32
    days = 730 + mixed % 1500 if mixed % 100 < shape.dormant else mixed // 100 % 700 + 1
    seen = AS_OF + timedelta(days=later) if later else AS_OF - timedelta(days=days, seconds=mixed % 86_400)
    joined = AS_OF - timedelta(days=days + 400, seconds=number % 86_400, microseconds=mixed % 1_000_000)
    is_unused = not later and mixed % 23 == 0
    name = username(number)
    record = records.user(
        name,
        f"{name}@ville-{mixed % 97}.example",
        display_name=f"Person {number}",
        first_name=("Zoé", "Martin", "Aïcha", "Wei", "Élodie")[mixed % 5],
        last_name=f"Durand-{mixed % 9973}",
        joined_at=records.instant(joined),
        last_seen_at=None if is_unused else records.instant(seen),
        last_login_at=None if is_unused else records.instant(seen - timedelta(hours=mixed % 300)),
        permissions=["explore_restricted_dataset"] if mixed % 11 == 0 else [],
        groups=[{"uid": f"group-{uid:03d}"} for uid in _groups_of(shape, number, mixed)],
    )
    padding = shape.record_bytes - len(_json(record)) - len(', "description": ""')
    return _json(record | {"description": "d" * padding} if padding > 0 else record)


def _groups_of(shape: Shape, number: int, mixed: int) -> list[int]:
    """The first person administers; one in a thousand is in each group that grants a right, all others in others."""
    own = [mixed % 1000] if mixed % 1000 in RIGHTS else []
    others = islice(cycle(range(len(RIGHTS), GROUPS)), mixed % 150, None)
    return sorted({*own, *([0] if number == 0 else []), *islice(others, min(shape.groups, GROUPS - len(RIGHTS)))})


def _json(record: records.Record) -> bytes:
    return json.dumps(record).encode()
