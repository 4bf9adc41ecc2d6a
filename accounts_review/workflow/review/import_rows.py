"""The rows of a file of decisions: what each would do, or everything that is wrong with it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache, cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts_review.audit.events import DECISIONS
from accounts_review.models import Account, AuditEntry
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.rules.lifecycle import CaseState
from accounts_review.spreadsheet import day_of, day_readings
from accounts_review.spreadsheet.rows import decided, row_digest
from accounts_review.wording import instants, verdicts
from accounts_review.wording.labels import labelled
from accounts_review.wording.numbers import counted
from accounts_review.workflow.review import decide

A_NUMBER = re.compile(r"[+-]?[\d.,\u00a0\u202f ]+(e[+-]?\d+)?", re.IGNORECASE)
"""What spreadsheets make of a username of digits."""
LONGEST_QUOTED = 41
"""Characters of a word that is no decision."""


class RowOutcome(StrEnum):
    """What a row would do."""

    APPROVE = "approve"
    EXEMPT = "exempt"
    WITHDRAW = "withdraw"
    NOTHING = "nothing"
    REFUSED = "refused"


WORDS = {
    RowOutcome.APPROVE: gettext_lazy("Approve"),
    RowOutcome.EXEMPT: gettext_lazy("Exempt"),
    RowOutcome.WITHDRAW: gettext_lazy("Withdraw"),
}
"""Decisions as people write them, in any language of the portal."""


class Problem(NamedTuple):
    """What is wrong in a cell, and what to write instead."""

    column: str
    text: str

    def __str__(self) -> str:
        return labelled(self.column, self.text)


class Given(NamedTuple):
    """The cells of a row, as they were read."""

    number: int
    username: str
    digest: str
    decision: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """What a row of the file would do: ``number`` is the one that the spreadsheet shows."""

    number: int
    username: str
    account: Account | None
    outcome: RowOutcome
    reason: str = ""
    until: datetime | None = None
    remark: str = ""
    problems: Sequence[Problem] = ()
    is_unknown: bool = False
    """Whether it names nobody."""
    days: Mapping[str, date] = field(default_factory=dict)
    """The readings of its day by their order, where it has two and nobody has said which the file has."""


class Judge:
    """Says of each row what it would do, knowing the others."""

    def __init__(
        self,
        accounts: Sequence[Sequence[Account]],
        given: Sequence[Given],
        *,
        actor: User,
        now: datetime,
        latest: datetime,
        order: str = "",
        is_list: bool = False,
    ) -> None:
        self.actor, self.now, self.latest, self.order, self.is_list = actor, now, latest, order, is_list
        self.rows_of = defaultdict[int, list[int]](list)
        for found, row in zip(accounts, given, strict=True):
            if len(found) == 1:
                self.rows_of[found[0].pk].append(row.number)

    def row(self, given: Given, found: Sequence[Account]) -> ImportRow:
        """The row with its outcome, or with everything that is wrong with it. ``found`` are those whom it may mean."""
        account = found[0] if len(found) == 1 else None
        outcome, until = _outcome(given.decision), _until(given.until, self.order)
        reason = given.reason.strip()
        if outcome is RowOutcome.APPROVE:
            reason = reason or _("dormant under the policy")
        shown = account.username if account else given.username
        known: dict[str, Any] = {"number": given.number, "username": shown, "account": account, "reason": reason}
        known |= {"is_unknown": not found, "days": self._days_asked(given) if outcome is RowOutcome.EXEMPT else {}}
        problems = [*self._of_account(given, found), *self._of_cells(given, outcome, until)]
        if account and outcome and not problems:
            if remark := self._already(account, outcome, until):
                return ImportRow(outcome=RowOutcome.NOTHING, remark=remark, **known)
            stale = [] if self.is_list else [*self._staleness(given, account)]
            problems = stale or [*self._objection(account, outcome, reason, until)]
        if problems or outcome is None:
            return ImportRow(outcome=RowOutcome.REFUSED, problems=tuple(problems), **known)
        return ImportRow(outcome=outcome, until=until, **known)

    def _days_asked(self, given: Given) -> dict[str, date]:
        days = day_readings(given.until)
        return days if len(days) > 1 and not self.order else {}

    def _of_account(self, given: Given, found: Sequence[Account]) -> Iterator[Problem]:
        if not found:
            yield Problem("username", _unknown(given.username, is_list=self.is_list))
        elif len(found) > 1:
            names = ", ".join(sorted(account.username for account in found)[:5])
            yield Problem(
                "username",
                _("%(count)s accounts have this address: %(names)s; use the username instead")
                % counted({"count": len(found), "names": names}),
            )
        elif others := [number for number in self.rows_of[found[0].pk] if number != given.number]:
            rows = ", ".join(map(str, others[:5]))
            yield Problem("username", _("row %(rows)s decides on this account too; keep one") % {"rows": rows})

    def _of_cells(self, given: Given, outcome: RowOutcome | None, until: datetime | None) -> Iterator[Problem]:
        if outcome is None:
            is_empty = not given.decision.strip()
            why = _("the cell is empty, but the cells after it are not")
            if not is_empty:
                why = _("unknown decision “%(word)s”") % {"word": _shortened(given.decision.strip())}
            yield Problem("decision", _("%(why)s; write approve, exempt or withdraw") % {"why": why})
        elif outcome is not RowOutcome.APPROVE and not given.reason.strip():
            yield Problem("decision_reason", _("give a reason; it is kept with the decision"))
        if len(given.reason) > LONGEST_REASON:
            yield Problem(
                "decision_reason", _("at most %(count)s characters are allowed") % counted({"count": LONGEST_REASON})
            )
        if outcome is RowOutcome.EXEMPT:
            yield from self._of_end(given, until)
        elif outcome and given.until.strip():
            yield Problem("decision_until", _("only an exemption has an end date; clear the cell"))

    def _of_end(self, given: Given, until: datetime | None) -> Iterator[Problem]:
        today = instants.portal_day(self.now)
        if not given.until.strip():
            yield Problem("decision_until", _("an exemption needs an end date, such as %(day)s") % _some(today))
        elif days := self._days_asked(given):
            shown = {order: instants.promised(instants.start_of(day)) for order, day in days.items()}
            yield Problem(
                "decision_until", _("this could be %(dmy)s or %(mdy)s; choose the date order of the file") % shown
            )
        elif until is None:
            yield Problem("decision_until", _("not a valid date; write one such as %(day)s") % _some(today))
        elif not today < instants.portal_day(until) <= instants.portal_day(self.latest):
            why = _("choose a date from tomorrow to %(latest)s") % {"latest": instants.promised(self.latest)}
            yield Problem("decision_until", why)

    def _already(self, account: Account, outcome: RowOutcome, until: datetime | None) -> str:
        """Why a row has nothing left to do, or ""."""
        if outcome is RowOutcome.APPROVE and account.case_state == CaseState.IN_DRAFT:
            return _("it is already in the draft")
        if outcome is RowOutcome.EXEMPT and account.exempt_until == until:
            return _("it is already exempt until then")
        return ""

    def _staleness(self, given: Given, account: Account) -> Iterator[Problem]:
        evidence, _dash, decisions = row_digest(account, as_of=self.now).partition("-")
        saw, _dash, knew = given.digest.strip().partition("-")
        if not saw:
            why = _("the cell is empty; copy it from the export")
        elif saw != evidence:
            why = _(
                "the account has changed since the export (it is now %(verdict)s), or rows were mixed up; export it "
                "again and decide again"
            ) % {"verdict": verdicts.verdict(account.verdict)}
        elif knew != decisions:
            why = self._decided_since(account)
        else:
            return
        yield Problem("row_digest", why)

    def _decided_since(self, account: Account) -> str:
        case, *_others = decided(account)
        standing = {"in_draft": _("it is in the draft"), "launched": _("it is in a launched clean-up")}
        stands = standing.get(case, _("it is in no clean-up"))
        if account.exempt_until:
            stands = verdicts.exemption(account.exempt_until)
        by = {"login": self._last_decider.get(account.pk, "?"), "stands": stands}
        return _("%(login)s decided on it after the export: %(stands)s; export it again") % by

    @cached_property
    def _last_decider(self) -> dict[int, str]:
        """Who decided last on each account of the file."""
        entries = AuditEntry.objects.filter(account_id__in=list(self.rows_of), kind__in=DECISIONS)
        last = entries.order_by("account_id", "-seq").distinct("account_id")
        return {entry.account_id: entry.actor for entry in last if entry.account_id}

    def _objection(
        self, account: Account, outcome: RowOutcome, reason: str, until: datetime | None
    ) -> Iterator[Problem]:
        ask: dict[RowOutcome, Callable[[], str]] = {
            RowOutcome.APPROVE: lambda: decide.objection_to_approval(account, actor=self.actor),
            RowOutcome.EXEMPT: lambda: decide.objection_to_exemption(
                account, self.actor, reason, until or self.now, self.now
            ),
            RowOutcome.WITHDRAW: lambda: decide.objection_to_withdrawal(account),
        }
        if why := ask[outcome]():
            yield Problem("decision", why)


@cache
def _words() -> dict[str, RowOutcome]:
    known = {outcome.value: outcome for outcome in WORDS}
    for language, _name in settings.LANGUAGES:
        with override(language):
            known |= {str(word).casefold(): outcome for outcome, word in WORDS.items()}
    return known


def _outcome(cell: str) -> RowOutcome | None:
    return _words().get(cell.strip().casefold())


def _until(cell: str, order: str) -> datetime | None:
    day = day_of(cell, order=order)
    return instants.start_of(day) if day else None


def _unknown(name: str, *, is_list: bool) -> str:
    if A_NUMBER.fullmatch(name.strip()):
        return _(
            "no listed account has this username; the spreadsheet program may have turned it into a number, as it does "
            "with 007 or 12E4 in a CSV file. Edit the XLSX export instead"
        )
    if is_list:
        return _("no listed account has this username or e-mail address")
    return _(
        "no listed account has this username or e-mail address; if the spreadsheet program changed it, edit the XLSX "
        "export"
    )


def _shortened(word: str) -> str:
    return f"{word[:LONGEST_QUOTED].rstrip()} …" if len(word) > LONGEST_QUOTED else word


def _some(today: date) -> dict[str, str]:
    return {"day": (today + timedelta(days=180)).isoformat()}
