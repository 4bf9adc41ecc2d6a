"""The groups of a workspace, read once for the looks that follow one another closely."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from accounts_review.facts import rights_of_groups
from accounts_review.huwise import Client, HuwiseError, decode_groups

LONGEST_SECONDS = 2.0
"""So long one reading serves; a look may be fifteen times as old before its DELETE leaves."""

Rights = Mapping[str, tuple[str, ...] | None]


@dataclass(slots=True)
class Groups:
    """What each group grants. Several threads may ask: one reads, and the others wait for it."""

    client: Client
    clock: Callable[[], datetime]
    _lock: Lock = field(default_factory=Lock)
    _rights: Rights = field(default_factory=dict)
    _at: datetime | None = None
    _begun: float = 0.0
    _failure: HuwiseError | None = None
    _failed: float = 0.0

    def rights(self) -> tuple[Rights, datetime]:
        """The rights by group, and when the workspace was asked for them. Raises what the client raises."""
        came = time.monotonic()
        with self._lock:
            if self._failure and self._failed >= came:
                # Whoever waited for an answer that did not come need not wait for another.
                raise self._failure
            # One that was begun after the question answers it, however long it took.
            if self._at is None or (self._begun < came and time.monotonic() >= self._begun + LONGEST_SECONDS):
                self._read()
            assert self._at is not None
            return self._rights, self._at

    def _read(self) -> None:
        at, begun = self.clock(), time.monotonic()
        try:
            groups, _unreadable = decode_groups(self.client.groups())
        except HuwiseError as failure:
            self._failure, self._failed = failure, time.monotonic()
            raise
        self._rights = rights_of_groups(groups)
        self._at, self._begun = at, begun
