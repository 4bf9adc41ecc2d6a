"""Storing what a sync read: accounts, the groups that give them rights, and who is no longer listed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice

from django.db.models import Q, QuerySet

from accounts_review.facts import activity_of, incarnation_of
from accounts_review.huwise import Group as GroupRecord
from accounts_review.huwise import User, decode_user, digest_of
from accounts_review.huwise.records import storable
from accounts_review.models import Account, Group, Return, Workspace
from accounts_review.models.activity_gap import LONG
from accounts_review.workflow.sync.passes import Walk

BATCH = 1000


def hold(workspace: Workspace, walk: Walk, disputed: Mapping[str, list[str]]) -> None:
    """Lock every stored account that this reading may write, in the order of their keys, before any is written.

    Deciders lock theirs in the same order (:mod:`accounts_review.workflow.review.decide`), so that one waits for
    the other; in any other order each could hold what the other waits for, and PostgreSQL would end one of them.
    """
    stored, changed = Account.objects.filter(workspace=workspace), {username for username, _ in walk.fresh}
    unlisted = set(stored.filter(Q(absent_since__isnull=False) | Q(gone_at__isnull=False)).values_list("pk", flat=True))
    back = (unlisted | set(stored.filter(incomplete=True).values_list("pk", flat=True))) & walk.unchanged
    in_dispute = stored.filter(Q(username__in=disputed) | ~Q(disputed=[])).values_list("pk", flat=True)
    written = {*back, *in_dispute}
    for pk, username in walk.known.values():
        missing = walk.is_complete and pk not in walk.unchanged and pk not in unlisted
        if missing or username in changed:
            written.add(pk)
    ordered = sorted(written)
    for start in range(0, len(ordered), BATCH):
        batch = stored.filter(pk__in=ordered[start : start + BATCH]).order_by("pk")
        list(batch.select_for_update(no_key=True).values_list("pk"))


def store_accounts(workspace: Workspace, walk: Walk, *, accepted: bool, now: datetime) -> tuple[list[int], list[int]]:
    """Write what is new or changed; returns the keys of each.

    An accepted reading also confirms what an earlier one left as incomplete or not listed.
    """
    fresh = list(walk.fresh.items())
    added: list[int] = []
    changed: list[int] = []
    for start in range(0, len(fresh), BATCH):
        batch = dict(fresh[start : start + BATCH])
        rows = Account.objects.filter(workspace=workspace, username__in={username for username, _ in batch})
        existing = {(row.username, row.incarnation): row for row in rows}
        before = {row.pk: row.accepted_activity_at for row in existing.values()}
        new: list[Account] = []
        old: list[Account] = []
        for key, (user, raw) in batch.items():
            row = existing.get(key)
            filled = _fill(row or Account(workspace=workspace), user, raw, accepted=accepted, now=now)
            (new if row is None else old).append(filled)
        added += [row.pk for row in Account.objects.bulk_create(new)]
        Account.objects.bulk_update(old, [f.name for f in Account._meta.concrete_fields if not f.primary_key])
        Return.objects.bulk_create(_returns(old, before))
        changed += [row.pk for row in old]
    if accepted:
        seen = Account.objects.filter(pk__in=walk.unchanged)
        seen.filter(Q(absent_since__isnull=False) | Q(gone_at__isnull=False)).update(absent_since=None, gone_at=None)
        confirm(seen)
    return added, changed


def store_rights(workspace: Workspace, groups: list[GroupRecord], key_owner: str) -> None:
    """Replace the groups, and remember whose key we use; accounts whose rights rest on either are judged anew."""
    workspace.rights_digest = rights_digest(groups, key_owner)
    workspace.key_owner = key_owner
    workspace.save(update_fields=["rights_digest", "key_owner"])
    workspace.groups.exclude(uid__in=[group.uid for group in groups]).delete()
    Group.objects.bulk_create(
        [
            Group(
                workspace=workspace,
                uid=group.uid,
                title=group.title,
                permissions=None if group.permissions is None else list(group.permissions),
                created_by=group.created_by,
            )
            for group in groups
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


def mark_absent(workspace: Workspace, walk: Walk, *, now: datetime) -> list[int]:
    """Note who was not listed, and return their keys; another incarnation of a listed username is not listed either."""
    changed = Account.objects.filter(workspace=workspace, username__in={name for name, _ in walk.fresh})
    seen = walk.unchanged | {
        pk for pk, *key in changed.values_list("pk", "username", "incarnation") if tuple(key) in walk.fresh
    }
    listed = Account.objects.filter(workspace=workspace).listed()
    missing = sorted(set(listed.values_list("pk", flat=True)) - seen)
    listed.filter(pk__in=missing).update(absent_since=now)
    return missing


def confirm(accounts: QuerySet[Account]) -> None:
    """Take incomplete accounts for what they say; their activity becomes the breaker's baseline."""
    rows = accounts.filter(incomplete=True).order_by("pk").select_for_update(no_key=True)
    left = rows.only("raw", "read_at").iterator(chunk_size=BATCH)
    while batch := list(islice(left, BATCH)):
        for row in batch:
            row.incomplete = False
            row.accepted_activity_at = activity_of(decode_user(row.raw), read_at=row.read_at)
        Account.objects.bulk_update(batch, ["incomplete", "accepted_activity_at"])


def rights_digest(groups: list[GroupRecord], key_owner: str) -> str:
    """A digest of what an assessment rests on beside the account itself and the policy."""
    content = [key_owner, sorted([g.uid, None if g.permissions is None else sorted(g.permissions)] for g in groups)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _returns(rows: list[Account], before: Mapping[int, datetime | None]) -> Iterator[Return]:
    """Those who were away for long and are back, as their accepted activity shows."""
    for row in rows:
        since, seen = before[row.pk], row.accepted_activity_at
        if since and seen and seen - since >= LONG:
            yield Return(account=row, silent_since=since, seen_at=seen)


def _fill(row: Account, user: User, raw: bytes, *, accepted: bool, now: datetime) -> Account:
    for name in ("username", "email", "display_name", "first_name", "last_name", "account_type"):
        setattr(row, name, getattr(user, name))
    row.incarnation, row.groups = incarnation_of(user), list(user.groups or ())
    row.raw, row.digest = storable(raw.decode(errors="replace")), digest_of(raw).hex()
    row.read_at, row.incomplete = now, not accepted
    if accepted:
        row.absent_since = row.gone_at = None
        row.accepted_activity_at = activity_of(user, read_at=now)
    return row
