"""Import decisions: read what reviewers filled in, say row by row what it would do, and do that through the review."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, DecisionFile, Workspace, permit
from accounts_review.spreadsheet import Unreadable, read_table, without_quote
from accounts_review.spreadsheet.rows import COLUMNS_TO_FILL, row_digest
from accounts_review.workflow.review import decide
from accounts_review.workflow.review.import_rows import WORDS, Given, Judge, Outcome, Row

COLUMNS = ("username", "row_digest", *COLUMNS_TO_FILL)
MOST_DECISIONS = 10_000
KEPT = timedelta(days=1)


class Changed(RuntimeError):
    """What the file would do is no longer what the person confirmed; nothing was changed."""


class AlreadyApplied(RuntimeError):
    """The file was applied before; nothing was done twice."""


@dataclass(frozen=True)
class Plan:
    """What a file would do now, row by row; ``undecided`` rows of it decide nothing."""

    rows: Sequence[Row]
    undecided: int

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many rows have each outcome, every outcome named."""
        found = Counter(row.outcome for row in self.rows)
        return {outcome.value: found[outcome] for outcome in Outcome}

    @cached_property
    def acts(self) -> list[Row]:
        """The rows that change something."""
        return [row for row in self.rows if row.outcome in WORDS]

    @property
    def digest(self) -> str:
        """What a person confirms: which rows do what."""
        said = "\n".join(f"{row.number} {row.outcome} {row.reason} {row.until}" for row in self.rows)
        return hashlib.sha256(said.encode()).hexdigest()


def upload(*, content: bytes, name: str, workspace: Workspace, actor: User, now: datetime) -> DecisionFile:
    """Read a CSV or XLSX file and keep its decisions for a day. Raises ``PermissionDenied`` and ``Unreadable``."""
    permit(actor, "decide")
    rows, undecided = list[Given](), 0
    for line in read_table(content, COLUMNS):
        given = Given(line.number, *line.cells)
        if any(cell.strip() for cell in given[3:]):
            rows.append(given)
        elif given.username:
            undecided += 1
        if len(rows) > MOST_DECISIONS:
            most = {"count": MOST_DECISIONS}
            raise Unreadable(_("The file has more than %(count)d decisions. Split it into several.") % most)
    DecisionFile.objects.filter(uploaded_at__lt=now - KEPT).delete()
    return DecisionFile.objects.create(
        workspace=workspace,
        uploaded_by=actor,
        uploaded_at=now,
        name="".join(filter(str.isprintable, name))[-200:],
        digest=hashlib.sha256(content).hexdigest(),
        rows=rows,
        undecided=undecided,
    )


def plan(*, file: DecisionFile, actor: User, now: datetime) -> Plan:
    """What a file would do now. Nothing is changed."""
    given = [Given(*row) for row in file.rows]
    named = _named(file.workspace, given, now=now)
    found = [_account_of(row, named, now=now) for row in given]
    judge = Judge(found, given, actor=actor, now=now, latest=decide.latest_end(file.workspace, now=now))
    return Plan([judge.row(row, account) for row, account in zip(given, found, strict=True)], file.undecided)


@transaction.atomic
def apply(*, file: DecisionFile, confirmed: str, actor: User, now: datetime) -> Plan:
    """Do what a file says, but for the rows that are refused, if that is still what was ``confirmed``: a plan's digest.

    Raises ``PermissionDenied``, :class:`AlreadyApplied` and :class:`Changed`.
    """
    permit(actor, "decide")
    held = DecisionFile.objects.select_for_update().select_related("workspace").get(pk=file.pk)
    if held.applied_at:
        raise AlreadyApplied(_("This file was applied already; nothing was done twice."))
    names = {name for row in held.rows for name in _spellings(row[1])}
    accounts = Account.objects.filter(workspace=held.workspace, username__in=names)
    list(accounts.order_by("pk").select_for_update().values_list("pk"))
    # Accounts, then the workspace, then the audit: in the order of everybody else.
    Workspace.objects.select_for_update().get(pk=held.workspace_id)
    found = plan(file=held, actor=actor, now=now)
    if found.digest != confirmed:
        raise Changed(_("Accounts or decisions have changed meanwhile; nothing was done. Look at the rows again."))
    for (outcome, reason, until), together in _together(found.acts):
        _decide(outcome, together, reason=reason, until=until, actor=actor, now=now)
    data = {"file": held.name, "digest": held.digest, "undecided": found.undecided} | found.counts
    audit.log([held.workspace], kind=Event.DECISIONS_IMPORTED, actor=actor.get_username(), now=now, data=data)
    held.applied_at = now
    held.save(update_fields=["applied_at"])
    return found


def _decide(
    outcome: Outcome, accounts: list[Account], *, reason: str, until: datetime | None, actor: User, now: datetime
) -> None:
    act: dict[str, Any] = {"accounts": accounts, "reason": reason, "actor": actor, "now": now}
    match outcome:
        case Outcome.APPROVE:
            decide.approve(**act)
        case Outcome.EXEMPT if until:
            decide.exempt(until=until, **act)
        case Outcome.WITHDRAW:
            decide.withdraw(**act)


def _together(rows: Iterable[Row]) -> Iterable[tuple[tuple[Outcome, str, datetime | None], list[Account]]]:
    """The accounts that are decided on in the same way, so that they are decided on at once."""
    groups = defaultdict[tuple[Outcome, str, datetime | None], list[Account]](list)
    for row in rows:
        assert row.account
        groups[row.outcome, row.reason, row.until].append(row.account)
    return groups.items()


def _spellings(username: str) -> tuple[str, ...]:
    """What a cell may stand for: an export puts a quote before what looks like a formula."""
    return tuple(dict.fromkeys((username, without_quote(username), username.strip())))


def _named(workspace: Workspace, given: Iterable[Given], *, now: datetime) -> dict[str, list[Account]]:
    """The listed accounts that the rows may mean, with their verdicts, by username."""
    names = {name for row in given for name in _spellings(row.username)}
    accounts = Account.objects.filter(workspace=workspace, username__in=names).listed().assessed().with_verdict(now)
    found = defaultdict[str, list[Account]](list)
    for account in accounts.select_related("workspace", "assessment__policy").defer("raw"):
        found[account.username].append(account)
    return found


def _account_of(row: Given, named: dict[str, list[Account]], *, now: datetime) -> Account | None:
    """The account that a row means; where several fit, the one that the row was made from."""
    fitting = [account for name in _spellings(row.username) for account in named.get(name, ())]
    evidence = row.digest.strip().partition("-")[0]
    same = (account for account in fitting if row_digest(account, as_of=now).partition("-")[0] == evidence)
    return next(same, fitting[0] if fitting else None)
