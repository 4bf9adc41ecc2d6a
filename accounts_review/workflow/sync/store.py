"""Storing what an accepted sync read: accounts, the groups that give them rights, and who is no longer listed.

What any other sync read of an account is not stored: it may clear somebody who was seen again, and where nothing
is known yet, show who there is. All of it goes from the staged tables to the accounts in a few statements; only whose
dates went backwards is found out one by one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection

from accounts_review.facts import rights_of_groups
from accounts_review.huwise import GroupRecord, decode_user
from accounts_review.models import Account, Group, Workspace
from accounts_review.models.activity_gap import LONG
from accounts_review.models.copying import copy
from accounts_review.workflow.sync.match import known_of_names, lost, match
from accounts_review.workflow.sync.staging import BATCH, FRESH, UNCHANGED, Staging

NAMED = 100
"""So many accounts of each kind are remembered by name; the counts are always whole."""
MOST_TO_JUDGE = 20_000
"""Where there are more, to look for them takes no longer than to look up each."""

_OF_GROUP = ("title", "permissions", "created_by")
_FILLED = ("email", "display_name", "first_name", "last_name", "account_type", "groups", "raw", "digest")
_FILL = ", ".join(f"{name} = record.{name}" for name in _FILLED) + (
    ", incarnation = CASE WHEN account.incarnation = '' THEN record.incarnation ELSE account.incarnation END"
    ", read_at = %(now)s, absent_since = NULL"
)
_LISTED = "account.absent_since IS NULL AND account.gone_at IS NULL"
_OF_WORKSPACE = "account.workspace_id = %(workspace)s"
_MISSED = "SELECT id FROM sync_unseen WHERE pass = %(pass)s OR pass IS NULL"
_OWN = f"sync_record record JOIN sync_match USING (seq) WHERE {FRESH} AND account.id = sync_match.id"
_KEYS = "SELECT count(*), (array_agg(id ORDER BY id))[1:%(named)s] FROM touched"

_GAPS = f"""
INSERT INTO accounts_review_activitygap (account_id, silent_since, seen_at)
SELECT account.id, account.accepted_activity_at, record.activity
FROM accounts_review_account account, {_OWN} AND record.activity - account.accepted_activity_at >= %(long)s
"""  # noqa: S608

_CHANGE = f"""
WITH touched AS (
    UPDATE accounts_review_account account SET {_FILL}, username = record.name, incomplete = FALSE, gone_at = NULL,
        accepted_activity_at = record.activity, lost_activity_at = sync_match.lost, unconfirmed_activity_at = NULL
    FROM {_OWN}
    RETURNING account.id
) {_KEYS}
"""  # noqa: S608


def _adding(unmatched: str, *, lost: str, is_numbered: bool = False) -> str:
    column, key = ("id, ", "seq, ") if is_numbered else ("", "")
    return f"""
INSERT INTO accounts_review_account (
    {column}workspace_id, username, incarnation, {", ".join(_FILLED)}, read_at, incomplete, disputed,
    accepted_activity_at, lost_activity_at
)
SELECT {key}%(workspace)s, name, incarnation, {", ".join(_FILLED)}, %(now)s, %(incomplete)s, '{{}}',
    CASE WHEN NOT %(incomplete)s THEN activity END, {lost}
FROM sync_record record {unmatched}
"""  # noqa: S608


_ADD_UNMATCHED = _adding(
    f"""LEFT JOIN sync_match USING (seq)
    WHERE {FRESH} AND sync_match.id IS NULL AND (NOT %(incomplete)s OR sync_match.is_listed IS NOT TRUE)
    ORDER BY seq""",
    lost="sync_match.lost",
)
# Where nobody is known there is nothing to match; and to sort whole records took a third of storing them.
_ADD_ALL = _adding(f"WHERE {FRESH}", lost="NULL")
_ADD_NUMBERED = _adding(f"WHERE {FRESH}", lost="NULL", is_numbered=True)
_ADDED = f"""
SELECT id FROM accounts_review_account account WHERE {_OF_WORKSPACE} AND id > %(before)s ORDER BY id LIMIT %(named)s
"""  # noqa: S608

_SHOW_AGAIN = f"""
UPDATE accounts_review_account account SET {_FILL}, username = record.name, incomplete = TRUE
FROM {_OWN} AND NOT sync_match.is_accepted AND NOT sync_match.is_listed
"""  # noqa: S608

_CLEAR = f"""
UPDATE accounts_review_account account SET unconfirmed_activity_at = record.activity
FROM {_OWN} AND sync_match.is_accepted AND record.activity IS NOT NULL AND coalesce(
    date_trunc('second', coalesce(account.unconfirmed_activity_at, account.accepted_activity_at))
        < date_trunc('second', record.activity),
    TRUE
)
"""  # noqa: S608

_MISS = f"""
WITH touched AS (
    UPDATE accounts_review_account account SET absent_since = %(now)s
    WHERE {_OF_WORKSPACE} AND {_LISTED} AND account.id IN ({_MISSED})
        AND NOT EXISTS (SELECT FROM sync_match WHERE sync_match.id = account.id)
    RETURNING account.id
) {_KEYS}
"""  # noqa: S608

_HOLD = f"""
WITH written AS (
    SELECT account.id FROM accounts_review_account account
    WHERE {_OF_WORKSPACE} AND {_LISTED} AND account.id IN ({_MISSED})
    UNION SELECT account.id FROM accounts_review_account account WHERE {UNCHANGED} AND NOT ({_LISTED})
    UNION SELECT account.id FROM accounts_review_account account
        WHERE {_OF_WORKSPACE} AND (account.disputed <> '{{}}' OR account.unconfirmed_activity_at IS NOT NULL)
    UNION SELECT account.id FROM accounts_review_account account
        JOIN sync_disputed disputed ON md5(disputed.username) = md5(account.username)
            AND disputed.username = account.username WHERE {_OF_WORKSPACE}
    UNION SELECT account.id FROM accounts_review_account account
        JOIN sync_record record ON md5(record.name) = md5(account.username) AND record.name = account.username
        WHERE {_OF_WORKSPACE} AND {FRESH}
), held AS (
    SELECT account.id FROM accounts_review_account account WHERE account.id IN (TABLE written)
    ORDER BY account.id FOR NO KEY UPDATE
), noted AS (
    INSERT INTO sync_touched SELECT id FROM held
)
SELECT count(*) FROM held
"""  # noqa: S608

_DISPUTE = f"""
UPDATE accounts_review_account account SET disputed = disputed.rights FROM sync_disputed disputed
WHERE {_OF_WORKSPACE} AND {_LISTED} AND md5(account.username) = md5(disputed.username)
    AND account.username = disputed.username AND account.disputed <> disputed.rights
"""  # noqa: S608

_SETTLE = f"""
UPDATE accounts_review_account account SET disputed = '{{}}'
WHERE {_OF_WORKSPACE} AND {_LISTED} AND account.disputed <> '{{}}'
    AND NOT EXISTS (SELECT FROM sync_disputed disputed WHERE disputed.username = account.username)
"""  # noqa: S608


# Whose judgement may rest on something else than before, and those to whom that had happened already.
_TO_JUDGE = f"""
SELECT array_agg(id) FROM (
    SELECT id FROM sync_touched UNION ALL SELECT id FROM sync_unjudged
    UNION ALL SELECT id FROM accounts_review_account account WHERE {_OF_WORKSPACE} AND id > %(newest)s
    LIMIT {MOST_TO_JUDGE + 1}
) found
"""  # noqa: S608

_NOBODY: tuple[int, list[int]] = (0, [])


@dataclass(slots=True)
class Stored:
    """Keys of the first accounts that are new, changed or no longer listed, and how many there are in all."""

    counts: dict[str, int]
    added: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    to_judge: list[int] | None = None
    """Whom alone there is to judge anew; ``None`` where it may be anybody."""


def hold(staging: Staging, disputed: Mapping[str, list[str]]) -> None:
    """Lock every stored account that this sync may write, in the order of their keys, before any is written.

    Deciders lock theirs in the same order (:mod:`accounts_review.workflow.review.decide`), so that one waits for
    the other; in any other order each could hold what the other waits for, and PostgreSQL would end one of them.
    """
    copy("COPY sync_disputed FROM STDIN", disputed.items())
    staging.concerns_stored = not staging.is_first and bool(staging.one(_HOLD))


def store(staging: Staging, *, by_a_person: bool = False, now: datetime) -> Stored:
    """Take what an accepted sync saw for what is so; dates that went backwards stay in doubt (law 1).

    ``by_a_person``: somebody has looked at the sync and accepted its dates, whatever they are.
    """
    changed = absent = added = _NOBODY
    if staging.concerns_stored:
        match(staging, is_in_doubt=not by_a_person, now=now)
        staging.run(_GAPS, long=LONG)
        changed = _touched(staging, _CHANGE, now=now)
    if staging.seq:
        all_of_it = _ADD_NUMBERED if staging.follower else _ADD_ALL
        add = _ADD_UNMATCHED if staging.concerns_stored else all_of_it
        added = _added(staging, add, now=now, incomplete=False)
    if staging.concerns_stored:
        _list_again(staging, now=now)
        forget_unconfirmed(staging.workspace)
        absent = _mark_absent(staging, now=now)
    counts = {"added": added[0], "changed": changed[0], "absent": absent[0]}
    return Stored(counts, added[1], changed[1], absent[1])


def glean(staging: Staging, *, shows_newcomers: bool, now: datetime) -> Stored:
    """Of a sync that was not accepted, keep who was seen again, and on demand who is not known at all.

    No date, right or group of it counts for anything else.
    """
    match(staging, is_in_doubt=False, now=now)
    all_of_it = staging.one(f"SELECT count(*) FROM sync_record record WHERE {FRESH}")  # noqa: S608
    changed = staging.one("SELECT count(*) FROM sync_match WHERE id IS NOT NULL")
    staging.run(_CLEAR)
    added: list[int] = []
    if shows_newcomers:
        staging.run(_SHOW_AGAIN, now=now)
        added = _added(staging, _ADD_UNMATCHED, now=now, incomplete=True)[1]
    return Stored({"added": all_of_it - changed, "changed": changed, "absent": 0}, added)


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
    read = {
        uid: (about[uid].title, None if permissions is None else list(permissions), about[uid].created_by)
        for uid, permissions in rights.items()
    }
    stored = {uid: tuple(kept) for uid, *kept in workspace.groups.values_list("uid", *_OF_GROUP)}
    Group.objects.bulk_create(
        [
            Group(workspace=workspace, uid=uid, **dict(zip(_OF_GROUP, values, strict=True)))
            for uid, values in read.items()
            if values != stored.get(uid)
        ],
        update_conflicts=True,
        unique_fields=["workspace", "uid"],
        update_fields=_OF_GROUP,
    )


def to_judge(staging: Staging) -> list[int] | None:
    """Keys of all whose judgement may not stand after what was stored; ``None`` where it may be anybody's, or many."""
    if staging.is_first or not staging.knows_unjudged:
        return None
    keys: list[int] = staging.one(_TO_JUDGE) or []
    return keys if len(keys) <= MOST_TO_JUDGE else None


def store_disputed(staging: Staging, disputed: Mapping[str, list[str]]) -> None:
    """Remember of whom the API's own list of a protected right and ours disagree, as :func:`hold` was told."""
    if disputed:
        staging.run(_DISPUTE)
    if staging.concerns_stored:
        staging.run(_SETTLE)


def rights_digest(groups: list[GroupRecord], key_owner: str) -> str:
    """A digest of what an assessment rests on beside the account itself and the policy."""
    rights = rights_of_groups(groups).items()
    content = [key_owner, sorted([uid, None if held is None else sorted(held)] for uid, held in rights)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _touched(staging: Staging, statement: str, **given: Any) -> tuple[int, list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, staging.about | given | {"named": NAMED})
        count, keys = cursor.fetchone()
    return count, keys or []


def _added(staging: Staging, statement: str, **given: Any) -> tuple[int, list[int]]:
    # To have all the new keys returned and sorted, to name the first, took a seventh of storing them.
    before = staging.newest if statement is _ADD_NUMBERED else staging.newest_key()
    count = staging.run(statement, **given)
    return count, [key for (key,) in staging.stream(_ADDED, before=before, named=NAMED)]


def _list_again(staging: Staging, *, now: datetime) -> None:
    """Those who were not listed any more, and are there again with the same record."""
    unlisted = f"SELECT id FROM accounts_review_account account WHERE {UNCHANGED} AND NOT ({_LISTED})"  # noqa: S608
    keys = iter(sorted(key for (key,) in staging.stream(unlisted)))
    while batch := list(islice(keys, BATCH)):
        rows = list(Account.objects.filter(pk__in=batch).order_by("pk"))
        known = known_of_names(staging.workspace.pk, (row.username for row in rows))
        for row in rows:
            namesakes = known[row.username]
            own = next(one for one in namesakes if one.key == row.pk)
            row.lost_activity_at = lost(own, namesakes, decode_user(row.raw), row.accepted_activity_at, now=now)
            row.absent_since = row.gone_at = None
        Account.objects.bulk_update(rows, ["lost_activity_at", "absent_since", "gone_at"])


def _mark_absent(staging: Staging, *, now: datetime) -> tuple[int, list[int]]:
    """Note who was not listed, and return their keys; another incarnation of a listed username is not listed either."""
    return _touched(staging, _MISS, now=now)
