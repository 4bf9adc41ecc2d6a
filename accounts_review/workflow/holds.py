"""Holds: stop everything, by a person or because the database does not agree with its checkpoint, and continue.

While one is open no notice and no DELETE leaves: the gate asks in the transaction that would commit the intent, and
every mail asks before it is written. The rest goes on: syncs, decisions, the settling of what is under way.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.audit.events import Event
from accounts_review.models import Hold, Sync, Workspace, permit, permit_somewhere, workspaces_of
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.models.hold import OF_DATABASE, PORTAL, WITHOUT_EVIDENCE
from accounts_review.models.prepared import Prepared
from accounts_review.wording.reasons import FOUND_AGAIN

BETWEEN_LOOKS = 1.0

_OVER = Prepared(lambda workspace: Hold.objects.open().over(workspace), workspace=int)
"""Asked at every gate and before every e-mail."""


class EverythingHeld(RuntimeError):
    """Nothing may leave now: everything is held."""

    def __init__(self) -> None:
        super().__init__(
            _("Everything is held: no notices are sent and nobody is removed. The Hold page says by whom and why.")
        )


class HoldRefused(ValueError):
    """No reason, nothing to release, or too early."""


def over(workspace: Workspace) -> Hold | None:
    """The newest open hold that keeps this host from acting on a workspace, by a person or for the database."""
    standing: list[Hold] = _OVER.objects(workspace=workspace.pk)
    here = checkpoint.keeper.host if standing and checkpoint.keeper else ""
    return next(
        (
            hold
            for hold in standing
            if hold.workspace_id or hold.is_by_person or hold.cause in OF_DATABASE or hold.host == here
        ),
        None,
    )


def is_trusted() -> bool:
    """Whether the database agrees with this host's checkpoint, now."""
    return checkpoint.look() is None


class Guard:
    """Asked before each of the many acts of one run whether anything may leave.

    Holds are asked for each time; the checkpoint, which takes longer, is looked at every second.
    """

    def __init__(self, workspace: Workspace, *, now: datetime) -> None:
        self.workspace, self.now = workspace, now
        self._look_again_at = 0.0

    def look_again(self) -> bool:
        """Look at everything where that is due, for whoever asks for holds by itself; whether it was due.

        Raises :class:`EverythingHeld`.
        """
        if time.monotonic() < self._look_again_at:
            return False
        check(self.workspace, now=self.now)
        self._look_again_at = time.monotonic() + BETWEEN_LOOKS
        return True

    def check(self) -> None:
        """Raise :class:`EverythingHeld` where nothing may leave."""
        if not self.look_again() and over(self.workspace):
            raise EverythingHeld


def check(workspace: Workspace, *, now: datetime) -> None:
    """Raise :class:`EverythingHeld` where nothing may leave."""
    if watch(now=now) is not None or over(workspace):
        raise EverythingHeld


def watch(*, now: datetime) -> checkpoint.Mismatch | None:
    """Note the newest entry on this host; what keeps it from that is put down as a hold, for everybody to see.

    Inside a transaction, where nothing can be noted, it only looks.
    """
    keeper = checkpoint.keeper
    if keeper is None:
        return None
    if connection.in_atomic_block:
        return keeper.look()
    finding = keeper.keep()
    if finding:
        _put_down(finding, keeper=keeper, now=now)
    else:
        passed = Hold.objects.open().filter(cause=Hold.Cause.NOT_KEPT, host=keeper.host)
        _let_go(passed, Event.CHECKPOINT_KEPT, now=now)
    return finding


def verify(*, now: datetime) -> list[str]:
    """Prove the whole audit; what nobody has accepted yet is put down as a hold, and returned."""
    report = audit.verify_everything(now=now)
    # Whether a clock was wrong, or somebody set it so, is for a person to tell.
    flaws = [str(flaw) for flaw in (*report.flaws, *report.misdated)]
    known = Hold.objects.filter(cause=Hold.Cause.FLAWED).values_list("details", flat=True)
    accepted = {line for details in known for line in details.get("flaws", [])}
    if (new := [line for line in flaws if line not in accepted]) and (keeper := checkpoint.keeper):
        details = {"first": new[0], "count": len(flaws), "flaws": flaws}
        with transaction.atomic():
            Hold.objects.open().filter(cause=Hold.Cause.FLAWED, host=keeper.host).update(
                released_at=now, released_by=PORTAL, release_reason=FOUND_AGAIN
            )
            _put_down(checkpoint.Mismatch(Hold.Cause.FLAWED, details), keeper=keeper, now=now)
    return new


def vouch(*, now: datetime) -> int:
    """Let hosts that have no checkpoint yet begin one, where this host's agrees with the database; returns how many.

    That there is nothing proves nothing; that another host has kept watch all along does. One whose checkpoint is
    damaged waits for a person.
    """
    keeper = checkpoint.keeper
    if keeper is None:
        return 0
    waiting = Hold.objects.open().filter(cause=Hold.Cause.MISSING).exclude(host=keeper.host)
    # There hardly ever is one: only then is it worth a look whether this host may.
    if not waiting or keeper.look() is not None or Hold.objects.open().filter(cause__in=OF_DATABASE).exists():
        return 0
    return _let_go(waiting, Event.CHECKPOINT_VOUCHED, by=keeper.name, now=now)


@transaction.atomic
def hold(*, workspace: Workspace | None, actor: User, reason: str, now: datetime) -> Hold:
    """Hold a workspace, or the whole portal. Anybody with a role may.

    Raises ``PermissionDenied``, and :class:`HoldRefused` without a reason.
    """
    if workspace is None:
        permit_somewhere(actor)
    else:
        permit(actor, "read", workspace)
    login, reason = actor.get_username(), _given(reason)
    placed = Hold.objects.create(workspace=workspace, at=now, by=login, reason=reason)
    audit.log(_concerned(workspace), kind=Event.HOLD_PLACED, actor=login, now=now, data={"reason": reason})
    return placed


@transaction.atomic
def release(*, workspace: Workspace | None, actor: User, reason: str, now: datetime) -> int:
    """Release what people hold: a workspace, or the whole portal; returns how many holds that were.

    Raises ``PermissionDenied``, and :class:`HoldRefused` without a reason or where nothing is held so.
    """
    permit(actor, "administer", workspace)
    login, reason = actor.get_username(), _given(reason)
    standing = Hold.objects.open().filter(workspace=workspace, cause=Hold.Cause.PERSON)
    count = standing.update(released_at=now, released_by=login, release_reason=reason)
    if not count:
        raise HoldRefused(_nothing_to_release(workspace, actor))
    audit.log(_concerned(workspace), kind=Event.HOLD_RELEASED, actor=login, now=now, data={"reason": reason})
    return count


@transaction.atomic
def reset_checkpoint(*, workspaces: Iterable[Workspace], actor: User, reason: str, now: datetime) -> int:
    """Accept the database as it is, after a person has looked; returns how many holds that releases.

    ``workspaces`` are those that the portal acts on: each must have had a complete sync since the first of the holds.
    Hosts whose checkpoint speaks against the database begin a new one. Raises ``PermissionDenied`` and
    :class:`HoldRefused`.
    """
    permit(actor, "administer", None)
    login, reason = actor.get_username(), _given(reason)
    standing = list(
        Hold.objects.open().filter(cause__in=(*OF_DATABASE, *WITHOUT_EVIDENCE)).select_for_update(no_key=True)
    )
    if not standing:
        raise HoldRefused(_("The checkpoints match the database; there is nothing to reset."))
    since = min(found.at for found in standing)
    for workspace in workspaces:
        if not workspace.syncs.filter(state=Sync.State.COMPLETE, started_at__gte=since).exists():
            raise HoldRefused(_("Run a complete sync of %(workspace)s first.") % {"workspace": workspace})
    Hold.objects.filter(pk__in=[found.pk for found in standing]).update(
        released_at=now, released_by=login, release_reason=reason
    )
    data = {
        "reason": reason,
        "holds": [{"cause": found.cause, "host": found.host} | _told(found.details) for found in standing],
    }
    audit.log(_concerned(None), kind=Event.CHECKPOINT_RESET, actor=login, now=now, data=data)
    return len(standing)


@transaction.atomic
def _put_down(finding: checkpoint.Mismatch, *, keeper: checkpoint.Keeper, now: datetime) -> None:
    known = {"cause": finding.cause, "host": keeper.host}
    if Hold.objects.open().filter(**known).exists():
        return
    details = finding.details | {"host": keeper.name}
    found = {"details": details, "at": now, "by": PORTAL}
    placed, is_new = Hold.objects.open().get_or_create(**known, released_at=None, defaults=found)
    if is_new:
        data = {"cause": placed.cause} | _told(details)
        audit.log(_concerned(None), kind=Event.CHECKPOINT_FAILED, actor=PORTAL, now=now, data=data)


def _told(details: dict[str, Any]) -> dict[str, Any]:
    """What the audit tells of a finding: the first flaw stands for all of them."""
    return {name: value for name, value in details.items() if name != "flaws"}


def _let_go(passed: QuerySet[Hold], kind: Event, *, now: datetime, by: str = PORTAL) -> int:
    """End holds without a person, each with its entry."""
    ended = 0
    for found in passed:
        with transaction.atomic():
            standing = Hold.objects.open().filter(pk=found.pk)
            if standing.update(released_at=now, released_by=PORTAL, release_reason=by):
                audit.log(
                    _concerned(None),
                    kind=kind,
                    actor=PORTAL,
                    now=now,
                    data={"host": found.details.get("host", ""), "by": by},
                )
                ended += 1
    return ended


def _concerned(workspace: Workspace | None) -> list[Workspace]:
    """Where the audit tells of it: in every workspace, if it is about the portal."""
    return [workspace] if workspace else audit.everywhere()


def _given(reason: str) -> str:
    if not reason.strip():
        raise HoldRefused(_("Give a reason; it is recorded in the audit."))
    return reason.strip()[:LONGEST_REASON]


def _nothing_to_release(workspace: Workspace | None, actor: User) -> str:
    seen = Q(workspace=None) | Q(workspace__in=workspaces_of(actor))
    others = Hold.objects.open().filter(seen, cause=Hold.Cause.PERSON).select_related("workspace")
    names = ", ".join(sorted({str(found.workspace) if found.workspace else _("the whole portal") for found in others}))
    if names:
        return _("This is not held. Held now: %(names)s.") % {"names": names}
    if paused := Hold.objects.open().filter(cause=Hold.Cause.PAUSED, workspace=workspace).first():
        return _("%(name)s is paused; resume it in its settings.") % {"name": paused.workspace}
    if Hold.objects.open().filter(cause__in=(*OF_DATABASE, *WITHOUT_EVIDENCE)).exists():
        return _("Nobody placed this hold; the checkpoint did. Use reset_checkpoint.")
    return _("Nothing is held.")
