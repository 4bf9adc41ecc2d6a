"""Exports: accounts for spreadsheets, safe from formulas, and audit entries as lines of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

import tablib

from accounts_review import wording
from accounts_review.models import Account, AuditEntry

NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What a spreadsheet file cannot hold."""

COLUMNS = (
    "username",
    "email",
    "verdict",
    "segment",
    "activity_at",
    "dormant_from",
    "reasons",
    "idle",
    "display_name",
    "account_type",
    "groups",
    "case",
    "read_at",
)


def accounts_file(accounts: Iterable[Account], *, kind: str, as_of: datetime) -> bytes:
    """The accounts (asked for ``with_verdict``) as the bytes of a ``csv`` or ``xlsx`` file."""
    data = tablib.Dataset(headers=COLUMNS, title="accounts")
    for account in accounts:
        data.append([inert(cell) for cell in _row(account, as_of)])
    content = data.export(kind)
    return content if isinstance(content, bytes) else content.encode()


def proposed_file(accounts: Iterable[Account]) -> bytes:
    """The accounts (asked for ``with_verdict_under`` a proposal) as CSV: what they are, and what they would be."""
    names = ("username", "email", "verdict", "verdict_after", "segment", "segment_after", "activity_at", "case")
    data = tablib.Dataset(headers=names)
    for account in accounts:
        found = account.assessment
        seen = found.activity_at.isoformat() if found.activity_at else ""
        verdicts = (account.verdict, account.verdict_after)
        row = (account.username, account.email, *verdicts, found.segment, account.segment_after, seen)
        data.append([inert(cell) for cell in (*row, account.case_state or "")])
    return str(data.export("csv")).encode()


def audit_line(entry: AuditEntry) -> str:
    """One entry as JSON with the digests that chain it, so that anyone can prove the record."""
    row = {field.attname: getattr(entry, field.attname) for field in AuditEntry._meta.concrete_fields}
    row["at"] = entry.at.isoformat(timespec="microseconds")
    return json.dumps(row, ensure_ascii=False)


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, or chokes on: one that starts like it gets a leading ``'``."""
    cell = NOT_IN_XML.sub("\ufffd", cell)
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _row(account: Account, as_of: datetime) -> Iterator[str]:
    found = account.assessment
    reasons = wording.reasons(found.reasons) if account.verdict in ("protected", "uncertain") else []
    if account.exempt_until and account.verdict == "protected":
        reasons = [wording.exemption(account.exempt_until), *reasons]
    yield from (account.username, account.email, account.verdict, found.segment)
    yield found.activity_at.isoformat() if found.activity_at else ""
    yield found.dormant_from.isoformat()
    yield "; ".join(reasons)
    yield wording.idleness(
        activity_at=found.activity_at,
        activity_field=found.activity_field,
        limit_days=found.limit_days,
        segment=found.segment,
        now=as_of,
    )
    yield from (account.display_name, account.account_type, "; ".join(account.groups))
    yield account.case_state or ""
    yield account.read_at.isoformat()
