"""Import decisions: read what reviewers filled in, say row by row what it would do, and do that through the review."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, DecisionFile, Workspace, permit
from accounts_review.spreadsheet import ORDERS, Unreadable, day_readings, read_list, read_table, without_quote
from accounts_review.spreadsheet.rows import COLUMNS_TO_FILL, row_digest
from accounts_review.wording.numbers import counted
from accounts_review.workflow.review import decide
from accounts_review.workflow.review.import_rows import WORDS, Given, ImportRow, Judge, RowOutcome
from accounts_review.workflow.review.named import accounts_meant

COLUMNS = ("username", "row_digest", *COLUMNS_TO_FILL)
MOST_DECISIONS = 10_000
KEPT = timedelta(days=1)


class Exempting(NamedTuple):
    """Why, and until which day, everyone is exempt whom a plain list names; the day as it was written."""

    reason: str
    until: str


class Changed(RuntimeError):
    """What the file would do is no longer what the person confirmed; nothing was changed."""


class AlreadyApplied(RuntimeError):
    """The file was applied before; nothing was done twice."""


@dataclass(frozen=True)
class Plan:
    """What a file would do now, row by row; ``undecided`` rows of it decide nothing."""

    rows: Sequence[ImportRow]
    undecided: int

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many rows have each outcome, every outcome named."""
        found = Counter(row.outcome for row in self.rows)
        return {outcome.value: found[outcome] for outcome in RowOutcome}

    @cached_property
    def acts(self) -> list[ImportRow]:
        """The rows that change something."""
        return [row for row in self.rows if row.outcome in WORDS]

    @property
    def asks_order(self) -> list[ImportRow]:
        """The rows whose day can be read in two ways, until somebody says in which."""
        return [row for row in self.rows if row.days]

    @property
    def digest(self) -> str:
        """What a person confirms: which rows do what."""
        said = "\n".join(f"{row.number} {row.outcome} {row.reason} {row.until}" for row in self.rows)
        return hashlib.sha256(said.encode()).hexdigest()


def upload(
    *,
    content: bytes,
    name: str,
    workspace: Workspace,
    actor: User,
    now: datetime,
    exempting: Exempting | None = None,
    date_order: str = "",
) -> DecisionFile:
    """Read a CSV or XLSX file and keep its decisions for a day.

    ``exempting`` says why and until when everyone is exempt whom a plain list names; other files say so themselves.
    ``date_order`` is ``dmy`` or ``mdy``, where it is known. Raises ``PermissionDenied`` and ``Unreadable``.
    """
    permit(actor, "decide", workspace)
    if exempting:
        rows, undecided = _listed(content, exempting), 0
    else:
        rows, undecided = _decided(content)
    DecisionFile.objects.filter(uploaded_at__lt=now - KEPT).delete()
    return DecisionFile.objects.create(
        workspace=workspace,
        uploaded_by=actor,
        uploaded_at=now,
        name="".join(filter(str.isprintable, name))[-200:],
        digest=hashlib.sha256(content).hexdigest(),
        rows=rows,
        is_list=exempting is not None,
        date_order=date_order,
        undecided=undecided,
    )


@transaction.atomic
def say_order(*, file: DecisionFile, order: str) -> None:
    """Keep how the days of a file are to be read; its owner was asked."""
    if order in ORDERS:
        DecisionFile.objects.filter(pk=file.pk, applied_at=None).update(date_order=order)


def _listed(content: bytes, exempting: Exempting) -> list[Given]:
    if not day_readings(exempting.until):
        raise Unreadable(_("%(until)s is not a valid date.") % {"until": exempting.until[:40]})
    lines = read_list(content)
    if lines is None:
        raise Unreadable(_("A reason and an end date go with a plain one-column list; this file has more columns."))
    if len(lines) > MOST_DECISIONS:
        raise Unreadable(
            _("The file has more than %(count)s decisions. Split it into several.") % counted({"count": MOST_DECISIONS})
        )
    said = (RowOutcome.EXEMPT.value, exempting.reason, exempting.until)
    return [Given(line.number, line.cells[0], "", *said) for line in lines]


def _decided(content: bytes) -> tuple[list[Given], int]:
    """The rows with a decision, and how many have none."""
    rows, undecided = list[Given](), 0
    for line in read_table(content, COLUMNS):
        given = Given(line.number, *line.cells)
        if any(cell.strip() for cell in given[3:]):
            rows.append(given)
        elif given.username:
            undecided += 1
        if len(rows) > MOST_DECISIONS:
            most = counted({"count": MOST_DECISIONS})
            raise Unreadable(_("The file has more than %(count)s decisions. Split it into several.") % most)
    return rows, undecided


def plan(*, file: DecisionFile, actor: User, now: datetime) -> Plan:
    """What a file would do now. Nothing is changed."""
    given = [Given(*row) for row in file.rows]
    named = _named(file.workspace, given, now=now)
    found = [_accounts_of(row, named, now=now) for row in given]
    # In French, days come before months.
    order = file.date_order or ("dmy" if get_language() == "fr" else "")
    latest = decide.latest_end(file.workspace, now=now)
    judge = Judge(found, given, actor=actor, now=now, latest=latest, order=order, is_list=file.is_list)
    return Plan([judge.row(row, accounts) for row, accounts in zip(given, found, strict=True)], file.undecided)


@transaction.atomic
def apply(*, file: DecisionFile, confirmed: str, actor: User, now: datetime) -> Plan:
    """Do what a file says, but for the rows that are refused, if that is still what was ``confirmed``: a plan's digest.

    Raises ``PermissionDenied``, :class:`AlreadyApplied` and :class:`Changed`.
    """
    permit(actor, "decide", file.workspace)
    held = DecisionFile.objects.select_for_update(no_key=True).select_related("workspace").get(pk=file.pk)
    if held.applied_at:
        raise AlreadyApplied(_("This file has already been applied. Nothing was done again."))
    named = _named(held.workspace, [Given(*row) for row in held.rows], now=now)
    meant = {account.pk for accounts in named.values() for account in accounts}
    list(Account.objects.filter(pk__in=meant).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    # Accounts, then the workspace, then the audit: in the order of everybody else.
    Workspace.objects.select_for_update(no_key=True).get(pk=held.workspace_id)
    found = plan(file=held, actor=actor, now=now)
    if found.digest != confirmed:
        raise Changed(_("Accounts or decisions have changed in the meantime. Nothing was done; check the rows again."))
    for (outcome, reason, until), together in _together(found.acts):
        _decide(outcome, together, reason=reason, until=until, actor=actor, now=now)
    data = {"file": held.name, "digest": held.digest, "undecided": found.undecided} | found.counts
    audit.log([held.workspace], kind=Event.DECISIONS_IMPORTED, actor=actor.get_username(), now=now, data=data)
    # Roles change in the turn that the entries hold by now: who has lost the right meanwhile has decided nothing.
    permit(actor, "decide", held.workspace)
    held.applied_at = now
    held.save(update_fields=["applied_at"])
    return found


def _decide(
    outcome: RowOutcome, accounts: list[Account], *, reason: str, until: datetime | None, actor: User, now: datetime
) -> None:
    act: dict[str, Any] = {"accounts": accounts, "reason": reason, "actor": actor, "now": now}
    match outcome:
        case RowOutcome.APPROVE:
            decide.approve(**act)
        case RowOutcome.EXEMPT if until:
            decide.exempt(until=until, **act)
        case RowOutcome.WITHDRAW:
            decide.withdraw(**act)


def _together(rows: Iterable[ImportRow]) -> Iterable[tuple[tuple[RowOutcome, str, datetime | None], list[Account]]]:
    """The accounts that are decided on in the same way, so that they are decided on at once."""
    groups = defaultdict[tuple[RowOutcome, str, datetime | None], list[Account]](list)
    for row in rows:
        assert row.account
        groups[row.outcome, row.reason, row.until].append(row.account)
    return groups.items()


def _spellings(username: str) -> tuple[str, ...]:
    """What a cell may stand for: an export puts a quote before what looks like a formula."""
    return tuple(dict.fromkeys((username, without_quote(username), username.strip())))


def _named(workspace: Workspace, given: Iterable[Given], *, now: datetime) -> dict[str, list[Account]]:
    """The listed accounts that the rows may mean, with their verdicts, by the name in the row."""
    names = {name for row in given for name in _spellings(row.username)}
    accounts = Account.objects.filter(workspace=workspace).listed().assessed().with_verdict(now)
    return accounts_meant(accounts.select_related("workspace", "assessment__policy").defer("raw"), names)


def _accounts_of(row: Given, named: dict[str, list[Account]], *, now: datetime) -> list[Account]:
    """The account that a row means: the one that it was made from, or of that username; else all of that address."""
    fitting = [account for name in _spellings(row.username) for account in named.get(name, ())]
    evidence = row.digest.strip().partition("-")[0]
    same = [account for account in fitting if row_digest(account, as_of=now).partition("-")[0] == evidence]
    of_username = [account for account in fitting if account.username in _spellings(row.username)]
    return (same or of_username)[:1] or list({account.pk: account for account in fitting}.values())
