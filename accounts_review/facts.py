"""From a record to the facts that the law judges: the only place where rights of groups are put to an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from accounts_review.huwise import decode_user
from accounts_review.huwise.records import User
from accounts_review.models import Account, Group
from accounts_review.rules.dormancy import Facts
from accounts_review.rules.names import folded

RightsByGroup = Mapping[str, tuple[str, ...] | None]
"""What each group grants, by its uid; ``None`` where its list cannot be read."""


def facts_of(
    user: User,
    *,
    rights_by_group: RightsByGroup,
    key_owner: str,
    read_at: datetime,
    incomplete: bool = False,
    disputed: Iterable[str] = (),
) -> Facts:
    """What is known of an account: its record, and what its groups grant.

    ``rights_by_group`` is what ``/groups/`` listed; groups that came expanded with the user count for what both
    say together, and are in doubt where the list does not have them.
    """
    rights = dict(rights_by_group)
    for uid, expanded in user.expanded.items():
        listed = rights.get(uid, ())
        rights[uid] = None if listed is None or expanded is None else tuple(sorted({*listed, *expanded}))
    return Facts(
        username=user.username,
        email=user.email,
        account_type=user.account_type,
        is_vendor=user.is_ods,
        is_key_owner=bool(key_owner) and folded(user.username) == folded(key_owner),
        joined_at=user.joined_at,
        last_seen_at=user.last_seen_at,
        last_login_at=user.last_login_at,
        read_at=read_at,
        permissions=user.permissions,
        groups=user.groups,
        rights_by_group=rights,
        incomplete=incomplete,
        disputed=tuple(disputed),
        unlisted=tuple(uid for uid in user.expanded if uid not in rights_by_group),
    )


def facts_of_account(account: Account, *, rights_by_group: RightsByGroup, key_owner: str) -> Facts:
    """The facts of an account as it was read last."""
    return facts_of(
        decode_user(account.raw),
        rights_by_group=rights_by_group,
        key_owner=key_owner,
        read_at=account.read_at,
        incomplete=account.incomplete,
        disputed=account.disputed,
    )


def rights_of_groups(groups: Iterable[Group]) -> dict[str, tuple[str, ...] | None]:
    """What each stored group grants."""
    return {group.uid: None if group.permissions is None else tuple(group.permissions) for group in groups}


def activity_of(user: User, *, read_at: datetime) -> datetime | None:
    """The newest valid instant of the account, or ``None`` where no date is valid."""
    activity = facts_of(user, rights_by_group={}, key_owner="", read_at=read_at).activity
    return activity[0] if activity else None


def incarnation_of(user: User) -> str:
    """What tells a re-used username from the account before: the date of joining, in UTC where it can be read.

    Nested JSON tells nothing apart, and could be too deep to put into words.
    """
    given = str(user.joined_at or "") if isinstance(user.joined_at, str | int | float) else ""
    try:
        joined = datetime.fromisoformat(given)
        return joined.astimezone(UTC).isoformat() if joined.tzinfo else given
    except (ValueError, OverflowError):
        return given
