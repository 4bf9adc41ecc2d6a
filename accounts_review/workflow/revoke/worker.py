"""Revoke: look once more, pass the gate, commit the intent, send one DELETE, record what became of it.

The row is the truth, a message only says to look (law 11): claims are leases with a token, no remote call is made
inside a transaction, and a case whose worker died is settled by reading, never by sending again (law 7). The steps
of one case, as the tests name them (before s0 and after s9 the message is the queue's)::

    s1 claim -> s2 claimed -> s3 looked -> s4 gate -> s5 intended -> s6 answered -> s7 written -> s8 recorded
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from structlog.contextvars import bound_contextvars

from accounts_review import audit
from accounts_review.audit.events import Event, named
from accounts_review.huwise import HuwiseError, UnexpectedAnswer, stops_cleanup
from accounts_review.models import Account, Case, Cleanup, Workspace
from accounts_review.rules.gate import LONGEST_LOOK, Effect, Objection, objections, standstill
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.wording.findings import Found
from accounts_review.workflow import holds
from accounts_review.workflow.brake import brake, stop
from accounts_review.workflow.revoke.delete_call import DeleteOutcome, failure_of, outcome_of
from accounts_review.workflow.revoke.held import held_with
from accounts_review.workflow.revoke.last_look import Look, look, moment_of, store_address, terms_of
from accounts_review.workflow.revoke.preflight import preflight
from accounts_review.workflow.revoke.settle import Settler
from accounts_review.workflow.revoke.standstill import WARNED_ELSEWHERE, may_start_another, ripe

log = structlog.get_logger(__name__)


def crashpoint(label: str) -> None:
    """A place where tests kill the process; it does nothing."""


@dataclass(slots=True, kw_only=True)
class Revoker(Settler):
    """Revokes what is due; ``lease`` is how long a claim holds."""

    lease: timedelta
    largest_skew: timedelta | None = None
    """How far this machine's clock may be from the workspace's; ``None`` where the clock is not this machine's."""
    patience: timedelta = timedelta(0)
    """How long a case that was held back for what its account shows is left alone before it is looked at again."""
    held: set[int] = field(default_factory=set)
    """Cases that were held back: they are left alone for the rest of the run."""

    def run(self, *, limit: int | None = None, budget: timedelta | None = None) -> Counter[str]:
        """Work until nothing is due, the limit of cases or the time budget is spent, or the workspace fails.

        Returns how many cases went to each state; ``failure`` says how the workspace failed, if it did.
        """
        try:
            self._run(limit=limit, until=time.monotonic() + budget.total_seconds() if budget else None)
        finally:
            self._keep_failure()
        return self.tally

    def _run(self, *, limit: int | None, until: float | None) -> None:
        trouble = preflight(self.workspace, self.client, clock=self.clock, largest_skew=self.largest_skew)
        if trouble is not None:
            self._fails(trouble.why)
            if trouble.stops:
                self._stop_all(trouble.why)
            return
        self.settle()
        while (limit is None or self.tally.total() < limit) and (until is None or time.monotonic() < until):
            case = self.claim()
            if case is None:
                break
            with bound_contextvars(case=case.pk):
                may_go_on = self.process(case)
            if not may_go_on:
                break
        self.close_finished()

    def claim(self) -> Case | None:
        """Take one due case for as long as the lease lasts, or ``None`` where none may be taken now."""
        crashpoint("s1")
        holds.watch(now=self.clock())
        due = self._due()
        running = Cleanup.objects.filter(cases__in=due, workspace=self.workspace, state=CleanupState.RUNNING)
        for cleanup in running.distinct().order_by("pk"):
            with transaction.atomic():
                cleanup = Cleanup.objects.select_for_update().get(pk=cleanup.pk)
                # What holds every case is not logged for each of them every minute.
                if standstill(moment_of(cleanup, now=self.clock())) or not may_start_another(cleanup):
                    continue
                if brake(cleanup, now=self.clock()):
                    continue
                # A case that was put back goes behind the others, so that it cannot bar their way.
                next_up = due.filter(cleanup=cleanup).order_by("moved_at", "pk").select_related("account")
                case = next_up.select_for_update(skip_locked=True, of=("self",)).first()
                if case is None:
                    continue
                case.cleanup = cleanup
                self._transition(
                    case,
                    CaseState.CLAIMED,
                    Event.CASE_CLAIMED,
                    claim=uuid.uuid4(),
                    lease_until=self.clock() + self.lease,
                )
            crashpoint("s2")
            return case
        return None

    def _due(self) -> QuerySet[Case]:
        held = Q(pk__in=self.held) | Q(outcome__has_key="held_since", moved_at__gt=self.clock() - self.patience)
        return Case.objects.filter(ripe(self.clock())).exclude(held).exclude(WARNED_ELSEWHERE)

    def process(self, case: Case) -> bool:
        """Take a claimed case to its end; false where the workspace fails and going on makes no sense."""
        deadline = time.monotonic() + self.lease.total_seconds()
        try:
            seen = look(case, client=self.client, clock=self.clock)
        except HuwiseError as error:
            return self._could_not_look(case, error)
        crashpoint("s3")
        if not self._pass_gate(case, seen):
            return True
        crashpoint("s5")
        if time.monotonic() >= deadline or case.lease_until is None or self.clock() >= case.lease_until:
            # A process that was frozen past its lease must not send: another may be settling the case. Two clocks,
            # because one stands still while the machine is suspended, and the other may be set back.
            return self._finish(case, DeleteOutcome(CaseState.UNKNOWN, {"why": {"code": "lease_over"}}))
        if self.clock() - seen.at > LONGEST_LOOK:
            return self._finish(case, DeleteOutcome(CaseState.UNKNOWN, {"why": {"code": "look_too_old"}}))
        outcome = outcome_of(self.client, case.account.username)
        crashpoint("s6")
        return self._finish(case, outcome)

    @transaction.atomic
    def _pass_gate(self, case: Case, seen: Look) -> bool:
        """Commit the intent if no check objects; else spare or release the case."""
        crashpoint("s4")
        # Who decides on this account has decided already, or waits and finds it under way: account first, then case,
        # as they do. The gates of a workspace take turns, because they share its hourly limit.
        Account.objects.select_for_update().get(pk=case.account_id)
        held = Case.objects.select_for_update(of=("self",)).filter(
            pk=case.pk, claim=case.claim, state=CaseState.CLAIMED
        )
        if held.first() is None:
            return False
        case.refresh_from_db(fields=["approved_by", "noticed_at", "promised_at", "warned_to"])
        Workspace.objects.select_for_update(no_key=True).get(pk=self.workspace.pk)
        if seen.gone:
            self._mark_gone(case)
            # Where a DELETE of this case was sent before, it did have effect, whatever was answered.
            to, inferred = (CaseState.REVOKED, {"inferred": True}) if case.intended_at else (CaseState.ALREADY_GONE, {})
            outcome = seen.record | inferred
            self._transition(case, to, named(f"case.{to}"), data=inferred, last_look=seen.record, outcome=outcome)
            return False
        audit.wait_for_turn()
        if seen.facts:
            store_address(case.account, seen.facts.email)
        found = objections(terms_of(case, seen, clock=self.clock))
        if found:
            self._object(case, found, seen)
            return False
        if case.cleanup.dry_run:
            self._transition(case, CaseState.WOULD_REVOKE, Event.CASE_WOULD_REVOKE, last_look=seen.record)
            return False
        self._transition(
            case,
            CaseState.INTENDED,
            Event.CASE_INTENDED,
            data={"last_look": seen.record},
            intended_at=self.clock(),
            last_look=seen.record,
            snapshot=seen.snapshot,
        )
        return True

    def _object(self, case: Case, found: list[Objection], seen: Look) -> None:
        why = [
            {"code": objection.code, "detail": objection.detail, "because": list(map(asdict, objection.because))}
            | ({"until": objection.until.isoformat()} if objection.until else {})
            for objection in found
        ]
        if found[0].effect is Effect.SPARE:
            self._transition(
                case,
                CaseState.SPARED,
                Event.CASE_SPARED,
                data={"why": why},
                last_look=seen.record,
                outcome={"why": why},
            )
        else:
            self._hold(case, why)

    def _hold(self, case: Case, why: Sequence[Mapping[str, Any]]) -> None:
        self.held.add(case.pk)
        kind, outcome = held_with(why, before=case.outcome, now=self.clock())
        self._transition(case, CaseState.DUE, kind, data={"why": why}, claim=None, outcome=outcome)

    def _could_not_look(self, case: Case, error: HuwiseError) -> bool:
        if isinstance(error, UnexpectedAnswer):
            with suppress(audit.Conflict), transaction.atomic():
                self._hold(case, [{"code": "unreadable_record", "detail": str(error), "because": []}])
            return True
        data = {"error": str(error)}
        self._transition_if_ours(case, CaseState.DUE, Event.CASE_RELEASED, data=data, claim=None)
        self._fails(failure_of(error))
        if stops_cleanup(error):
            stop(case.cleanup, failure_of(error), now=self.clock())
        return False

    def _finish(self, case: Case, outcome: DeleteOutcome) -> bool:
        """Record what became of the DELETE; false where the clean-up has to stop."""
        is_due = outcome.state is CaseState.DUE
        kind, freed = (Event.CASE_TURNED_AWAY, {"claim": None}) if is_due else (named(f"case.{outcome.state}"), {})
        try:
            with transaction.atomic():
                if outcome.state in (CaseState.REVOKED, CaseState.ALREADY_GONE):
                    self._mark_gone(case)
                self._transition(
                    case, outcome.state, kind, data=outcome.record, outcome=outcome.record, readings=[], **freed
                )
                crashpoint("s7")
        except audit.Conflict:
            # The answer came after the lease; another worker settles the case by reading.
            log.warning("outcome came too late", case=case.pk, outcome=outcome.state.value)
            return True
        crashpoint("s8")
        if outcome.failure:
            self._fails(outcome.failure)
        if why := outcome.failure if outcome.stops else self._why_unknown_stops(case):
            stop(case.cleanup, why, now=self.clock())
        return why is None

    def _keep_failure(self) -> None:
        """What everybody can see of the last attempt: that it failed, or nothing."""
        failure = self.failure or {}
        Workspace.objects.filter(pk=self.workspace.pk).exclude(failure=failure).update(failure=failure)

    def _stop_all(self, why: Found) -> None:
        for cleanup in Cleanup.objects.filter(workspace=self.workspace, state=CleanupState.RUNNING):
            stop(cleanup, why, now=self.clock())
