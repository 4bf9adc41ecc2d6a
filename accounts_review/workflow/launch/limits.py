"""Limits: how many accounts a launch may take, and when there is room again (law 8).

The policy's share of the population counts everyone whom open live clean-ups are about to remove, and everyone who was
removed within the last thirty days. A dry run removes nobody, so it neither uses up the share nor waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from django.db.models import QuerySet

from accounts_review.models import Account, Case, PolicyVersion, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.wording.findings import Found
from accounts_review.workflow.unread import warns_nobody

WINDOW = timedelta(days=30)
"""For so long somebody who was removed counts."""

MORE_THAN_ANY = 2**31
"""Accounts of a workspace; a share can be as small as anybody writes it."""

ON_THEIR_WAY = ("awaiting_confirmation", "running", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many accounts may be launched now, and what they are limited by."""

    per_cleanup: int
    share: int
    """How many the policy's share of the population is, in whole accounts; where it does not limit, at least."""
    taken: int
    """How many of them are on their way out, or were removed of late."""
    next_at: datetime | None = None
    """Where the share is what limits: when it has room again, if nobody on the way out keeps their access."""
    warns_nobody: bool = False
    """Whether no mail server is set, so that people would be removed who never read of it."""

    @property
    def allows(self) -> int:
        return 0 if self.warns_nobody else max(0, min(self.per_cleanup, self.share - self.taken))

    @property
    def is_by_share(self) -> bool:
        """Whether it is the share that allows no more, rather than the number for one clean-up."""
        return self.share - self.taken <= self.per_cleanup

    @property
    def objection(self) -> Found:
        """Why nobody can be launched now, where that is so."""
        if self.warns_nobody:
            return {"code": "warns_nobody"}
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
    # In this order, whoever is removed meanwhile is counted once too often rather than not at all.
    leaving, removed = _leaving(workspace), _removed(workspace, since=now - WINDOW)
    on_their_way, gone = (leaving.count(), removed.count()) if workspace.is_live else (0, 0)
    taken = on_their_way + gone
    enough = of_whom_the_share_is(limits.per_cleanup + taken + 1, share=limits.share_of_population)
    population = gone + Account.objects.filter(workspace=workspace).listed()[:enough].count()
    share = int(population * limits.share_of_population)
    is_unread = rules.notice.days > 0 and warns_nobody(workspace)
    found = Room(per_cleanup=limits.per_cleanup, share=share, taken=taken, warns_nobody=is_unread)
    if not workspace.is_live or not found.is_by_share:
        return found
    ends = [*removed.values_list("moved_at", flat=True), *_ends(leaving, now=now)]
    # Who is launched now takes up what is left. One after the other leaves the window, and the population with it.
    used_up = sorted([*ends, *[now + timedelta(days=rules.notice.days)] * (share - taken)])
    has_room = (
        end + WINDOW
        for out, end in enumerate(used_up, start=1)
        if int((population - out) * limits.share_of_population) > len(used_up) - out
    )
    return replace(found, next_at=next(has_room, None))


def of_whom_the_share_is(count: int, *, share: float) -> int:
    """A population of whom the share is at least so many: nothing depends on how many more there are. Pure."""
    # One more than wanted, for what a division rounds off.
    return ceil(min((count + 1) / share, MORE_THAN_ANY))


def _removed(workspace: Workspace, *, since: datetime) -> QuerySet[Case]:
    """Those whom a DELETE of ours was sent for and who are gone, whatever the answer was."""
    gone = Case.objects.filter(cleanup__workspace=workspace, state__in=(CaseState.REVOKED, CaseState.ALREADY_GONE))
    return gone.filter(intended_at__isnull=False, moved_at__gt=since)


def _leaving(workspace: Workspace) -> QuerySet[Case]:
    """Those whom open live clean-ups are about to remove."""
    return Case.objects.open().filter(
        cleanup__workspace=workspace, cleanup__dry_run=False, cleanup__state__in=ON_THEIR_WAY
    )


def _ends(leaving: QuerySet[Case], *, now: datetime) -> Iterator[datetime]:
    """When each of those on their way out can be removed at the earliest."""
    versions = PolicyVersion.objects.in_bulk(leaving.order_by().values_list("cleanup__policy", flat=True).distinct())
    for promised_at, policy in leaving.values_list(*("promised_at", "cleanup__policy")):
        yield max(now, promised_at or now + timedelta(days=versions[policy].rules.notice.days))
