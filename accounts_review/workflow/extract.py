"""Extract: read a workspace's users, groups and key through the API into the local database.

Only a complete extraction may add candidates (law 3). What an incomplete one read is kept, marked
``incomplete``, and so assessed as uncertain until a complete one confirms it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from accounts_review.huwise import (
    Client,
    Forbidden,
    HuwiseError,
    NotFound,
    User,
    decode_group,
    decode_user,
    digest_of,
)
from accounts_review.huwise.facts import incarnation_of
from accounts_review.models import Account, Extraction, Group, Workspace
from accounts_review.record import note

PAGE = 1000
BATCH = 1000
LOOPBACK = ("127.0.0.1", "localhost")


class AlreadyRunning(RuntimeError):
    """Another process is reading this workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(f"A sync of {workspace} is already running; wait for it to end and try again.")


class WrongHost(RuntimeError):
    """The address given for a workspace is not the one it was read from before."""

    def __init__(self, workspace: Workspace, host: str) -> None:
        super().__init__(
            f"{workspace} was read from {workspace.host} so far, and HUWISE_URL now names {host}; "
            "give the other host another name with HUWISE_WORKSPACE."
        )


@dataclass(slots=True)
class Pass:
    """One walk through all pages. Records that are known by their digest are not decoded."""

    usernames: list[str] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    fresh: dict[tuple[str, str], tuple[User, bytes]] = field(default_factory=dict)
    pages: int = 0
    expected: int | None = None
    problems: list[str] = field(default_factory=list)


def extract(*, workspace: Workspace, client: Client, key_owner: str, clock: Callable[[], datetime]) -> Extraction:
    """Read everything once and store it. The result says whether it was complete, and why not.

    ``key_owner`` names the owner of our API key where the API does not say. Raises :class:`AlreadyRunning` and
    :class:`WrongHost`.
    An error of the API ends the reading; what was read until then is kept as incomplete.
    """
    with _only_one(workspace):
        now = clock()
        _check_host(workspace, client.host)
        Extraction.objects.filter(workspace=workspace, state="running").update(state="failed", finished_at=now)
        extraction = Extraction.objects.create(workspace=workspace, started_at=now, heartbeat_at=now)
        walk, groups, owner = Pass(), list[bytes](), ""
        try:
            owner = _owner_of_key(client) or key_owner
            groups = client.groups()
            _walk(walk, client, extraction, clock, known=_known(workspace))
            _check(walk, client, extraction, clock)
        except HuwiseError as error:
            walk.problems.append(str(error))
        _store(extraction, walk, groups, owner, now=now, finished=clock())
    return extraction


@contextmanager
def _only_one(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's lock, which the database frees by itself when this process dies."""
    key = [0x73796E63, workspace.pk]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        if not cursor.fetchone()[0]:
            raise AlreadyRunning(workspace)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _check_host(workspace: Workspace, host: str) -> None:
    """Keep the host at the first reading; only the port of a loopback address may change after that."""
    before, after = workspace.host.partition(":")[0], host.partition(":")[0]
    moved_port = workspace.host != host and after not in LOOPBACK
    if workspace.host and (before != after or moved_port):
        raise WrongHost(workspace, host)
    workspace.host = host
    workspace.save(update_fields=["host"])


def _owner_of_key(client: Client) -> str | None:
    try:
        return client.key_owner()
    except (Forbidden, NotFound):
        # The key may read users and not keys; the configured owner stands in.
        return None


def _known(workspace: Workspace) -> dict[str, tuple[int, str]]:
    rows = Account.objects.filter(workspace=workspace).values_list("digest", "pk", "username")
    return {digest: (pk, username) for digest, pk, username in rows.iterator(chunk_size=10_000)}


def _walk(
    walk: Pass,
    client: Client,
    extraction: Extraction,
    clock: Callable[[], datetime],
    *,
    known: dict[str, tuple[int, str]],
) -> None:
    """Read every page by computed offsets; stops at the announced count or at a page without rows."""
    offset = 0
    while walk.expected is None or offset < walk.expected:
        page = client.users_page(offset=offset, limit=PAGE)
        if walk.expected is None:
            walk.expected = page.total_count
        elif page.total_count != walk.expected:
            walk.problems.append(f"the count changed from {walk.expected} to {page.total_count} while paging")
            walk.expected = max(walk.expected, page.total_count)
        for raw in page.records:
            _take(walk, raw, known)
        walk.pages += 1
        Extraction.objects.filter(pk=extraction.pk).update(
            pages=walk.pages, read=len(walk.usernames), expected=walk.expected, heartbeat_at=clock()
        )
        if not page.records:
            break
        # By the rows that came, since a server may cap the size of a page.
        offset += len(page.records)


def _take(walk: Pass, raw: bytes, known: dict[str, tuple[int, str]]) -> None:
    digest = digest_of(raw).hex()
    if digest in known:
        pk, username = known[digest]
        walk.known.add(pk)
        walk.usernames.append(username)
        return
    try:
        user = decode_user(raw)
    except HuwiseError:
        walk.problems.append("a record is not an object and cannot be read")
        return
    walk.usernames.append(user.username)
    walk.fresh[user.username, incarnation_of(user)] = (user, raw)


def _check(walk: Pass, client: Client, extraction: Extraction, clock: Callable[[], datetime]) -> None:
    """Add to the problems whatever shows that the list is not the whole population."""
    repeated = [name for name, count in Counter(walk.usernames).items() if count > 1]
    if repeated:
        walk.problems.append(f"{len(repeated)} usernames were listed more than once, e.g. {repeated[0][:100]!r}")
    read, counted = len(set(walk.usernames)), client.users_count()
    if not read == walk.expected == counted:
        walk.problems.append(f"{read} accounts were read; {walk.expected} announced at the start, {counted} at the end")
    if not read and Account.objects.filter(workspace=extraction.workspace).listed().exists():
        walk.problems.append("the list is empty, although the last one was not")
    if walk.pages > 1 and not walk.problems:
        again, known = Pass(), _known(extraction.workspace)
        known |= {digest_of(raw).hex(): (0, user.username) for user, raw in walk.fresh.values()}
        _walk(again, client, extraction, clock, known=known)
        if differing := set(again.usernames) ^ set(walk.usernames):
            walk.problems.append(f"a second pass disagreed about {len(differing)} accounts")


@transaction.atomic
def _store(
    extraction: Extraction, walk: Pass, groups: list[bytes], owner: str, *, now: datetime, finished: datetime
) -> None:
    workspace, complete = extraction.workspace, not walk.problems
    if complete:
        _store_rights(workspace, groups, owner)
        extraction.absent = _mark_absent(workspace, walk, now=now)
    added, changed = _store_accounts(workspace, walk, complete=complete, now=now)
    extraction.state = "complete" if complete else "incomplete" if walk.usernames else "failed"
    extraction.pages, extraction.read, extraction.expected = walk.pages, len(walk.usernames), walk.expected
    extraction.added, extraction.changed = added, changed
    extraction.problems, extraction.finished_at = walk.problems, finished
    extraction.save()
    facts = ("state", "pages", "read", "expected", "added", "changed", "absent", "problems")
    data = {name: getattr(extraction, name) for name in facts}
    note([workspace], kind="workspace.synced", actor="portal", now=finished, data=data)


def _store_rights(workspace: Workspace, groups: list[bytes], owner: str) -> None:
    decoded = [decode_group(raw) for raw in groups]
    content = [owner, sorted([g.uid, sorted(g.permissions) if g.permissions is not None else None] for g in decoded)]
    workspace.rights_digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    workspace.key_owner = owner
    workspace.save(update_fields=["rights_digest", "key_owner"])
    workspace.groups.exclude(uid__in=[group.uid for group in decoded]).delete()
    Group.objects.bulk_create(
        [
            Group(
                workspace=workspace,
                uid=g.uid,
                title=g.title,
                permissions=None if g.permissions is None else list(g.permissions),
            )
            for g in decoded
        ],
        update_conflicts=True,
        unique_fields=["workspace", "uid"],
        update_fields=["title", "permissions"],
    )


def _store_accounts(workspace: Workspace, walk: Pass, *, complete: bool, now: datetime) -> tuple[int, int]:
    """Write what is new or changed; returns how many of each."""
    fresh = list(walk.fresh.items())
    added = changed = 0
    for start in range(0, len(fresh), BATCH):
        batch = dict(fresh[start : start + BATCH])
        names = {username for username, _ in batch}
        rows = Account.objects.filter(workspace=workspace, username__in=names)
        existing = {(row.username, row.incarnation): row for row in rows}
        new: list[Account] = []
        old: list[Account] = []
        for key, (user, raw) in batch.items():
            row = existing.get(key)
            (new if row is None else old).append(
                _fill(row or Account(workspace=workspace), user, raw, complete=complete, now=now)
            )
        Account.objects.bulk_create(new)
        Account.objects.bulk_update(old, [f.name for f in Account._meta.concrete_fields if not f.primary_key])
        added, changed = added + len(new), changed + len(old)
    if complete:
        Account.objects.filter(pk__in=walk.known).filter(
            Q(incomplete=True) | Q(absent_since__isnull=False) | Q(gone_at__isnull=False)
        ).update(incomplete=False, absent_since=None, gone_at=None)
    return added, changed


def _fill(row: Account, user: User, raw: bytes, *, complete: bool, now: datetime) -> Account:
    for name in ("username", "email", "display_name", "first_name", "last_name", "account_type"):
        setattr(row, name, getattr(user, name))
    row.incarnation, row.groups = incarnation_of(user), list(user.groups or ())
    row.raw, row.digest = raw.decode(errors="replace"), digest_of(raw).hex()
    row.read_at, row.incomplete = now, not complete
    if complete:
        row.absent_since = row.gone_at = None
    return row


def _mark_absent(workspace: Workspace, walk: Pass, *, now: datetime) -> int:
    """Note who was not listed; another incarnation of a listed username is not listed either."""
    seen = walk.known | set(
        Account.objects.filter(workspace=workspace, username__in={name for name, _ in walk.fresh})
        .filter(incarnation__in={incarnation for _, incarnation in walk.fresh})
        .values_list("pk", flat=True)
    )
    listed = Account.objects.filter(workspace=workspace).listed()
    missing = set(listed.values_list("pk", flat=True)) - seen
    return listed.filter(pk__in=missing).update(absent_since=now)
