"""Recorder: what the gate makes of a case, written down in the gate's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from accounts_review.audit.events import Event, named
from accounts_review.models import Account, Case
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.rules.gate import Effect, Objection
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.revoke.flight import Looked
from accounts_review.workflow.revoke.held import held_with
from accounts_review.workflow.revoke.last_look import LastLook
from accounts_review.workflow.revoke.settle import Settler

ASKED_ANEW = ("approved_by_id", "noticed_at", "promised_at", "warned_to")
"""What of a case may have changed since it was claimed."""


@cache
def _accounts(*, skip_locked: bool) -> Prepared:
    return Prepared(
        lambda keys: (
            Account.objects.filter(pk__in=Among(keys))
            .order_by("pk")
            .select_for_update(no_key=True, skip_locked=skip_locked)
        ),
        keys=list,
    )


_CLAIMED = Prepared(
    lambda keys: (
        Case.objects.filter(pk__in=Among(keys), state=CaseState.CLAIMED)
        .only("claim", "approved_by", *ASKED_ANEW[1:])
        .order_by("pk")
        .select_for_update(no_key=True)
    ),
    keys=list,
)


@dataclass(slots=True, kw_only=True)
class Recorder(Settler):
    """Moves cases on from their claim."""

    at_once: int = 1
    """How many cases may be in flight at the same time."""
    held: set[int] = field(default_factory=set)
    """Cases that were held back: they are left alone for the rest of the run."""

    def _hold_rows(self, looked: Sequence[Looked]) -> tuple[list[Looked], list[Case]]:
        """Lock the cases that are still ours, with their accounts; and those whose account somebody else holds now.

        Who decides on an account has decided already, or waits and finds it under way: account first, then case, as
        they do. With several in flight none is waited for: somebody could hold one and wait for another, and the
        answers that have come would wait as well.
        """
        accounts = _accounts(skip_locked=self.at_once > 1).objects(keys=[case.account_id for case, _ in looked])
        held = {account.pk: account for account in accounts}
        free = [case.pk for case, _ in looked if case.account_id in held]
        rows = {row.pk: row for row in _CLAIMED.objects(keys=free)}
        ours: list[Looked] = []
        waiting: list[Case] = []
        for case, seen in looked:
            row = rows.get(case.pk)
            if case.account_id not in held:
                waiting.append(case)
            elif row is not None and row.claim == case.claim:
                case.account = held[case.account_id]
                for name in ASKED_ANEW:
                    setattr(case, name, getattr(row, name))
                ours.append((case, seen))
        return ours, waiting

    def kept(self, case: Case, seen: LastLook) -> LastLook:
        """Keep a look with its case; but a record that does not say whose it is proves nothing."""
        if seen.gone or seen.incarnation:
            case.last_look = seen.record
        return seen

    def _is_gone(self, case: Case, seen: LastLook) -> None:
        self._mark_gone(case)
        # Where a DELETE of this case was sent before, it did have effect, whatever was answered.
        to, inferred = (CaseState.REVOKED, {"inferred": True}) if case.intended_at else (CaseState.ALREADY_GONE, {})
        outcome = seen.record | inferred
        self._transition(case, to, named(f"case.{to}"), data=inferred, last_look=seen.record, outcome=outcome)

    def _intend(self, passed: Sequence[Looked]) -> None:
        """Write down that these may be removed: an intent each, or in a dry run that it would be done."""
        seen_of = {case.pk: seen for case, seen in passed}
        dry, live = ([case for case, _ in passed if bool(case.cleanup.dry_run) is is_dry] for is_dry in (True, False))
        self._transition_all(
            dry,
            CaseState.WOULD_REVOKE,
            Event.CASE_WOULD_REVOKE,
            own=lambda case: {"last_look": seen_of[case.pk].record},
        )
        self._transition_all(
            live,
            CaseState.INTENDED,
            Event.CASE_INTENDED,
            data=lambda case: {"last_look": seen_of[case.pk].record},
            own=lambda case: {"last_look": seen_of[case.pk].record, "snapshot": seen_of[case.pk].snapshot},
            intended_at=self.clock(),
        )

    def _object(self, case: Case, found: list[Objection], seen: LastLook) -> None:
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
        own = {"claim": None, "last_look": case.last_look}
        self._transition(case, CaseState.DUE, kind, data={"why": why}, outcome=outcome, **own)

    def put_back(self, case: Case) -> None:
        """Give up a claim before its gate: the workspace fails, or other DELETEs have to end first."""
        why = self.failure or {"code": "answers_awaited"}
        own = {"claim": None, "last_look": case.last_look}
        self._transition_if_ours(case, CaseState.DUE, Event.CASE_RELEASED, data={"why": why}, **own)
