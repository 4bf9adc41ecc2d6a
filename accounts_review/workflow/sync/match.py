"""Whom a record is about: the account it changes, and whether its dates went backwards (law 1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import md5
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import Q
from django.db.models.functions import MD5

from accounts_review.facts import activity_of, lost_activity, whole_incarnation
from accounts_review.huwise import UserRecord, decode_user
from accounts_review.models import Account
from accounts_review.models.copying import copy_in_portions
from accounts_review.rules.dates import is_earlier, valid_instant
from accounts_review.workflow.sync.staging import FRESH, Staging

_COLUMNS = (
    *("id", "incarnation", "incomplete", "absent_since", "gone_at"),
    *("accepted_activity_at", "lost_activity_at"),
)
_NAMESAKES = f"""
SELECT record.seq, record.whole, {{raw}}, {", ".join(f"account.{name}" for name in _COLUMNS)}
FROM sync_record record JOIN accounts_review_account account
    ON md5(account.username) = md5(record.name) AND account.username = record.name
WHERE account.workspace_id = %(workspace)s AND {FRESH}
ORDER BY record.seq, account.id
"""  # noqa: S608


class KnownRow(NamedTuple):
    """An account that has the username of a record."""

    raw: str
    key: int
    incarnation: str
    incomplete: bool
    absent_since: datetime | None
    gone_at: datetime | None
    accepted: datetime | None
    lost: datetime | None

    @property
    def is_listed(self) -> bool:
        return self.absent_since is None and self.gone_at is None


def match(staging: Staging, *, is_in_doubt: bool, now: datetime) -> None:
    """Note for each record that was read anew whose username is known which account it is about.

    ``is_in_doubt``: also, what activity was accepted before that is now earlier or gone.
    """
    raws = ("record.raw", "account.raw") if is_in_doubt else ("NULL", "NULL")
    found = staging.stream(_NAMESAKES.format(raw=", ".join(raws)))
    matched = _matched(found, is_in_doubt=is_in_doubt, now=now)
    copy_in_portions("COPY sync_match (seq, id, lost, is_accepted, is_listed) FROM STDIN", matched)
    staging.run("ANALYZE sync_match")


def lost(
    own: KnownRow | None, namesakes: Iterable[KnownRow], user: UserRecord, activity: datetime | None, *, now: datetime
) -> datetime | None:
    """The activity that was accepted before, where what is read now is earlier, or gone."""
    accepted = {own.accepted} if own else set()
    if own is None or not own.is_listed:
        joined = valid_instant(user.joined_at, read_at=now)
        accepted |= _held_by_the_same(joined, (row for row in namesakes if row is not own))
    found = {instant for instant in accepted if instant and is_earlier(activity, instant)}
    if own and not own.incomplete:
        by_field = lost_activity(user, before=decode_user(own.raw), lost=own.lost, read_at=now)
        found |= {by_field} if by_field else set()
    return max(found, default=None)


def known_of_names(workspace_id: int, usernames: Iterable[str]) -> dict[str, list[KnownRow]]:
    """What is stored of some usernames, by each."""
    names = set(usernames)
    digests = [md5(name.encode(), usedforsecurity=False).hexdigest() for name in names]
    # By what the index holds, as a hostile username can be longer than an index entry may be.
    stored = Account.objects.annotate(name_digest=MD5("username")).filter(
        Q(("name_digest__in", digests)), workspace=workspace_id, username__in=names
    )
    found: defaultdict[str, list[KnownRow]] = defaultdict(list)
    for username, *columns in stored.order_by("pk").values_list("username", "raw", *_COLUMNS):
        found[username].append(KnownRow(*columns))
    return found


def _held_by_the_same(joined: datetime | None, namesakes: Iterable[KnownRow]) -> set[datetime | None]:
    """Who is given a username joins after its holder before was last active. Otherwise it is the same account
    still, and its date of joining is not what it was."""
    given = {instant for row in namesakes if row.is_listed for instant in (row.accepted, row.lost)}
    return {instant for instant in given if is_earlier(joined, instant)}


def _matched(found: Iterable[tuple[Any, ...]], *, is_in_doubt: bool, now: datetime) -> Iterator[tuple[Any, ...]]:
    for (seq, whole), rows in groupby(found, key=itemgetter(0, 1)):
        raw, namesakes = "", []
        for _seq, _whole, raw, *columns in rows:  # noqa: B007
            namesakes.append(KnownRow(*columns))
        # Of two that differ in a fraction of a second only, the later one.
        own = next((row for row in reversed(namesakes) if whole_incarnation(row.incarnation) == whole), None)
        gone = None
        if is_in_doubt:
            user = decode_user(raw)
            gone = lost(own, namesakes, user, activity_of(user, read_at=now), now=now)
        is_listed = any(row.is_listed and not row.incomplete for row in namesakes)
        yield seq, own and own.key, gone, bool(own and not own.incomplete), is_listed
