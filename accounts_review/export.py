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
    yield from (account.username, account.email, account.verdict, found.segment)
    yield found.activity_at.isoformat() if found.activity_at else ""
    yield found.dormant_from.isoformat()
    yield "; ".join(wording.in_force(found.reasons, verdict=account.verdict, exempt_until=account.exempt_until))
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
