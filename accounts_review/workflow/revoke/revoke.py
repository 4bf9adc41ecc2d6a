"""Revoke: look once more, pass the gate, commit the intent, send one DELETE, record what became of it.

The row is the truth, the queue only a doorbell (law 11): claims are leases with a token, no remote call is made
inside a transaction, and a case whose worker died is settled by reading, never by sending again (law 7). The steps
of one case, as the tests name them (before s0 and after s9 the message is the queue's)::

    s1 claim -> s2 claimed -> s3 looked -> s4 gate -> s5 intended -> s6 answered -> s7 written -> s8 recorded
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.facts import whole_incarnation
from accounts_review.huwise import Client, Forbidden, HuwiseError, NotFound, Refused, UnexpectedAnswer
from accounts_review.models import Account, Case, Cleanup, Workspace
from accounts_review.rules.gate import LONGEST_LOOK, Effect, Objection, objections, standstill
from accounts_review.rules.lifecycle import ENDED, CaseState, CleanupState
from accounts_review.workflow.revoke.delete_call import Outcome, outcome_of, stops_cleanup
from accounts_review.workflow.revoke.held import held_with
from accounts_review.workflow.revoke.last_look import Look, look, moment_of, terms_of

log = structlog.get_logger(__name__)

STAGES = ((1, 1), (6, 5))
"""Until this many cases of a clean-up have ended, at most so many are in flight: 1, then 5, then the rest."""


def crashpoint(label: str) -> None:
    """A place where tests kill the process; it does nothing."""


@dataclass(slots=True)
class Revoker:
    """What revoking needs: where, with what, and by which clock.

    ``lease`` is how long a claim holds, ``quiet`` how far apart the readings are that settle an unknown outcome.
    """

    workspace: Workspace
    client: Client
    clock: Callable[[], datetime]
    lease: timedelta
    quiet: timedelta
    largest_skew: timedelta | None = None
    """How far this machine's clock may be from the workspace's; ``None`` where the clock is not this machine's."""
    tally: Counter[str] = field(default_factory=Counter)
    patience: timedelta = timedelta(0)
    """How long a case that was held back for what its account shows is left alone before it is looked at again."""
    held: set[int] = field(default_factory=set)
    """Cases that were held back: they are left alone for the rest of the run."""

    def run(self, *, limit: int | None = None, budget: timedelta | None = None) -> Counter[str]:
        """Work until nothing is due, the limit of cases or the time budget is spent, or the workspace fails.

        Returns how many cases went to each state.
        """
        until = time.monotonic() + budget.total_seconds() if budget else None
        if not self._is_right_target():
            return self.tally
        self.settle()
        while (limit is None or self.tally.total() < limit) and (until is None or time.monotonic() < until):
            case = self.claim()
            if case is None or not self.process(case):
                break
        self.close_finished()
        return self.tally

    def claim(self) -> Case | None:
        """Take one due case for as long as the lease lasts, or ``None`` where none may be taken now."""
        crashpoint("s1")
        due = self._due()
        running = Cleanup.objects.filter(cases__in=due, workspace=self.workspace, state="running")
        for cleanup in running.distinct().order_by("pk"):
            with transaction.atomic():
                cleanup = Cleanup.objects.select_for_update().get(pk=cleanup.pk)
                # What holds every case is not written down for one of them, every minute anew.
                if standstill(moment_of(cleanup, now=self.clock())) or not self._may_start_another(cleanup):
                    continue
                # A case that was put back goes behind the others, so that it cannot bar their way.
                next_up = due.filter(cleanup=cleanup).order_by("moved_at", "pk").select_related("account")
                case = next_up.select_for_update(skip_locked=True, of=("self",)).first()
                if case is None:
                    continue
                case.cleanup = cleanup
                self._move(
                    case, CaseState.CLAIMED, "case.claimed", claim=uuid.uuid4(), lease_until=self.clock() + self.lease
                )
            crashpoint("s2")
            return case
        return None

    def _due(self) -> QuerySet[Case]:
        ripe = Q(promised_at=None) | Q(promised_at__lte=self.clock())
        held = Q(pk__in=self.held) | Q(outcome__has_key="held_since", moved_at__gt=self.clock() - self.patience)
        return Case.objects.filter(ripe, state="due").exclude(held)

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
            return self._finish(case, Outcome(CaseState.UNKNOWN, {"error": _("the lease ran out before sending")}))
        if self.clock() - seen.at > LONGEST_LOOK:
            return self._finish(case, Outcome(CaseState.UNKNOWN, {"error": _("the last look was too old to send on")}))
        outcome = outcome_of(self.client, case.account.username)
        crashpoint("s6")
        return self._finish(case, outcome)

    def settle(self) -> None:
        """Free or settle the cases whose worker died, and read those whose outcome is unknown."""
        open_cases = Case.objects.filter(cleanup__workspace=self.workspace).select_related(
            "account", "cleanup__workspace"
        )
        for case in open_cases.filter(state="claimed", lease_until__lt=self.clock()):
            self._quietly(case, CaseState.DUE, "case.released", data={"why": "lease ran out"})
        for case in open_cases.filter(state="intended", lease_until__lt=self.clock()):
            data = {"why": "the worker died after the intent"}
            self._quietly(case, CaseState.UNKNOWN, "case.unknown", data=data, readings=[], outcome=data)
        for case in open_cases.filter(state="unknown"):
            self._read_unknown(case)

    def close_finished(self) -> None:
        """Close the clean-ups in which every case has ended, and let go of what a cancelled one has left."""
        left = Case.objects.filter(cleanup__workspace=self.workspace, cleanup__state="cancelled", state="due")
        for case in left.select_related("account", "cleanup__workspace"):
            why = {"reason": _("the clean-up was cancelled")}
            self._quietly(case, CaseState.WITHDRAWN, "account.withdrawn", data=why)
        for cleanup in Cleanup.objects.filter(workspace=self.workspace, state="running"):
            if cleanup.cases.exists() and not cleanup.cases.open().exists():
                now, data = self.clock(), cleanup.tally()
                try:
                    audit.transition(
                        [cleanup],
                        CleanupState.CLOSED,
                        kind="cleanup.closed",
                        actor="portal",
                        now=now,
                        data=data,
                        closed_at=now,
                    )
                except audit.Conflict:
                    continue

    def _is_right_target(self) -> bool:
        """Whether host and key are still those the workspace was read with; if not, everything stops."""
        try:
            owner = self.client.key_owner() or self.workspace.key_owner
        except (Forbidden, NotFound, Refused, UnexpectedAnswer):
            # The key may read users and not keys; the owner known from the last sync stands in.
            owner = self.workspace.key_owner
        except HuwiseError as error:
            log.warning("the workspace cannot be asked who we are", error=str(error))
            if stops_cleanup(error):
                self._stop_all(str(error))
            return False
        if self.client.host == self.workspace.host and owner == self.workspace.key_owner:
            return self._is_right_time()
        why = _("the workspace now answers as %(owner)s at %(host)s") % {"owner": owner, "host": self.client.host}
        self._stop_all(why)
        return False

    def _is_right_time(self) -> bool:
        """Whether the two clocks agree; a promise would come early by a clock that is ahead, so everything stops."""
        if self.largest_skew is None:
            return True
        try:
            theirs = self.client.users_page(offset=0, limit=0).server_date
        except HuwiseError as error:
            log.warning("the workspace cannot be asked for the time", error=str(error))
            return False
        skew = abs(self.clock() - theirs) if theirs else timedelta(0)
        if skew <= self.largest_skew:
            return True
        self._stop_all(
            _("this machine's clock and the workspace's are %(seconds)d seconds apart")
            % {"seconds": skew.total_seconds()}
        )
        return False

    def _may_start_another(self, cleanup: Cleanup) -> bool:
        if cleanup.dry_run:
            return True
        ended = cleanup.cases.filter(state__in=ENDED).exclude(state__in=("withdrawn", "spared")).count()
        in_flight = cleanup.cases.filter(state__in=("claimed", "intended", "unknown")).count()
        allowed = next((most for below, most in STAGES if ended < below), None)
        return allowed is None or in_flight < allowed

    @transaction.atomic
    def _pass_gate(self, case: Case, seen: Look) -> bool:
        """Commit the intent if nothing speaks against it; else spare or release the case."""
        crashpoint("s4")
        # Who decides on this account has decided already, or waits and finds it under way: account first, then case,
        # as they do. The gates of a workspace take turns, because they share its hourly limit.
        Account.objects.select_for_update().get(pk=case.account_id)
        held = Case.objects.select_for_update(of=("self",)).filter(pk=case.pk, claim=case.claim, state="claimed")
        if held.first() is None:
            return False
        case.refresh_from_db(fields=["approved_by", "noticed_at", "promised_at"])
        Workspace.objects.select_for_update(no_key=True).get(pk=self.workspace.pk)
        if seen.gone:
            self._mark_gone(case)
            self._move(case, CaseState.ALREADY_GONE, "case.already_gone", last_look=seen.record, outcome=seen.record)
            return False
        audit.wait_for_turn()
        found = objections(terms_of(case, seen, clock=self.clock))
        if found:
            self._object(case, found, seen)
            return False
        if case.cleanup.dry_run:
            self._move(case, CaseState.WOULD_REVOKE, "case.would_revoke", last_look=seen.record)
            return False
        self._move(
            case,
            CaseState.INTENDED,
            "case.intended",
            data={"last_look": seen.record},
            intended_at=self.clock(),
            last_look=seen.record,
            snapshot=seen.snapshot,
        )
        return True

    def _object(self, case: Case, found: list[Objection], seen: Look) -> None:
        why = [
            {"code": objection.code, "detail": objection.detail, "because": list(map(asdict, objection.because))}
            for objection in found
        ]
        if found[0].effect is Effect.SPARE:
            self._move(
                case, CaseState.SPARED, "case.spared", data={"why": why}, last_look=seen.record, outcome={"why": why}
            )
        else:
            self._hold(case, why)

    def _hold(self, case: Case, why: Sequence[Mapping[str, Any]]) -> None:
        self.held.add(case.pk)
        kind, outcome = held_with(why, before=case.outcome, now=self.clock())
        self._move(case, CaseState.DUE, kind, data={"why": why}, claim=None, outcome=outcome)

    def _could_not_look(self, case: Case, error: HuwiseError) -> bool:
        if isinstance(error, UnexpectedAnswer):
            with suppress(audit.Conflict), transaction.atomic():
                self._hold(case, [{"code": "unreadable_record", "detail": str(error), "because": []}])
            return True
        data = {"error": str(error)}
        self._quietly(case, CaseState.DUE, "case.released", data=data, claim=None)
        if stops_cleanup(error):
            self._stop(case.cleanup, str(error))
        return False

    def _finish(self, case: Case, outcome: Outcome) -> bool:
        """Record what became of the DELETE; false where the clean-up has to stop."""
        kind = f"case.{outcome.state}"
        try:
            with transaction.atomic():
                if outcome.state in (CaseState.REVOKED, CaseState.ALREADY_GONE):
                    self._mark_gone(case)
                self._move(case, outcome.state, kind, data=outcome.record, outcome=outcome.record, readings=[])
                crashpoint("s7")
        except audit.Conflict:
            # The answer came after the lease; another worker settles the case by reading.
            log.warning("outcome came too late", case=case.pk, outcome=outcome.state.value)
            return True
        crashpoint("s8")
        if outcome.stops:
            self._stop(case.cleanup, outcome.record["error"])
        elif outcome.state is CaseState.UNKNOWN and self._second_unknown(case):
            self._stop(case.cleanup, _("two outcomes in a row are unknown: %(error)s") % outcome.record)
            return False
        return not outcome.stops

    def _second_unknown(self, case: Case) -> bool:
        others = case.cleanup.cases.exclude(pk=case.pk).exclude(intended_at=None).exclude(state="intended")
        before = others.order_by("-intended_at").first()
        return before is not None and before.state == CaseState.UNKNOWN

    def _read_unknown(self, case: Case) -> None:
        """Read once; two readings that agree, a quiet period apart, settle the case."""
        since = datetime.fromisoformat(case.readings[-1]["at"]) if case.readings else case.moved_at
        if self.clock() - since < self.quiet:
            return
        try:
            seen = look(case, client=self.client, clock=self.clock)
        except HuwiseError as error:
            log.warning("unknown outcome could not be read", case=case.pk, error=str(error))
            return
        if not (seen.gone or seen.incarnation):
            # A record that does not say whose it is proves nothing.
            return
        is_same = seen.incarnation == whole_incarnation(case.account.incarnation)
        found = "absent" if seen.gone else "present" if is_same else "re-created"
        earlier = case.readings[-1]["found"] if case.readings else ""
        reading = {"at": self.clock().isoformat(), "found": found}
        if found != earlier:
            Case.objects.filter(pk=case.pk, state="unknown").update(readings=[*case.readings, reading])
            case.readings = [*case.readings, reading]
            if not self.quiet:
                self._read_unknown(case)
            return
        data = (case.outcome or {}) | {"readings": [*case.readings, reading], "inferred": True}
        if found == "present":
            self._quietly(case, CaseState.DUE, "case.still_there", data=data, claim=None)
        else:
            self._quietly(case, CaseState.REVOKED, "case.revoked", data=data, outcome=data)

    def _stop_all(self, why: str) -> None:
        for cleanup in Cleanup.objects.filter(workspace=self.workspace, state="running"):
            self._stop(cleanup, why)

    def _stop(self, cleanup: Cleanup, why: str) -> None:
        try:
            now, data = self.clock(), {"why": why}
            audit.transition(
                [cleanup],
                CleanupState.PAUSED,
                kind="cleanup.stopped",
                actor="portal",
                now=now,
                data=data,
                stopped_because=why,
            )
        except (audit.Conflict, ValueError):
            log.info("clean-up was stopped already", cleanup=cleanup.pk)

    def _mark_gone(self, case: Case) -> None:
        case.account.gone_at = self.clock()
        case.account.save(update_fields=["gone_at"])

    def _move(
        self, case: Case, to: CaseState, kind: str, *, data: dict[str, Any] | None = None, **changes: Any
    ) -> None:
        expect = {"claim": case.claim} if case.claim and to is not CaseState.CLAIMED else {}
        audit.transition([case], to, kind=kind, actor="portal", now=self.clock(), data=data, expect=expect, **changes)
        if to is not CaseState.CLAIMED and to is not CaseState.INTENDED:
            self.tally[to.value] += 1

    def _quietly(self, case: Case, to: CaseState, kind: str, **changes: Any) -> None:
        """Move, unless another worker was faster."""
        try:
            with transaction.atomic():
                if to is CaseState.REVOKED:
                    self._mark_gone(case)
                self._move(case, to, kind, **changes)
        except audit.Conflict:
            log.info("case was moved by another worker", case=case.pk)
