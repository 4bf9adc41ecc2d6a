"""Settle: what became of the cases whose worker died, or whose DELETE had no clear answer, by reading alone (law 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from accounts_review import audit
from accounts_review.audit.events import Event, named
from accounts_review.facts import whole_incarnation
from accounts_review.huwise import Client, HuwiseError
from accounts_review.models import AuditEntry, Case, Cleanup, Workspace
from accounts_review.models.prepared import Prepared
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.wording.findings import Found
from accounts_review.workflow.brake import stop
from accounts_review.workflow.revoke.delete_call import failure_of
from accounts_review.workflow.revoke.last_look import look

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Settler:
    """What settling needs: where, with what, and by which clock; ``quiet`` is how far apart two rechecks are."""

    workspace: Workspace
    client: Client
    clock: Callable[[], datetime]
    quiet: timedelta
    tally: Counter[str] = field(default_factory=Counter)
    failure: Found | None = None
    """How the workspace failed in this run, if it did."""

    def settle(self) -> None:
        """Free or settle the cases whose worker died, and read those whose outcome is unknown."""
        open_cases = Case.objects.filter(cleanup__workspace=self.workspace).select_related(
            "account", "cleanup__workspace"
        )
        for case in open_cases.filter(state=CaseState.CLAIMED, lease_until__lt=self.clock()):
            self._transition_if_ours(case, CaseState.DUE, Event.CASE_RELEASED, data={"why": {"code": "worker_died"}})
        for case in open_cases.filter(state=CaseState.INTENDED, lease_until__lt=self.clock()):
            self._give_up(case)
        for case in open_cases.filter(state=CaseState.UNKNOWN):
            self._read_unknown(case)

    @transaction.atomic
    def _give_up(self, case: Case) -> None:
        """The worker of a case died after its intent: nobody knows whether its DELETE left."""
        hold_cleanup(case.cleanup_id)
        data = {"why": {"code": "worker_died"}}
        self._transition_if_ours(case, CaseState.UNKNOWN, Event.CASE_UNKNOWN, data=data, rechecks=[], outcome=data)
        # Workers that die one after the other say nothing about the workspace, but twice over one case do.
        if (why := self._why_unknown_stops(case)) and why["code"] == "unknown_again":
            stop(case.cleanup, why, now=self.clock())

    def close_finished(self) -> None:
        """Close the clean-ups in which every case has ended, and let go of what a cancelled one has left."""
        left = Case.objects.filter(
            cleanup__workspace=self.workspace, cleanup__state=CleanupState.CANCELLED, state=CaseState.DUE
        )
        for case in left.select_related("account", "cleanup__workspace"):
            why = {"reason": {"code": "cancelled"}}
            self._transition_if_ours(case, CaseState.WITHDRAWN, Event.ACCOUNT_WITHDRAWN, data=why)
        for cleanup in Cleanup.objects.filter(workspace=self.workspace, state=CleanupState.RUNNING):
            if cleanup.cases.exists() and not cleanup.cases.open().exists():
                now, data = self.clock(), cleanup.tally()
                try:
                    audit.transition(
                        [cleanup],
                        CleanupState.CLOSED,
                        kind=Event.CLEANUP_CLOSED,
                        actor="portal",
                        now=now,
                        data=data,
                        closed_at=now,
                    )
                except audit.Conflict:
                    continue

    def _why_unknown_stops(self, case: Case) -> Found | None:
        """Why a person must look before the next DELETE, should this case's unknown outcome not be the first."""
        if case.state != CaseState.UNKNOWN:
            return None
        entries = AuditEntry.objects.filter(kind=Event.CASE_UNKNOWN, account_id=case.account_id)
        times = entries.filter(cleanup=case.cleanup.number).count()
        if times > 1:
            return {"code": "unknown_again", "times": times}
        return {"code": "unknown_in_a_row"} if self._follows_unknown(case) else None

    def _follows_unknown(self, case: Case) -> bool:
        """Whether the DELETE before this one, of the same clean-up, had no clear answer either, settled or not."""
        answers = AuditEntry.objects.filter(workspace=self.workspace.name, data__from=CaseState.INTENDED.value)
        kinds = answers.filter(cleanup=case.cleanup.number).order_by("-seq").values_list("kind", flat=True)[:2]
        return list(kinds) == [Event.CASE_UNKNOWN] * 2

    def _read_unknown(self, case: Case) -> None:
        """Read once; two rechecks that agree, a quiet period apart, settle the case."""
        since = datetime.fromisoformat(case.rechecks[-1]["at"]) if case.rechecks else case.moved_at
        if self.clock() - since < self.quiet:
            return
        try:
            seen = look(case, client=self.client, clock=self.clock)
        except HuwiseError as error:
            self._fails(failure_of(error))
            log.warning("unknown outcome could not be read", case=case.pk, error=str(error))
            return
        if not (seen.gone or seen.incarnation):
            # A record that does not say whose it is proves nothing.
            return
        is_same = seen.incarnation == whole_incarnation(case.account.incarnation)
        found = "absent" if seen.gone else "present" if is_same else "re-created"
        earlier = case.rechecks[-1]["found"] if case.rechecks else ""
        recheck = {"at": self.clock().isoformat(), "found": found}
        if found != earlier:
            Case.objects.filter(pk=case.pk, state=CaseState.UNKNOWN).update(rechecks=[*case.rechecks, recheck])
            case.rechecks = [*case.rechecks, recheck]
            if not self.quiet:
                self._read_unknown(case)
            return
        data = (case.outcome or {}) | {"rechecks": [*case.rechecks, recheck], "inferred": True}
        if found == "present":
            self._transition_if_ours(case, CaseState.DUE, Event.CASE_STILL_THERE, data=data, claim=None)
        else:
            to = CaseState.ALREADY_GONE if self._found_nobody(case) else CaseState.REVOKED
            self._transition_if_ours(case, to, named(f"case.{to}"), data=data, outcome=data)

    def _found_nobody(self, case: Case) -> bool:
        """Whether the DELETE of a case was told that there is no such user, and none had been sent before."""
        intents = AuditEntry.objects.filter(kind=Event.CASE_INTENDED, account_id=case.account_id)
        is_first = intents.filter(cleanup=case.cleanup.number).count() == 1
        return is_first and (case.outcome or {}).get("found") is False

    def _fails(self, why: Found) -> None:
        """Remember that the workspace failed; what was the matter first is what is told."""
        self.failure = self.failure or why

    def _mark_gone(self, case: Case) -> None:
        case.account.gone_at = self.clock()
        case.account.save(update_fields=["gone_at"])

    def _transition(self, case: Case, to: CaseState, kind: Event, **changes: Any) -> None:
        self._transition_all([case], to, kind, **changes)

    def _transition_all(self, cases: Sequence[Case], to: CaseState, kind: Event, **changes: Any) -> None:
        """Move cases that are ours, if they are claimed at all; a token is never given twice."""
        if not cases:
            return
        claims = {case.claim for case in cases} - {None}
        expect = {"claim__in": claims} if claims and to is not CaseState.CLAIMED else {}
        audit.transition(cases, to, kind=kind, actor="portal", now=self.clock(), expect=expect, **changes)
        if to is not CaseState.CLAIMED and to is not CaseState.INTENDED:
            self.tally[to.value] += len(cases)

    def _transition_if_ours(self, case: Case, to: CaseState, kind: Event, **changes: Any) -> None:
        """The transition, unless another worker was faster."""
        try:
            with transaction.atomic():
                if to in (CaseState.REVOKED, CaseState.ALREADY_GONE):
                    self._mark_gone(case)
                self._transition(case, to, kind, **changes)
        except audit.Conflict:
            log.info("case was moved by another worker", case=case.pk)


def hold_cleanup(key: int) -> None:
    """Lock a clean-up, before its cases and the end of the audit, as a claim does: it may have to stop."""
    _HELD.rows(key=key)


_HELD = Prepared(lambda key: Cleanup.objects.filter(pk=key).select_for_update(no_key=True).values_list("pk"), key=int)
