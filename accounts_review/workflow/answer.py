"""Answer: what a person says on the page that the notice links to, without signing in.

An answer is evidence: it is kept with the case and in the audit. It can spare a case at any time before the DELETE is
under way; the only thing that it can hasten is the promised date (law 10), and the gate still judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Exemption
from accounts_review.models.exemption import ExemptionQuerySet
from accounts_review.rules.lifecycle import ENDED, CaseState
from accounts_review.wording import instants, reasons
from accounts_review.workflow.notify import emails
from accounts_review.workflow.notify.taken import TAKEN, is_taken, record_first

PERSON = "the person"
"""The actor, where the person whose account it is has acted."""

ANSWERED, REFUSED = Event.ACCOUNT_ANSWERED, Event.ACCOUNT_ANSWER_REFUSED
MOST_REFUSALS = 20
"""So many answers that could not be taken are recorded within an hour; more say nothing new."""

LONGEST_TEXT = 500
LONGEST_AGENT = 200
ALIKE, ALIKE_WITHIN = 3, timedelta(minutes=5)
"""So many answers from the same program, so soon after one another, may be a mail gateway pressing the button."""

KEPT_FOR = timedelta(days=365)
LONGEST_ABSENCE = timedelta(days=366)


class AnswerKind(StrEnum):
    """What a person can answer."""

    KEEP = "keep"
    AWAY = "away"
    LEAVE = "leave"


class Settled(ValueError):
    """The case has ended, or its DELETE is under way: an answer comes too late."""


class NotNow(ValueError):
    """This answer cannot be given as things stand; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer: ``until`` belongs to *away*, ``text`` to *keep*; ``agent`` is the program that gave it."""

    kind: AnswerKind
    text: str = ""
    until: datetime | None = None
    agent: str = ""


def case_of(token: str) -> Case | None:
    """The newest case that the person of an answer page's token was warned of; ``None`` where it is none of ours.

    Who was warned again meanwhile may come by the link in the first e-mail.
    """
    case = emails.opened(token)
    if case is None:
        return None
    later = Case.objects.filter(account=case.account_id, pk__gt=case.pk, cleanup__dry_run=False)
    told = Q(noticed_at__isnull=False) | Q(outcome__has_key=TAKEN)
    warned = later.filter(told).select_related("account", "cleanup__workspace")
    return warned.order_by("-pk").first() or case


def is_settled(case: Case) -> bool:
    """Whether the case has ended or its DELETE is under way, so that no answer changes anything."""
    return case.state in ENDED or case.state in (CaseState.IN_DRAFT, CaseState.INTENDED, CaseState.UNKNOWN)


def may_leave(case: Case) -> bool:
    """Whether the person can ask to be removed now: where they were warned, and have not asked yet.

    They may read their notice before it is recorded.
    """
    return case.state == CaseState.NOTICED or is_taken(case)


def still_counts(case: Case, *, now: datetime) -> bool:
    """Whether the person has kept their access by an answer that holds to this day: then they can change it."""
    kept = case.state == CaseState.SPARED and (case.answer or {}).get("kind") in (AnswerKind.KEEP, AnswerKind.AWAY)
    return kept and _own_exemption(case).in_force(now).exists()


def alike(answers: Iterable[tuple[int, dict[str, Any]]]) -> list[int]:
    """The keys of a clean-up's cases whose answers look like a machine's: the same, wordless, within minutes."""
    alike: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
    for key, given in answers:
        if given.get("kind") and not given.get("text"):
            kind = (given["kind"], str(given.get("agent", "")))
            alike.setdefault(kind, []).append((datetime.fromisoformat(given["at"]), key))
    return [key for told in alike.values() for key in _crowded(sorted(told, key=itemgetter(0)))]


@transaction.atomic
def answer(*, case: Case, said: Said, now: datetime) -> Case:
    """Act on what the person said; returns the case as it is then.

    *Keep* and *away* spare it and exempt the account, for a year or until the day given; as long as that counts, the
    one can be changed into the other. *Leave* makes the case due at once. Raises :class:`Settled` and :class:`NotNow`.
    """
    held = _held(case)
    # They answer the e-mail that this is about.
    record_first(held, now=now)
    changes = said.kind is not AnswerKind.LEAVE and still_counts(held, now=now)
    if is_settled(held) and not changes:
        raise Settled
    _check(said, now=now)
    if said.kind is AnswerKind.LEAVE:
        _leave(held, said, now=now)
    elif changes:
        _change(held, said, now=now)
    else:
        _keep(held, said, now=now)
    return held


@transaction.atomic
def log_refusal(*, case: Case, why: str, now: datetime) -> None:
    """Record that an answer could not be taken as it was given, at most :data:`MOST_REFUSALS` times an hour.

    However many there are, they keep nobody from answering.
    """
    held = _held(case)
    refusals = AuditEntry.objects.filter(account_id=held.account_id, cleanup=held.cleanup.number, kind=REFUSED)
    if refusals.filter(at__gt=now - timedelta(hours=1)).count() < MOST_REFUSALS:
        audit.log([held], kind=REFUSED, actor=PERSON, now=now, data={"why": why[:LONGEST_TEXT]})


def _keep(case: Case, said: Said, *, now: datetime) -> None:
    record, outcome = _record(case, said, now=now), {"why": _reason(said)}
    audit.transition(
        [case], CaseState.SPARED, kind=ANSWERED, actor=PERSON, now=now, data=record, answer=record, outcome=outcome
    )
    _exempt(case, said, now=now)


def _change(case: Case, said: Said, *, now: datetime) -> None:
    """The case has ended with the first answer; what changes is how long the person is left alone."""
    case.answer, case.outcome = _record(case, said, now=now), {"why": _reason(said)}
    Case.objects.filter(pk=case.pk).update(answer=case.answer, outcome=case.outcome)
    audit.log([case], kind=ANSWERED, actor=PERSON, now=now, data=case.answer)
    _own_exemption(case).filter(withdrawn_at=None).update(withdrawn_at=now)
    _exempt(case, said, now=now)


def _exempt(case: Case, said: Said, *, now: datetime) -> None:
    until, reason = said.until or now + KEPT_FOR, _reason(said)
    standing = Exemption.objects.filter(account=case.account, withdrawn_at=None)
    if standing.filter(until__gte=until).exists():
        return  # Somebody has promised more already.
    standing.update(withdrawn_at=now)
    Exemption.objects.create(account=case.account, until=until, reason=reason, by_login=PERSON, at=now)
    data = {"reason": reason, "until": until.isoformat()}
    audit.log([case.account], kind=Event.ACCOUNT_EXEMPTED, actor=PERSON, now=now, data=data)


def _own_exemption(case: Case) -> ExemptionQuerySet:
    return Exemption.objects.filter(account=case.account_id, by_login=PERSON)


def _leave(case: Case, said: Said, *, now: datetime) -> None:
    if case.state in (CaseState.DUE, CaseState.CLAIMED):
        return  # There is nothing to hasten.
    if not may_leave(case):
        raise NotNow(_("Your access cannot be removed right now."))
    record = _record(case, said, now=now)
    audit.transition(
        [case], CaseState.DUE, kind=ANSWERED, actor=PERSON, now=now, data=record, answer=record, promised_at=now
    )


def _crowded(answers: Sequence[tuple[datetime, int]]) -> Iterator[int]:
    """Of answers in order of time: those that are among enough others within a short time. Each is passed twice."""
    told = end = 0
    for first, (at, _key) in enumerate(answers):
        while end < len(answers) and answers[end][0] - at <= ALIKE_WITHIN:
            end += 1
        if end - first >= ALIKE:
            yield from (key for _at, key in answers[max(first, told) : end])
            told = end


def _held(case: Case) -> Case:
    """The case as it is now, held with its account until the transaction ends: deciders and the gate take turns."""
    Account.objects.select_for_update(no_key=True).get(pk=case.account_id)
    cases = Case.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "account__workspace", "cleanup__workspace"
    )
    return cases.get(pk=case.pk)


def _check(said: Said, *, now: datetime) -> None:
    if len(said.text) > LONGEST_TEXT:
        raise NotNow(_("The text is too long."))
    if (said.kind is AnswerKind.AWAY) != (said.until is not None):
        raise NotNow(_("Tell us until when you are away."))
    if said.until and not now < said.until <= now + LONGEST_ABSENCE:
        raise NotNow(_("Choose a date from tomorrow to one year ahead."))


def _reason(said: Said) -> str:
    """Why the account is exempt, as it is stored."""
    if said.until:
        return reasons.AWAY % {"date": instants.portal_day(said.until)}
    text = emails.one_line(said.text, longest=LONGEST_TEXT)
    return reasons.KEEP_BECAUSE % {"text": text} if text else reasons.KEEP


def _record(case: Case, said: Said, *, now: datetime) -> dict[str, Any]:
    """What is kept: the words, and what tells a person from a program that presses buttons."""
    until = said.until.isoformat() if said.until else None
    written = max(filter(None, (case.noticed_at, case.reminded_at)), default=None)
    return {
        "kind": said.kind.value,
        "text": said.text,
        "until": until,
        "at": now.isoformat(),
        "seconds_after": int((now - written).total_seconds()) if written else None,
        "agent": emails.one_line(said.agent, longest=LONGEST_AGENT),
    }
