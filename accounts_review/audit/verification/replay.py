"""Do cases, clean-ups, exemptions, policies and workspaces stand as the record says? Told again from its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts_review.audit.events import Event
from accounts_review.audit.verification.chain import instant
from accounts_review.audit.verification.flaws import Flaw
from accounts_review.models import AuditEntry, Case, Cleanup, Exemption, PersonalData, PolicyVersion, Workspace
from accounts_review.rules.lifecycle import CaseState, CleanupState

STEP = 2000
_COMPARED = (
    *("account_id", "pk", "state", "moved", "approved_by_login", "promised_at", "saw"),
    *("cleanup__number", "cleanup__workspace_id"),
)
_TELLING = (Event.ACCOUNT_APPROVED, Event.ACCOUNT_EXEMPTED, Event.ACCOUNT_EXEMPTION_WITHDRAWN)


class _Evidence(msgspec.Struct):
    """What is compared of the evidence of an approval."""

    policy: Any = None
    segment: Any = None
    limit_days: Any = None
    activity_at: Any = None
    dormant_from: Any = None
    rights: Any = None
    groups: Any = None
    incarnation: Any = None
    digest: Any = None


_evidence = msgspec.json.Decoder(_Evidence).decode


class _Entry(NamedTuple):
    """What is read of an entry to tell its account's story; ``evidence`` is that of an approval."""

    account_id: int
    seq: int
    instant: str
    kind: str
    cleanup: int | None
    actor: str
    to: str | None
    promised: str | None
    until: str | None
    approved_by: str | None
    evidence: str | None


class _Stored(NamedTuple):
    """What stands of a case, in the order of :data:`_COMPARED`."""

    account_id: int
    pk: int
    state: str
    moved: str
    approved_by_login: str
    promised_at: datetime | None
    evidence: str
    cleanup: int
    workspace_id: int


class _Given(NamedTuple):
    """What stands of an exemption."""

    account_id: int
    pk: int
    until: datetime
    by_login: str
    withdrawn_at: datetime | None


@dataclass(slots=True)
class _Told:
    """What the record tells of one case: where it stands, since when, and who approved it on which evidence."""

    state: str
    instant: str
    seq: int
    kind: str
    cleanup: int | None
    approved_by: str
    evidence: _Evidence
    promised: datetime | None = None


@dataclass(slots=True)
class _Kept:
    """What the record tells of one exemption."""

    seq: int
    kind: str
    until: datetime | None
    by: str
    ended: bool = False


@dataclass(slots=True)
class _Account:
    cases: list[_Told] = field(default_factory=list)
    exemptions: list[_Kept] = field(default_factory=list)


def check_states(*, most: int = 50) -> list[Flaw]:
    """Rows that are not as the record says, each named with the entry that says otherwise."""
    flaws: list[Flaw] = []
    for check in (_accounts, _cleanups, _policies, _modes):
        for flaw in check():
            flaws.append(flaw)
            if len(flaws) >= most:
                return flaws
    return flaws


def _accounts() -> Iterator[Flaw]:
    """Cases and exemptions, account by account; both sides are read in the order of accounts."""
    stands = Case.objects.annotate(moved=instant("moved_at"), saw=Cast("evidence", models.TextField()))
    rows = stands.order_by("account_id", "pk").values_list(*_COMPARED)
    cases = (_Stored(*row) for row in rows.iterator(chunk_size=STEP))
    given = Exemption.objects.order_by("account_id", "pk").values_list(*_Given._fields)
    exemptions = (_Given(*row) for row in given.iterator(chunk_size=STEP))
    numbers = _held_back()
    told = _by_account(_entries())
    stored = [_by_account(cases), _by_account(exemptions)]
    for _account, (entry_rows, case_rows, exemption_rows) in _merged(told, *stored):
        account = _retold(entry_rows)
        yield from _pairs(account.cases, case_rows, "case", lambda a, b: _case_differs(a, b, numbers))
        yield from _pairs(account.exemptions, exemption_rows, "exemption", _exemption_differs)


def _entries() -> Iterator[_Entry]:
    """The entries that change what is told of an account, as bare rows: they are most of the audit."""
    telling = Q(data__has_key="to") | Q(kind__in=_TELLING)
    entries = AuditEntry._base_manager.exclude(account_id=None).filter(telling).order_by("account_id", "seq")
    parts: dict[str, Any] = {name: KT(f"data__{name}") for name in ("to", "promised", "until")}
    parts["actor"] = F("actor_ref__name")
    # Few say who approved it before: to look beside every entry took as long as all else.
    beside = PersonalData.objects.filter(digest=OuterRef("personal_id"))
    approved_before = Subquery(beside.values(told=KT("details__approved_by")))
    parts["approved_by"] = models.Case(models.When(data__has_key="kind", then=approved_before))
    parts["instant"] = instant("at")
    parts["evidence"] = models.Case(
        models.When(kind=Event.ACCOUNT_APPROVED, data__has_key="segment", then=Cast("data", models.TextField()))
    )
    return (_Entry(*row) for row in entries.annotate(**parts).values_list(*_Entry._fields).iterator(chunk_size=STEP))


def _by_account(rows: Iterable[Any]) -> Iterator[tuple[int, list[Any]]]:
    for account, group in groupby(rows, key=lambda row: row.account_id):
        yield account, list(group)


def _merged(*sides: Iterator[tuple[int, list[Any]]]) -> Iterator[tuple[int, list[list[Any]]]]:
    """The rows of each side for one account after the other."""
    heads = [next(side, None) for side in sides]
    while any(heads):
        account = min(head[0] for head in heads if head)
        rows: list[list[Any]] = []
        for index, head in enumerate(heads):
            is_mine = head is not None and head[0] == account
            rows.append(head[1] if head and is_mine else [])
            if is_mine:
                heads[index] = next(sides[index], None)
        yield account, rows


def _retold(entries: Iterable[_Entry]) -> _Account:
    account = _Account()
    for entry in entries:
        _retell(account, entry)
    return account


def _retell(account: _Account, entry: _Entry) -> None:
    if entry.evidence is not None:
        by = entry.approved_by or entry.actor
        told = _evidence(entry.evidence)
        account.cases.append(_Told(CaseState.IN_DRAFT, entry.instant, entry.seq, entry.kind, entry.cleanup, by, told))
    elif entry.kind == Event.ACCOUNT_EXEMPTED:
        for kept in account.exemptions:
            kept.ended = True
        until = parse_datetime(entry.until or "")
        account.exemptions.append(_Kept(entry.seq, entry.kind, until, entry.actor))
    elif entry.kind == Event.ACCOUNT_EXEMPTION_WITHDRAWN:
        for kept in account.exemptions:
            kept.ended = True
    elif entry.to and account.cases:
        case = account.cases[-1]
        case.state, case.instant, case.seq, case.kind = entry.to, entry.instant, entry.seq, entry.kind
        case.cleanup = entry.cleanup
        if entry.kind == Event.CASE_NOTICED:
            case.promised = parse_datetime(entry.promised or "")
        elif entry.kind == Event.ACCOUNT_ANSWERED and entry.to == CaseState.DUE:
            case.promised = datetime.fromisoformat(entry.instant)


def _pairs(told: list[Any], rows: list[Any], name: str, differs: Callable[[Any, Any], str]) -> Iterator[Flaw]:
    for one, row in zip(told, rows, strict=False):
        if problem := differs(one, row):
            yield Flaw(one.seq, problem, one.kind, f"{name} {row.pk}")
    for row in rows[len(told) :]:
        yield Flaw(0, _("the audit has no record of it"), row=f"{name} {row.pk}")
    for one in told[len(rows) :]:
        yield Flaw(one.seq, _("the record it refers to is missing"), one.kind, name)


def _case_differs(told: _Told, case: _Stored, numbers: dict[tuple[int, int], int]) -> str:
    number, saw = told.cleanup, _evidence(case.evidence)
    while number != case.cleanup and (case.workspace_id, number or 0) in numbers:
        number = numbers[case.workspace_id, number or 0]
    by, promised = told.approved_by or case.approved_by_login, told.promised or case.promised_at
    stands = (case.state, case.moved, case.approved_by_login, case.promised_at, case.cleanup)
    if (told.state, told.instant, by, promised, number) == stands and told.evidence == saw:
        return ""
    expected: dict[str, tuple[Any, Any]] = {
        gettext_noop("state"): (told.state, case.state),
        gettext_noop("since"): (datetime.fromisoformat(told.instant), datetime.fromisoformat(case.moved)),
        gettext_noop("approved by"): (by, case.approved_by_login),
        gettext_noop("not before"): (promised, case.promised_at),
        gettext_noop("clean-up"): (number, case.cleanup),
    }
    for name in _Evidence.__struct_fields__:
        expected[name] = (getattr(told.evidence, name), getattr(saw, name))
    return _difference(expected)


def _exemption_differs(told: _Kept, row: _Given) -> str:
    return _difference(
        {
            gettext_noop("until"): (told.until, row.until),
            gettext_noop("by"): (told.by or row.by_login, row.by_login),
            gettext_noop("withdrawn"): (told.ended, row.withdrawn_at is not None),
        }
    )


def _difference(pairs: dict[str, tuple[Any, Any]]) -> str:
    for name, (told, stands) in pairs.items():
        if told != stands:
            clause = _("%(name)s is %(stands)s; the audit says %(told)s")
            return clause % {"name": _(name), "stands": _shown(stands), "told": _shown(told)}
    return ""


def _shown(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)


def _held_back() -> dict[tuple[int, int], int]:
    """Where accounts over the limit went: from the clean-up of a workspace to the next draft."""
    ids = _ids()
    moved = AuditEntry._base_manager.filter(kind=Event.CLEANUP_HELD_BACK).values_list("workspace", "data", "cleanup")
    return {(ids[name], int(data["from"])): number for name, data, number in moved if name in ids and number}


def _ids() -> dict[str, int]:
    return {name: workspace.pk for workspace in Workspace.objects.all() for name in workspace.names}


def _cleanups() -> Iterator[Flaw]:
    ids, told = _ids(), dict[tuple[int, int], AuditEntry]()
    launches: dict[tuple[int, int], AuditEntry] = {}
    moves = AuditEntry.objects.filter(kind__startswith="cleanup.").exclude(cleanup=None).order_by("seq")
    for entry in moves.iterator(chunk_size=STEP):
        key = (ids.get(entry.workspace, 0), entry.cleanup or 0)
        if entry.data.get("to"):
            told[key] = entry
        if entry.kind == Event.CLEANUP_LAUNCHED:
            launches[key] = entry
    for cleanup in Cleanup.objects.select_related("workspace").order_by("pk"):
        key = (cleanup.workspace_id, cleanup.number)
        last, launch = told.pop(key, None), launches.get(key)
        expected: dict[str, tuple[Any, Any]] = {
            gettext_noop("state"): (last.data["to"] if last else CleanupState.DRAFT, cleanup.state)
        }
        if launch:
            expected[gettext_noop("launched by")] = (launch.actor or cleanup.launched_by, cleanup.launched_by)
            expected[gettext_noop("dry run")] = (launch.data.get("dry_run"), cleanup.dry_run)
        if problem := _difference(expected):
            seq, kind = (last.seq, last.kind) if last else (0, "")
            yield Flaw(seq, problem, kind, f"clean-up {cleanup.number} of {cleanup.workspace}")
    for entry in told.values():
        yield Flaw(entry.seq, _("the record it refers to is missing"), entry.kind, f"clean-up {entry.cleanup}")


def _policies() -> Iterator[Flaw]:
    ids = _ids()
    adopted = AuditEntry.objects.filter(kind=Event.POLICY_ADOPTED).order_by("seq")
    told = {(ids.get(entry.workspace, 0), entry.data.get("version")): entry for entry in adopted}
    for version in PolicyVersion.objects.select_related("workspace").order_by("workspace", "number"):
        row = f"policy version {version.number} of {version.workspace}"
        entry = told.pop((version.workspace_id, version.number), None)
        newest = not any(key[0] == version.workspace_id and (key[1] or 0) > version.number for key in told)
        if entry is None:
            yield Flaw(0, _("the audit has no record of it"), row=row)
        elif entry.data.get("policy") != version.text:
            yield Flaw(entry.seq, _("its text is not the one that was activated"), entry.kind, row)
        elif version.is_current != newest:
            yield Flaw(entry.seq, _("whether it is in force is not as the audit says"), entry.kind, row)
    for entry in told.values():
        yield Flaw(entry.seq, _("the record it refers to is missing"), entry.kind, _("policy version"))


def _modes() -> Iterator[Flaw]:
    ids, told = _ids(), dict[int, AuditEntry]()
    for entry in AuditEntry.objects.filter(kind=Event.WORKSPACE_MODE_SET).order_by("seq"):
        told[ids.get(entry.workspace, 0)] = entry
    for workspace in Workspace.objects.all():
        last = told.get(workspace.pk)
        mode = last.data.get("to") if last else Workspace.Mode.DRY_RUN
        if problem := _difference({gettext_noop("mode"): (mode, workspace.mode)}):
            yield Flaw(last.seq if last else 0, problem, last.kind if last else "", f"workspace {workspace}")
