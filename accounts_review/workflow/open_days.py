"""Open days: when a clean-up may write to people and remove them, by the days that its policies avoid.

Both count, the one it was launched with and the one in force: what the launch has shown stands, and a day that somebody
adds later is heeded, too. A dry run writes to nobody and removes nobody, so every day is open to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts_review.models import Cleanup, Workspace
from accounts_review.rules import calendar
from accounts_review.rules.calendar import Avoided
from accounts_review.rules.lifecycle import CleanupState
from accounts_review.wording.instants import portal_day, start_of


def closed_until(cleanup: Cleanup, *, now: datetime) -> datetime | None:
    """When the next open day begins, or ``None`` where today is one."""
    today = portal_day(now)
    day = calendar.first_open(today, avoided(cleanup))
    return None if day == today else start_of(day)


def closed(workspace: Workspace, *, now: datetime) -> list[Cleanup]:
    """The running clean-ups that rest today."""
    running = workspace.cleanups.filter(state=CleanupState.RUNNING).select_related("policy", "workspace")
    return [cleanup for cleanup in running if closed_until(cleanup, now=now)]


def not_after(instant: datetime, avoided: Sequence[Avoided]) -> datetime:
    """The instant itself, or the same time of the last open day before it."""
    day = portal_day(instant)
    return instant - timedelta(days=(day - calendar.last_open(day, avoided)).days)


def first_open(cleanup: Cleanup, instant: datetime) -> datetime:
    """The instant itself, or the same time of the first open day after it."""
    day = portal_day(instant)
    return instant + timedelta(days=(calendar.first_open(day, avoided(cleanup)) - day).days)


def avoided(cleanup: Cleanup) -> list[Avoided]:
    """The days that a clean-up avoids, by the policy of its launch and by the one in force."""
    if cleanup.dry_run:
        return []
    versions = {cleanup.policy, cleanup.workspace.current_policy}
    return [version.rules.notice.avoided for version in versions if version and version.rules.notice.avoid]
