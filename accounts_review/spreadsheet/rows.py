"""Accounts and cases as tables for reviewers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, NamedTuple, cast

from django.db.models import Func, JSONField, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast

from accounts_review.models import Account, Case, Exemption
from accounts_review.models.streaming import CHUNK, streamed
from accounts_review.rules.dormancy import verdict_at
from accounts_review.rules.lifecycle import CaseState
from accounts_review.rules.names import LONGEST
from accounts_review.spreadsheet import Sheet
from accounts_review.wording import verdicts
from accounts_review.wording.quotes import joined
from accounts_review.wording.reasons import told as reason_in_words

REMEMBERED = 4096
LENGTHS = len("2026-11-29 08:00:00+00"), len("2026-11-29 08:00:00.123456+00")
"""Of instants that Python writes as the database does, but for a letter and the minutes of the zone."""
_NO_TEXT = hashlib.blake2b(digest_size=8)
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
DECISIONS = ("approve", "exempt", "withdraw")
COLUMNS_TO_FILL = ("decision", "decision_reason", "decision_until")
NOT_FILLED = ("",) * len(COLUMNS_TO_FILL)
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
    *("username", "email", "display_name", "name", "state", "outcome", "moved_at", "segment", "activity_at"),
    *("dormant_from", "approved_by", "approved_at", "reason", "noticed_at", "promised_at", "answer"),
    *("restored_at", "returned_at"),
)
MOVER_COLUMNS = (
    *("username", "email", "verdict", "verdict_after", "segment", "segment_after", "activity_at", "case", "name"),
)


def accounts_sheet(accounts: QuerySet[Account], *, as_of: datetime) -> Sheet:
    """Accounts (a query, asked for ``with_verdict``), one a row, with room for decisions."""
    idle, known = verdicts.IdlenessInWords(as_of), lru_cache(maxsize=REMEMBERED)(_reasons)

    def reasons(stored: str, verdict: str, exempt_until: str | None) -> tuple[str, str]:
        # Long ones would only take memory: nobody else has them.
        told = known if len(stored) <= LONGEST else _reasons
        return told(stored, verdict, exempt_until)

    found = cast("Iterator[_AccountRow]", streamed(account_query(accounts, as_of=as_of)))
    rows = (_account_row(row, as_of, idle, reasons) for row in found)
    return Sheet("accounts", COLUMNS, rows, {"decision": DECISIONS})


def account_query(accounts: QuerySet[Account], *, as_of: datetime) -> QuerySet[Account, tuple[Any, ...]]:
    """What :func:`accounts_sheet` reads of accounts."""
    return accounts.select_related(None).annotate(**_told_beside(as_of)).values_list(*_AccountRow._fields)


def cases_sheet(cases: QuerySet[Case], *, said: Callable[[Case], str]) -> Sheet:
    """Cases (a query, with their accounts), one a row; ``said`` tells what became of one."""
    rows = (_case_row(case, said) for case in cases.iterator(chunk_size=CHUNK))
    return Sheet("cases", CASE_COLUMNS, rows)


def preview_sheet(accounts: QuerySet[Account]) -> Sheet:
    """Accounts (a query, asked for ``with_verdict_under`` a preview): what they are, and what they would be."""
    narrow = accounts.select_related(None).select_related("assessment").defer("raw")
    return Sheet("policy-preview", MOVER_COLUMNS, (_mover_row(a) for a in narrow.iterator(chunk_size=CHUNK)))


def row_digest(account: Account, *, as_of: datetime) -> str:
    """What a row says of an account (asked for ``with_verdict``), in two digests: its evidence, and its decisions.

    They start with letters, so that no spreadsheet takes them for numbers.
    """
    found, written = account.assessment, _JSON.encode
    verdict = verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=as_of)
    evidence = _evidence(
        (account.username, account.incarnation, account.email, account.account_type),
        groups=written(account.groups),
        judged=(verdict, found.segment, str(found.limit_days), written(found.reasons)),
        instants=(_exactly(found.activity_at), _exactly(found.dormant_from)),
    )
    return f"e{_digest(evidence)}-d{_digest_of_decisions(decided(account))}"


def _evidence(
    who: tuple[str, str, str, str], *, groups: str, judged: tuple[str, str, str, str], instants: tuple[str, str]
) -> str:
    """The list of what a reviewer saw as a document; groups, the limit and reasons are written already."""
    (username, incarnation, email, account_type), quoted = who, encode_basestring
    (verdict, segment, limit_days, reasons), (activity_at, dormant_from) = judged, instants
    return (
        f"[{quoted(username)}, {quoted(incarnation)}, {quoted(email)}, {_quoted(account_type)}, {groups}, "
        f'{_quoted(verdict)}, {_quoted(segment)}, {limit_days}, {reasons}, "{activity_at}", "{dormant_from}"]'
    )


def decided(account: Account) -> tuple[str, ...]:
    """What people have decided on an account so far: the kind of clean-up it is in, until when it is exempt, who set it
    aside.
    """
    return _decided(account.case_state, _exactly(account.exempt_until), account.snoozed_by)


def _decided(case: str | None, exempt_until: str, snoozed_by: str | None) -> tuple[str, ...]:
    kind = case if case in (None, CaseState.IN_DRAFT) else "launched"
    return kind or "", exempt_until, snoozed_by or ""


def _told_beside(as_of: datetime) -> dict[str, Any]:
    """What people wrote when they decided: on the exemption in force, and on the open case; and lists as text."""
    exemption = Exemption.objects.in_force(as_of).filter(account=OuterRef("pk"))
    case = Case.objects.open().filter(account=OuterRef("pk"))
    told = {name: Subquery(of.values("reason")[:1]) for name, of in (("exempt_why", exemption), ("case_why", case))}
    names = Func("groups", Value("; "), function="array_to_string", output_field=TextField())
    document = Cast(Func("groups", function="to_jsonb", output_field=JSONField()), TextField())
    return told | {"group_names": names, "group_list": document}


class _AccountRow(NamedTuple):
    """What is read of an account, as the database writes it: of 360,000, model objects took half of the time."""

    username: str
    email: str
    verdict: str
    assessment__segment: str
    assessment__activity_at: str | None
    assessment__dormant_from: str
    assessment__reasons: str
    assessment__activity_field: str
    assessment__limit_days: str
    assessment__standing: str
    display_name: str
    first_name: str
    last_name: str
    account_type: str
    incarnation: str
    group_names: str
    group_list: str
    case_state: str | None
    exempt_until: str | None
    snoozed_by: str | None
    exempt_why: str | None
    case_why: str | None
    read_at: str


def _account_row(
    row: _AccountRow,
    as_of: datetime,
    idle: verdicts.IdlenessInWords,
    reasons: Callable[[str, str, str | None], tuple[str, str]],
) -> tuple[str, ...]:
    # Read by name, they took one of eight microseconds.
    (
        username,
        email,
        verdict,
        segment,
        active_at,
        idle_from,
        stored,
        field,
        limit_days,
        standing,
        display_name,
        first_name,
        last_name,
        account_type,
        incarnation,
        group_names,
        groups,
        case,
        exempt_until,
        snoozed_by,
        exempt_why,
        case_why,
        read_at,
    ) = row
    seen_at, seen_exactly = _written(active_at)
    dormant_at, dormant_exactly = _written(idle_from)
    exempt_at, decisions = _decisions(case, exempt_until, snoozed_by)
    given, reason_list = reasons(stored, verdict, exempt_until)
    beneath = verdict
    if exempt_until is not None:
        beneath = verdict_at(standing=standing, dormant_from=datetime.fromisoformat(idle_from), now=as_of)
    evidence = _evidence(
        (username, incarnation, email, account_type),
        groups=groups,
        judged=(beneath, segment, limit_days, reason_list),
        instants=(seen_exactly, dormant_exactly),
    )
    return (
        username,
        email,
        verdict,
        segment,
        seen_at,
        dormant_at,
        given,
        idle.told(_read(active_at), field, int(limit_days), segment),
        display_name,
        f"{first_name} {last_name}".strip() or display_name,
        account_type,
        group_names,
        case or "",
        exempt_at,
        reason_in_words(exempt_why or case_why or ""),
        _written_often(read_at)[0],
        f"e{_digest(evidence)}-d{decisions}",
        *NOT_FILLED,
    )


@lru_cache(REMEMBERED)
def _decisions(case: str | None, exempt_until: str | None, snoozed_by: str | None) -> tuple[str, str]:
    """Until when an account is exempt, and the digest of what was decided on it; many accounts share them."""
    to_the_second, exactly = _written(exempt_until)
    return to_the_second, _digest_of_decisions(_decided(case, exactly, snoozed_by))


def _reasons(stored: str, verdict: str, exempt_until: str | None) -> tuple[str, str]:
    """The reasons of a verdict in words, and as they are digested; many accounts share them."""
    found = json.loads(stored)
    told = verdicts.in_force(found, verdict=verdict, exempt_until=_read(exempt_until))
    return joined(told), _JSON.encode(found)


def _written(at: str | None) -> tuple[str, str]:
    """An instant to the second and exactly, from how the database writes it: as by a ``datetime``, but sooner."""
    if at is None:
        return "", ""
    if len(at) in LENGTHS and at.endswith("+00"):
        exactly = f"{at.replace(' ', 'T')}:00"
        return f"{exactly[:19]}+00:00", exactly
    return _instant(_read(at)), _exactly(_read(at))


@lru_cache(REMEMBERED)
def _written_often(at: str | None) -> tuple[str, str]:
    """The same of an instant that many accounts share."""
    return _written(at)


def _read(at: str | None) -> datetime | None:
    return None if at is None else datetime.fromisoformat(at)


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
        reason_in_words(case.reason),
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


def _digest(text: str) -> str:
    # To make a new one takes longer than to digest a row.
    digest = _NO_TEXT.copy()
    digest.update(text.encode())
    return digest.hexdigest()


@lru_cache(REMEMBERED)
def _digest_of_decisions(decisions: tuple[str, ...]) -> str:
    """Nearly all accounts share it: nothing was decided on them."""
    return _digest(_JSON.encode(decisions))


@lru_cache(REMEMBERED)
def _quoted(name: str) -> str:
    """A name that many accounts share, as JSON."""
    return _JSON.encode(name)


def _instant(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


def _to_the_second(stored: str) -> str:
    """An instant as evidence has it, as the other columns write theirs."""
    return re.sub(r"(:\d\d)\.\d+", r"\1", stored)


def _exactly(at: datetime | None) -> str:
    """For digests: instants that differ are different, however little."""
    return at.isoformat() if at else ""
