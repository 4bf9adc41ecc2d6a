"""Returns: who came back after a removal, by themselves or invited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, Case, Sync, Workspace
from accounts_review.rules.lifecycle import CaseState

INVITED, BY_THEMSELVES = ~Q(restored_by=""), Q(returned_at__isnull=False, restored_by="")
"""The two ways in which people who were revoked are back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRate:
    """How many of a segment were revoked, came back by themselves, and were invited back."""

    segment: str
    revoked: int
    returned: int
    restored: int

    @property
    def back(self) -> int:
        """Who is back one way or the other."""
        return self.returned + self.restored

    @property
    def percent(self) -> float:
        """Of a hundred revoked, those who are back."""
        return round(100 * self.back / self.revoked, 1)


def log_returns(*, workspace: Workspace, now: datetime) -> list[Case]:
    """Note, once each, the revoked cases whose people are listed again; gives back those that are new.

    To be called after a sync. A person is known by username or e-mail address, and by having joined since.
    """
    cases = Case.objects.filter(cleanup__workspace=workspace, state=CaseState.REVOKED, returned_at=None)
    revoked = list(cases.select_related("account", "cleanup__workspace").order_by("pk"))
    listed = _listed_like(workspace, revoked)
    newest = Sync.objects.filter(workspace=workspace, state=Sync.State.COMPLETE).first()
    logged = []
    for case in revoked:
        alike = [account for key in _keys(case.account) for account in listed.get(key, ())]
        back = next((account for account in alike if _is_return(case, account, newest=newest, now=now)), None)
        if back and _note_return(case, back, now=now):
            logged.append(case)
    return logged


def return_rates(*, workspace: Workspace) -> list[ReturnRate]:
    """How many removed people of each segment came back, the most removed first."""
    cases = Case.objects.filter(cleanup__workspace=workspace, state=CaseState.REVOKED)
    return rates_of((segment, counts) for segment, _approver, *counts in returns_counted(cases))


ReturnsCounted = list[tuple[str | None, str, int, int, int]]


def returns_counted(revoked: QuerySet[Case]) -> ReturnsCounted:
    """Segment and approver, with how many were revoked, came back by themselves, and were invited back."""
    counted = revoked.order_by().values_list("evidence__segment", "approved_by_login")
    return list(
        counted.annotate(
            revoked=Count("pk"),
            returned=Count("pk", filter=BY_THEMSELVES),
            restored=Count("pk", filter=INVITED),
        )
    )


def rates_of(counted: Iterable[tuple[str | None, Sequence[int]]]) -> list[ReturnRate]:
    """The rates of segments, each of which may be counted in parts."""
    sums: dict[str, list[int]] = {}
    for segment, counts in counted:
        before = sums.get(segment or "", [0, 0, 0])
        sums[segment or ""] = [one + other for one, other in zip(before, counts, strict=True)]
    found = [
        ReturnRate(segment=segment, revoked=revoked, returned=returned, restored=restored)
        for segment, (revoked, returned, restored) in sums.items()
    ]
    return sorted(found, key=lambda rate: (-rate.revoked, rate.segment))


def _keys(account: Account) -> list[tuple[str, str]]:
    """What an account is known by: its username, and its address where it has one."""
    keys = [("username", account.username), ("address", account.email.lower())]
    return [(kind, value) for kind, value in keys if value]


def _listed_like(workspace: Workspace, revoked: list[Case]) -> dict[tuple[str, str], list[Account]]:
    """The listed accounts that share a username or an address with one of the cases, by either."""
    known = {key for case in revoked for key in _keys(case.account)}
    names, addresses = ({value for kind, value in known if kind == wanted} for wanted in ("username", "address"))
    accounts = Account.objects.filter(workspace=workspace).listed().alias(address=Lower("email"))
    found: dict[tuple[str, str], list[Account]] = defaultdict(list)
    for account in accounts.filter(Q(username__in=names) | Q(address__in=addresses)).order_by("pk"):
        for key in _keys(account):
            found[key].append(account)
    return found


def _is_return(case: Case, account: Account, *, newest: Sync | None, now: datetime) -> bool:
    if account.pk == case.account_id:
        # A sync that had read the account before it was revoked lists it too, for the last time.
        return newest is not None and newest.started_at > case.moved_at
    joined = _instant(account.incarnation)
    return joined is not None and (case.intended_at or case.moved_at) < joined <= now + timedelta(days=1)


@transaction.atomic
def _note_return(case: Case, account: Account, *, now: datetime) -> bool:
    if not Case.objects.filter(pk=case.pk, returned_at=None).update(returned_at=now):
        return False
    data = {"account": account.pk, "username": account.username, "joined": account.incarnation}
    data |= {"restored": bool(case.restored_by)}
    if account.pk == case.account_id:
        data["cause"] = "same_membership"
    audit.log([case], kind=Event.ACCOUNT_RETURNED, actor="portal", now=now, data=data)
    case.returned_at = now
    return True


def _instant(incarnation: str) -> datetime | None:
    try:
        joined = datetime.fromisoformat(incarnation)
    except ValueError:
        return None
    return joined if joined.tzinfo else None
