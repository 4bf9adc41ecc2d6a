"""Whoever does something with a first reading beside it, such as judging (``workflow/assess/beside.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from accounts_review.huwise import GroupRecord


class Follower(Protocol):
    """Who does something with the records of a first pass while they are read."""

    def begin(self, groups: Iterable[GroupRecord], key_owner: str, rights_digest: str, read_at: datetime) -> None:
        """What there is beside the users, before the first is read."""

    def take(self, records: Sequence[tuple[int, str, str]]) -> None:
        """Records that are not stored: the key of each as an account, its digest, and the text that would be stored."""

    def prepare(self) -> None:
        """All is read, and is looked through now."""

    def store(self) -> None:
        """What was read is accepted, and is stored."""
