"""Bulk decisions: what a person confirmed for very many accounts, taken portion by portion.

Each portion is a transaction of its own, so that nobody else waits long and what is done stays done. It asks of each
account what a single decision asks, as things are then: whoever it cannot be taken on is skipped. A process may die at
any moment, and two may work on the same decision: a portion is taken from the row, and by one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.audit.events import Event
from accounts_review.models import Account, BulkDecision, Case, Exemption, Snooze, Sync, Workspace, indexes, permit
from accounts_review.models.copying import alike
from accounts_review.models.keys import Among
from accounts_review.wording import reasons
from accounts_review.workflow.review import decide
from accounts_review.workflow.review.conflicts import decided_since, newest, said_of
from accounts_review.workflow.review.refusals import AccountRefusal, Apart

PORTION, GROWTH = 500, 4
"""So many are decided on at first, and at most so many times as many, as long as it is quick."""
QUICK = 0.4
"""Seconds. Anybody else waits for one portion, and is not to wait for a second."""
CONFIRMED_FOR = timedelta(hours=1)
"""Where nobody worked for so long, the person looks again before it goes on."""
KEPT = timedelta(days=7)
MOST_NAMED = 10
WRITTEN = Case, Exemption, Snooze
"""Asked of each account by pages, which would read all of them each time, as long as they count as small."""
SILENT = timedelta(minutes=2)
"""After so long without a sign of life, whoever was working on it is taken for dead."""


class NotOpen(ValueError):
    """The decision cannot be cancelled, confirmed again or undone; the message says why."""


@transaction.atomic
def confirm(
    *,
    workspace: Workspace,
    decision: str,
    accounts: Sequence[int],
    actor: User,
    now: datetime,
    reason: str = "",
    until: datetime | None = None,
    seen: int | None = None,
    about: str = "",
) -> BulkDecision:
    """Keep a decision on the accounts of these keys for :func:`carry_on`; nobody has been decided on yet.

    ``about`` is the filter by which they were chosen. Raises ``PermissionDenied``.
    """
    permit(actor, "decide", workspace)
    BulkDecision.objects.filter(workspace=workspace, at__lt=now - KEPT).delete()
    complete = workspace.syncs.filter(state=Sync.State.COMPLETE)
    bulk = BulkDecision.objects.create(
        workspace=workspace,
        decision=decision,
        reason=reason,
        until=until,
        by=actor,
        by_login=actor.get_username(),
        at=now,
        heartbeat_at=now,
        seen=seen,
        policy=workspace.current_policy,
        last_sync=complete.aggregate(last=Max("pk"))["last"] or 0,
        accounts=sorted(accounts),
        total=len(accounts),
    )
    data: dict[str, Any] = {"kind": decision, "count": bulk.total, "reason": reason, "bulk": bulk.pk}
    data |= {"until": until.isoformat()} if until else {}
    _log(bulk, Event.DECISIONS_CONFIRMED, now=now, data=data | ({"filter": about} if about else {}))
    return bulk


def carry_on(*, bulk: BulkDecision, clock: Callable[[], datetime], budget: timedelta | None = None) -> bool:
    """Decide on those who are left, until the time budget is spent. Whether more can be done at once."""
    until = time.monotonic() + budget.total_seconds() if budget is not None else None
    size, written, known, is_more = PORTION, 0, 0, True
    with checkpoint.kept_at_the_end():
        while is_more:
            began = time.monotonic()
            is_more = _portion(bulk.pk, size, now=clock())
            written, ended = written + size, time.monotonic()
            size = _next_size(size, took=ended - began)
            if written >= 2 * known or not is_more:
                known = written
                indexes.look_through(*WRITTEN)
            if until is not None and ended >= until:
                break
    return is_more


@transaction.atomic
def cancel(*, bulk: BulkDecision, actor: User, now: datetime) -> None:
    """End it where it stands: what is decided stays, nobody else is decided on.

    Raises ``PermissionDenied`` and :class:`NotOpen`.
    """
    permit(actor, "decide", bulk.workspace)
    held = _held(bulk.pk)
    if held is None or not held.is_open:
        raise NotOpen(_("This decision has already ended."))
    _end(held, BulkDecision.State.CANCELLED, login=actor.get_username(), now=now)


@transaction.atomic
def confirm_again(*, bulk: BulkDecision, actor: User, now: datetime) -> None:
    """Let one that has stopped go on with those who are left. Raises ``PermissionDenied`` and :class:`NotOpen`."""
    permit(actor, "decide", bulk.workspace)
    held = _held(bulk.pk)
    if held is None or held.state != BulkDecision.State.STOPPED:
        raise NotOpen(_("This decision is not waiting for anybody."))
    if held.by_id != actor.pk:
        raise NotOpen(_("Only %(login)s, who confirmed it, can continue it.") % {"login": held.by_login})
    held.state, held.stopped_because = BulkDecision.State.RUNNING, ""
    held.heartbeat_at = now
    held.save(update_fields=["state", "stopped_because", "heartbeat_at"])
    _log(held, Event.DECISIONS_CONFIRMED, now=now, data={"kind": "again", "bulk": held.pk})


def undo(*, bulk: BulkDecision, actor: User, now: datetime) -> BulkDecision:
    """Take back what it did and still stands, as another bulk decision.

    Raises ``PermissionDenied`` and :class:`NotOpen`.
    """
    seen = newest(bulk.workspace)
    accounts = list(standing(bulk, now=now))
    if bulk.is_open or not accounts:
        raise NotOpen(_("There is nothing left to undo."))
    return confirm(
        workspace=bulk.workspace,
        decision="withdraw",
        accounts=accounts,
        actor=actor,
        reason=reasons.UNDONE,
        seen=seen,
        now=now,
    )


def standing(bulk: BulkDecision, *, now: datetime) -> QuerySet[Any, int]:
    """The keys of the accounts on which what it decided still stands, in their order."""
    during = (bulk.at, bulk.ended_at or now)
    decided: dict[str, QuerySet[Any]] = {
        "approve": Case.objects.open().filter(approved_by_login=bulk.by_login, approved_at__range=during),
        "exempt": Exemption.objects.in_force(now).filter(by_login=bulk.by_login, at__range=during),
        "snooze": Snooze.objects.in_force().filter(by_login=bulk.by_login, at__range=during),
    }
    # Asked for within the query, how many they are is unknown to the database, which once took 17 s for 21,000.
    accounts = Among(_keys(bulk, 0, bulk.total))
    found = decided.get(bulk.decision, Case.objects.none()).filter(account__in=accounts)
    return found.order_by("account_id").values_list("account_id", flat=True)


def refusals(bulk: BulkDecision, *, now: datetime) -> list[AccountRefusal]:
    """The first who were skipped, each with what speaks against it now."""
    actor = bulk.by
    if actor is None or not bulk.first_skipped:
        return []
    ids, until = bulk.first_skipped, bulk.until or now
    seen, where = bulk.seen, [bulk.workspace]
    others = {} if seen is None else decided_since(seen, workspaces=where, besides=actor, accounts=ids)
    robots = decide.robots_among(ids, now=now)
    ask: dict[str, Callable[[Account], str]] = {
        "approve": lambda account: decide.objection_to_approval(account, actor=actor),
        "exempt": lambda account: (
            str(decide.ROBOT)
            if account.pk in robots
            else decide.objection_to_exemption(account, actor, bulk.reason, until, now)
        ),
        "snooze": decide.objection_to_snooze,
        "withdraw": decide.objection_to_withdrawal,
    }
    accounts = Account.objects.filter(pk__in=ids).assessed().with_verdict(now).defer("raw").order_by("pk")
    return [
        AccountRefusal(
            account.username,
            said_of(others[account.pk]) if account.pk in others else ask[bulk.decision](account) or _("it had changed"),
        )
        for account in accounts
    ]


def silent(*, now: datetime) -> list[int]:
    """The keys of those on which nobody seems to be working."""
    running = BulkDecision.objects.filter(state=BulkDecision.State.RUNNING, heartbeat_at__lt=now - SILENT)
    return list(running.values_list("pk", flat=True))


def _next_size(size: int, *, took: float) -> int:
    """How many to decide on next, after a portion that took so many seconds."""
    if took > 2 * QUICK:
        return max(size // 2, PORTION // 2, 1)
    return min(size * 2, PORTION * GROWTH) if took < QUICK / 2 else size


def _portion(pk: int, size: int, *, now: datetime) -> bool:
    """Decide on the next few; whether anybody is left."""
    with transaction.atomic():
        bulk = _held(pk)
        if bulk is None or bulk.state != BulkDecision.State.RUNNING:
            return False
        if now - bulk.heartbeat_at > CONFIRMED_FOR:
            return _stop(bulk, BulkDecision.Stop.EXPIRED)
        keys = _keys(bulk, bulk.position, bulk.position + size)
        apart = Apart()
        try:
            _decide(bulk, keys, apart=apart, now=now)
        except PermissionDenied:
            return _stop(bulk, BulkDecision.Stop.NOT_PERMITTED)
        bulk.position += len(keys)
        bulk.decided += len(keys) - len(apart)
        bulk.skipped += len(apart)
        bulk.first_skipped = [*bulk.first_skipped, *apart][:MOST_NAMED]
        bulk.heartbeat_at = now
        bulk.save(update_fields=["position", "decided", "skipped", "first_skipped", "heartbeat_at"])
        if bulk.position < bulk.total:
            return True
        _end(bulk, BulkDecision.State.DONE, login=bulk.by_login, now=now)
        return False


@transaction.atomic
def _decide(bulk: BulkDecision, keys: Sequence[int], *, apart: Apart, now: datetime) -> None:
    if bulk.by is None:
        raise PermissionDenied
    # What is known of them is read once they are held.
    one = Account(workspace=bulk.workspace)
    accounts = [alike(one, id=key) for key in keys]
    act: dict[str, Any] = {"accounts": accounts, "actor": bulk.by, "now": now, "seen": bulk.seen, "apart": apart}
    match bulk.decision:
        case "approve":
            decide.approve(reason=bulk.reason, is_shown=_shown(bulk), **act)
        case "exempt" if bulk.until:
            decide.exempt(reason=bulk.reason, until=bulk.until, **act)
        case "snooze":
            decide.snooze(reason=bulk.reason, **act)
        case _:
            decide.withdraw(reason=bulk.reason, **act)
    # Roles change in the turn that the entries hold by now: who has lost the right meanwhile has decided nothing.
    permit(bulk.by, "decide", bulk.workspace)


def _shown(bulk: BulkDecision) -> Callable[[Account], bool]:
    """Whether what is known of an account is what could be seen of it when the decision was confirmed."""
    later = Q(pk__gt=bulk.last_sync) | Q(resolved_at__gte=bulk.at)
    syncs = Sync.objects.filter(later, workspace=bulk.workspace_id, state=Sync.State.COMPLETE)
    unseen: datetime | None = syncs.aggregate(first=Min("started_at"))["first"]
    return lambda account: (
        (unseen is None or account.read_at < unseen) and account.assessment.policy_id == bulk.policy_id
    )


def _keys(bulk: BulkDecision, start: int, end: int) -> list[int]:
    """Some of its accounts: all of them are too many to be read for each portion."""
    keys: list[int] = BulkDecision.objects.values_list(f"accounts__{start}_{end}", flat=True).get(pk=bulk.pk)
    return keys


def _held(pk: int) -> BulkDecision | None:
    bulk = BulkDecision.objects.select_related("workspace", "by").defer("accounts")
    return bulk.select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()


def _stop(bulk: BulkDecision, why: BulkDecision.Stop) -> bool:
    bulk.state, bulk.stopped_because = BulkDecision.State.STOPPED, why
    bulk.save(update_fields=["state", "stopped_because"])
    return False


def _end(bulk: BulkDecision, state: BulkDecision.State, *, login: str, now: datetime) -> None:
    bulk.state, bulk.stopped_because, bulk.ended_at = state, "", now
    bulk.save(update_fields=["state", "stopped_because", "ended_at"])
    data = {"kind": state.value, "bulk": bulk.pk, "decided": bulk.decided, "skipped": bulk.skipped}
    audit.log([bulk.workspace], kind=Event.DECISIONS_ENDED, actor=login, now=now, data=data)


def _log(bulk: BulkDecision, kind: Event, *, now: datetime, data: dict[str, Any]) -> None:
    audit.log([bulk.workspace], kind=kind, actor=bulk.by_login, now=now, data=data)
