"""The living state: who is a member, with which groups, rights and keys."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar, cast

from .listing import Selection, found, sort_users
from .records import Record, Snapshot, group_uids, own_permissions

ADMINISTRATOR = "edit_domain"
SEARCHED = ("username", "first_name", "last_name", "email")
MAX_CACHED = 32

T = TypeVar("T")


class LastAdministrator(Exception):
    """Raised instead of removing the only holder of effective ``edit_domain``."""


class SandboxWorkspace:
    """A thread-safe workspace.

    What it returns may be read without a lock: records are replaced, never changed in
    place. ``version`` grows with every change.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.lock = threading.RLock()
        self.version = 0
        self.service_user = snapshot.service_user
        self._users = {record["username"]: record for record in snapshot.users}
        self._groups = {record["uid"]: record for record in snapshot.groups}
        self._keys = list(snapshot.keys)
        self._former = {_address(record): record for record in snapshot.former}
        self._cache: dict[object, Any] = {}

    # Reading

    def snapshot(self) -> Snapshot:
        """Return the whole state at one instant."""
        with self.lock:
            return Snapshot(
                list(self._users.values()),
                list(self._groups.values()),
                list(self._keys),
                list(self._former.values()),
                self.service_user,
            )

    def user(self, username: str) -> Record | None:
        return self._users.get(username)

    def usernames(self) -> set[str]:
        with self.lock:
            return set(self._users)

    def users(self, selection: Selection) -> list[Record]:
        """Return all the users selected, in order; do not change the list."""
        return self._cached(selection, lambda: self._select(selection))

    def members(self, uid: str) -> list[Record]:
        """Return the users of one group, by username."""
        everybody = self.users(Selection(sort=("username",)))
        return [record for record in everybody if uid in group_uids(record)]

    def group(self, uid: str) -> Record | None:
        record = self._groups.get(uid)
        return record and self._counted(record)

    def groups(self) -> list[Record]:
        """Return all groups, their ``user_count`` as it is now."""
        with self.lock:
            return [self._counted(record) for record in self._groups.values()]

    def group_exists(self, uid: str) -> bool:
        return uid in self._groups

    def effective_permissions(self, record: Record) -> set[str]:
        """Return what a user may do: own permissions and those of their groups."""
        permissions = set(own_permissions(record))
        for uid in group_uids(record):
            permissions.update(own_permissions(self._groups.get(uid, {})))
        return permissions

    def administrators(self) -> list[Record]:
        """Return all holders of effective ``edit_domain``."""
        return self.users(Selection(all_permissions=frozenset({ADMINISTRATOR})))

    def key(self, secret: str) -> Record | None:
        """Return the valid API key with this value."""
        with self.lock:
            return next((key for key in self._keys if key["key"] == secret), None)

    def key_count(self) -> int:
        return len(self._keys)

    def former_member(self, email: str) -> Record | None:
        """Return what is left of a removed member: the global account outlives it."""
        return self._former.get(email.casefold())

    # Changing

    def put(self, record: Record) -> Record:
        """Add a user, or replace the one of the same username."""
        with self.lock:
            self._users[record["username"]] = record
            self._changed()
            return record

    def update(self, username: str, fields: Record) -> Record | None:
        """Replace some fields of a user; ``None`` if there is no such user."""
        with self.lock:
            old = self._users.get(username)
            return old and self.put(old | fields)

    def remove(self, username: str, *, guarded: bool) -> bool:
        """Remove a user and their keys; false if there is no such user.

        A ``guarded`` removal raises `LastAdministrator` rather than leave a workspace
        without one.
        """
        with self.lock:
            record = self._users.get(username)
            if record is None:
                return False
            if guarded and self._is_last_administrator(record):
                raise LastAdministrator
            del self._users[username]
            self._former[_address(record)] = record
            self._keys = [k for k in self._keys if k["user"]["username"] != username]
            self._changed()
            return True

    # Inside

    def _is_last_administrator(self, record: Record) -> bool:
        # Asked in this order because most users are no administrators, and finding
        # all who are means reading everybody.
        return ADMINISTRATOR in self.effective_permissions(record) and len(self.administrators()) == 1

    def _changed(self) -> None:
        self.version += 1
        self._cache.clear()

    def _cached(self, key: object, compute: Callable[[], T]) -> T:
        with self.lock:
            if key not in self._cache:
                if len(self._cache) >= MAX_CACHED:
                    self._cache.clear()
                self._cache[key] = compute()
            return cast("T", self._cache[key])

    def _select(self, selection: Selection) -> list[Record]:
        users = [user for user in self._users.values() if self._fits(user, selection)]
        return sort_users(users, selection.sort) if selection.sort else users

    def _fits(self, record: Record, selection: Selection) -> bool:
        return (
            selection.permissions <= set(own_permissions(record))
            and (not selection.all_permissions or selection.all_permissions <= self.effective_permissions(record))
            and (not selection.search or found(record, SEARCHED, selection.search))
        )

    def _counted(self, record: Record) -> Record:
        counts = self._cached("group sizes", self._count_members)
        return record | {"user_count": counts[record["uid"]]}

    def _count_members(self) -> Counter[str]:
        return Counter(uid for user in self._users.values() for uid in set(group_uids(user)))


def _address(record: Record) -> str:
    return str(record.get("email") or record["username"]).casefold()
