"""Erase what is held about people who are gone; what was done and decided stays, without their names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit import NewEntry
from accounts_review.audit.events import Event
from accounts_review.models import (
    Account,
    Case,
    DecisionFile,
    EmailText,
    Exemption,
    HeldSync,
    PersonalData,
    PolicyVersion,
    Snooze,
    Workspace,
    permit,
)
from accounts_review.models.hold import PORTAL
from accounts_review.wording.labels import labelled
from accounts_review.workflow.retention import texts, traces
from accounts_review.workflow.retention.terms import SearchTerms

_EVIDENCE_OF_A_PERSON = ("email",)
_MOST_NUMBERS = 10
"""So many entries are told one by one."""
_OUTCOME = ("status", "error_code", "trace_id", "inferred", "kind", "found", "at")
"""What is kept of how a removal ended; the rest may name somebody."""


class NotErasable(ValueError):
    """Somebody whose data cannot be erased now; the text says why and what to do."""


@dataclass(slots=True)
class Erased:
    """What was erased: how many accounts, and what to look for in files; ``left`` says where a name stays, and why."""

    accounts: int = 0
    terms: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Which could not be erased, by their keys, never by a name, and the kind of error."""


def incarnations(workspace: Workspace, username: str) -> list[Account]:
    """The accounts that somebody had or has under a username."""
    return list(Account.objects.filter(workspace=workspace).named([username]).order_by("pk"))


@transaction.atomic
def erase_person(*, workspace: Workspace, username: str, actor: User, reason: str, now: datetime) -> Erased:
    """Erase everything about somebody who is gone from a workspace.

    Raises ``PermissionDenied``, and :class:`NotErasable` where they are unknown, still there, or in a clean-up.
    """
    permit(actor, "administer", workspace)
    if not reason.strip():
        raise NotErasable(_("Give a reason; it is recorded in the audit."))
    accounts = incarnations(workspace, username)
    if not accounts:
        raise NotErasable(_("%(username)s: no account of this workspace has this username.") % {"username": username})
    erased = erase_accounts(accounts, actor=actor.get_username(), reason=reason, now=now)
    erased.left = _left(workspace, SearchTerms(tuple(erased.terms)))
    return erased


@transaction.atomic
def erase_accounts(accounts: Sequence[Account], *, actor: str = PORTAL, reason: str = "", now: datetime) -> Erased:
    """Erase what is held about accounts, each of which is gone. All or nothing; raises :class:`NotErasable`."""
    ids = [account.pk for account in accounts]
    held = list(
        Account.objects.select_for_update(no_key=True).select_related("workspace").filter(pk__in=ids).order_by("pk")
    )
    for account in held:
        if why := objection_to_erasing(account):
            raise NotErasable(labelled(account.username, why))
    terms = traces.terms_of(held)
    places = hold_places(account.workspace_id for account in held)
    audit.wait_for_turn()
    _empty_personal_data(ids, terms, places, now=now)
    _empty_cases(ids)
    Exemption.objects.filter(account__in=ids).update(reason="", owner_email="")
    Snooze.objects.filter(account__in=ids).delete()
    _empty_files_and_held(held)
    for account in held:
        _empty(account, now=now)
    traces.sweep_tables(terms, workspaces=[place.pk for place in places])
    cleaned = terms.found.sub("…", reason) if terms else reason
    audit.append(_entry(account, actor=actor, reason=cleaned, now=now) for account in held)
    return Erased(len(held), list(terms.words))


def hold_places(keys: Iterable[int]) -> list[Workspace]:
    """Lock workspaces, before the end of the audit as everybody does: they, and what is theirs, may name somebody."""
    return list(Workspace.objects.filter(pk__in=set(keys)).order_by("pk").select_for_update(no_key=True))


def objection_to_erasing(account: Account) -> str:
    """Why what is held about an account cannot be erased now, or "" where it can."""
    if account.erased_at:
        return _("it is already erased")
    if account.absent_since is None and account.gone_at is None:
        return _("the workspace still lists it; only an account that is gone can be erased")
    if account.cases.open().exists():
        return _("it is in a clean-up that has not ended; withdraw it first")
    return ""


def _empty(account: Account, *, now: datetime) -> None:
    account.username = f"erased-{account.pk}"
    account.email = account.display_name = account.first_name = account.last_name = account.digest = ""
    # Whoever judges accounts reads a record of each.
    account.raw = json.dumps({"username": account.username})
    account.groups, account.disputed, account.erased_at = [], [], now
    account.save()


def _empty_personal_data(ids: list[int], terms: SearchTerms, places: list[Workspace], *, now: datetime) -> None:
    """What entries say of the accounts, and other details in entries of their workspaces that name them."""
    PersonalData.objects.filter(account_id__in=ids).erase(now=now)
    names = [name for place in places for name in place.names]
    PersonalData.objects.filter(pk__in=texts.telling(terms, names=names, accounts=ids)).erase(now=now)


def _empty_cases(ids: list[int]) -> None:
    for case in Case.objects.filter(account__in=ids):
        case.evidence = {name: value for name, value in case.evidence.items() if name not in _EVIDENCE_OF_A_PERSON}
        case.answer = _without(case.answer, ("kind", "until", "at", "seconds_after"))
        case.outcome = _without(case.outcome, _OUTCOME)
        case.reason = case.warned_to = case.message_id = ""
        case.snapshot, case.rechecks = None, []
        case.save(
            update_fields=["evidence", "answer", "outcome", "reason", "warned_to", "message_id", "snapshot", "rechecks"]
        )


def _without(content: dict[str, Any] | None, kept: Sequence[str]) -> dict[str, Any] | None:
    return None if content is None else {name: content[name] for name in kept if name in content}


def _empty_files_and_held(accounts: Sequence[Account]) -> None:
    """Decision files of their workspaces that list them, and what a quarantined sync holds of them."""
    for account in accounts:
        place, own = account.workspace_id, {account.username.casefold(), account.email.casefold()} - {""}
        for file in DecisionFile.objects.filter(workspace=place):
            if any(_lists(row, own) for row in file.rows):
                file.delete()
        for held in HeldSync.objects.filter(sync__workspace=place):
            told = [one.pk for one in held.records.iterator(2000) if _lists(_decoded(one.raw), own)]
            held.records.filter(pk__in=told).delete()
            if held.disputed.pop(account.username, None) is not None:
                held.save(update_fields=["disputed"])


def _lists(row: Any, own: set[str]) -> bool:
    """Whether a row of a file or a record of the API is about somebody, by their username or address."""
    match row:
        case dict():
            known = [row.get("username"), row.get("email")]
        case [_number, named, *_decision]:
            known = [named]
        case _:
            known = []
    return any(isinstance(name, str) and name.strip().casefold() in own for name in known)


def _decoded(raw: bytes | memoryview) -> Any:
    try:
        return json.loads(bytes(raw))
    except ValueError:
        return None


def _entry(account: Account, *, actor: str, reason: str, now: datetime) -> NewEntry:
    data: dict[str, Any] = {"erased_at": now.isoformat()}
    data |= {"reason": reason} if reason else {"kind": "retention"}
    return NewEntry(
        at=now,
        workspace=account.workspace.name,
        actor=actor,
        kind=Event.PERSON_ERASED,
        account_id=account.pk,
        data=data,
    )


def _left(workspace: Workspace, terms: SearchTerms) -> list[str]:
    """Where they are still named: what was adopted or written for everybody is not rewritten, nor is the chain."""
    if not terms:
        return []
    naming = {"text__iregex": terms.pattern, "workspace": workspace}
    versions = PolicyVersion.objects.filter(**naming)
    left = [_("policy version %(number)d names this person") % {"number": version.number} for version in versions]
    if EmailText.objects.filter(**naming).exists():
        left.append(_("the texts of the workspace's e-mails name this person; change them in its settings"))
    if numbers := texts.chained(terms, names=workspace.names):
        named = ", ".join(map(str, numbers[:_MOST_NUMBERS]))
        if len(numbers) > _MOST_NUMBERS:
            named += f", … {numbers[-1]} ({len(numbers)})"
        left.append(_("audit entries that an earlier version wrote name this person: %(numbers)s") % {"numbers": named})
    return left
