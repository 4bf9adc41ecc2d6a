"""Which records are stored already, by the digest of their bytes: what a sync asks before it decodes anything."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from struct import Struct

from django.db import connection

from accounts_review.models import Workspace

NAMELESS = "— "
"""What stands before the address of an account that has no username."""

STRANGE = -1
"""The place of a record that is not known."""

_HALVES = Struct(">QQ")

ACCEPTED = "NOT incomplete AND length(digest) = 32"
_ACCEPTED_NAMES = f"SELECT username, digest FROM accounts_review_account WHERE workspace_id = %s AND {ACCEPTED}"  # noqa: S608
_NAMESAKES = f"""
SELECT array_agg(digest) FROM accounts_review_account WHERE workspace_id = %s AND {ACCEPTED}
GROUP BY username HAVING count(*) > 1
"""  # noqa: S608

# In the order of the digests, cut at their first byte: a few thousand at a time, each a single value on the wire.
_LOAD = f"""
SELECT string_agg(substr(bytes, 1, 8), ''::bytea ORDER BY bytes, id),
    string_agg(substr(bytes, 9, 8), ''::bytea ORDER BY bytes, id),
    string_agg(int8send(id), ''::bytea ORDER BY bytes, id)
FROM (
    SELECT id, decode(digest, 'hex') AS bytes FROM accounts_review_account
    WHERE workspace_id = %s AND {ACCEPTED}
) account
GROUP BY get_byte(bytes, 0) ORDER BY get_byte(bytes, 0)
"""  # noqa: S608


@dataclass(slots=True)
class Known:
    """The accounts of which an accepted sync stored the record, each at a place of its own: 24 bytes in memory."""

    keys: array[int] = field(default_factory=lambda: array("q"))
    newest: int = 0
    """The highest key of all accounts there were; later ones are not known here."""
    nameless: dict[int, str] = field(default_factory=dict)
    """By their place: accounts that have no username, and what stands for it."""
    namesakes: list[list[int]] = field(default_factory=list)
    """The places of accounts that share a username: incarnations of it."""
    _high: array[int] = field(default_factory=lambda: array("Q"))
    _low: array[int] = field(default_factory=lambda: array("Q"))

    def __len__(self) -> int:
        return len(self.keys)

    def place_of(self, digest: bytes) -> int:
        """Where the account is whose record has this digest, or :data:`STRANGE`."""
        high, low = _HALVES.unpack(digest)
        highs = self._high
        place = bisect_left(highs, high)
        while place < len(highs) and highs[place] == high:
            if self._low[place] == low:
                return place
            place += 1
        return STRANGE


def known_of(workspace: Workspace) -> Known:
    """What accepted syncs stored; of what another one saw nothing is known."""
    known = Known()
    columns = (known._high, known._low, known.keys)
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM accounts_review_account", [])
        known.newest = cursor.fetchone()[0]
        cursor.execute(_LOAD, [workspace.pk])
        for packed in cursor:
            for column, part in zip(columns, packed, strict=True):
                column.frombytes(part)
        if sys.byteorder == "little":
            for column in columns:
                column.byteswap()
        cursor.execute(_ACCEPTED_NAMES + " AND starts_with(username, %s)", [workspace.pk, NAMELESS])
        known.nameless = {known.place_of(bytes.fromhex(digest)): username for username, digest in cursor}
        cursor.execute(_NAMESAKES, [workspace.pk])
        known.namesakes = [[known.place_of(bytes.fromhex(digest)) for digest in found] for (found,) in cursor]
    return known
