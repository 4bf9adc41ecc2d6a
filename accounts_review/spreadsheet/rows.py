"""What leaves the portal as a file: accounts and cases as tables for reviewers, audit entries for anyone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from accounts_review.models import Account, AuditEntry, Case, Exemption
from accounts_review.rules.dormancy import verdict_at
from accounts_review.rules.lifecycle import CaseState
from accounts_review.spreadsheet import Sheet
from accounts_review.wording import verdicts

CHUNK = 2000
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
DECISIONS = ("approve", "exempt", "withdraw")
COLUMNS_TO_FILL = ("decision", "decision_reason", "decision_until")
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
    "name",
    "account_type",
    "groups",
    "case",
    "exempt_until",
    "decided_reason",
    "read_at",
    "row_digest",
    *COLUMNS_TO_FILL,
)
"""``row_digest`` tells what the reviewer saw who fills in the columns after it."""

CASE_COLUMNS = (
    "username",
    "email",
    "display_name",
    "name",
    "state",
    "outcome",
    "moved_at",
    "segment",
    "activity_at",
    "dormant_from",
    "approved_by",
    "approved_at",
    "reason",
    "noticed_at",
    "promised_at",
    "answer",
    "restored_at",
    "returned_at",
)
MOVER_COLUMNS = (
    *("username", "email", "verdict", "verdict_after", "segment", "segment_after", "activity_at", "case", "name"),
)
AUDIT_COLUMNS = ("seq", "at", "workspace", "actor", "kind", "said", "subject", "cleanup", "data", "digest")


def accounts_sheet(accounts: QuerySet[Account], *, as_of: datetime) -> Sheet:
    """Accounts (a query, asked for ``with_verdict``), one a row, with room for decisions."""
    narrow = accounts.select_related(None).select_related("assessment").defer("raw").annotate(**_reasons_given(as_of))
    idle = verdicts.IdlenessInWords(as_of)
    rows = (_account_row(account, as_of, idle) for account in narrow.iterator(chunk_size=CHUNK))
    return Sheet("accounts", COLUMNS, rows, {"decision": DECISIONS})


def cases_sheet(cases: QuerySet[Case], *, said: Callable[[Case], str]) -> Sheet:
    """Cases (a query, with their accounts), one a row; ``said`` tells what became of one."""
    rows = (_case_row(case, said) for case in cases.defer("account__raw", "snapshot").iterator(chunk_size=CHUNK))
    return Sheet("cases", CASE_COLUMNS, rows)


def audit_sheet(entries: QuerySet[AuditEntry], *, said: Callable[[AuditEntry], str]) -> Sheet:
    """Audit entries (a query), one a row; to prove them takes :func:`audit_lines`."""
    rows = (_audit_row(entry, said) for entry in entries.iterator(chunk_size=CHUNK))
    return Sheet("audit", AUDIT_COLUMNS, rows)


def preview_sheet(accounts: QuerySet[Account]) -> Sheet:
    """Accounts (a query, asked for ``with_verdict_under`` a preview): what they are, and what they would be."""
    narrow = accounts.select_related(None).select_related("assessment").defer("raw")
    return Sheet("policy-preview", MOVER_COLUMNS, (_mover_row(a) for a in narrow.iterator(chunk_size=CHUNK)))


def audit_lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Entries (a query) as lines of JSON with the digests that chain them, so that anyone can prove the audit.

    What the references point to stands in ``beside``: ``[salt, name, details]``, or null once it is erased.
    """
    whole = entries.select_related("actor_ref", "subject_ref", "personal")
    for entry in whole.iterator(chunk_size=CHUNK):
        yield audit_line(entry)


def audit_line(entry: AuditEntry, *, with_names: bool = True) -> str:
    """One entry as a line, with what stands beside the chain, or without it."""
    columns = [field for field in AuditEntry._meta.concrete_fields if field.name != "mark"]
    row = {field.name: getattr(entry, field.attname) for field in columns}
    if not with_names:
        return json.dumps(row | {"at": entry.at.isoformat(timespec="microseconds")}, ensure_ascii=False) + "\n"
    row |= {"at": entry.at.isoformat(timespec="microseconds"), "actor": entry.actor, "subject": entry.subject}
    told = [found for found in (entry.actor_ref, entry.subject_ref, entry.personal) if found]
    row["beside"] = {
        found.digest: None if found.erased_at else [found.salt, found.name, found.details] for found in told
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


def row_digest(account: Account, *, as_of: datetime) -> str:
    """What a row says of an account (asked for ``with_verdict``), in two digests: its evidence, and its decisions.

    They start with letters, so that no spreadsheet takes them for numbers.
    """
    found = account.assessment
    verdict = verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=as_of)
    who = [account.username, account.incarnation, account.email, account.account_type, account.groups]
    evidence = [*who, verdict, found.segment, found.limit_days, found.reasons]
    evidence += [_exactly(found.activity_at), _exactly(found.dormant_from)]
    return f"e{_digest(evidence)}-d{_digest(decided(account))}"


def decided(account: Account) -> list[str]:
    """What people have decided on an account so far: the kind of clean-up it is in, until when it is exempt, who set it
    aside.
    """
    case = account.case_state or ""
    kind = case if case in ("", CaseState.IN_DRAFT) else "launched"
    return [kind, _exactly(account.exempt_until), account.snoozed_by or ""]


def _reasons_given(as_of: datetime) -> dict[str, Any]:
    """Columns with what people wrote when they decided: of the exemption in force, and of the open case."""
    exemption = Exemption.objects.in_force(as_of).filter(account=OuterRef("pk"))
    case = Case.objects.open().filter(account=OuterRef("pk"))
    return {name: Subquery(of.values("reason")[:1]) for name, of in (("exempt_why", exemption), ("case_why", case))}


def _account_row(account: Account, as_of: datetime, idle: verdicts.IdlenessInWords) -> tuple[str, ...]:
    found = account.assessment
    reasons = verdicts.in_force(found.reasons, verdict=account.verdict, exempt_until=account.exempt_until)
    return (
        account.username,
        account.email,
        account.verdict,
        found.segment,
        _instant(found.activity_at),
        _instant(found.dormant_from),
        "; ".join(reasons),
        idle.of(found),
        account.display_name,
        account.full_name,
        account.account_type,
        "; ".join(account.groups),
        account.case_state or "",
        _instant(account.exempt_until),
        getattr(account, "exempt_why", None) or getattr(account, "case_why", None) or "",
        _instant(account.read_at),
        row_digest(account, as_of=as_of),
        *("" for _ in COLUMNS_TO_FILL),
    )


def _case_row(case: Case, said: Callable[[Case], str]) -> tuple[str, ...]:
    saw, answer = case.evidence, case.answer or {}
    return (
        case.account.username,
        case.account.email,
        case.account.display_name,
        case.account.full_name,
        case.state,
        said(case),
        _instant(case.moved_at),
        saw["segment"],
        _to_the_second(saw["activity_at"] or ""),
        _to_the_second(saw["dormant_from"]),
        case.approved_by_login,
        _instant(case.approved_at),
        case.reason,
        _instant(case.noticed_at),
        _instant(case.promised_at),
        ": ".join(str(answer[part]) for part in ("kind", "text") if answer.get(part)),
        _instant(case.restored_at),
        _instant(case.returned_at),
    )


def _mover_row(account: Account) -> tuple[str, ...]:
    found = account.assessment
    verdicts, segments = (account.verdict, account.verdict_after), (found.segment, account.segment_after)
    return (
        account.username,
        account.email,
        *verdicts,
        *segments,
        _instant(found.activity_at),
        account.case_state or "",
        account.full_name,
    )


def _audit_row(entry: AuditEntry, said: Callable[[AuditEntry], str]) -> tuple[str, ...]:
    return (
        str(entry.seq),
        _instant(entry.at),
        entry.workspace,
        entry.actor,
        entry.kind,
        said(entry),
        entry.subject,
        "" if entry.cleanup is None else str(entry.cleanup),
        json.dumps(entry.details, ensure_ascii=False, sort_keys=True),
        entry.digest,
    )


def _digest(content: object) -> str:
    text = _JSON.encode(content)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _instant(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


def _to_the_second(stored: str) -> str:
    """An instant as evidence has it, as the other columns write theirs."""
    return re.sub(r"(:\d\d)\.\d+", r"\1", stored)


def _exactly(at: datetime | None) -> str:
    """For digests: instants that differ are different, however little."""
    return at.isoformat() if at else ""
