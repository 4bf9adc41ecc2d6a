"""Limits: how many accounts a launch may take, and when there is room again (law 8).

The policy's share of the population counts everyone whom open live clean-ups are about to remove, and everyone who was
removed within the last thirty days. A dry run removes nobody, so it neither uses up the share nor waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts_review.models import Account, Case, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.wording.findings import Found

WINDOW = timedelta(days=30)
"""For so long somebody who was removed counts."""

ON_THEIR_WAY = ("awaiting_confirmation", "running", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many accounts may be launched now, and what they are limited by."""

    per_cleanup: int
    share: int
    """How many the policy's share of the population is, in whole accounts."""
    taken: int
    """How many of them are on their way out, or were removed of late."""
    next_at: datetime | None = None
    """Once the share is used up: when it has room again, if nobody on the way out keeps their access."""

    @property
    def allows(self) -> int:
        return max(0, min(self.per_cleanup, self.share - self.taken))

    @property
    def is_by_share(self) -> bool:
        """Whether it is the share that allows no more, rather than the number for one clean-up."""
        return self.share - self.taken <= self.per_cleanup

    @property
    def objection(self) -> Found:
        """Why nobody can be launched now, where that is so."""
        if not self.share:
            return {"code": "share_too_small"}
        until = {"next": self.next_at.isoformat()} if self.next_at else {}
        return {"code": "share_used_up", "taken": self.taken, "share": self.share} | until


def room(workspace: Workspace, *, now: datetime) -> Room:
    """How many accounts a launch may take now, under the policy in force.

    The share is one of the population at this moment, those who were removed within the window among them: what the
    portal has removed itself neither shrinks nor stretches it.
    """
    rules = workspace.current_policy.rules
    limits = rules.limits
    removed = list(_removed(workspace, since=now - WINDOW).values_list("moved_at", flat=True))
    population = Account.objects.filter(workspace=workspace).listed().count()
    if not workspace.is_live:
        return Room(per_cleanup=limits.per_cleanup, share=int(population * limits.share_of_population), taken=0)
    population += len(removed)
    share = int(population * limits.share_of_population)
    ends = [*removed, *_ends(workspace, now=now)]
    # Who is launched now takes up what is left. One after the other leaves the window, and the population with it.
    used_up = sorted([*ends, *[now + timedelta(days=rules.notice.days)] * (share - len(ends))])
    has_room = (
        end + WINDOW
        for out, end in enumerate(used_up, start=1)
        if int((population - out) * limits.share_of_population) > len(used_up) - out
    )
    return Room(per_cleanup=limits.per_cleanup, share=share, taken=len(ends), next_at=next(has_room, None))


def _removed(workspace: Workspace, *, since: datetime) -> QuerySet[Case]:
    """Those whom a DELETE of ours was sent for and who are gone, whatever the answer was."""
    gone = Case.objects.filter(cleanup__workspace=workspace, state__in=(CaseState.REVOKED, CaseState.ALREADY_GONE))
    return gone.filter(intended_at__isnull=False, moved_at__gt=since)


def _ends(workspace: Workspace, *, now: datetime) -> Iterator[datetime]:
    """When each of those on their way out can be removed at the earliest."""
    open_cases = Case.objects.open().filter(
        cleanup__workspace=workspace, cleanup__dry_run=False, cleanup__state__in=ON_THEIR_WAY
    )
    for case in open_cases.select_related("cleanup__policy"):
        assert case.cleanup.policy is not None
        yield max(now, case.promised_at or now + timedelta(days=case.cleanup.policy.rules.notice.days))
