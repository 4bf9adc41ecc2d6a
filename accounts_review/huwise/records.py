"""Users and groups as typed records, read leniently: a wrong type is "not known", never an exception.

The published schema rejects its own data (domain.md 1.10), so nothing is validated here. What a record does not say
is kept apart from what it says: ``None`` is unknown, an empty tuple is known to be empty (law 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from .errors import UnexpectedAnswer
from .wire import LARGEST_COUNT, REFUSED_BY_MSGSPEC, loads, read_object

DIGEST_BYTES = 16

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class UserRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One account as the workspace describes it.

    Texts are "" where absent or not text, and hold U+FFFD for what PostgreSQL cannot store; a username that had to be
    changed so ends in a digest of what it was, so that two stay two. The dates are as given,
    of whatever type, and ``None`` where absent or null; judging them is not done here. ``permissions`` are those
    granted directly (domain.md 1.1) and ``groups`` are uids, both sorted; ``expanded`` has the permissions of the
    groups that came as full objects.
    """

    username: str
    email: str
    display_name: str
    first_name: str
    last_name: str
    account_type: str
    """"" where absent or null; what is not text is U+FFFD, a type nobody knows."""
    is_ods: bool
    """Vendor staff, hence protected. Anything but false, null or absent counts as yes."""
    is_active: bool | None
    joined_at: object
    last_seen_at: object
    last_login_at: object
    expires_at: object
    permissions: tuple[str, ...] | None
    groups: tuple[str, ...] | None
    expanded: dict[str, tuple[str, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    """A group of users. ``permissions`` is ``None`` where they cannot be read."""

    uid: str
    title: str
    permissions: tuple[str, ...] | None
    user_count: int | None
    created_by: str = ""
    """The username of who made it, as far as the workspace says."""


class _PlainGroup(msgspec.Struct):
    uid: str
    permissions: Any = msgspec.UNSET


class _PlainUser(msgspec.Struct):
    """What nearly every record is, so that nothing of it needs a second look."""

    permissions: list[str]
    groups: list[_PlainGroup]
    username: str | None = None
    email: str | None = None
    display_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    account_type: str | None = None
    is_ods: bool | None = None
    is_active: bool | None = None
    joined_at: str | None = None
    last_seen_at: str | None = None
    last_login_at: str | None = None
    expires_at: str | None = None


class _RawUser(msgspec.Struct):
    username: Any = None
    email: Any = None
    display_name: Any = None
    first_name: Any = None
    last_name: Any = None
    account_type: Any = None
    is_ods: Any = None
    is_active: Any = None
    joined_at: Any = None
    last_seen_at: Any = None
    last_login_at: Any = None
    expires_at: Any = None
    permissions: Any = None
    groups: Any = None


class _RawGroup(msgspec.Struct):
    uid: Any = None
    title: Any = None
    permissions: Any = None
    user_count: Any = None
    created_by: Any = None


_Raw = TypeVar("_Raw", _RawUser, _RawGroup)
_PlainUsers = msgspec.json.Decoder(_PlainUser)


def decode_user(raw: bytes | str) -> UserRecord:
    """Read one user of a list or of ``GET /users/{username}/``.

    :raises UnexpectedAnswer: only where it is not a JSON object at all.
    """
    return _plain(raw) or _odd(raw)


def _plain(raw: bytes | str) -> UserRecord | None:
    """A record that is as the vendor describes it, in a third of the time; ``None`` where it is not."""
    # Of what PostgreSQL cannot store, msgspec lets through nothing but this.
    if (b"\\u0000" in raw) if isinstance(raw, bytes) else ("\\u0000" in raw):
        return None
    try:
        given = _PlainUsers.decode(raw)
    except REFUSED_BY_MSGSPEC:
        return None
    for group in given.groups:
        if not group.uid or group.permissions is not msgspec.UNSET:
            return None
    return UserRecord(
        username=given.username or "",
        email=(given.email or "").strip(),
        display_name=given.display_name or "",
        first_name=given.first_name or "",
        last_name=given.last_name or "",
        account_type=given.account_type or "",
        is_ods=given.is_ods is True,
        is_active=given.is_active,
        joined_at=given.joined_at,
        last_seen_at=given.last_seen_at,
        last_login_at=given.last_login_at,
        expires_at=given.expires_at,
        permissions=_each_once(given.permissions),
        groups=_each_once([group.uid for group in given.groups]),
        expanded={},
    )


def _each_once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names))) if len(names) > 1 else tuple(names)


def _odd(raw: bytes | str) -> UserRecord:
    given = _fields(raw, _RawUser)
    return UserRecord(
        username=_username(given.username),
        email=_text(given.email).strip(),
        display_name=_text(given.display_name),
        first_name=_text(given.first_name),
        last_name=_text(given.last_name),
        account_type=_text("\ufffd" if _is_odd(given.account_type) else given.account_type),
        is_ods=given.is_ods is not None and given.is_ods is not False,
        is_active=given.is_active if isinstance(given.is_active, bool) else None,
        joined_at=_as_given(given.joined_at),
        last_seen_at=_as_given(given.last_seen_at),
        last_login_at=_as_given(given.last_login_at),
        expires_at=_as_given(given.expires_at),
        permissions=_names(given.permissions),
        groups=_group_uids(given.groups),
        expanded=_expanded(given.groups),
    )


def decode_group(raw: bytes | str) -> GroupRecord:
    """Read one group of ``GET /groups/``.

    :raises UnexpectedAnswer: only where it is not a JSON object at all.
    """
    given = _fields(raw, _RawGroup)
    count = given.user_count
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= LARGEST_COUNT
    return GroupRecord(
        uid=_text(given.uid),
        title=_text(given.title),
        permissions=_names(given.permissions),
        user_count=count if is_count else None,
        created_by=_text(given.created_by.get("username")) if isinstance(given.created_by, dict) else "",
    )


def decode_groups(raws: Iterable[bytes]) -> tuple[list[GroupRecord], int]:
    """Read every group, and count the entries that are no JSON object; what they say is for nobody to keep.

    Whose group is not among those that can be read is uncertain (law 1), so that nobody else needs to wait for it.
    """
    groups, unreadable = list[GroupRecord](), 0
    for raw in raws:
        try:
            groups.append(decode_group(raw))
        except UnexpectedAnswer:
            unreadable += 1
    return groups, unreadable


def digest_of(raw: bytes) -> bytes:
    """What a sync compares before it decodes anything: equal bytes, equal digest."""
    return sha256(raw).digest()[:DIGEST_BYTES]


def storable(text: str) -> str:
    """Text without what PostgreSQL refuses, NUL and lone surrogates, each replaced by U+FFFD.

    A username so changed is one that ``usable_in_url`` refuses, so that it never addresses somebody else.
    """
    # Nearly every text is plain, and looking is much quicker than replacing.
    return text if text.isascii() and "\x00" not in text else _UNSTORABLE.sub("\ufffd", text)


def _fields(raw: bytes | str, kind: type[_Raw]) -> _Raw:
    try:
        return msgspec.json.decode(raw, type=kind)
    except REFUSED_BY_MSGSPEC:
        pass
    # Python's reader gives up on deep nesting as well, but one member at a time it reads all others.
    members = read_object(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
    return kind(**{name: loads(members[name]) for name in kind.__struct_fields__ if name in members})


def _text(value: object) -> str:
    return storable(value) if isinstance(value, str) else ""


def _username(value: object) -> str:
    given, name = value if isinstance(value, str) else "", _text(value)
    if given == name:
        return name
    return f"{name} #{sha256(given.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _is_odd(value: object) -> bool:
    return value is not None and not isinstance(value, str)


def _as_given(value: object) -> object:
    return storable(value) if isinstance(value, str) else value


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return None
    return tuple(sorted({storable(name) for name in value}))


def _uid(group: object) -> str:
    return _text(group.get("uid") if isinstance(group, dict) else group)


def _group_uids(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    uids = {_uid(group) for group in value}
    return None if "" in uids else tuple(sorted(uids))


def _expanded(value: object) -> dict[str, tuple[str, ...] | None]:
    found: dict[str, tuple[str, ...] | None] = {}
    for group in value if isinstance(value, list) else ():
        if isinstance(group, dict) and "permissions" in group and (uid := _uid(group)):
            found[uid] = _union(found.get(uid, ()), _names(group["permissions"]))
    return found


def _union(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if one is None or other is None else tuple(sorted({*one, *other}))


class _Key(msgspec.Struct):
    """Of an API key nothing but its user: the value of the key, which the answer holds too, is never decoded."""

    user: Any = None


class _Keys(msgspec.Struct):
    results: list[_Key]


def key_owner(body: bytes) -> str | None:
    """Whose the API key is, as the list of keys says; ``None`` where it does not tell."""
    try:
        keys = msgspec.json.decode(body, type=_Keys).results
    except REFUSED_BY_MSGSPEC:
        # No exception that could carry the body leaves this place.
        return None
    users = [key.user for key in keys if isinstance(key.user, dict)]
    names = [user.get("username") for user in users]
    return next((_username(name) for name in names if isinstance(name, str) and name.strip()), None)
