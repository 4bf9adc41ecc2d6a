"""Judging beside a first reading: who is read is judged at once, by a process of its own.

Python uses one processor. While a workspace is read for the first time the other would stand idle, and afterwards
both would judge for as long. What was judged so counts where the sync is accepted and nothing that it rests on has
changed; whoever is left, or all where the process died, is judged by :func:`assess`, as after any other sync.
"""

from __future__ import annotations

import os
import pickle
import socket
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy as copy_of
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from django.db import IntegrityError, connection, connections, transaction
from msgspec import msgpack

from accounts_review.facts import rights_of_groups
from accounts_review.huwise import GroupRecord
from accounts_review.models import Account, Assessment, PolicyVersion, Workspace, indexes
from accounts_review.models.account import PLAIN
from accounts_review.models.copying import copy
from accounts_review.workflow.assess.assess import in_force, is_in_force
from accounts_review.workflow.assess.judging import COLUMNS, CREATE_JUDGED, Judging, resting
from accounts_review.workflow.assess.processes import is_possible, kill, start, wait_for

AHEAD, BYTES_AHEAD = 100, 32 * 1024 * 1024
"""So many portions may wait to be judged, or so much of them; others are left to be judged afterwards, so that reading
never waits."""

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

    def begin(self, groups: Iterable[GroupRecord], *, key_owner: str, read_at: datetime) -> None:
        """Tell what judgements rest on beside the records."""
        self._send(pickle.dumps((rights_of_groups(groups), key_owner, read_at)))

    def take(self, records: Sequence[tuple[str, str]]) -> None:
        """Have accounts judged that were just read, given as digest and record, if the process can follow."""
        if self.link and self._is_free():
            self._send(msgpack.encode(records))

    def store(self) -> None:
        """Have what was judged stored: what was read is accepted."""
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
    version = in_force(workspace).get()
    judging: _Judged | None = None
    # Where the one that reads has died there is nothing to be done.
    with suppress(ConnectionError):
        while (content := _received(link)) is not None:
            if judging is None:
                rights, key_owner, read_at = pickle.loads(content)  # noqa: S301 (our own)
                judging = _Judged(version, rights, key_owner, read_at)
            elif content:
                judging.stage(msgpack.decode(content))
            else:
                _store(judging, is_new=is_new)
            link.send(b".")


def _store(judging: _Judged, *, is_new: bool) -> None:
    indexes.put_off(Assessment, coming=judging.count)
    try:
        stored = judging.merge()
    except IntegrityError:
        # An account was read twice, or judged by somebody else meanwhile.
        stored = judging.merge(conflict="ON CONFLICT DO NOTHING")
    if stored == judging.version.workspace.accounts.count():
        # Where the one that reads has died, nobody is left who would be judged, and their indexes made.
        indexes.make_missing(Assessment, is_new=is_new)


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

    def stage(self, records: Sequence[tuple[str, str]]) -> None:
        """Judge records, given as digest and text, beside those staged before."""
        read_at = self.read_at.isoformat()
        about = (False, (), None, None)
        # Until there is an account with a key and a basis, the digest of its record stands in the place of the basis.
        rows = (self._judging.row("0", raw, read_at, *about, digest) for digest, raw in records)
        self.count += copy(f"COPY judged ({', '.join(COLUMNS)}) FROM STDIN", rows)

    @transaction.atomic
    def merge(self, *, conflict: str = "") -> int:
        """Write those that hold to the judgements; returns how many.

        They do of accounts that have such a record, while the policy is in force and rights are as they were taken to
        be. Raises ``IntegrityError`` where somebody would be judged twice, unless ``conflict`` says what becomes of it.
        """
        if not is_in_force(self.version):
            return 0
        workspace = Workspace.objects.get(pk=self.version.workspace_id)
        if workspace.key_owner != self.key_owner or rights_of_groups(workspace.groups.all()) != self.rights:
            return 0
        if resting(workspace):
            # They are told whose judgement changed; here nobody knows yet.
            return 0
        accounts = Account.objects.filter(PLAIN, workspace=workspace, read_at=self.read_at)
        query = accounts.with_basis(workspace.rights_digest).values_list(*("pk", "digest", "basis")).query
        about, given = query.sql_with_params()
        values = ", ".join(("account.id", "account.basis", *(f"judged.{name}" for name in COLUMNS[2:])))
        with connection.cursor() as cursor:
            # Nothing is known yet of how many there are.
            cursor.execute("SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'")
            cursor.execute(
                f"INSERT INTO accounts_review_assessment (policy_id, {', '.join(COLUMNS)})"  # noqa: S608
                f" SELECT {self.version.pk}, {values} FROM judged"
                f" JOIN ({about}) account (id, digest, basis) ON account.digest = judged.basis {conflict}",
                given,
            )
            return int(cursor.rowcount)
