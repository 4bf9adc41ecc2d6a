"""Sync: read a workspace's users, groups and key through the API into the local database.

Only a complete sync that looks right may add candidates (laws 3 and 4), and only such a one changes what is
stored of an account. One that trips the breaker is quarantined until a person uses or ignores it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import Error, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.facts import rights_of_groups
from accounts_review.huwise import (
    Client,
    Forbidden,
    GroupRecord,
    HuwiseError,
    NotFound,
    Refused,
    UnexpectedAnswer,
    decode_groups,
)
from accounts_review.models import Account, HeldSync, Sync, Workspace, indexes, permit
from accounts_review.models.rewrite import wait_to_rewrite
from accounts_review.rules.names import as_listed
from accounts_review.wording.findings import Found, of_error
from accounts_review.workflow.sync import still_there
from accounts_review.workflow.sync.accept import accept, accept_held, keep
from accounts_review.workflow.sync.figures import checks_of
from accounts_review.workflow.sync.follower import Follower
from accounts_review.workflow.sync.known import STRANGE, known_of
from accounts_review.workflow.sync.lock import is_free_until_the_end, is_locked, only_one
from accounts_review.workflow.sync.passes import Passes
from accounts_review.workflow.sync.remembered import read_beside_remembered, remember
from accounts_review.workflow.sync.rights_check import compared_rights, disputed_rights
from accounts_review.workflow.sync.staging import Staging
from accounts_review.workflow.sync.staging import staging as staging_of
from accounts_review.workflow.sync.store import Stored, forget_unconfirmed, glean, hold, rights_digest

BETWEEN_REPORTS = 0.5
"""Seconds from one report of how far a pass has come to the next."""
LOOPBACK = ("127.0.0.1", "localhost")
Clock = Callable[[], datetime]
Report = Callable[..., None]
"""Tells how far a pass has come, and what comes after it."""


class WrongHost(RuntimeError):
    """The address given for a workspace is not the one it was read from before."""

    def __init__(self, workspace: Workspace, host: str) -> None:
        super().__init__(
            f"{workspace} was read from {workspace.host} so far, and HUWISE_URL now names {host}; "
            f"if the same workspace moved there, run `manage.py change_host --workspace {workspace} --actor LOGIN`; "
            "give another workspace another name with HUWISE_WORKSPACE."
        )


class NothingToStop(ValueError):
    """The sync cannot be stopped, because it has ended."""


class _Stopped(Exception):
    """A person asked a running sync to end."""


class NothingTripped(ValueError):
    """The breaker cannot be reset, because it has not tripped."""


@dataclass(slots=True)
class Gathered:
    """What was read: the passes through the users, and what gives them their rights."""

    passes: Passes
    groups: list[GroupRecord] = field(default_factory=list)
    key_owner: str = ""
    disputed: dict[str, list[str]] = field(default_factory=dict)
    health: list[Found] = field(default_factory=list)

    def find_key_owner(self) -> None:
        """Who is not in the list cannot be protected in it: then the owner is not known, and nothing is revoked."""
        named = self.key_owner
        self.key_owner = as_listed(named, self.passes.staging.spellings_of(named) if named else ())
        if named and not self.key_owner:
            self.health.append({"code": "owner_unlisted", "owner": named})


def sync_workspace(
    *,
    workspace: Workspace,
    client: Client,
    key_owner: str,
    clock: Clock,
    largest_skew: timedelta | None = None,
    follower: Follower | None = None,
) -> Sync:
    """Read everything once and store it. The result says whether it was complete, and why not.

    ``key_owner`` names the owner of our API key where the API does not say; ``largest_skew`` is how far this machine's
    clock may be from the workspace's, ``None`` where the clock is not this machine's; ``follower`` is told who is read.
    Raises :class:`AlreadyRunning` and :class:`WrongHost`. An error of the API ends the sync; what was read until then
    is kept as incomplete.
    """
    with only_one(workspace):
        now = clock()
        _check_host(workspace, client.host)
        _bury(Sync.objects.filter(workspace=workspace))
        sync = Sync.objects.create(workspace=workspace, started_at=now, heartbeat_at=now)
        try:
            with staging_of(workspace, read_at=now, follower=follower) as staging:
                gathered = _read(staging, client, key_owner, clock=clock, report=_reporter(sync, clock))
                if largest_skew is not None:
                    gathered.passes.compare_clocks(largest_skew)
                indexes.put_off(Account, coming=gathered.passes.last.places.count(STRANGE))
                _store(sync, gathered, now=now, finished=clock())
                if sync.state in (Sync.State.INCOMPLETE, Sync.State.QUARANTINED):
                    still_there.note(staging)
            if follower and sync.state == Sync.State.COMPLETE:
                follower.store()
            # Nobody else may be kept waiting: another workspace can have come while this one was read.
            indexes.make_missing(Account, is_new=not staging.newest and not _is_another_stored(workspace))
        except _Stopped:
            sync.refresh_from_db()
            sync.problems = [{"code": "stopped", "login": sync.stopped_by}]
            sync.state, sync.finished_at, sync.phase = "failed", clock(), ""
            sync.save()
        except BaseException:
            # Whatever ends it, down to Ctrl-C and the worker's time limit: it must not look as if it still ran.
            with suppress(Error):
                _bury(Sync.objects.filter(pk=sync.pk))
            raise
    return sync


@transaction.atomic
def stop_sync(*, sync: Sync, actor: User, now: datetime) -> None:
    """Have a running sync end at its next page; nothing of it is stored.

    Raises ``PermissionDenied`` and :class:`NothingToStop`.
    """
    permit(actor, "operate", sync.workspace)
    login = actor.get_username()
    running = Sync.objects.filter(pk=sync.pk, state=Sync.State.RUNNING, stopped_by="")
    # Once it stores, it is nearly done, and does not look any more.
    if not running.exclude(phase=Sync.Phase.STORING).update(stopped_by=login):
        raise NothingToStop(_("The sync has ended, was already stopped, or is storing what it read."))
    data = {"sync": sync.pk}
    audit.log([sync.workspace], kind=Event.WORKSPACE_SYNC_STOPPED, actor=login, now=now, data=data)


@transaction.atomic
def reset_breaker(
    *, workspace: Workspace, actor: User, reason: str, discard: bool, now: datetime, seen: Sync | None = None
) -> Sync:
    """After a person has looked: accept the quarantined numbers as the new baseline, or discard them.

    Accepted or not, revocations may go on. ``seen`` is the one that was looked at, where it was one of several. Where a
    later one was complete, its numbers stay in use. Raises ``PermissionDenied`` and :class:`NothingTripped`.
    """
    permit(actor, "administer", workspace)
    if not reason.strip():
        raise NothingTripped(_("Give a reason; it is recorded in the audit."))
    quarantined = list(workspace.syncs.select_for_update(no_key=True).filter(state=Sync.State.QUARANTINED))
    if not quarantined:
        raise NothingTripped(_("The breaker has not tripped; there is nothing to reset."))
    login, newest = actor.get_username(), quarantined[0]
    if seen not in (None, newest):
        raise NothingTripped(_("A later sync looked wrong too; decide on that one."))
    held = None if discard else HeldSync.objects.filter(sync=newest).first()
    if held and not is_free_until_the_end(workspace):
        raise NothingTripped(_("A sync is running and may replace these numbers. Wait for it to end, then try again."))
    for sync in quarantined:
        sync.state = "complete" if held and sync is newest else "discarded"
        sync.resolved_at, sync.resolved_by, sync.resolution = now, login, reason
        sync.save()
    if held:
        accept_held(workspace, held)
    else:
        forget_unconfirmed(workspace)
    HeldSync.objects.filter(sync__workspace=workspace).delete()
    data = {"reason": reason, "accepted": bool(held), "sync": newest.pk, "anomalies": newest.anomalies}
    audit.log([workspace], kind=Event.BREAKER_RESET, actor=login, now=now, data=data)
    return newest


def _read(staging: Staging, client: Client, key_owner: str, *, clock: Clock, report: Report) -> Gathered:
    workspace = staging.workspace
    staging.note_newest()
    gathered = Gathered(Passes(staging=staging, began=staging.read_at, progress=report, clock=clock))
    try:
        gathered.key_owner = _owner_of_key(client) or key_owner or workspace.key_owner
        gathered.groups, unreadable = decode_groups(client.groups())
    except HuwiseError as error:
        gathered.passes.problems.append(of_error("api", error))
        return gathered
    protected = workspace.current_policy.rules.protect.permissions
    staging.rights_of = compared_rights(protected, rights_of_groups(gathered.groups))
    if staging.follower:
        digest = rights_digest(gathered.groups, gathered.key_owner)
        staging.follower.begin(gathered.groups, gathered.key_owner, digest, staging.read_at)
    if not read_beside_remembered(gathered.passes, client):
        gathered.passes.read(client, known=known_of(workspace))
    if gathered.passes.has_doubles:
        staging.keep_last_of_each()
    if gathered.passes.is_complete and not gathered.passes.population and workspace.accounts.listed().exists():
        gathered.passes.problems.append({"code": "empty"})
    if gathered.passes.is_complete:
        gathered.find_key_owner()
        if staging.follower:
            staging.follower.prepare()
        report(gathered.passes, Sync.Phase.RIGHTS)
        gathered.disputed, health = disputed_rights(
            gathered.passes, client, groups=gathered.groups, key_owner=gathered.key_owner, protected=protected
        )
        gathered.health += [*health, *gathered.passes.health, *_about_groups(gathered.groups, unreadable)]
    report(gathered.passes, Sync.Phase.STORING)
    return gathered


@transaction.atomic
def _store(sync: Sync, gathered: Gathered, *, now: datetime, finished: datetime) -> None:
    wait_to_rewrite(sync.workspace)
    workspace, passes = sync.workspace, gathered.passes
    passes.staging.miss_newcomers()
    groups, key_owner, disputed = gathered.groups, gathered.key_owner, gathered.disputed
    checked = checks_of(workspace, passes, groups=groups, key_owner=key_owner, now=now) if passes.is_complete else []
    sync.state = _state(passes, is_tripped=any(check.tripped for check in checked))
    with indexes.keeping_unique(Account) if passes.staging.seq else nullcontext():
        if sync.state == Sync.State.COMPLETE:
            stored = accept(passes.staging, groups=groups, key_owner=key_owner, disputed=disputed, now=now)
            remember(passes)
            HeldSync.objects.filter(sync__workspace=workspace).delete()
        else:
            stored = _keep_or_hold(sync, gathered, now=now)
    for name, count in stored.counts.items():
        setattr(sync, name, count)
        sync.touched[name] = getattr(stored, name)
    sync.to_judge = stored.to_judge
    last = passes.last
    sync.pages, sync.read, sync.expected = last.pages, last.read, last.announced if last.pages else None
    sync.population = passes.population
    sync.passes, sync.problems, sync.health = passes.counts, passes.problems, gathered.health
    sync.checks, sync.phase = [asdict(check) for check in checked], ""
    sync.finished_at = finished
    sync.save()
    facts = ("state", "pages", "read", "expected", "added", "changed", "absent", "problems", "anomalies", "health")
    data = {name: getattr(sync, name) for name in facts}
    audit.log([workspace], kind=Event.WORKSPACE_SYNCED, actor="portal", now=finished, data=data)


def _keep_or_hold(sync: Sync, gathered: Gathered, *, now: datetime) -> Stored:
    workspace, staging = sync.workspace, gathered.passes.staging
    if not gathered.passes.last.pages:
        return Stored(dict.fromkeys(("added", "changed", "absent"), 0))
    if sync.state == Sync.State.QUARANTINED:
        keep(sync, staging, groups=gathered.groups, key_owner=gathered.key_owner, disputed=gathered.disputed)
    # Where nothing was ever accepted, a sync that waits for a person is all there is to show.
    shows_newcomers = (
        sync.state == Sync.State.INCOMPLETE or not workspace.syncs.filter(state=Sync.State.COMPLETE).exists()
    )
    hold(staging, gathered.disputed)
    return glean(staging, shows_newcomers=shows_newcomers, now=now)


def _state(passes: Passes, *, is_tripped: bool) -> str:
    if passes.is_complete:
        return "quarantined" if is_tripped else "complete"
    return "incomplete" if passes.last.read else "failed"


def _about_groups(groups: list[GroupRecord], unreadable: int) -> list[Found]:
    listed = Counter(group.uid for group in groups)
    found: list[Found] = [{"code": "group_repeated", "uid": uid} for uid, times in listed.items() if times > 1]
    if unreadable:
        found.append({"code": "group_unreadable", "count": unreadable})
    return found


def _reporter(sync: Sync, clock: Clock) -> Report:
    """Tells at every first page and every change of phase; in between, no more often than anybody would look."""
    told = 0.0

    def report(passes: Passes, phase: Sync.Phase | None = None) -> None:
        nonlocal told
        if not phase and passes.last.pages > 1 and time.monotonic() - told < BETWEEN_REPORTS:
            return
        told = time.monotonic()
        running = Sync.objects.filter(pk=sync.pk, stopped_by="").update(
            phase=phase or (Sync.Phase.AGAIN if len(passes.done) > 1 else Sync.Phase.READING),
            pages=passes.last.pages,
            read=passes.last.read,
            expected=passes.last.announced if passes.last.pages else None,
            passes=passes.counts,
            heartbeat_at=clock(),
        )
        if not running:
            raise _Stopped

    return report


def _bury(syncs: QuerySet[Sync]) -> None:
    """Have those that do not run any more say so; they ended when they last gave a sign of life."""
    syncs.filter(state=Sync.State.RUNNING).update(
        state=Sync.State.FAILED, finished_at=F("heartbeat_at"), problems=[{"code": "interrupted"}], phase=""
    )


def end_dead_syncs(*, workspace: Workspace) -> None:
    """Have a sync whose process died say so, at once: the lock that it held is free."""
    running = list(workspace.syncs.filter(state=Sync.State.RUNNING).values_list("pk", flat=True))
    if running and not is_locked(workspace):
        _bury(workspace.syncs.filter(pk__in=running))


def _is_another_stored(workspace: Workspace) -> bool:
    """Whether there are accounts of any other workspace; where there is no other, no account is looked at for it."""
    others = list(Workspace.objects.exclude(pk=workspace.pk).values_list("pk", flat=True))
    return Account.objects.filter(workspace__in=others).exists()


def _check_host(workspace: Workspace, host: str) -> None:
    """Keep the host once accounts were read; only the port of a loopback address may change after that."""
    before, after = workspace.host.partition(":")[0], host.partition(":")[0]
    if workspace.host != host and (before != after or after not in LOOPBACK) and workspace.read_from:
        raise WrongHost(workspace, host)
    workspace.host = host
    workspace.save(update_fields=["host"])


def _owner_of_key(client: Client) -> str | None:
    # The key may read users and not keys; the configured owner stands in, or the one known before.
    with suppress(Forbidden, NotFound, Refused, UnexpectedAnswer):
        return client.key_owner()
    return None
