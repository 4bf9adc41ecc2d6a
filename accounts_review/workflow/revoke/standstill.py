"""Standstill: what is still to be revoked, and why it waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from accounts_review.models import Case, Cleanup, PolicyVersion, Workspace
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.rules import gate
from accounts_review.rules.lifecycle import ENDED, IN_FLIGHT, CaseState, CleanupState
from accounts_review.wording.findings import Found
from accounts_review.workflow.revoke.last_look import moment_of

STAGES = ((1, 1), (6, 5))
"""Until this many cases of a clean-up have ended, at most so many are in flight: 1, then 5, then the rest."""

PROOF = ENDED - {CaseState.WITHDRAWN, CaseState.SPARED}
"""How a case ends that shows how DELETEs go."""


_FIRST_ENDED = Prepared(
    lambda cleanup: Case.objects.filter(cleanup=cleanup, state__in=PROOF).order_by().values_list("pk")[: STAGES[-1][0]],
    cleanup=int,
)


def ripe(now: datetime) -> Q:
    """Due, and past the date that was promised, should one have been."""
    return Q(state=CaseState.DUE) & (Q(promised_at=None) | Q(promised_at__lte=now))


WARNED_ELSEWHERE = Q(noticed_at__isnull=False) & ~Q(warned_to=F("account__email")) & ~Q(account__email="")
"""Whose notice went to another address than the account has now: they are warned anew first. Who has none any more
cannot be, and is looked at."""


def claimable(*, now: datetime, held_since: datetime, held: Iterable[int]) -> QuerySet[Case]:
    """Who is due, but for those in ``held``, and those held back after an instant for what their account shows."""
    kept = Q(pk__in=Among(held)) | Q(outcome__has_key="held_since", moved_at__gt=held_since)
    return Case.objects.filter(ripe(now)).exclude(kept).exclude(WARNED_ELSEWHERE)


@cache
def next_up(most: int) -> Prepared:
    """So many of a clean-up who may be claimed, locked; who was put back goes behind the others, so that they cannot
    bar their way."""

    def build(cleanup: int, **given: Any) -> QuerySet[Case]:
        # Raw records are large, and nobody asks for them before the gate does.
        rows = claimable(**given).filter(cleanup=cleanup).select_related("account").defer("account__raw")
        return rows.order_by("moved_at", "pk").select_for_update(no_key=True, skip_locked=True, of=("self",))[:most]

    return Prepared(build, cleanup=int, now=datetime, held_since=datetime, held=list)


def due(workspace: Workspace, *, now: datetime) -> QuerySet[Case]:
    """The cases that are due, wherever their clean-up stands: a pause puts them off, and does not do them."""
    stands_still = Q(state=CaseState.NOTICED, noticed_at__isnull=False, promised_at__lte=now)
    under_way = Q(state__in=(CaseState.CLAIMED, CaseState.INTENDED))
    return Case.objects.filter(ripe(now) | stands_still | under_way, cleanup__workspace=workspace)


def unknown(workspace: Workspace) -> QuerySet[Case]:
    """The cases whose outcome is being settled."""
    return Case.objects.filter(cleanup__workspace=workspace, state=CaseState.UNKNOWN)


def may_start(cleanup: Cleanup, wanted: int) -> int:
    """How many more cases of a clean-up the staged start lets be in flight, of so many."""
    if cleanup.dry_run or not STAGES:
        return wanted
    # Counted no further than it matters: a clean-up may have ten thousand cases.
    ended = len(_FIRST_ENDED.rows(cleanup=cleanup.pk))
    allowed = next((most for below, most in STAGES if ended < below), None)
    if allowed is None:
        return wanted
    return min(wanted, allowed - cleanup.cases.filter(state__in=IN_FLIGHT).count())


def standstill(cleanup: Cleanup, *, now: datetime, current: PolicyVersion | None = None) -> list[Found]:
    """Why no case of a clean-up can go on now, as findings; none where it goes on, or has nothing to do.

    ``current`` is the policy in force, where clean-up and workspace have just been read with it for a page.
    """
    if cleanup.state == CleanupState.PAUSED:
        return [cleanup.stopped_because or {"code": "paused"}]
    if cleanup.state != CleanupState.RUNNING or not due(cleanup.workspace, now=now).filter(cleanup=cleanup).exists():
        return []
    found = [_found(one) for one in gate.standstill(moment_of(cleanup, now=now, current=current))]
    if cleanup.workspace.failure:
        found.append(cleanup.workspace.failure)
    return found or _of_cases(cleanup, now=now)


def _of_cases(cleanup: Cleanup, *, now: datetime) -> list[Found]:
    """What holds single cases of a clean-up that goes on otherwise."""
    if may_start(cleanup, 1) < 1 and cleanup.cases.filter(state=CaseState.UNKNOWN).exists():
        return [{"code": "first_ones"}]
    held = cleanup.cases.filter(ripe(now), outcome__why__0__code__isnull=False).order_by()
    counted = held.values_list("outcome__why__0__code").annotate(Count("pk"))
    return [{"code": "held_back", "why": code, "count": count} for code, count in counted]


def _found(objection: gate.Objection) -> Found:
    until = {"until": objection.until.isoformat()} if objection.until else {}
    return {"code": objection.code} | until
