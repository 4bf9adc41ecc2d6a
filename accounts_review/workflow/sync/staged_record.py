"""A record that is not known, as it was read in a pass, with what its account is known by."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from accounts_review.facts import incarnation_of, whole_incarnation
from accounts_review.huwise import UserRecord
from accounts_review.models.account import NAMELESS
from accounts_review.rules.dates import valid_instant


class StagedRecord(NamedTuple):
    """A record that is not known, as it was read in a pass."""

    user: UserRecord
    raw: bytes
    digest: str
    name: str
    """The username, or what stands for it."""
    incarnation: str
    whole: str
    """The incarnation, without fractions of a second."""
    joined_meanwhile: bool = False

    @property
    def is_nameless(self) -> bool:
        return self.name.startswith(NAMELESS)


def record_of(
    user: UserRecord, raw: bytes, digest: str, *, joined_between: tuple[datetime, datetime] | None = None, at: datetime
) -> StagedRecord:
    """A record with what its account is known by; where that is no username, the address and what else it says."""
    incarnation, name = incarnation_of(user), user.username
    whole = whole_incarnation(incarnation)
    meanwhile = joined_between is not None and _has_joined(user, incarnation, *joined_between, at=at)
    if not name:
        name, whole = f"{NAMELESS}{user.email or user.display_name or digest[:8]}", f"{whole} {digest}"
        incarnation = whole
    return StagedRecord(user, raw, digest, name, incarnation, whole, meanwhile)


@lru_cache(maxsize=4)
def _day_of(instant: datetime) -> str:
    return instant.astimezone(UTC).date().isoformat()


def _has_joined(user: UserRecord, incarnation: str, began: datetime, until: datetime, *, at: datetime) -> bool:
    """Whether somebody joined between two instants."""
    # Nearly everyone joined long before, which is told by comparing dates in UTC as text.
    if incarnation.startswith("20") and incarnation.endswith("+00:00") and incarnation < _day_of(began):
        return False
    joined = valid_instant(user.joined_at, read_at=at)
    return joined is not None and began <= joined <= until
