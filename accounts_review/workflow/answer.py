"""Answer: what a person says on the page that the warning links to, without signing in.

An answer is evidence: it is kept with the case and in the audit. It can spare a case at any time before the DELETE is
under way; the only thing that it can hasten is the promised date (law 10), and the gate still judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Exemption
from accounts_review.rules.lifecycle import ENDED, CaseState
from accounts_review.wording import verdicts
from accounts_review.workflow.notify import emails

PERSON = "the person"
"""The actor, where the person whose account it is has acted."""

ANSWERED, REFUSED = Event.ACCOUNT_ANSWERED, Event.ACCOUNT_ANSWER_REFUSED
MOST_PER_HOUR = 20
LONGEST_TEXT = 500
KEPT_FOR = timedelta(days=365)
LONGEST_ABSENCE = timedelta(days=366)


class Kind(StrEnum):
    """What a person can answer."""

    KEEP = "keep"
    AWAY = "away"
    LEAVE = "leave"


class Settled(ValueError):
    """The case has ended, or its DELETE is under way: an answer comes too late."""


class TooOften(ValueError):
    """The case was answered too often within the hour."""


class NotNow(ValueError):
    """This answer cannot be given as things stand; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer: ``until`` belongs to *away*, ``text`` to *keep*."""

    kind: Kind
    text: str = ""
    until: datetime | None = None


def case_of(token: str) -> Case | None:
    """The case that the token of an answer page is about, or ``None`` where it is not one of ours."""
    return emails.opened(token)


def is_settled(case: Case) -> bool:
    """Whether the case has ended or its DELETE is under way, so that no answer changes anything."""
    return case.state in ENDED or case.state in (CaseState.IN_DRAFT, CaseState.INTENDED, CaseState.UNKNOWN)


def may_leave(case: Case) -> bool:
    """Whether the person can ask to be removed now: where they were warned, and have not asked yet."""
    return case.state == CaseState.NOTICED


@transaction.atomic
def answer(*, case: Case, said: Said, now: datetime) -> Case:
    """Act on what the person said; returns the case as it is then.

    *Keep* and *away* spare it and exempt the account, for a year or until the day given. *Leave* makes the case due
    at once. Raises :class:`Settled`, :class:`TooOften` and :class:`NotNow`.
    """
    held = _held(case)
    if is_settled(held):
        raise Settled
    _count(held, now=now)
    _check(said, now=now)
    if said.kind is Kind.LEAVE:
        _leave(held, said, now=now)
    else:
        _keep(held, said, now=now)
    return held


@transaction.atomic
def note_refusal(*, case: Case, why: str, now: datetime) -> None:
    """Record that an answer could not be taken as it was given; it counts against the hour as an answer does.

    Raises :class:`TooOften`.
    """
    held = _held(case)
    _count(held, now=now)
    audit.log([held], kind=REFUSED, actor=PERSON, now=now, data={"why": why[:LONGEST_TEXT]})


def _keep(case: Case, said: Said, *, now: datetime) -> None:
    until = said.until or now + KEPT_FOR
    with override(case.cleanup.workspace.language):
        reason = _reason(said)
    record = _record(said, now=now)
    outcome = {"why": reason}
    audit.transition(
        [case], CaseState.SPARED, kind=ANSWERED, actor=PERSON, now=now, data=record, answer=record, outcome=outcome
    )
    standing = Exemption.objects.filter(account=case.account, withdrawn_at=None)
    if standing.filter(until__gte=until).exists():
        return  # Somebody has promised more already.
    standing.update(withdrawn_at=now)
    Exemption.objects.create(account=case.account, until=until, reason=reason, by_login=PERSON, at=now)
    data = {"reason": reason, "until": until.isoformat()}
    audit.log([case.account], kind=Event.ACCOUNT_EXEMPTED, actor=PERSON, now=now, data=data)


def _leave(case: Case, said: Said, *, now: datetime) -> None:
    if case.state in (CaseState.DUE, CaseState.CLAIMED):
        return  # There is nothing to hasten.
    if not may_leave(case):
        raise NotNow(_("Your access cannot be removed right now."))
    record = _record(said, now=now)
    audit.transition(
        [case], CaseState.DUE, kind=ANSWERED, actor=PERSON, now=now, data=record, answer=record, promised_at=now
    )


def _held(case: Case) -> Case:
    """The case as it is now, held with its account until the transaction ends: deciders and the gate take turns."""
    Account.objects.select_for_update().get(pk=case.account_id)
    cases = Case.objects.select_for_update(of=("self",)).select_related("account__workspace", "cleanup__workspace")
    return cases.get(pk=case.pk)


def _count(case: Case, *, now: datetime) -> None:
    """Raise where the hour's answers are used up."""
    said = AuditEntry.objects.filter(account_id=case.account_id, cleanup=case.cleanup.number)
    recent = said.filter(kind__in=(ANSWERED, REFUSED), at__gt=now - timedelta(hours=1))
    if recent.count() >= MOST_PER_HOUR:
        raise TooOften


def _check(said: Said, *, now: datetime) -> None:
    if len(said.text) > LONGEST_TEXT:
        raise NotNow(_("The text is too long."))
    if (said.kind is Kind.AWAY) != (said.until is not None):
        raise NotNow(_("Say until when you are away."))
    if said.until and not now < said.until <= now + LONGEST_ABSENCE:
        raise NotNow(_("Choose a day from tomorrow on, at most a year ahead."))


def _reason(said: Said) -> str:
    if said.until:
        return _("said to be away until %(date)s") % {"date": verdicts.day(said.until)}
    text = emails.one_line(said.text, longest=LONGEST_TEXT)
    return _("asked to keep it: %(text)s") % {"text": text} if text else _("asked to keep it")


def _record(said: Said, *, now: datetime) -> dict[str, Any]:
    until = said.until.isoformat() if said.until else None
    return {"kind": said.kind.value, "text": said.text, "until": until, "at": now.isoformat()}
