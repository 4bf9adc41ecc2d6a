"""Storing what an accepted sync read: accounts, the groups that give them rights, and who is no longer listed.

What any other sync read of an account is not stored: it may clear somebody who was seen again, and where nothing
is known yet, show who there is.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from django.db.models import Q

from accounts_review.facts import activity_of, incarnation_of, lost_activity, rights_of_groups, whole_incarnation
from accounts_review.huwise import GroupRecord, UserRecord, decode_user, digest_of
from accounts_review.huwise.records import storable
from accounts_review.models import Account, ActivityGap, Group, Workspace
from accounts_review.models.activity_gap import LONG
from accounts_review.rules.dates import is_earlier, valid_instant
from accounts_review.workflow.sync.passes import Key

BATCH = 1000
COLUMNS = [field.name for field in Account._meta.concrete_fields if not field.primary_key]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing:
    """Everyone whom a sync saw: keys of the accounts whose record is known, and all other records."""

    unchanged: set[int]
    fresh: Mapping[Key, tuple[UserRecord, bytes]]


@dataclass(slots=True)
class Stored:
    """Keys of the accounts that are new, changed or no longer listed, and how many are new or changed in all."""

    added: list[int]
    changed: list[int]
    absent: list[int]
    counts: dict[str, int]


def hold(workspace: Workspace, listing: Listing, disputed: Mapping[str, list[str]]) -> None:
    """Lock every stored account that this sync may write, in the order of their keys, before any is written.

    Deciders lock theirs in the same order (:mod:`accounts_review.workflow.review.decide`), so that one waits for
    the other; in any other order each could hold what the other waits for, and PostgreSQL would end one of them.
    """
    stored = Account.objects.filter(workspace=workspace)
    listed = set(stored.listed().values_list("pk", flat=True))
    written = (listed - listing.unchanged) | (listing.unchanged - listed)
    own = Q(username__in=disputed) | ~Q(disputed=[]) | Q(unconfirmed_activity_at__isnull=False)
    written.update(stored.filter(own).values_list("pk", flat=True))
    for names in _batches(sorted({username for username, _ in listing.fresh})):
        written.update(stored.filter(username__in=names).values_list("pk", flat=True))
    for keys in _batches(sorted(written)):
        batch = stored.filter(pk__in=keys).order_by("pk")
        list(batch.select_for_update(no_key=True).values_list("pk"))


def store(workspace: Workspace, listing: Listing, *, by_a_person: bool = False, now: datetime) -> Stored:
    """Take what an accepted sync saw for what is so; dates that went backwards stay in doubt (law 1).

    ``by_a_person``: somebody has looked at the reading and accepted its dates, whatever they are.
    """
    added: list[int] = []
    changed: list[int] = []
    for batch in _batches(list(listing.fresh.items())):
        known = _Known(workspace, (username for (username, _), _ in batch))
        new: list[Account] = []
        old: list[Account] = []
        gaps: list[ActivityGap] = []
        for key, (user, raw) in batch:
            row = known.rows.get(key)
            account = row or Account(workspace=workspace)
            before, activity = account.accepted_activity_at, activity_of(user, read_at=now)
            lost = None if by_a_person else known.lost(key, user, activity, now=now)
            _fill(account, key, user, raw, now=now)
            account.incomplete, account.absent_since, account.gone_at = False, None, None
            account.accepted_activity_at, account.lost_activity_at = activity, lost
            account.unconfirmed_activity_at = None
            (old if row else new).append(account)
            if row and before and activity and activity - before >= LONG:
                gaps.append(ActivityGap(account=row, silent_since=before, seen_at=activity))
        added += [row.pk for row in Account.objects.bulk_create(new)]
        Account.objects.bulk_update(old, COLUMNS)
        ActivityGap.objects.bulk_create(gaps)
        changed += [row.pk for row in old]
    _list_again(workspace, listing, now=now)
    forget_unconfirmed(workspace)
    absent = _mark_absent(workspace, listing.unchanged.union(added, changed), now=now)
    return Stored(added, changed, absent, {"added": len(added), "changed": len(changed), "absent": len(absent)})


def glean(workspace: Workspace, listing: Listing, *, shows_newcomers: bool, now: datetime) -> Stored:
    """Of a sync that was not accepted, keep who was seen again, and on demand who is not known at all.

    No date, right or group of it counts for anything else.
    """
    added: list[int] = []
    counts = {"added": 0, "changed": 0, "absent": 0}
    for batch in _batches(list(listing.fresh.items())):
        known = _Known(workspace, (username for (username, _), _ in batch))
        new: list[Account] = []
        old: list[Account] = []
        seen: list[Account] = []
        for key, (user, raw) in batch:
            row = known.rows.get(key)
            counts["changed" if row else "added"] += 1
            if row and not row.incomplete:
                activity = activity_of(user, read_at=now)
                newest = row.unconfirmed_activity_at or row.accepted_activity_at
                if activity and is_earlier(newest, activity):
                    row.unconfirmed_activity_at = activity
                    seen.append(row)
            elif shows_newcomers and not known.is_listed(key[0]):
                account = _fill(row or Account(workspace=workspace), key, user, raw, now=now)
                account.incomplete, account.absent_since = True, None
                (old if row else new).append(account)
        added += [row.pk for row in Account.objects.bulk_create(new)]
        Account.objects.bulk_update(old, COLUMNS)
        Account.objects.bulk_update(seen, ["unconfirmed_activity_at"])
    return Stored(added, [], [], counts)


def forget_unconfirmed(workspace: Workspace) -> None:
    """Forget who was seen again by syncs that were not accepted."""
    accounts = Account.objects.filter(workspace=workspace, unconfirmed_activity_at__isnull=False)
    accounts.update(unconfirmed_activity_at=None)


def store_rights(workspace: Workspace, groups: list[GroupRecord], key_owner: str) -> None:
    """Replace the groups, and remember whose key we use; accounts whose rights rest on either are assessed again."""
    workspace.rights_digest = rights_digest(groups, key_owner)
    workspace.key_owner = key_owner
    workspace.save(update_fields=["rights_digest", "key_owner"])
    rights, about = rights_of_groups(groups), {group.uid: group for group in groups}
    workspace.groups.exclude(uid__in=rights).delete()
    Group.objects.bulk_create(
        [
            Group(
                workspace=workspace,
                uid=uid,
                title=about[uid].title,
                permissions=None if permissions is None else list(permissions),
                created_by=about[uid].created_by,
            )
            for uid, permissions in rights.items()
        ],
        update_conflicts=True,
        unique_fields=["workspace", "uid"],
        update_fields=["title", "permissions", "created_by"],
    )


def store_disputed(workspace: Workspace, disputed: Mapping[str, list[str]]) -> None:
    """Remember of whom the API's own list of a protected right and ours disagree: username -> rights."""
    listed = Account.objects.filter(workspace=workspace).listed()
    for account in listed.filter(Q(username__in=disputed) | ~Q(disputed=[])):
        rights = disputed.get(account.username, [])
        if rights != account.disputed:
            account.disputed = rights
            account.save(update_fields=["disputed"])


def rights_digest(groups: list[GroupRecord], key_owner: str) -> str:
    """A digest of what an assessment rests on beside the account itself and the policy."""
    rights = rights_of_groups(groups).items()
    content = [key_owner, sorted([uid, None if held is None else sorted(held)] for uid, held in rights)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class _Known:
    """What is stored of some usernames."""

    def __init__(self, workspace: Workspace, usernames: Iterable[str]) -> None:
        self.rows: dict[Key, Account] = {}
        self._by_name: defaultdict[str, list[Account]] = defaultdict(list)
        for row in Account.objects.filter(workspace=workspace, username__in=set(usernames)).order_by("pk"):
            self.rows[row.username, whole_incarnation(row.incarnation)] = row
            self._by_name[row.username].append(row)

    def is_listed(self, username: str) -> bool:
        """Whether an accepted sync lists the username, of whatever incarnation."""
        return any(_is_listed(row) and not row.incomplete for row in self._by_name[username])

    def lost(self, key: Key, user: UserRecord, activity: datetime | None, *, now: datetime) -> datetime | None:
        """The activity that was accepted before, where what is read now is earlier, or gone."""
        own = self.rows.get(key)
        accepted = {own.accepted_activity_at} if own else set()
        if own is None or not _is_listed(own):
            joined = valid_instant(user.joined_at, read_at=now)
            accepted |= self._held_by_the_same(key[0], joined, besides=own)
        found = {instant for instant in accepted if instant and is_earlier(activity, instant)}
        if own and not own.incomplete:
            by_field = lost_activity(user, before=decode_user(own.raw), lost=own.lost_activity_at, read_at=now)
            found |= {by_field} if by_field else set()
        return max(found, default=None)

    def _held_by_the_same(
        self, username: str, joined: datetime | None, *, besides: Account | None
    ) -> set[datetime | None]:
        """Who is given a username joins after its holder before was last active. Otherwise it is the same account
        still, and its date of joining is not what it was."""
        found: set[datetime | None] = set()
        for row in self._by_name[username]:
            if row != besides and _is_listed(row):
                found |= {row.accepted_activity_at, row.lost_activity_at}
        return {instant for instant in found if is_earlier(joined, instant)}


def _is_listed(row: Account) -> bool:
    return row.absent_since is None and row.gone_at is None


def _fill(row: Account, key: Key, user: UserRecord, raw: bytes, *, now: datetime) -> Account:
    for name in ("email", "display_name", "first_name", "last_name", "account_type"):
        setattr(row, name, getattr(user, name))
    row.username = key[0]
    # A fraction of a second that is given now, or no longer, makes no other account of it.
    row.incarnation = row.incarnation or (incarnation_of(user) if user.username else key[1])
    row.groups, row.read_at = list(user.groups or ()), now
    row.raw, row.digest = storable(raw.decode(errors="replace")), digest_of(raw).hex()
    return row


def _list_again(workspace: Workspace, listing: Listing, *, now: datetime) -> None:
    """Those who were not listed any more, and are there again with the same record."""
    unlisted = Account.objects.filter(workspace=workspace).filter(
        Q(absent_since__isnull=False) | Q(gone_at__isnull=False)
    )
    for keys in _batches(sorted(listing.unchanged.intersection(unlisted.values_list("pk", flat=True)))):
        rows = list(Account.objects.filter(pk__in=keys).order_by("pk"))
        known = _Known(workspace, (row.username for row in rows))
        for row in rows:
            key = (row.username, whole_incarnation(row.incarnation))
            row.lost_activity_at = known.lost(key, decode_user(row.raw), row.accepted_activity_at, now=now)
            row.absent_since = row.gone_at = None
        Account.objects.bulk_update(rows, ["lost_activity_at", "absent_since", "gone_at"])


def _mark_absent(workspace: Workspace, seen: set[int], *, now: datetime) -> list[int]:
    """Note who was not listed, and return their keys; another incarnation of a listed username is not listed either."""
    listed = Account.objects.filter(workspace=workspace).listed()
    missing = sorted(set(listed.values_list("pk", flat=True)) - seen)
    listed.filter(pk__in=missing).update(absent_since=now)
    return missing


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch
