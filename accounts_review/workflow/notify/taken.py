"""Taken: what the mail server has accepted, until the audit holds it.

The case keeps it at once, so that a crash sends at most one e-mail twice; its new state follows with the entry, for
many cases in one transaction. What a process that died has left is recorded by the next run, before it sends anything.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection, transaction

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Case, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.notify import emails

TAKEN = "taken"
"""Where the outcome of a case keeps what its entry will say."""

MOST, LONGEST_SECONDS = 50, 1.0
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

    def keep(self, case: Case, *, promised: datetime, mail: dict[str, str], message_id: str) -> None:
        """Keep with the case that its notice was taken; recorded soon. Raises ``Conflict`` where it has moved on."""
        data = {"address": case.account.email, "mail": mail, "promised": promised.isoformat()}
        data |= {"message_id": message_id[:255], "at": self.now.isoformat()}
        case.message_id, case.warned_to, case.outcome = message_id[:255], case.account.email, {TAKEN: data}
        if not self._can_record:
            self._record_first(case)
            return
        if not _mark(case):
            _record_moved(case, now=self.now)
            return
        self._since = self._since if self.cases else time.monotonic()
        self.cases.append(case)
        if len(self.cases) >= MOST or time.monotonic() - self._since >= LONGEST_SECONDS:
            self.record()

    def _record_first(self, case: Case) -> None:
        """At once, and nothing before: where entries cannot be written, one e-mail leaves and no more."""
        try:
            with transaction.atomic():
                if not _mark(case):
                    raise audit.Conflict(str(case))
                _move([case], now=self.now)
        except audit.Conflict:
            _record_moved(case, now=self.now)
        self._can_record = True

    def record(self) -> None:
        """Record whatever was taken."""
        cases, self.cases = self.cases, []
        _record(cases, now=self.now)


def record_left(workspace: Workspace, *, now: datetime) -> int:
    """Record what a process that died had sent; returns how many notices that were."""
    waiting = Case.objects.filter(cleanup__workspace=workspace, state=CaseState.AWAITING_NOTICE, outcome__has_key=TAKEN)
    cases = list(waiting.select_related("account", "cleanup__workspace"))
    _record(cases, now=now)
    return len(cases)


_MARK = (
    f"UPDATE {Case._meta.db_table} SET message_id = %s, warned_to = %s, outcome = %s"  # noqa: S608 (no value in it)
    " WHERE id = %s AND state = %s"
)


def _mark(case: Case) -> bool:
    """Keep it with the case, if that awaits its notice still. By way of Django it would take three times as long."""
    values: list[Any] = [
        case.message_id,
        case.warned_to,
        json.dumps(case.outcome),
        case.pk,
        CaseState.AWAITING_NOTICE.value,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_MARK, values)
        return bool(cursor.rowcount == 1)


def _record(cases: Sequence[Case], *, now: datetime) -> None:
    try:
        _move(cases, now=now)
    except audit.Conflict:
        # Somebody has decided on one of them in this moment: each by itself.
        for case in cases:
            try:
                _move([case], now=now)
            except audit.Conflict:
                _record_moved(case, now=now)


@transaction.atomic
def _move(cases: Sequence[Case], *, now: datetime) -> None:
    for (promised, at), together in groupby(cases, lambda case: (_of(case)["promised"], _of(case)["at"])):
        audit.transition(
            list(together),
            CaseState.NOTICED,
            kind=Event.CASE_NOTICED,
            actor="portal",
            now=now,
            data=_entry,
            noticed_at=datetime.fromisoformat(at),
            promised_at=datetime.fromisoformat(promised),
            link_key=emails.link_key(),
            outcome=None,
        )


@transaction.atomic
def _record_moved(case: Case, *, now: datetime) -> None:
    """The e-mail has left, whatever became of the case meanwhile: its person was given a date, and is told the end."""
    found = Case.objects.select_for_update(no_key=True, of=("self",)).get(pk=case.pk)
    data = _of(case)
    columns: dict[str, Any] = {"promised_at": datetime.fromisoformat(data["promised"]), "link_key": emails.link_key()}
    if found.state in KEPT:
        columns |= {"noticed_at": datetime.fromisoformat(data["at"]), "warned_to": data["address"]}
    if TAKEN in (found.outcome or {}):
        columns |= {"outcome": None}
    Case.objects.filter(pk=case.pk).update(**columns)
    audit.log([case], kind=Event.CASE_NOTICED, actor="portal", now=now, data=_entry(case))


def _of(case: Case) -> dict[str, Any]:
    data: dict[str, Any] = (case.outcome or {})[TAKEN]
    return data


def _entry(case: Case) -> dict[str, Any]:
    return {name: value for name, value in _of(case).items() if name != "at"}
