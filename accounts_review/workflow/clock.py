"""The clock: whether this machine's was set back since it was last found right."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts_review.models import Sync, Workspace
from accounts_review.wording.findings import Found

MARGIN = timedelta(minutes=5)
"""Each machine's clock may be a minute from the workspace's, one before it and the next behind."""


def behind(workspace: Workspace, *, now: datetime) -> Found | None:
    """Why nothing can be promised now, as a finding: by a clock that is behind, the day would come early."""
    return behind_sync(workspace.syncs.filter(state=Sync.State.COMPLETE).first(), now=now)


def behind_sync(last: Sync | None, *, now: datetime) -> Found | None:
    """The same by a sync that was read already. One is complete only where the workspace had the time that we had."""
    if last is None or last.finished_at is None or last.finished_at <= now + MARGIN:
        return None
    return {"code": "clock_behind", "ended": last.finished_at.isoformat()}
