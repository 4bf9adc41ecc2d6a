"""The hash chain: how an audit entry is sealed, marked as the portal's own, and put at the end.

The digest of an entry is the SHA-256, in hexadecimal, of the UTF-8 bytes of a JSON array without spaces, keys
sorted, non-ASCII kept::

    [seq, at, workspace, actor_ref, kind, subject_ref, account_id, cleanup, data, personal, previous]

where ``at`` is ISO 8601 in UTC with six decimals and ``previous`` the digest of the entry before (64 zeros for the
first). ``actor_ref``, ``subject_ref`` and ``personal`` are commitments, or null: the SHA-256 of ``[salt, name,
details]`` written the same way. Names and personal details stand beside the chain, and can be erased without breaking
it. Anyone can recompute both from an export. How the whole audit is proven is in ``audit.verification``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from django.db import connection

from accounts_review.audit import checkpoint
from accounts_review.audit.canonical import canonical, joined
from accounts_review.audit.checkpoint import GENESIS, Checkpoint
from accounts_review.audit.events import PERSONAL, Event, named
from accounts_review.models import AuditEntry, AuditKey, PersonalData
from accounts_review.models.copying import copy_rows

_CHAIN_LOCK = 0x636C65616E  # any constant that nothing else in the database uses
_WAIT = "SELECT pg_advisory_xact_lock(%s)"
_END = """
SELECT pg_advisory_xact_lock(%s);
SELECT last.seq, last.digest, key.sealed FROM (SELECT) AS always
    LEFT JOIN (SELECT seq, digest FROM accounts_review_auditentry ORDER BY seq DESC LIMIT 1) AS last ON true
    LEFT JOIN (SELECT sealed FROM accounts_review_auditkey ORDER BY id DESC LIMIT 1) AS key ON true;
SELECT known.* FROM unnest(%s::bigint[]) AS about (account) CROSS JOIN LATERAL (
    SELECT account_id, name, digest FROM accounts_review_personaldata
    WHERE account_id = about.account AND details = '{}' AND erased_at IS NULL OFFSET 0
) AS known UNION ALL SELECT account_id, name, digest FROM accounts_review_personaldata
    WHERE account_id IS NULL AND name = ANY(%s) AND details = '{}' AND erased_at IS NULL
"""
"""In one turn to the database: wait, then look at the end of the chain, the key, and who is known by name.

Accounts are looked up one by one, as rows that were just written are unknown to the database's statistics: asked for
together, all that stands beside the chain was read for each portion of a decision on very many.
"""

Who = tuple[int | None, str]
"""An account (null for people who use the portal), and the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What is to be recorded; the chain adds the number and the seal. ``data`` holds JSON without floats.

    ``subject`` names the account ``account_id``. What of ``data`` is :data:`PERSONAL` goes beside the chain.
    """

    at: datetime
    workspace: str
    actor: str
    kind: Event
    subject: str = ""
    account_id: int | None = None
    cleanup: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def who(self) -> Who:
        return None, self.actor

    @property
    def whom(self) -> Who:
        return self.account_id, self.subject

    @property
    def personal(self) -> dict[str, Any]:
        return {name: value for name, value in self.data.items() if name in PERSONAL and value}


def wait_for_turn() -> None:
    """Wait until the writers before have ended; nobody else writes until this transaction ends.

    Whoever decides by what is true at the moment of writing asks after this, not before.
    """
    assert connection.in_atomic_block, "a turn lasts as long as a transaction"
    with connection.cursor() as cursor:
        cursor.execute(_WAIT, [_CHAIN_LOCK])


def append(entries: Iterable[NewEntry]) -> None:
    """Seal entries onto the end of the chain, in the caller's transaction.

    Writers queue up until the transaction before them ends. Rows are written bare: of a decision on very many, model
    objects took most of the time.
    """
    given = list(entries)
    if not given:
        return
    end = _end({entry.who for entry in given} | {entry.whom for entry in given if entry.subject})
    checkpoint.keep_after_commit(before=end.last)
    beside = _Beside(end.people)
    copy_rows(AuditEntry, _sealed(given, end, beside))
    if beside.rows:
        copy_rows(PersonalData, beside.rows)


def _sealed(entries: Iterable[NewEntry], end: _End, beside: _Beside) -> Iterator[tuple[Any, ...]]:
    """The rows of entries, one after the other; what goes beside them is put there."""
    seq, previous, mark = end.last.seq, end.last.digest, marker(end.key)
    for entry in entries:
        seq += 1
        personal = entry.personal
        content = canonical(_without(entry.data, personal) if personal else dict(entry.data))
        subject = beside.name(entry.whom) if entry.subject else None
        names = (beside.name(entry.who), named(entry.kind).value, subject)
        about = (entry.workspace, *names, entry.account_id, entry.cleanup)
        details = beside.put(entry.account_id, details=personal) if personal else None
        at = _instant(entry.at)
        digest = _sha256(joined(seq, at, *about, msgspec.Raw(content), details, previous))
        yield (seq, at, *about, content.decode(), details, previous, digest, mark(digest))
        previous = digest


def _without(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def seal(row: AuditEntry) -> str:
    """The digest an entry must have."""
    about = (row.workspace, row.actor_ref_id, row.kind, row.subject_ref_id, row.account_id, row.cleanup)
    content = msgspec.Raw(canonical(row.data))
    return _sha256(joined(row.seq, _instant(row.at), *about, content, row.personal_id, row.previous))


def marker(key: bytes) -> Callable[[str], str]:
    """Gives what shows that the portal itself wrote the entry of a digest."""
    begun = hmac.new(key, digestmod="sha256")

    def mark(digest: str) -> str:
        made = begun.copy()
        made.update(digest.encode())
        return made.hexdigest()

    return mark


def commitment(row: PersonalData) -> str:
    """The digest that personal data must have as long as they are not erased."""
    return _sha256(joined(row.salt, row.name, msgspec.Raw(canonical(row.details))))


def newest_checkpoint() -> Checkpoint:
    """The newest entry: worth keeping elsewhere."""
    return checkpoint.newest()


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the chain, which nobody else can move until the transaction ends."""

    last: Checkpoint
    key: bytes
    people: dict[Who, str]
    """Who is known by name already, each by the digest of their :class:`PersonalData`."""


def _end(people: Iterable[Who]) -> _End:
    assert connection.in_atomic_block, "a turn lasts as long as a transaction"
    accounts = [account for account, _name in people if account is not None]
    logins = [name for account, name in people if account is None]
    with connection.cursor() as cursor:
        cursor.execute(_END, [_CHAIN_LOCK, accounts, logins])
        cursor.nextset()
        seq, digest, sealed = cursor.fetchone() or (None, None, None)
        cursor.nextset()
        known = {(account, name): found for account, name, found in cursor.fetchall()}
    key = AuditKey(sealed=sealed).open() if sealed else None
    return _End(Checkpoint(seq or 0, digest or GENESIS), key or AuditKey.current(), known)


class _Beside:
    """What goes beside the chain with new entries; whoever is known by name already is referred to again."""

    def __init__(self, people: dict[Who, str]) -> None:
        self.people = people
        self.rows = list[tuple[Any, ...]]()

    def name(self, who: Who) -> str:
        if who not in self.people:
            self.people[who] = self.put(*who)
        return self.people[who]

    def put(self, account_id: int | None, name: str = "", *, details: Mapping[str, Any] | None = None) -> str:
        salt, content = secrets.token_hex(16), canonical(details) if details else b"{}"
        digest = _sha256(joined(salt, name, msgspec.Raw(content)))
        self.rows.append((digest, account_id, name, content.decode(), salt, None))
        return digest


@lru_cache(maxsize=64)  # The entries of an act are of one instant.
def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
