"""Where a sync puts what it reads until it is accepted: tables of its own session, which end with it.

Only records that are not known are put here, decoded. Of those that are, it is noted which were *not* seen: in the
ordinary night, few. So neither memory nor the database holds a workspace twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django.db import Error, connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from msgspec import to_builtins

from accounts_review.facts import use_of
from accounts_review.huwise import UserRecord
from accounts_review.huwise.records import storable
from accounts_review.models import Account, PolicyVersion, Workspace
from accounts_review.models.account import NAMELESS, STALE
from accounts_review.models.copying import array_of, copy, new_keys
from accounts_review.models.streaming import stream
from accounts_review.rules.names import folded
from accounts_review.workflow.sync.follower import Follower
from accounts_review.workflow.sync.known import NOT_ACCEPTED
from accounts_review.workflow.sync.staged_record import StagedRecord

BATCH = 2000
FEW = 100
"""Where a page has fewer new records, they wait for others."""
AT_ONCE, BYTES_AT_ONCE = 2000, 8 * 1024 * 1024
"""So many may wait, or so much of them: of megabytes each, 2000 would take gigabytes."""
KEYS_AT_ONCE = 20_000
"""So many keys are drawn together, as each time the database waits for its disk."""
TABLES = ("sync_record", "sync_unseen", "sync_match", "sync_holder", "sync_disputed", "sync_unjudged", "sync_touched")

_CREATE = """
CREATE TEMP TABLE sync_record (
    pass int NOT NULL, page int NOT NULL, seq bigint NOT NULL, digest text NOT NULL,
    name text NOT NULL, whole text NOT NULL, is_nameless bool NOT NULL, joined_meanwhile bool NOT NULL,
    incarnation text NOT NULL, email text NOT NULL, display_name text NOT NULL, first_name text NOT NULL,
    last_name text NOT NULL, account_type text NOT NULL, groups text[] NOT NULL, raw text NOT NULL, odd bytea,
    activity timestamptz, is_seen bool NOT NULL, never_used bool NOT NULL, rights text[] NOT NULL
);
CREATE TEMP TABLE sync_unseen (pass int, id bigint NOT NULL);
CREATE TEMP TABLE sync_match (
    seq bigint NOT NULL, id bigint, lost timestamptz, is_accepted bool NOT NULL, is_listed bool NOT NULL
);
CREATE TEMP TABLE sync_holder (username text NOT NULL, "right" text NOT NULL, is_ours bool NOT NULL);
CREATE TEMP TABLE sync_disputed (username text NOT NULL, rights text[] NOT NULL);
CREATE TEMP TABLE sync_unjudged (id bigint NOT NULL);
CREATE TEMP TABLE sync_touched (id bigint NOT NULL);
"""
_DROP = f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{name}' for name in TABLES)}"
COLUMNS = (
    "pass, page, seq, digest, name, whole, is_nameless, joined_meanwhile, incarnation, email, display_name,"
    " first_name, last_name, account_type, groups, raw, odd, activity, is_seen, never_used, rights"
)

UNCHANGED = """
account.workspace_id = %(workspace)s AND NOT account.incomplete AND account.id <= %(newest)s
AND NOT EXISTS (
    SELECT FROM sync_unseen unseen WHERE unseen.id = account.id AND (unseen.pass = %(pass)s OR unseen.pass IS NULL)
)
"""
"""The accounts of which the last pass saw the record that is stored."""
FRESH = "record.pass = %(pass)s"
"""The records that it saw and that are not stored."""

SEEN_NAMES = f"""
SELECT account.username AS name FROM accounts_review_account account
WHERE {UNCHANGED} AND NOT starts_with(account.username, '{NAMELESS}')
UNION ALL SELECT record.name FROM sync_record record WHERE {FRESH} AND NOT is_nameless
"""  # noqa: S608
"""The username of every record that the last pass saw, as often as it did."""

NEVER_ACCEPTED = f"""
SELECT id FROM accounts_review_account WHERE workspace_id = %(workspace)s AND {NOT_ACCEPTED}
"""  # noqa: S608
_EXACT = f"""
SELECT TRUE FROM accounts_review_account account
WHERE {UNCHANGED} AND md5(account.username) = md5(%(name)s) AND account.username = %(name)s
UNION ALL SELECT TRUE FROM sync_record record WHERE {FRESH} AND name = %(name)s
LIMIT 1
"""  # noqa: S608


@dataclass(slots=True)
class Staging:
    """The staged sync of a workspace. Which pass counts is told by ``number``."""

    workspace: Workspace
    read_at: datetime
    """By this instant dates are believed or not."""
    newest: int = 0
    """The highest key of an account at the beginning."""
    rights_of: Callable[[UserRecord], tuple[str, ...]] = lambda user: ()
    """The rights of an account that are to be compared with the workspace's own list of who holds them."""
    number: int = 0
    missed: int = 0
    """How many times an account was noted as not seen, some twice: what counts is whether any was."""
    concerns_stored: bool = True
    """Whether anything is to be written to an account that is stored, beside those that are new."""
    seq: int = 0
    """The number of the last record that was put here. Where there is a follower, it is the key of a new account."""
    has_nameless: bool = False
    """Whether any record that was put here may have no username."""
    follower: Follower | None = None
    in_order: bool = True
    """Whether what stands for the usernames of all records that were put here came in their order, each once."""
    _last_name: str = ""
    _missed_by_all: int = 0
    _noted: tuple[int, str] | None = None
    """Beside which policy and rights it is noted who is unjudged."""
    _waiting: list[tuple[Any, ...]] = field(default_factory=list)
    _told: list[tuple[int, str, str]] = field(default_factory=list)
    """What the follower is to take of them: key, digest and text."""
    _size: int = 0
    _keys: deque[int] = field(default_factory=deque)

    @property
    def about(self) -> dict[str, Any]:
        """The parameters of :data:`UNCHANGED` and :data:`FRESH`."""
        return {"workspace": self.workspace.pk, "newest": self.newest, "pass": self.number}

    @property
    def is_first(self) -> bool:
        """Whether there is no account that it could be compared with."""
        return not self.newest and not self.missed

    @property
    def was_seen(self) -> RawSQL:
        """:data:`UNCHANGED` as a condition for the ORM."""
        condition = UNCHANGED.replace("account.", "accounts_review_account.")
        for name in self.about:
            condition = condition.replace(f"%({name})s", str(int(self.about[name])))
        return RawSQL(condition, (), output_field=BooleanField())  # noqa: S611 (whole numbers of our own)

    def add(self, number: int, page: int, records: Iterable[StagedRecord], *, most: int) -> None:
        """Put the unknown records of one page of a pass here; there are at most so many.

        What makes them must not ask the database: of many, it stores the first while the next are made.
        """
        if self.follower and len(self._keys) < most:
            self._keys.extend(new_keys(Account, max(most, KEYS_AT_ONCE)))
        rows = (self._row(number, page, record) for record in records)
        first = list(islice(rows, FEW))
        self._waiting += first
        # A night's few are on nearly as many pages.
        if len(first) == FEW or len(self._waiting) >= AT_ONCE or self._size >= BYTES_AT_ONCE:
            self._write(rows)

    def start_again(self) -> None:
        """Forget what was read; from now on, who never was accepted counts as not seen."""
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE sync_record, sync_unseen")
        self._forget()
        self.number = self.missed = self.seq = self._missed_by_all = 0
        self.in_order, self._last_name = True, ""
        self.miss(NEVER_ACCEPTED)

    def repeat(self, number: int, pages: Sequence[int], *, before: int) -> None:
        """A pass saw on some pages what the one before it did."""
        self._write()
        with connection.cursor() as cursor:
            columns = COLUMNS.replace("pass,", "%s,", 1)
            cursor.execute(
                f"INSERT INTO sync_record ({COLUMNS}) SELECT {columns} FROM sync_record"  # noqa: S608
                " WHERE pass = %s AND page = ANY(%s)",
                [number, before, list(pages)],
            )

    def close_pass(self, number: int, unseen: Iterable[int]) -> None:
        """All of a pass is here: from now on it counts, with the accounts that it did not see."""
        self._write()
        if self.number:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM sync_record WHERE pass < %s", [self.number])
                cursor.execute("DELETE FROM sync_unseen WHERE pass < %s", [self.number])
        missed = copy("COPY sync_unseen (pass, id) FROM STDIN", ((number, key) for key in unseen))
        self.missed = missed + self._missed_by_all
        if self.seq or self.missed:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE sync_record (pass, seq, name), sync_unseen")
        self.number = number

    def miss(self, accounts: str, **given: Any) -> None:
        """Have accounts count as not seen, in whatever pass; ``accounts`` is a query for their keys."""
        missed = self.run(f"INSERT INTO sync_unseen (id) {accounts}", **given)
        self._missed_by_all += missed
        self.missed += missed

    @property
    def was_missed(self) -> RawSQL:
        """Of the other accounts, as a condition for the ORM."""
        condition = "accounts_review_account.id IN (SELECT id FROM sync_unseen WHERE pass = %s OR pass IS NULL)"
        return RawSQL(condition, (self.number,), output_field=BooleanField())  # noqa: S611

    def note_newest(self) -> None:
        """Whoever is stored from now on is a newcomer."""
        self.newest = self.newest_key()

    def newest_key(self) -> int:
        """The highest key of an account."""
        return int(self.one("SELECT coalesce(max(id), 0) FROM accounts_review_account"))

    def miss_newcomers(self) -> None:
        """Whoever was stored since the sync began, by a person who accepted another, was not seen by this one."""
        self.miss("SELECT id FROM accounts_review_account WHERE workspace_id = %(workspace)s AND id > %(newest)s")

    def note_unjudged(self, version: PolicyVersion) -> None:
        """Note of which accounts the stored judgement does not tell how they were accepted, and with which rights.

        Once for a version: dates that a person accepts meanwhile count from the next sync on.
        """
        beside = version.pk, version.workspace.rights_digest
        if self._noted == beside:
            return
        unsettled = STALE | Q(unconfirmed_activity_at__isnull=False) | Q(assessment__rights=None)
        accounts = Account.objects.filter(workspace=self.workspace).with_basis_under(version).filter(unsettled)
        query, given = accounts.values("id").query.sql_with_params()
        with connection.cursor() as cursor:
            if self._noted:
                cursor.execute("TRUNCATE sync_unjudged")
            # To go through both in the order of their keys takes half as long as to put one of them into a hash.
            note = f"INSERT INTO sync_unjudged {query}; RESET enable_hashjoin; ANALYZE sync_unjudged"
            cursor.execute(f"SET enable_hashjoin = off; {note}", given)
        self._noted = beside

    @property
    def knows_unjudged(self) -> bool:
        """Whether that was noted, beside the rights that hold now."""
        return self._noted is not None and self._noted[1] == self.workspace.rights_digest

    def keep_last_of_each(self) -> None:
        """Of several records of one account, keep what was read last."""
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM sync_record record USING sync_record later WHERE record.pass = later.pass"
                " AND record.name = later.name AND record.whole = later.whole"
                " AND (later.page, later.seq) > (record.page, record.seq)"
            )

    def one(self, query: str, **given: Any) -> Any:
        """The first value of a query about what the counting pass saw."""
        with connection.cursor() as cursor:
            cursor.execute(query, self.about | given)
            row = cursor.fetchone()
        return row[0] if row else None

    def run(self, query: str, **given: Any) -> int:
        """Execute a statement about what the counting pass saw; returns how many rows it touched."""
        with connection.cursor() as cursor:
            cursor.execute(query, self.about | given)
            return int(cursor.rowcount)

    def stream(self, query: str, **given: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, by a cursor of the server: however many there are, few are held at a time."""
        return stream(query, self.about | given)

    def stream_fresh(self, columns: str, condition: str = "TRUE") -> Iterator[tuple[Any, ...]]:
        """Columns of the records that the counting pass saw and that are not stored; without a query where none is."""
        query = f"SELECT {columns} FROM sync_record record WHERE {FRESH} AND {condition}"  # noqa: S608
        return self.stream(query) if self.seq else iter(())

    def spellings_of(self, username: str) -> set[str]:
        """The username where it was seen; otherwise, all that were seen and may be other spellings of it."""
        if self.one(_EXACT, name=username):
            return {username}
        alike = "octet_length(name) <> length(name) OR lower(name) LIKE %(like)s"
        query = f"SELECT name FROM ({SEEN_NAMES}) seen WHERE {alike}"  # noqa: S608
        return {row[0] for row in self.stream(query, like=f"%{_like(folded(username))}%")}

    def _write(self, further: Iterable[tuple[Any, ...]] = ()) -> None:
        """Write the rows that wait, and further ones as they are made."""
        if self._waiting:
            copy(f"COPY sync_record ({COLUMNS}) FROM STDIN", chain(self._waiting, further))
            if self._told and self.follower:
                self.follower.take(self._told)
            self._forget()

    def _forget(self) -> None:
        self._waiting.clear()
        self._told.clear()
        self._size = 0

    def _row(self, number: int, page: int, record: StagedRecord) -> tuple[Any, ...]:
        self.seq = self._keys.popleft() if self.follower else self.seq + 1
        user, raw, is_nameless = record.user, record.raw, record.is_nameless
        self.has_nameless |= is_nameless
        self.in_order, self._last_name = self.in_order and record.name > self._last_name, record.name
        self._size += len(raw)
        text = storable(raw.decode(errors="replace"))
        odd = raw if not text.isascii() and text.encode() != raw else None
        activity, is_seen, never_used = use_of(user, read_at=self.read_at)
        if self.follower and not self.number:
            self._told.append((self.seq, record.digest, text))
        # In the order of COLUMNS.
        return (
            number,
            page,
            self.seq,
            record.digest,
            record.name,
            record.whole,
            is_nameless,
            record.joined_meanwhile,
            record.incarnation,
            user.email,
            user.display_name,
            user.first_name,
            user.last_name,
            user.account_type,
            array_of(user.groups or ()),
            text,
            odd,
            activity and to_builtins(activity),
            is_seen,
            never_used,
            array_of(self.rights_of(user)),
        )


@contextmanager
def staging(workspace: Workspace, *, read_at: datetime, follower: Follower | None = None) -> Iterator[Staging]:
    """Tables to stage one sync in; they go at the end, whatever happens. ``follower`` is told who is read."""
    with connection.cursor() as cursor:
        # Whole workspaces are sorted and joined here: with the usual 4 MB, by way of the disk.
        cursor.execute(f"{_DROP}; SET work_mem = '64MB'; {_CREATE}")
    try:
        yield Staging(workspace, read_at, follower=follower)
    finally:
        # Where the connection is lost, they are gone with it.
        with suppress(Error), connection.cursor() as cursor:
            cursor.execute(f"{_DROP}; RESET work_mem")


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
