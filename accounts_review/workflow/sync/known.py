"""Which records are stored already, by the digest of their bytes: what a sync asks before it decodes anything."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from struct import Struct

from django.db import connection

from accounts_review.models import Sync, Workspace
from accounts_review.models.account import NAMELESS

STRANGE = -1
"""The place of a record that is not known."""

_HALVES = Struct(">QQ")
_ENTRY = 24
"""The bytes of one account: its digest and its key."""

ACCEPTED = "NOT incomplete AND length(digest) = 32"
NOT_ACCEPTED = "(incomplete OR length(digest) <> 32)"
_EXCEPTIONAL = f"""
SELECT username, digest FROM accounts_review_account
WHERE workspace_id = %s AND {ACCEPTED} AND (username LIKE %s OR absent_since IS NOT NULL OR gone_at IS NOT NULL)
"""  # noqa: S608
_NAMESAKES = f"""
SELECT array_agg(digest) FROM accounts_review_account WHERE workspace_id = %s AND {ACCEPTED}
GROUP BY username HAVING count(*) > 1
"""  # noqa: S608

# By the first byte of the digests: a few thousand at a time, as a single value on the wire.
_LOAD = f"""
SELECT string_agg(bytes || int8send(id), ''::bytea) FROM (
    SELECT id, decode(digest, 'hex') AS bytes FROM accounts_review_account
    WHERE workspace_id = %s AND {ACCEPTED}
) account
GROUP BY get_byte(bytes, 0) ORDER BY get_byte(bytes, 0)
"""  # noqa: S608


@dataclass(slots=True)
class Known:
    """The accounts of which an accepted sync stored the record, each at a place of its own: 24 bytes in memory."""

    keys: array[int] = field(default_factory=lambda: array("Q"))
    nameless: dict[int, str] = field(default_factory=dict)
    """By their place: accounts that have no username, and what stands for it."""
    unlisted: list[int] = field(default_factory=list)
    """The places of accounts that were not listed at last: some may have a username that another one has now."""
    are_distinct: bool = False
    """Whether it is certain that, of those that were listed at last, each has a username of its own."""
    _high: array[int] = field(default_factory=lambda: array("Q"))
    _low: array[int] = field(default_factory=lambda: array("Q"))
    _shift: int = 64
    _starts: list[int] = field(default_factory=lambda: [0, 0])
    """Where the digests begin that are alike in what is left of them when shifted: sixteen or so, quick to search."""

    def __len__(self) -> int:
        return len(self.keys)

    def place_of(self, digest: bytes, near: int = 0) -> int:
        """Where the account is whose record has this digest, or :data:`STRANGE`; found however far from ``near``."""
        high, low = _HALVES.unpack(digest)
        highs, alike = self._high, high >> self._shift
        end = self._starts[alike + 1]
        place = bisect_left(highs, high, self._starts[alike], end)
        while place < end and highs[place] == high:
            if self._low[place] == low:
                return place
            place += 1
        return STRANGE

    def keys_of_unseen(self, seen: bytearray) -> Iterable[int]:
        """The accounts at the places that were not seen."""
        return (key for key, is_seen in zip(self.keys, seen, strict=True) if not is_seen)

    def load(self, portions: Iterable[bytes]) -> None:
        """Take in digests with the keys of their accounts, in portions by their first byte, the lowest first."""
        for portion in portions:
            # Sorted here, which is quicker than in the database.
            entries = sorted(portion[at : at + _ENTRY] for at in range(0, len(portion), _ENTRY))
            numbers = array("Q", b"".join(entries))
            if sys.byteorder == "little":
                numbers.byteswap()
            self._high += numbers[0::3]
            self._low += numbers[1::3]
            self.keys += numbers[2::3]
        count = len(self.keys)
        self._shift = 64 - max(0, count.bit_length() - 4)
        self._starts = [bisect_left(self._high, near << self._shift) for near in range(1 << 64 - self._shift)] + [count]


def known_of(workspace: Workspace) -> Known:
    """What accepted syncs stored; of what another one saw nothing is known."""
    known = Known()
    with connection.cursor() as cursor:
        cursor.execute(_LOAD, [workspace.pk])
        known.load(portion for (portion,) in cursor)
        cursor.execute(_EXCEPTIONAL, [workspace.pk, f"{NAMELESS}%"])
        for username, digest in cursor:
            place = known.place_of(bytes.fromhex(digest))
            if username.startswith(NAMELESS):
                known.nameless[place] = username
            else:
                known.unlisted.append(place)
    accepted = workspace.syncs.filter(state=Sync.State.COMPLETE).values_list("passes", flat=True).first()
    # Nobody but a complete sync lists an account.
    known.are_distinct = any(last.get("records") == last["read"] for last in (accepted or [])[-1:])
    return known


def namesakes(workspace: Workspace, known: Known) -> list[list[int]]:
    """The places of accounts that share a username: incarnations of it."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMESAKES, [workspace.pk])
        return [[known.place_of(bytes.fromhex(digest)) for digest in found] for (found,) in cursor]
