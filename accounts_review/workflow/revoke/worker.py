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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef
from structlog.contextvars import bound_contextvars

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.audit.events import Event, named
from accounts_review.huwise import HuwiseError, UnexpectedAnswer, stops_cleanup
from accounts_review.models import Account, Case, Cleanup, Workspace
from accounts_review.models.prepared import Prepared
from accounts_review.rules.gate import LONGEST_LOOK, objections, standstill
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.wording.findings import Found
from accounts_review.workflow import holds
from accounts_review.workflow.brake import brake, stop
from accounts_review.workflow.revoke.delete_call import DeleteOutcome, failure_of, outcome_of
from accounts_review.workflow.revoke.flight import Answered, Flight, Looked
from accounts_review.workflow.revoke.groups import Groups
from accounts_review.workflow.revoke.last_look import Basis, LastLook, basis_of, look, store_address, terms_of
from accounts_review.workflow.revoke.preflight import preflight
from accounts_review.workflow.revoke.recorder import Recorder
from accounts_review.workflow.revoke.settle import hold_cleanup
from accounts_review.workflow.revoke.standstill import claimable, may_start, next_up

log = structlog.get_logger(__name__)

_TURN = Prepared(lambda key: Workspace.objects.filter(pk=key).select_for_update(no_key=True).values_list("pk"), key=int)


def crashpoint(label: str) -> None:
    """A place where tests kill the process; it does nothing."""


@dataclass(slots=True, kw_only=True)
class Revoker(Recorder):
    """Revokes what is due; ``lease`` is how long a claim holds."""

    lease: timedelta
    largest_skew: timedelta | None = None
    """How far this machine's clock may be from the workspace's; ``None`` where the clock is not this machine's."""
    patience: timedelta = timedelta(0)
    """How long a case that was held back for what its account shows is left alone before it is looked at again."""
    deadlines: dict[int, float] = field(default_factory=dict)
    """Until when the claim of a case holds, by a clock that nobody sets back."""
    groups: Groups = field(init=False)
    latest: int = 0
    """The clean-up that cases were claimed of last."""
    watch_again_at: float = 0.0

    def __post_init__(self) -> None:
        self.groups = Groups(self.client, self.clock)

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

        def room(in_flight: int) -> int:
            if until is not None and time.monotonic() >= until:
                return 0
            return self.at_once if limit is None else limit - self.tally.total() - in_flight

        if self.at_once > 1:
            # A claim notes the newest entry before it looks at the holds.
            with checkpoint.kept_at_the_end():
                Flight(crew=self, most=self.at_once, room=room).run()
        else:
            self._one_by_one(room)
        self.close_finished()

    def _one_by_one(self, room: Callable[[int], int]) -> None:
        while room(0) > 0 and (case := self.claim()):
            with bound_contextvars(case=case.pk):
                may_go_on = self.process(case)
            if not may_go_on:
                return

    def claim(self) -> Case | None:
        """Take one due case for as long as the lease lasts, or ``None`` where none may be taken now."""
        return next(iter(self.claim_some(1)), None)

    def claim_some(self, most: int, *, ahead: int = 0) -> list[Case]:
        """Take due cases of one clean-up for as long as the lease lasts; none where none may be taken now.

        ``ahead`` is how many were taken before and have yet to pass the gate: the hourly limit must do for them, too.
        """
        crashpoint("s1")
        self._watch()
        for cleanup_id in self._with_due():
            if cases := self._claim_of(cleanup_id, most, ahead=ahead):
                self.latest = cleanup_id
                crashpoint("s2")
                return cases
        return []

    def _watch(self) -> None:
        """Note the newest entry, every second: whether the database agrees with it is asked at every gate."""
        if time.monotonic() >= self.watch_again_at:
            holds.watch(now=self.clock())
            self.watch_again_at = time.monotonic() + holds.BETWEEN_LOOKS

    def _with_due(self) -> Iterator[int]:
        """The running clean-ups in which somebody is due, after the one that had somebody last."""
        if self.latest:
            yield self.latest
        running = Cleanup.objects.filter(workspace=self.workspace, state=CleanupState.RUNNING).exclude(pk=self.latest)
        due = running.filter(Exists(claimable(**self._claimable()).filter(cleanup=OuterRef("pk")))).order_by("pk")
        yield from due.values_list("pk", flat=True)

    @transaction.atomic
    def _claim_of(self, cleanup_id: int, most: int, *, ahead: int) -> list[Case]:
        hold_cleanup(cleanup_id)
        basis = basis_of(cleanup_id, now=self.clock())
        cleanup, moment = basis.cleanup, basis.moment
        # What holds every case is not logged for each of them every minute.
        if standstill(moment) or basis.in_doubt:
            return []
        if not cleanup.dry_run and 0 < moment.budget_left < most + ahead:
            most = moment.budget_left - ahead
        room = may_start(cleanup, most)
        if room < 1:
            return []
        cases = self._next_up(cleanup, room)
        # Where nobody is left, a clean-up is to be closed, not paused.
        if not cases or brake(cleanup, now=self.clock()):
            return []
        for case in cases:
            case.cleanup = cleanup
        lease_until = self.clock() + self.lease
        self._transition_all(cases, CaseState.CLAIMED, Event.CASE_CLAIMED, claim=uuid.uuid4(), lease_until=lease_until)
        self.deadlines |= {case.pk: time.monotonic() + self.lease.total_seconds() for case in cases}
        return cases

    def _next_up(self, cleanup: Cleanup, most: int) -> list[Case]:
        return next_up(most).objects(cleanup=cleanup.pk, **self._claimable())

    def _claimable(self) -> dict[str, Any]:
        now = self.clock()
        return {"now": now, "held_since": now - self.patience, "held": list(self.held)}

    def process(self, case: Case) -> bool:
        """Take a claimed case to its end; false where the workspace fails and going on makes no sense."""
        self.deadlines[case.pk] = time.monotonic() + self.lease.total_seconds()
        seen = self.see(case)
        if isinstance(seen, HuwiseError):
            return self.could_not_look(case, seen)
        crashpoint("s3")
        if not self._pass_gate(case, seen):
            return True
        crashpoint("s5")
        outcome = self.send(case, seen)
        crashpoint("s6")
        return self._finish(case, outcome)

    def see(self, case: Case) -> LastLook | HuwiseError:
        """The last look at a case, which stays with it whatever becomes of it, or why there is none."""
        try:
            return self.kept(case, look(case, client=self.groups, clock=self.clock))
        except HuwiseError as error:
            return error

    def send(self, case: Case, seen: LastLook) -> DeleteOutcome:
        """Send the one DELETE of a case whose intent has committed, unless it comes too late for that."""
        deadline = self.deadlines.pop(case.pk)
        if time.monotonic() >= deadline or case.lease_until is None or self.clock() >= case.lease_until:
            # A process that was frozen past its lease must not send: another may be settling the case. Two clocks,
            # because one stands still while the machine is suspended, and the other may be set back.
            return DeleteOutcome(CaseState.UNKNOWN, {"why": {"code": "lease_over"}})
        if self.clock() - seen.at > LONGEST_LOOK:
            return DeleteOutcome(CaseState.UNKNOWN, {"why": {"code": "look_too_old"}})
        return outcome_of(self.client, case.account.username)

    def pass_gates(self, looked: Sequence[Looked]) -> tuple[list[Looked], list[Case]]:
        """Those whose DELETE may leave now, and those who have to wait until others have ended."""
        crashpoint("s3")
        passed, waiting = self._pass_gates(looked)
        if passed:
            crashpoint("s5")
        return passed, waiting

    def _pass_gate(self, case: Case, seen: LastLook) -> bool:
        """Commit the intent if no check objects; else spare or release the case."""
        passed, waiting = self._pass_gates([(case, seen)])
        for put_off in waiting:
            self.held.add(put_off.pk)
            self.put_back(put_off)
        return bool(passed)

    @transaction.atomic
    def _pass_gates(self, looked: Sequence[Looked]) -> tuple[list[Looked], list[Case]]:
        """Commit the intents of whom no check objects to; spare or release the others, or have them wait."""
        crashpoint("s4")
        ours, waiting = self._hold_rows(looked)
        for case, seen in ours:
            if seen.gone:
                # Their judgements are written to, for which one may wait: before anybody else has to wait for us.
                self._mark_gone(case)
        # The gates of a workspace take turns, because they share its hourly limit.
        _TURN.rows(key=self.workspace.pk)
        audit.wait_for_turn()
        bases: dict[int, Basis] = {}
        passed: list[Looked] = []
        for case, seen in ours:
            if seen.gone:
                self._is_gone(case, seen)
                continue
            if case.cleanup_id not in bases:
                accounts = [one.account_id for one, _ in ours]
                bases[case.cleanup_id] = basis_of(case.cleanup_id, now=self.clock(), accounts=accounts)
            basis = bases[case.cleanup_id]
            if basis.in_doubt or 0 < basis.moment.budget_left <= _live(passed):
                waiting.append(case)
                continue
            assert seen.facts is not None
            store_address(case.account, seen.facts.email)
            if found := objections(terms_of(case, seen, clock=self.clock, basis=basis)):
                self._object(case, found, seen)
            else:
                passed.append((case, seen))
        self._intend(passed)
        return [(case, seen) for case, seen in passed if not case.cleanup.dry_run], waiting

    def could_not_look(self, case: Case, error: HuwiseError) -> bool:
        """Release a case that cannot be looked at; false where the workspace fails."""
        if isinstance(error, UnexpectedAnswer):
            with suppress(audit.Conflict), transaction.atomic():
                self._hold(case, [{"code": "unreadable_record", "detail": str(error), "because": []}])
            return True
        self._fails(failure_of(error))
        with transaction.atomic():
            if stops_cleanup(error):
                hold_cleanup(case.cleanup_id)
            self._transition_if_ours(case, CaseState.DUE, Event.CASE_RELEASED, data={"error": str(error)}, claim=None)
            if stops_cleanup(error):
                stop(case.cleanup, failure_of(error), now=self.clock())
        return False

    def record(self, answered: Sequence[Answered]) -> bool:
        """Write down what became of DELETEs, every one, also where one fails; false where the clean-up has to stop."""
        crashpoint("s6")
        if len(answered) > 1 and self._all_revoked(answered):
            return True
        go_on = list[bool]()
        with ExitStack() as each:
            for case, outcome in reversed(answered):
                each.callback(lambda *answer: go_on.append(self._finish(*answer)), case, outcome)
        return all(go_on)

    def _all_revoked(self, answered: Sequence[Answered]) -> bool:
        """Write down in one transaction that all went well; where it did not, or somebody is in the way, nothing is."""
        outcomes = {case.pk: outcome for case, outcome in answered}
        if any(outcome.state is not CaseState.REVOKED for outcome in outcomes.values()):
            return False
        cases, recorded = [case for case, _ in answered], False
        accounts = Account.objects.filter(pk__in=[case.account_id for case in cases]).order_by("pk").values_list("pk")
        # Each is then written down by itself, so that a deadlock costs no answer.
        with suppress(audit.Conflict, OperationalError), transaction.atomic():
            if len(accounts.select_for_update(no_key=True, skip_locked=True)) < len(cases):
                return False
            Account.objects.filter(pk__in=[case.account_id for case in cases]).update(gone_at=self.clock())
            self._transition_all(
                cases,
                CaseState.REVOKED,
                Event.CASE_REVOKED,
                data=lambda case: outcomes[case.pk].record,
                own=lambda case: {"outcome": outcomes[case.pk].record},
                rechecks=[],
            )
            crashpoint("s7")
            recorded = True
        if recorded:
            crashpoint("s8")
        return recorded

    def _finish(self, case: Case, outcome: DeleteOutcome) -> bool:
        """Record what became of the DELETE; false where the clean-up has to stop, which commits with it."""
        is_due = outcome.state is CaseState.DUE
        kind, freed = (Event.CASE_TURNED_AWAY, {"claim": None}) if is_due else (named(f"case.{outcome.state}"), {})
        if outcome.failure:
            self._fails(outcome.failure)
        try:
            with transaction.atomic():
                if outcome.stops or outcome.state is CaseState.UNKNOWN:
                    hold_cleanup(case.cleanup_id)
                if outcome.state is CaseState.REVOKED:
                    self._mark_gone(case)
                self._transition(
                    case, outcome.state, kind, data=outcome.record, outcome=outcome.record, rechecks=[], **freed
                )
                if why := outcome.failure if outcome.stops else self._why_unknown_stops(case):
                    stop(case.cleanup, why, now=self.clock())
                crashpoint("s7")
        except audit.Conflict:
            # The answer came after the lease; another worker settles the case by reading.
            log.warning("outcome came too late", case=case.pk, outcome=outcome.state.value)
            return True
        crashpoint("s8")
        return why is None

    def _keep_failure(self) -> None:
        """What everybody can see of the last attempt: that it failed, or nothing."""
        failure = self.failure or {}
        Workspace.objects.filter(pk=self.workspace.pk).exclude(failure=failure).update(failure=failure)

    def _stop_all(self, why: Found) -> None:
        for cleanup in Cleanup.objects.filter(workspace=self.workspace, state=CleanupState.RUNNING):
            stop(cleanup, why, now=self.clock())


def _live(passed: Sequence[Looked]) -> int:
    """How many of these count against the hourly limit."""
    return sum(not case.cleanup.dry_run for case, _ in passed)
