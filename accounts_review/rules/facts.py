"""The facts that the law judges: all that is known of one account.

Pure: no Django, no clock, no input or output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from accounts_review.rules.dates import DateFault, is_absent, read_date

T = TypeVar("T")


class _once(Generic[T]):  # noqa: N801 (a decorator)
    """``functools.cached_property`` without the lock of Python 3.11, most of what that costs."""

    def __init__(self, find: Callable[[Any], T]) -> None:
        self._find, self._name, self.__doc__ = find, find.__name__, find.__doc__

    def __get__(self, facts: Any, kind: type | None = None) -> T:
        found = facts.__dict__[self._name] = self._find(facts)
        return found


class Facts(Struct, frozen=True, kw_only=True, dict=True):
    """All that is known of one account, as it was read at ``read_at``.

    Dates are exactly what the API gave: text, ``None`` where null or absent, or anything else a hostile or
    broken answer holds. ``permissions`` and ``groups`` are ``None`` where the list was null, absent or not a list
    of names. ``rights_by_group`` has an entry for each group the workspace lists; ``None`` where its own list of
    rights is unusable.
    """

    username: str
    email: str
    account_type: str
    is_vendor: bool
    is_key_owner: bool
    joined_at: object
    last_seen_at: object
    last_login_at: object
    read_at: datetime
    permissions: tuple[str, ...] | None
    groups: tuple[str, ...] | None
    rights_by_group: Mapping[str, tuple[str, ...] | None]
    disputed: tuple[str, ...] = ()
    """Protected rights of which the API's own list of holders and ours disagree."""
    unlisted: tuple[str, ...] = ()
    """Groups that only the account's own record describes, and the workspace does not list."""
    incomplete: bool = False
    """Read by a sync that was not accepted, which may add no candidate (laws 3 and 4)."""
    lost_activity_at: datetime | None = None
    """Activity that was accepted before, where the dates are earlier now or gone, and nobody has accepted that."""
    unconfirmed_activity_at: datetime | None = None
    """Activity that only a sync that was not accepted showed: it clears, and proves nothing else."""

    @property
    def never_used(self) -> bool:
        """Complete evidence of an account that nobody ever used."""
        both_absent = is_absent(self.last_seen_at) and is_absent(self.last_login_at)
        return both_absent and isinstance(self._read["joined_at"], datetime)

    @_once
    def origins(self) -> dict[str, tuple[str, ...]]:
        """Effective permissions, each with all that give it: "" where granted directly, and the uids of groups."""
        found: dict[str, tuple[str, ...]] = dict.fromkeys(self.permissions or (), ("",))
        for uid in self.groups or ():
            for right in self.rights_by_group.get(uid) or ():
                found[right] = (*found.get(right, ()), uid)
        return found

    @_once
    def rights(self) -> dict[str, str]:
        """Effective permissions, each with the first that gives it: "" where granted directly, or a group's uid."""
        found = dict.fromkeys(self.permissions or (), "")
        for uid in self.groups or ():
            for right in self.rights_by_group.get(uid) or ():
                found.setdefault(right, uid)
        return found

    @property
    def activity(self) -> tuple[datetime, str] | None:
        """The newest valid instant and the field it stands in, or ``None`` where no date is valid."""
        valid = [(found, name) for name, found in self._read.items() if isinstance(found, datetime)]
        return max(valid) if valid else None

    @property
    def invalid_dates(self) -> list[str]:
        """Fields that hold a date which cannot be believed: present, and not a valid instant."""
        return [
            name
            for name, found in self._read.items()
            if not isinstance(found, datetime) and found is not DateFault.ABSENT
        ]

    @_once
    def _read(self) -> dict[str, datetime | DateFault]:
        """Each date, read once: an account is asked for its activity in many places."""
        return {name: read_date(value, read_at=self.read_at) for name, value in self.dates.items()}

    @property
    def dates(self) -> dict[str, object]:
        """The dates that can show activity, by field, as given."""
        return {
            "joined_at": self.joined_at,
            "last_login_at": self.last_login_at,
            "last_seen_at": self.last_seen_at,
        }
