"""What jobs, commands and pages have done alike: read clock and settings, open the client, make one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.timezone import now

from accounts_review.audit.events import Event
from accounts_review.models import Case, ConnectionCheck, PolicyPreview, Sync, Workspace
from accounts_review.tasks import outward
from accounts_review.tasks.queue import enqueue_alert, enqueue_policy_preview
from accounts_review.tasks.sources import access_to, open_client
from accounts_review.workflow import advance, brake, holds, identity
from accounts_review.workflow.assess import assess
from accounts_review.workflow.assess.beside import judging_beside
from accounts_review.workflow.check_connection import LARGEST_SKEW, check_connection
from accounts_review.workflow.notify import alert, confirmation
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.notify.send import Notices, allowance, send_notices
from accounts_review.workflow.people import owed
from accounts_review.workflow.policy import preview
from accounts_review.workflow.restore import invite, returns
from accounts_review.workflow.retention import due, traces
from accounts_review.workflow.retention.erase import Erased
from accounts_review.workflow.revoke import worker
from accounts_review.workflow.revoke.flight import AT_ONCE
from accounts_review.workflow.sync.sync import sync_workspace

JUDGED_AT_ONCE = 5_000
"""So many accounts can be judged while a person waits: two seconds of work."""


def alert_administrators() -> None:
    """Have people told at once, where something was done that they should hear of, or confirm."""
    workspaces = Workspace.objects.all()
    is_owed = any(alert.owed(each, now=now()).exists() or confirmation.owed(each) for each in workspaces)
    if is_owed or owed.owed(now=now()):
        enqueue_alert()


def sync(workspace_id: int) -> Sync:
    """Sync and assess one workspace."""
    workspace = Workspace.objects.get(pk=workspace_id)
    with judging_beside(workspace) as follower, open_client(workspace) as client:
        key_owner = access_to(workspace).key_owner
        sync = sync_workspace(
            workspace=workspace,
            client=client,
            key_owner=key_owner,
            clock=now,
            largest_skew=LARGEST_SKEW,
            follower=follower,
        )
    take_in(workspace, is_new=follower is not None and follower.is_new, only=sync.to_judge)
    return sync


def take_in(workspace: Workspace, *, is_new: bool = False, only: Sequence[int] | None = None) -> None:
    """Judge what a sync has stored, and act on who is back."""
    assess.assess(workspace=workspace, is_new=is_new, only=only)
    advance.spare_returned(workspace=workspace, now=now())
    returns.log_returns(workspace=workspace, now=now())


def check_workspace_connection(workspace: Workspace) -> ConnectionCheck:
    """Check a workspace's address, key and clocks. Raises ``ImproperlyConfigured``."""
    with open_client(workspace) as client:
        key_owner = access_to(workspace).key_owner
        return check_connection(workspace=workspace, client=client, key_owner=key_owner, clock=now)


def change_host(workspace: Workspace, *, actor: User) -> None:
    """Follow a workspace to the host that the environment names now; see :func:`identity.change_host`."""
    with open_client(workspace) as client:
        key_owner = access_to(workspace).key_owner
        identity.change_host(workspace=workspace, client=client, key_owner=key_owner, actor=actor, clock=now)


def revoke_due(
    workspace: Workspace,
    *,
    limit: int | None = None,
    budget: timedelta | None = None,
    patience: timedelta = timedelta(0),
) -> Counter[str]:
    """Make cases due, then revoke them; returns how many cases went to each state."""
    advance.make_due(workspace=workspace, now=now())
    with open_client(workspace) as client:
        revoker = worker.Revoker(
            workspace=workspace,
            client=client,
            clock=now,
            lease=timedelta(seconds=settings.LEASE_SECONDS),
            quiet=timedelta(seconds=settings.QUIET_SECONDS),
            largest_skew=LARGEST_SKEW,
            patience=patience,
            at_once=AT_ONCE,
        )
        return revoker.run(limit=limit, budget=budget)


def restore(workspace: Workspace, cases: Sequence[Case], *, actor: User) -> list[invite.Restored]:
    """Invite the people of revoked cases back to their workspace. Raises ``PermissionDenied``."""
    with open_client(workspace) as client:
        return invite.restore(cases=cases, client=client, actor=actor, now=now())


def preview_policy(policy_preview: PolicyPreview) -> None:
    """Have everybody judged under a proposed policy: now where they are few, else by the worker."""
    if policy_preview.total <= JUDGED_AT_ONCE:
        preview.judge(policy_preview=policy_preview, clock=now)
    else:
        enqueue_policy_preview(policy_preview.pk)


def sweep(terms: list[str]) -> int:
    """Have files forget names; returns how many changed. Those of the embedded database are a job of their own."""
    return traces.sweep_files(settings.DATA_DIR, terms)


def apply_retention(workspace: Workspace) -> Erased:
    """Erase those whose time is over, where an administrator has let it begin."""
    if workspace.retention_since is None:
        return Erased()
    erased = due.apply_retention(workspace=workspace, now=now())
    sweep(erased.terms)
    return erased


def watch() -> None:
    """Each host, every minute: note the newest audit entry, and let hosts join that have not seen any yet."""
    holds.watch(now=now())
    holds.vouch(now=now())
    outward.send_checkpoints()
    outward.deliver_entries()


def pace() -> Pace:
    """How mails to people are spread, by the settings."""
    return Pace(
        per_hour=settings.NOTICES_PER_HOUR,
        hours=settings.NOTICE_HOURS,
        weekdays=settings.NOTICE_WEEKDAYS,
        zone=ZoneInfo(settings.TIME_ZONE),
    )


def warn(workspace: Workspace, *, budget: timedelta | None = None) -> Notices:
    """Send the notices that are waiting, as many as the pace and the time budget allow now."""
    brake.brake_all(workspace, now=now())
    limit = allowance(workspace=workspace, kinds=(Event.CASE_NOTICED,), pace=pace(), now=now())
    return send_notices(workspace=workspace, now=now(), limit=limit, budget=budget)
