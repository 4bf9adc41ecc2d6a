"""Review: people approve accounts into the draft, exempt them until a date, snooze them, or withdraw any of it.

Each act takes ``seen``, the number of the audit entry up to which its actor knows what others decided: where somebody
else has decided on one of the accounts since, it is refused. It is all or nothing, unless it is given ``apart``: then
those on whom it cannot be taken are set apart there, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import (
    Account,
    Case,
    Cleanup,
    Exemption,
    Snooze,
    Workspace,
)
from accounts_review.models.copying import alike, as_read, copy_in
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.lifecycle import IN_FLIGHT, WITHDRAWABLE, CaseState, CleanupState
from accounts_review.wording import instants, verdicts
from accounts_review.wording.quotes import joined
from accounts_review.workflow.review.approval import approval_kept, evidence_of, said_of_approval
from accounts_review.workflow.review.held import held
from accounts_review.workflow.review.refusals import AccountRefusal as AccountRefusal
from accounts_review.workflow.review.refusals import Apart, sift
from accounts_review.workflow.review.refusals import DecisionRefused as DecisionRefused

ROBOT = gettext_lazy("it is a service account: confirm it on its page, to keep its owner")
"""Why an exemption that names no owner is none for a service account."""
A_YEAR = timedelta(days=366)
"""The longest that a service account stays exempt before its owner has to confirm it."""


@transaction.atomic
def approve(
    *,
    accounts: Sequence[Account],
    actor: User,
    reason: str,
    now: datetime,
    seen: int | None = None,
    ended: Sequence[Case] = (),
    apart: Apart | None = None,
    is_shown: Callable[[Account], bool] = lambda account: True,
) -> list[Case]:
    """Put accounts into the draft clean-up of their workspace, each with the evidence it was approved on.

    ``ended`` are cases of theirs whose approval stands as long as what the approver saw is still so: approver, reason
    and date are carried over, and ``actor`` is kept beside them. ``is_shown`` tells whether what is known of an
    account now is what the approver saw. Raises ``PermissionDenied`` and :class:`DecisionRefused`.
    """
    fresh = held(accounts, actor=actor, now=now, seen=seen, apart=apart, with_draft=True)
    fresh = sift(fresh, lambda account: "" if is_shown(account) else _("it has changed since it was confirmed"), apart)
    fresh = sift(fresh, lambda account: objection_to_approval(account, actor=actor), apart)
    before, cases = {case.account_id: case for case in ended}, list[Case]()
    login = actor.get_username()
    by: dict[str, Any] = {"approved_by_id": actor.pk, "approved_by_login": login, "approved_at": now}
    for workspace in {account.workspace_id: account.workspace for account in fresh}.values():
        one = Case(cleanup=draft_of(workspace, now=now), moved_at=now, reason=reason, **by)
        for account in fresh:
            if account.workspace_id == workspace.pk:
                saw, ended_one = evidence_of(account), before.get(account.pk)
                kept = approval_kept(ended_one, saw, actor=actor, now=now) if ended_one else {}
                about = {"account_id": account.pk, "evidence": saw}
                cases.append(alike(one, {"account": account}, **about | kept))
    copy_in(cases)
    _unsnooze(fresh)
    audit.log(cases, kind=Event.ACCOUNT_APPROVED, actor=login, now=now, data=said_of_approval)
    return cases


@transaction.atomic
def exempt(
    *,
    accounts: Sequence[Account],
    actor: User,
    reason: str,
    until: datetime,
    now: datetime,
    owner_email: str = "",
    is_service_account: bool = False,
    seen: int | None = None,
    apart: Apart | None = None,
) -> list[Exemption]:
    """Keep accounts out of every clean-up until an instant; one that is in a clean-up leaves it.

    The owner is told by e-mail before it lapses; a service account must have one, who so confirms it each time.
    Raises ``PermissionDenied`` and :class:`DecisionRefused`.
    """
    fresh = held(accounts, actor=actor, now=now, seen=seen, apart=apart)
    fresh = sift(fresh, lambda account: objection_to_exemption(account, actor, reason, until, now), apart)
    if not is_service_account:
        robots = robots_among([account.pk for account in fresh], now=now)
        fresh = sift(fresh, lambda account: str(ROBOT) if account.pk in robots else "", apart)
    if is_service_account and not owner_email:
        fresh = sift(fresh, lambda account: _("a service account needs an owner's e-mail address"), apart)
    latest = {
        pk: latest_end(workspace, now=now, is_service_account=is_service_account)
        for pk, workspace in {account.workspace_id: account.workspace for account in fresh}.items()
    }
    fresh = sift(fresh, lambda account: _objection_to_end(until, latest[account.workspace_id]), apart)
    login = actor.get_username()
    _standing(fresh).update(withdrawn_at=now)
    _unsnooze(fresh)
    given: dict[str, Any] = {"owner_email": owner_email, "is_service_account": is_service_account}
    one = Exemption(until=until, reason=reason, by=actor, by_login=login, at=now, **given)
    exemptions = [alike(one, {"account": account}, account_id=account.pk) for account in fresh]
    copy_in(exemptions)
    data: dict[str, Any] = {"reason": reason, "until": until.isoformat()}
    data |= {"owner": owner_email, "service_account": is_service_account} if owner_email else {}
    audit.log(fresh, kind=Event.ACCOUNT_EXEMPTED, actor=login, now=now, data=lambda one: data | evidence_of(one))
    _take_out(fresh, actor=login, now=now, reason=reason, kind="exempted")
    return exemptions


def robots_among(accounts: Sequence[int], *, now: datetime) -> set[int]:
    """Which of these accounts, by their keys, are exempt as service accounts."""
    return {account for (account,) in _ROBOTS.rows(keys=list(accounts), now=now)}


_ROBOTS = Prepared(
    lambda keys, now: (
        Exemption.objects.in_force(now)
        .filter(account__in=Among(keys), is_service_account=True)
        .values_list("account_id")
    ),
    keys=list,
    now=datetime,
)


@transaction.atomic
def snooze(
    *,
    accounts: Sequence[Account],
    actor: User,
    reason: str = "",
    now: datetime,
    seen: int | None = None,
    apart: Apart | None = None,
) -> None:
    """Set accounts aside without deciding: they leave the list of those open for decision, and nothing else changes.

    It ends with any decision, and by itself when they are judged otherwise. Raises ``PermissionDenied`` and
    :class:`DecisionRefused`.
    """
    fresh = held(accounts, actor=actor, now=now, seen=seen, apart=apart)
    fresh = sift(fresh, objection_to_snooze, apart)
    login = actor.get_username()
    _unsnooze(fresh)
    one = Snooze(by_login=login, at=now)
    judged = [account.assessment for account in fresh]
    copy_in(
        [
            alike(one, account_id=found.account_id, standing=found.standing, dormant_from=found.dormant_from)
            for found in judged
        ]
    )
    data = {"reason": reason}
    audit.log(fresh, kind=Event.ACCOUNT_SNOOZED, actor=login, now=now, data=lambda one: data | evidence_of(one))


@transaction.atomic
def withdraw(
    *,
    accounts: Sequence[Account],
    actor: User,
    reason: str,
    now: datetime,
    seen: int | None = None,
    apart: Apart | None = None,
) -> None:
    """Take back what was decided: accounts leave the clean-up they are in, an exemption in force ends, and what was
    snoozed is open again.

    Raises ``PermissionDenied`` and :class:`DecisionRefused`.
    """
    fresh = held(accounts, actor=actor, now=now, seen=seen, apart=apart)
    fresh = sift(fresh, objection_to_withdrawal, apart)
    login = actor.get_username()
    standing, known = _standing(fresh), {account.pk: account for account in fresh}
    exempted = [known[pk] for pk in standing.values_list("account", flat=True)]
    standing.update(withdrawn_at=now)
    audit.log(exempted, kind=Event.ACCOUNT_EXEMPTION_WITHDRAWN, actor=login, now=now, data={"reason": reason})
    audit.log(
        [account for account in fresh if account.snoozed_by],
        kind=Event.ACCOUNT_UNSNOOZED,
        actor=login,
        now=now,
        data={"reason": reason},
    )
    _unsnooze(fresh)
    _take_out(fresh, actor=login, now=now, reason=reason)


def latest_end(workspace: Workspace, *, now: datetime, is_service_account: bool = False) -> datetime:
    """Until when an exemption that is given now may last: the policy says so, and robots are confirmed every year."""
    longest = timedelta(days=workspace.current_policy.rules.exemption.longest_days)
    return now + (min(longest, A_YEAR) if is_service_account else longest)


def draft_of(workspace: Workspace, *, now: datetime) -> Cleanup:
    """The one open draft of a workspace that is held, made where there is none."""
    draft = workspace.cleanups.filter(state=CleanupState.DRAFT).first()
    if draft is None:
        number = (workspace.cleanups.aggregate(last=Max("number"))["last"] or 0) + 1
        draft = Cleanup.objects.create(workspace=workspace, number=number, created_at=now)
    return draft


def objection_to_approval(account: Account, *, actor: User) -> str:
    """Why an account (asked for ``with_verdict``) cannot be approved, or "" where it can."""
    if is_own(account, actor):
        return _("you cannot decide on your own account")
    if account.absent_since or account.gone_at:
        return _("the workspace no longer lists it")
    if account.case_state:
        return _("it is already in a clean-up")
    if account.exempt_until and account.verdict == Verdict.PROTECTED:
        return verdicts.exemption(account.exempt_until)
    if account.verdict != Verdict.DORMANT:
        why = verdicts.reasons(account.assessment.reasons) if account.verdict != Verdict.ACTIVE else []
        return joined([_("it is %(verdict)s") % {"verdict": verdicts.verdict(account.verdict)}, *why])
    return ""


def is_own(account: Account, actor: User) -> bool:
    """Whether an account is the person's own, as far as names and addresses tell."""
    same_address = bool(actor.email) and actor.email.casefold() == account.email.casefold()
    return same_address or actor.get_username() == account.username


def objection_to_exemption(account: Account, actor: User, reason: str, until: datetime, now: datetime) -> str:
    """Why an account (asked for ``with_verdict``) cannot be exempted so, or "" where it can."""
    if is_own(account, actor):
        return _("you cannot decide on your own account")
    if not reason.strip():
        return _("an exemption needs a reason")
    if until <= now:
        return _("an exemption must end in the future")
    if account.case_state in IN_FLIGHT:
        return _("its removal is already under way")
    return ""


def _objection_to_end(until: datetime, latest: datetime) -> str:
    return _("it may be exempt until %(date)s at most") % {"date": instants.promised(latest)} if until > latest else ""


def objection_to_snooze(account: Account) -> str:
    """Why an account (asked for ``with_verdict``) cannot be snoozed, or "" if it can."""
    if account.absent_since or account.gone_at:
        return _("the workspace no longer lists it")
    if account.case_state:
        return _("it is already in a clean-up")
    if account.exempt_until:
        return verdicts.exemption(account.exempt_until)
    return ""


def objection_to_withdrawal(account: Account) -> str:
    """Why there is nothing to take back on an account (asked for ``with_verdict``), or "" where there is."""
    if account.case_state in IN_FLIGHT:
        return _("its removal is already under way")
    if not (account.case_state or account.exempt_until or account.snoozed_by):
        return _("there is nothing to withdraw")
    return ""


def _standing(accounts: Sequence[Account]) -> QuerySet[Exemption]:
    return Exemption.objects.filter(account__in=Among(account.pk for account in accounts), withdrawn_at=None)


def _unsnooze(accounts: Sequence[Account]) -> None:
    Snooze.objects.filter(account__in=Among(account.pk for account in accounts)).delete()


def _take_out(accounts: Sequence[Account], *, actor: str, now: datetime, **data: str) -> None:
    """Have accounts (held for a decision) leave the clean-up they are in; ``data`` says why."""
    known = {account.pk: account for account in accounts}
    standing = Case.objects.filter(account__in=Among(known), state__in=WITHDRAWABLE).order_by("account")
    found = list(standing.select_for_update(no_key=True).values_list("pk", "state", "account_id", "cleanup_id"))
    cleanups = Cleanup.objects.select_related("workspace").in_bulk({cleanup for *_case, cleanup in found})
    one = as_read(Case, ("id", "state", "account_id", "cleanup_id"))
    cases = [
        alike(
            one,
            {"account": known[account], "cleanup": cleanups[cleanup]},
            id=pk,
            state=state,
            account_id=account,
            cleanup_id=cleanup,
        )
        for pk, state, account, cleanup in found
    ]
    audit.transition(cases, CaseState.WITHDRAWN, kind=Event.ACCOUNT_WITHDRAWN, actor=actor, now=now, data=data)
