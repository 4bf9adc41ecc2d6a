"""Judging beside a first reading: who is read is judged at once, by a process of its own.

Python uses one processor. While a workspace is read for the first time the other would stand idle, and afterwards
both would judge for as long. What was judged so counts where the sync is accepted and nothing that it rests on has
changed; whoever is left, or all where the process died, is judged by :func:`assess`, as after any other sync.

While the one that reads looks through what it read and stores the accounts, which the database does on one processor,
this one writes the judgements with their indexes to a new table, where there were none before. Once the accounts are
there it takes the place of the old; otherwise nothing is left of it.
"""

from __future__ import annotations

import os
import pickle
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy as copy_of
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from msgspec import msgpack

from accounts_review.facts import rights_of_groups
from accounts_review.huwise import GroupRecord
from accounts_review.models import Account, Assessment, DormancyCount, PolicyVersion, Workspace, anew, indexes
from accounts_review.models.account import LISTED, PLAIN, before_digest
from accounts_review.models.copying import copy
from accounts_review.models.rewrite import wait_to_rewrite
from accounts_review.workflow.assess.assess import in_force, is_in_force
from accounts_review.workflow.assess.judging import COLUMNS, CREATE_JUDGED, Judging, resting
from accounts_review.workflow.assess.processes import is_possible, kill, start, wait_for

AHEAD, BYTES_AHEAD = 200, 64 * 1024 * 1024
"""So many portions may wait to be judged, or so much of them; others are left to be judged afterwards, so that reading
never waits."""

NICENESS = 10
"""How much less urgent judging is than reading."""

FEW_OTHERS = 20
"""One of so many may turn out to be nobody's; they are judged afterwards."""

# Nothing is known yet of how many accounts there are.
_TOGETHER = "SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'"
# Both are stored in the order of their keys. To go through them so takes a quarter as long as to put one into a hash.
_IN_ORDER = "SET LOCAL enable_nestloop = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_sort = off"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class JudgingProcess:
    """The other process, as the one that reads sees it; once it is lost, nothing is asked of it."""

    link: socket.socket | None
    is_new: bool
    """Whether nobody at all had been judged before."""
    is_told: bool = False
    """Whether it is to store what it judged."""
    waiting: deque[int] = field(default_factory=deque)
    """How large each portion is that is not judged yet."""

    def begin(self, groups: Iterable[GroupRecord], key_owner: str, rights_digest: str, read_at: datetime) -> None:
        """Tell what judgements rest on beside the records."""
        self._send(pickle.dumps((rights_of_groups(groups), key_owner, rights_digest, read_at)))

    def take(self, records: Sequence[tuple[int, str, str]]) -> None:
        """Have accounts judged that were just read, given as key, digest and record, if the process can follow."""
        if self.link and self._is_free():
            self._send(msgpack.encode(records))

    def prepare(self) -> None:
        """Have all be ready that can be before the accounts are stored: nobody else is read."""
        self._send(b"")

    def store(self) -> None:
        """Have what was judged stored: what was read is accepted, and the accounts are stored."""
        self._send(b"")
        self.is_told = True

    def _is_free(self) -> bool:
        with suppress(BlockingIOError, ConnectionError):
            for _ in self.link.recv(AHEAD, socket.MSG_DONTWAIT) if self.link else b"":
                self.waiting.popleft()
        return len(self.waiting) < AHEAD and sum(self.waiting) < BYTES_AHEAD

    def _send(self, content: bytes) -> None:
        if not self.link:
            return
        try:
            # What is sent through the link itself would wait until the other has read it.
            with open(os.memfd_create("judged"), "wb") as memory:
                memory.write(content)
                memory.flush()
                socket.send_fds(self.link, [b"."], [memory.fileno()])
            self.waiting.append(len(content))
        except OSError as error:
            log.warning("beside.lost", reason=str(error))
            self.link = None


@contextmanager
def judging_beside(workspace: Workspace) -> Iterator[JudgingProcess | None]:
    """Start the process where a workspace is read for the first time and one can be had, and wait for its end."""
    if not is_possible() or not hasattr(os, "memfd_create") or workspace.accounts.exists():
        yield None
        return
    is_new = not Assessment.objects.exists()
    connections.close_all()
    try:
        link, child = _started(workspace, is_new=is_new)
    except OSError as error:
        log.warning("beside.not_started", reason=str(error))
        yield None
        return
    process = JudgingProcess(link, is_new)
    with link:
        try:
            yield process
        finally:
            if process.is_told:
                # It goes through what is left; closed at once, some of it would be lost.
                link.shutdown(socket.SHUT_WR)
                wait_for(child)
            else:
                kill(child)


def _started(workspace: Workspace, *, is_new: bool) -> tuple[socket.socket, int]:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return ours, start(partial(_serve, workspace, theirs, ours, is_new=is_new))
        except OSError:
            ours.close()
            raise


def _serve(workspace: Workspace, link: socket.socket, other: socket.socket, *, is_new: bool) -> None:
    """Judge what comes until nothing more does, and store it when told to."""
    other.close()
    # Where all processors are taken, whoever reads goes first; once all is read, one of them is free.
    os.nice(NICENESS)
    version = in_force(workspace).get()
    judging: _Judged | None = None
    # Where the one that reads has died there is nothing to be done.
    with suppress(ConnectionError):
        while (content := _received(link)) is not None:
            if judging is None:
                judging = _Judged(version, *pickle.loads(content))  # noqa: S301 (our own)
            elif content:
                judging.stage(msgpack.decode(content))
            else:
                _store(judging, is_new=is_new, wait=cache(partial(_wait_for_word, link)))
            link.send(b".")


def _store(judging: _Judged, *, is_new: bool, wait: Callable[[], None]) -> None:
    """Store what was judged once ``wait`` has ended: then the accounts are stored."""
    if not (is_new and judging.write_anew(wait)):
        wait()
        indexes.put_off(Assessment, coming=judging.count)
        try:
            stored = judging.merge()
        except IntegrityError:
            # An account was read twice, or judged by somebody else meanwhile.
            stored = judging.merge(conflict="ON CONFLICT DO NOTHING")
        if stored < judging.version.workspace.accounts.count():
            return
    # Where the one that reads has died, nobody is left who would be judged, and their indexes made.
    indexes.make_missing(Assessment, is_new=is_new)


def _wait_for_word(link: socket.socket) -> None:
    if _received(link) is None:
        raise ConnectionResetError


def _received(link: socket.socket) -> bytes | None:
    """The next content, or ``None`` at the end."""
    _told, memories, *_ = socket.recv_fds(link, 1, 1)
    for memory in memories:
        with open(memory, "rb") as file:
            file.seek(0)
            return file.read()
    return None


@dataclass(slots=True)
class _Judged:
    """Judgements of records of which there is no account yet, as they will be if all else stays as it is."""

    version: PolicyVersion
    rights: dict[str, tuple[str, ...] | None]
    key_owner: str
    rights_digest: str
    read_at: datetime
    count: int = 0
    _judging: Judging = field(init=False)

    def __post_init__(self) -> None:
        workspace = copy_of(self.version.workspace)
        workspace.key_owner = self.key_owner
        self._judging = Judging(workspace, self.version.rules)
        self._judging.rights = self.rights
        with connection.cursor() as cursor:
            cursor.execute(CREATE_JUDGED)

    def stage(self, records: Sequence[tuple[int, str, str]]) -> None:
        """Judge records, given as key, digest and text, beside those staged before."""
        read_at = self.read_at.isoformat()
        about = (False, (), None, None)
        # Until there is an account with a basis, the digest of its record stands in the place of the basis.
        rows = (self._judging.row(str(key), raw, read_at, *about, digest) for key, digest, raw in records)
        self.count += copy(f"COPY judged ({', '.join(COLUMNS)}) FROM STDIN", rows)

    @transaction.atomic
    def merge(self, *, conflict: str = "") -> int:
        """Write those that hold to the judgements; returns how many.

        They do of accounts that have such a record, while the policy is in force and rights are as they were taken to
        be. Raises ``IntegrityError`` where somebody would be judged twice, unless ``conflict`` says what becomes of it.
        """
        if not self._holds():
            return 0
        about, given = self._accounts("pk", "digest", "basis")
        values = ", ".join(("account.id", "account.basis", *(f"judged.{name}" for name in COLUMNS[2:])))
        with connection.cursor() as cursor:
            cursor.execute(_TOGETHER)
            cursor.execute(
                f"INSERT INTO accounts_review_assessment (policy_id, {', '.join(COLUMNS)})"  # noqa: S608
                f" SELECT {self.version.pk}, {values} FROM judged"
                f" JOIN ({about}) account (id, digest, basis) ON account.digest = judged.basis {conflict}",
                given,
            )
            return int(cursor.rowcount)

    def write_anew(self, wait: Callable[[], None]) -> int:
        """Write those that hold to a table of which the judgements become the only ones; returns how many.

        It is written, with its indexes, before ``wait`` ends, after which the accounts are there. Where it does not
        pay, or cannot be done, it is 0, and nothing was written.
        """
        if self.count < anew.MANY:
            return 0
        values = {name: name for name in COLUMNS} | {"policy_id": "%(version)s", "is_listed": "TRUE"}
        values["basis"] = "%(before)s || basis"
        rows = ", ".join(values[field.attname] for field in Assessment._meta.concrete_fields)
        given = {"version": self.version.pk, "before": before_digest(self.rights_digest)}
        stored = 0

        def count() -> None:
            workspace = self.version.workspace_id
            DormancyCount.objects.count_anew(anew.name_of(Assessment), workspace=workspace, version=self.version.pk)

        def until() -> bool:
            count()
            with connection.cursor() as cursor:
                # To store the accounts takes a while, and a server may end whoever is silent in a transaction.
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            wait()
            wait_to_rewrite(self.version.workspace_id)
            return self._holds()

        def meanwhile() -> None:
            nonlocal stored
            others = self._forget_others(anew.name_of(Assessment))
            stored = self.count - others
            if others * FEW_OTHERS > self.count:
                # The list moved while it was read, and most have other keys: by their records they are found yet.
                raise DatabaseError("too many are nobody's")
            if others:
                count()

        query = f"SELECT {rows} FROM judged"  # noqa: S608
        return stored if anew.write_anew(Assessment, query, given, meanwhile=meanwhile, until=until) else 0

    def _holds(self) -> bool:
        """Whether the policy is in force, and will be until the transaction ends, and rights are as they were taken."""
        if not is_in_force(self.version):
            return False
        workspace = Workspace.objects.get(pk=self.version.workspace_id)
        if workspace.key_owner != self.key_owner or rights_of_groups(workspace.groups.all()) != self.rights:
            return False
        # They are told whose judgement changed; here nobody knows yet.
        return not resting(workspace)

    def _accounts(self, *columns: str) -> tuple[str, tuple[Any, ...]]:
        """A query for the listed accounts of which the record tells all, with its parameters."""
        workspace = Workspace.objects.get(pk=self.version.workspace_id)
        accounts = Account.objects.filter(PLAIN, LISTED, workspace=workspace, read_at=self.read_at)
        return accounts.with_basis(workspace.rights_digest).values_list(*columns).query.sql_with_params()

    def _forget_others(self, table: str) -> int:
        """Delete from a table the judgements of whom there is no such account; returns how many."""
        about, given = self._accounts("pk", "basis")
        with connection.cursor() as cursor:
            cursor.execute(_IN_ORDER)
            cursor.execute(
                f"DELETE FROM {table} judged WHERE NOT EXISTS ("  # noqa: S608
                f"SELECT FROM ({about}) account (id, basis)"
                " WHERE account.id = judged.account_id AND account.basis = judged.basis)",
                given,
            )
            return int(cursor.rowcount)
