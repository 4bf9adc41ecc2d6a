"""From a record to the facts that the law judges: the only place where rights of groups are put to an account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from accounts_review.huwise import decode_user
from accounts_review.huwise.records import GroupRecord, UserRecord
from accounts_review.models import Account, Group
from accounts_review.rules.breaker import Signs
from accounts_review.rules.dates import is_absent, is_earlier, valid_instant
from accounts_review.rules.facts import Facts
from accounts_review.rules.names import folded

RightsByGroup = Mapping[str, tuple[str, ...] | None]
"""What each group grants, by its uid; ``None`` where its list cannot be read."""

_IN_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?!0{6})\d{6})?\+00:00", re.ASCII)
"""What an instant in UTC is written as, so that nearly none has to be read for it."""
_FRACTION = re.compile(r"\.\d+(?=\+00:00$)")


def facts_of(
    user: UserRecord,
    *,
    rights_by_group: RightsByGroup,
    key_owner: str,
    read_at: datetime,
    incomplete: bool = False,
    disputed: Iterable[str] = (),
    lost_activity_at: datetime | None = None,
    unconfirmed_activity_at: datetime | None = None,
) -> Facts:
    """What is known of an account: its record, and what its groups grant.

    ``rights_by_group`` is what ``/groups/`` listed; groups that came expanded with the user count for what both
    say together, and are in doubt where the list does not have them.
    """
    rights = _with_expanded(rights_by_group, user.expanded) if user.expanded else rights_by_group
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
        lost_activity_at=lost_activity_at,
        unconfirmed_activity_at=unconfirmed_activity_at,
        unlisted=tuple(uid for uid in user.expanded if uid not in rights_by_group) if user.expanded else (),
    )


def _with_expanded(rights_by_group: RightsByGroup, groups: RightsByGroup) -> RightsByGroup:
    rights = dict(rights_by_group)
    for uid, expanded in groups.items():
        listed = rights.get(uid, ())
        rights[uid] = None if listed is None or expanded is None else tuple(sorted({*listed, *expanded}))
    return rights


def facts_of_account(account: Account, *, rights_by_group: RightsByGroup, key_owner: str) -> Facts:
    """The facts of an account as it was read last."""
    return facts_of(
        decode_user(account.raw),
        rights_by_group=rights_by_group,
        key_owner=key_owner,
        read_at=account.read_at,
        incomplete=account.incomplete,
        disputed=account.disputed,
        lost_activity_at=account.lost_activity_at,
        unconfirmed_activity_at=account.unconfirmed_activity_at,
    )


def activity_of(user: UserRecord, *, read_at: datetime) -> datetime | None:
    """The newest valid instant of the account, or ``None`` where no date is valid."""
    return use_of(user, read_at=read_at)[0]


def lost_activity(
    user: UserRecord, *, before: UserRecord, lost: datetime | None = None, read_at: datetime
) -> datetime | None:
    """The newest date of use that was given before and is earlier now, or gone; ``None`` where there is none.

    Each date counts by itself: the one that is left may stand still for years while the other shows use. What was
    ``lost`` already stays so until a date is given that is as new.
    """
    gone = [lost] if lost else []
    for now, was in zip(_dates_of_use(user, read_at), _dates_of_use(before, read_at), strict=True):
        if was and is_earlier(now, was):
            gone.append(was)
        elif lost in gone and is_earlier(was, now) and not is_earlier(now, lost):
            gone.remove(lost)
    return max(gone, default=None)


def _dates_of_use(user: UserRecord, read_at: datetime) -> tuple[datetime | None, datetime | None]:
    return valid_instant(user.last_seen_at, read_at=read_at), valid_instant(user.last_login_at, read_at=read_at)


def use_of(user: UserRecord, *, read_at: datetime) -> tuple[datetime | None, bool, bool]:
    """The activity of an account, whether a date shows that it was used, and whether it is complete that it was not."""
    joined = valid_instant(user.joined_at, read_at=read_at)
    if is_absent(user.last_seen_at) and is_absent(user.last_login_at):
        return joined, False, joined is not None
    seen, login = _dates_of_use(user, read_at)
    return max([date for date in (joined, seen, login) if date], default=None), bool(seen or login), False


def signs_of(users: Iterable[UserRecord], *, read_at: datetime) -> Signs:
    """Of how many accounts a list shows that they were used."""
    listed = seen = never_used = 0
    for user in users:
        _activity, is_seen, is_unused = use_of(user, read_at=read_at)
        listed += 1
        seen += is_seen
        never_used += is_unused
    return Signs(listed=listed, seen=seen, never_used=never_used)


def rights_of_groups(groups: Iterable[Group | GroupRecord]) -> dict[str, tuple[str, ...] | None]:
    """What each group grants; one that ``/groups/`` lists twice grants what both entries say together."""
    rights: dict[str, tuple[str, ...] | None] = {}
    for group in groups:
        before = rights.get(group.uid, ())
        both = None if before is None or group.permissions is None else {*before, *group.permissions}
        rights[group.uid] = None if both is None else tuple(sorted(both))
    return rights


def incarnation_of(user: UserRecord) -> str:
    """What tells a re-used username from the account before: the date of joining, in UTC where it can be read.

    Nested JSON tells nothing apart, and could be too deep to put into words.
    """
    if isinstance(user.joined_at, str) and _IN_UTC.fullmatch(user.joined_at):
        return user.joined_at
    given = str(user.joined_at or "") if isinstance(user.joined_at, str | int | float) else ""
    try:
        joined = datetime.fromisoformat(given)
        return joined.astimezone(UTC).isoformat() if joined.tzinfo else given
    except (ValueError, OverflowError):
        return given


def whole_incarnation(incarnation: str) -> str:
    """An incarnation without a fraction of a second, which an API may stop giving; so incarnations are compared."""
    return _FRACTION.sub("", incarnation) if "." in incarnation else incarnation
