"""Taken: what the mail server has accepted, until the audit holds it.

The case keeps it at once, so that a crash sends at most one e-mail twice; its new state follows with the entry, for
many cases in one transaction. What a process that died has left is recorded by the next run, before it sends anything,
or by whoever moves the case on before that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, Case, Workspace
from accounts_review.models.keys import Among
from accounts_review.models.prepared import preparing_cursor
from accounts_review.rules.lifecycle import CaseState, IllegalTransition
from accounts_review.workflow.notify import emails
from accounts_review.workflow.notify.portions import Question

TAKEN = "taken"
"""Where the outcome of a case keeps what its entry will say."""

MOST, LONGEST_SECONDS = 100, 1.0
"""Notices are recorded when so many were taken, or the first of them was so long ago."""

KEPT = (CaseState.SPARED, CaseState.WITHDRAWN, CaseState.REFUSED)
"""How a case ends whose person keeps their access."""


@dataclass(slots=True, kw_only=True)
class Taken:
    """The notices of one run that were taken and are not recorded yet."""

    now: datetime
    cases: list[Case] = field(default_factory=list)
    _since: float = 0.0
    _can_record: bool = False

    def keep(
        self, case: Case, *, promised: datetime, mail: dict[str, str], message_id: str, question: Question
    ) -> bool:
        """Keep with the case that its notice was taken; recorded soon, or at once where it has moved on.

        Gives the answer to the question, which is asked in the same statement: yes, or that nobody knows.
        """
        data = {"address": case.account.email, "mail": mail, "promised": promised.isoformat()}
        data |= {"message_id": message_id[:255], "at": self.now.isoformat()}
        case.message_id, case.warned_to, case.outcome = message_id[:255], case.account.email, {TAKEN: data}
        if not self._can_record:
            self._record_at_once(case)
            return False
        is_kept, answer = _mark(case, question)
        if not is_kept:
            _record_moved(case, now=self.now)
            return False
        self._since = self._since if self.cases else time.monotonic()
        self.cases.append(case)
        self.record_in_time()
        # Recording takes a while, and others were waiting for it.
        return answer and bool(self.cases)

    def record_in_time(self) -> None:
        """Record whatever was taken, if that is much or was a while ago."""
        if self.cases and (len(self.cases) >= MOST or time.monotonic() - self._since >= LONGEST_SECONDS):
            self.record()

    def _record_at_once(self, case: Case) -> None:
        """The first of a run: where entries cannot be written, one e-mail leaves and no more."""
        try:
            with transaction.atomic():
                if not _mark(case)[0]:
                    raise audit.Conflict(str(case))
                _move([case], now=self.now)
        except audit.Conflict:
            _record_moved(case, now=self.now)
        self._can_record = True

    def record(self) -> None:
        """Record whatever was taken."""
        cases, self.cases = self.cases, []
        _record(cases, now=self.now)


def left(workspace: Workspace) -> QuerySet[Case]:
    """The cases whose notice was taken, while the audit does not hold that yet: its process sends, or has died."""
    states = (CaseState.AWAITING_NOTICE, CaseState.WITHDRAWN)
    return Case.objects.filter(cleanup__workspace=workspace, state__in=states, outcome__has_key=TAKEN)


def record_left(workspace: Workspace, *, now: datetime) -> int:
    """Record what a process that died had sent; returns how many notices that were."""
    cases = list(left(workspace).select_related("account", "cleanup__workspace"))
    _record(cases, now=now)
    return len(cases)


def is_taken(case: Case) -> bool:
    """Whether the mail server has taken the notice of a case, and the case alone knows it yet."""
    return case.state == CaseState.AWAITING_NOTICE and TAKEN in (case.outcome or {})


def is_erased(case: Case) -> bool:
    """Whether the person was erased while an e-mail to them left: their name and address then stand in no entry.

    For within a transaction, which holds the account from then on; in memory it is brought up to date.
    """
    case.account = Account.objects.select_for_update(no_key=True).defer("raw").get(pk=case.account_id)
    return case.account.erased_at is not None


def record_first(case: Case, *, now: datetime) -> None:
    """Before a case moves on with another outcome: record that its notice was taken, if only the case knows it yet.

    For within a transaction, which holds the case from then on. The case in memory is brought up to date.
    """
    if case.state != CaseState.AWAITING_NOTICE:
        return
    standing = Case.objects.filter(pk=case.pk, state=CaseState.AWAITING_NOTICE)
    outcome = standing.select_for_update(no_key=True).values_list("outcome", flat=True).first()
    if TAKEN in (outcome or {}):
        case.outcome = outcome
        case.warned_to = _of(case)["address"]
        _move([case], now=now)


_MARK = (
    f"WITH kept AS (UPDATE {Case._meta.db_table} SET message_id = %(message_id)s, warned_to = %(warned_to)s,"  # noqa: S608 (no value in it)
    " outcome = %(outcome)s WHERE id = %(pk)s AND state = %(state)s RETURNING 1)"
    " SELECT EXISTS (SELECT FROM kept), EXISTS ("
)
_ABOUT_NOBODY = Question("SELECT WHERE %(key)s::bigint IS NULL", 0)


def _mark(case: Case, question: Question = _ABOUT_NOBODY) -> tuple[bool, bool]:
    """Keep it with the case, if that awaits its notice still; and whether what is asked beside that is so.

    By way of Django it would take three times as long.
    """
    values: dict[str, Any] = {
        "message_id": case.message_id,
        "warned_to": case.warned_to,
        "outcome": json.dumps(case.outcome),
        "pk": case.pk,
        "state": CaseState.AWAITING_NOTICE.value,
        "key": question.key,
    }
    with preparing_cursor() as cursor:
        cursor.execute(f"{_MARK}{question.sql})", values)
        is_kept, answer = cursor.fetchone()
    return is_kept, answer


def _record(cases: Sequence[Case], *, now: datetime) -> None:
    # A transaction for each date: the second of one would wait for rows while it keeps everybody's entries waiting.
    for _dates, alike in groupby(sorted(cases, key=_dates_of), _dates_of):
        together = list(alike)
        try:
            _move(together, now=now)
        except (audit.Conflict, IllegalTransition):
            # Somebody has decided on one of them in this moment: each by itself.
            for case in together:
                _record_alone(case, now=now)


def _record_alone(case: Case, *, now: datetime) -> None:
    try:
        _move([case], now=now)
    except (audit.Conflict, IllegalTransition):
        # Otherwise whoever moved it has recorded it.
        if Case.objects.filter(pk=case.pk, outcome__has_key=TAKEN).exists():
            _record_moved(case, now=now)


@transaction.atomic
def _move(cases: Sequence[Case], *, now: datetime) -> None:
    """Move on cases with the same dates, held in the order in which deciders hold them."""
    promised, at = _dates_of(cases[0])
    rows = Case.objects.filter(pk__in=Among(case.pk for case in cases)).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))
    audit.transition(
        cases,
        CaseState.NOTICED,
        kind=Event.CASE_NOTICED,
        actor="portal",
        now=now,
        data=_entry,
        expect={"outcome__has_key": TAKEN},
        noticed_at=datetime.fromisoformat(at),
        promised_at=datetime.fromisoformat(promised),
        link_key=emails.link_key(),
        outcome=None,
    )


@transaction.atomic
def _record_moved(case: Case, *, now: datetime) -> None:
    """The e-mail has left, whatever became of the case meanwhile: its person was given a date, and is told the end."""
    data = _of(case)
    entry = {"promised": data["promised"]} if is_erased(case) else _entry(case)
    found = Case.objects.select_for_update(no_key=True, of=("self",)).get(pk=case.pk)
    # An entry that moves nothing changes no date that an earlier one has given.
    promised = found.promised_at or datetime.fromisoformat(data["promised"])
    columns: dict[str, Any] = {"promised_at": promised, "link_key": emails.link_key()}
    if found.state in KEPT:
        columns |= {"noticed_at": datetime.fromisoformat(data["at"]), "warned_to": entry.get("address", "")}
    if TAKEN in (found.outcome or {}):
        columns |= {"outcome": None}
    Case.objects.filter(pk=case.pk).update(**columns)
    audit.log([case], kind=Event.CASE_NOTICED, actor="portal", now=now, data=entry)


def _dates_of(case: Case) -> tuple[str, str]:
    return _of(case)["promised"], _of(case)["at"]


def _of(case: Case) -> dict[str, Any]:
    data: dict[str, Any] = (case.outcome or {})[TAKEN]
    return data


def _entry(case: Case) -> dict[str, Any]:
    return {name: value for name, value in _of(case).items() if name != "at"}
