"""Send: warn people by e-mail, remind them, and tell them when their access was removed.

That an e-mail left is kept after the mail server accepted it. A crash between the two sends it a second time rather
than never: a person warned twice is disturbed, a person not warned is wronged.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from django.contrib.auth.models import User
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Case, Workspace, permit
from accounts_review.rules.lifecycle import CaseState
from accounts_review.wording import findings, objections
from accounts_review.workflow import clock, holds, open_days
from accounts_review.workflow.notify import due, emails, mail_stop, rewarn
from accounts_review.workflow.notify.bounces import give_up
from accounts_review.workflow.notify.due import spare
from accounts_review.workflow.notify.own_texts import TextsOf, texts_of
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.notify.portions import Portions, still
from accounts_review.workflow.notify.smtp import MailRefusal, RefusalKind, Round, alone_in, deliver, one_by_one
from accounts_review.workflow.notify.taken import Taken, is_erased, record_left
from accounts_review.workflow.notify.waiting import sent_within_the_hour

PATIENCE, MOST_TRIES = timedelta(days=5), 10
"""An address that puts the warning off is given up after both: RFC 5321 (4.5.4.1) asks a sender for four to five days,
and a worker that stood still meanwhile has not tried just because the days went by. It is not where the mail server has
taken nothing else from us meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What one run of :func:`send_notices` did; ``error`` says what the mail server failed with, if it did."""

    sent: int = 0
    undeliverable: int = 0
    spared: int = 0
    put_off: int = 0
    """By the mail server, for later."""
    left: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailsSent:
    """What one run of :func:`send_reminders` or :func:`send_closings` did."""

    sent: int = 0
    refused: int = 0
    spared: int = 0
    error: str = ""


def send_notices(
    *, workspace: Workspace, now: datetime, limit: int | None = None, budget: timedelta | None = None
) -> Notices:
    """Warn everyone whose case awaits a notice in a running clean-up, one mail each, at most ``limit`` of them.

    A refused address makes its own case undeliverable, and so does in the end one that only ever puts the warning off;
    neither stops anybody else. A clean-up rests on a day that its policy avoids; by a clock that was set back, nothing
    is promised. A mail server that cannot be reached or refuses *us* ends the run, as does the time
    ``budget``: the cases wait, and the next run goes on from there.
    """
    with alone_in(workspace) as is_alone:
        if not is_alone:
            return Notices(left=due.notices(workspace).count(), error=_busy())
        left_over = record_left(workspace, now=now)
        if found := clock.behind(workspace, now=now):
            left = due.notices(workspace).count()
            return Notices(left=left, error=str(findings.in_words(found)) if left else "")
        rewarn.follow_addresses(workspace=workspace, now=now)
        where: dict[str, Any] = {"workspace": workspace, "now": now}
        cases, guard = due.notices(workspace), holds.Guard(workspace, now=now)
        open_today = cases.exclude(cleanup__in=open_days.closed(workspace, now=now))
        keys, taken = list(open_today.values_list("pk", flat=True)), Taken(now=now)
        portions = Portions(cases=cases, keys=keys, guard=guard, **where)
        run = one_by_one(
            keys,
            partial(_warn, portions=portions, taken=taken, texts=cache(texts_of), now=now),
            workspace=workspace,
            charge=partial(_charge_notice, guard=guard, **where),
            wait=partial(_wait_with_notice, guard=guard, **where),
            limit=None if limit is None else limit - left_over,
            until=_until(budget),
            record=taken.record,
        )
        left = due.notices(workspace).count()
        _remember(run, left=left, **where)
    refused = run.tally[RefusalKind.FINAL]
    return Notices(
        sent=run.tally["sent"],
        undeliverable=refused,
        spared=run.tally["spared"],
        put_off=run.tally[RefusalKind.DEFERRED],
        left=left,
        error=run.error,
    )


def send_reminders(
    *, workspace: Workspace, now: datetime, limit: int | None = None, budget: timedelta | None = None
) -> EmailsSent:
    """Remind the warned of their date, as many days before it as the policy says, or on the last open day before.

    Each once; where several have become due at once, after a pause, only the one nearest to the date is sent. A refusal
    changes no case's state.
    """
    with alone_in(workspace) as is_alone:
        if not is_alone:
            return EmailsSent(error=_busy())
        rewarn.follow_addresses(workspace=workspace, now=now)
        days_of = dict(due.reminders(workspace, now=now))
        portions = _portions(due.warned(workspace, now=now), days_of, workspace=workspace, now=now)

        def charge(key: int, refusal: MailRefusal) -> None:
            _note_refusal(key, refusal, kind=due.REMINDER_REFUSED, now=now, days=days_of[key])

        act = partial(_remind, portions=portions, days_of=days_of, now=now, texts=cache(texts_of))
        run = one_by_one(
            days_of,
            act,
            workspace=workspace,
            charge=charge,
            wait=partial(_put_off, now=now),
            limit=limit,
            until=_until(budget),
        )
        mail_stop.remember(run, workspace=workspace, now=now)
    return _sent(run)


def send_closings(
    *, workspace: Workspace, now: datetime, limit: int | None = None, budget: timedelta | None = None
) -> EmailsSent:
    """Tell those whose access was removed that it was, and the warned who keep it that they do, each once.

    A refusal is recorded and not tried again.
    """
    with alone_in(workspace) as is_alone:
        if not is_alone:
            return EmailsSent(error=_busy())
        keys = due.closings(workspace, now=now)
        portions = _portions(due.ended(workspace, now=now), keys, workspace=workspace, now=now)
        run = one_by_one(
            keys,
            partial(_tell_the_end, portions=portions, now=now, texts=cache(texts_of)),
            workspace=workspace,
            charge=partial(_note_refused_end, now=now),
            wait=partial(_put_off, now=now),
            limit=limit,
            until=_until(budget),
        )
        mail_stop.remember(run, workspace=workspace, now=now)
    return _sent(run)


def send_test(*, workspace: Workspace, kind: str, actor: User, now: datetime, language: str = "") -> str:
    """Send one of the e-mails, about a fictitious person, to the one who asks; returns why it failed, or "".

    Raises ``PermissionDenied``.
    """
    permit(actor, "operate", workspace)
    if not actor.email:
        return _("Your login here has no e-mail address.")
    refused: list[str] = []

    def act(key: int, through: BaseEmailBackend) -> str | MailRefusal:
        written_in = language or workspace.language
        answer = deliver(emails.test(workspace, kind, to=actor.email, now=now, language=written_in), through=through)
        if isinstance(answer, MailRefusal):
            refused.append(objections.objection(answer.code) if answer.code else answer.why)
            return answer
        return "sent"

    run = one_by_one([0], act, workspace=workspace)
    if run.tally["sent"]:
        audit.log([workspace], kind=Event.EMAIL_TESTED, actor=actor.get_username(), now=now, data={"kind": kind})
        mail_stop.resume(workspace, now=now)
    return "".join(refused) or run.error


def allowance(*, workspace: Workspace, kinds: Collection[Event], pace: Pace, now: datetime) -> int | None:
    """How many e-mails of some kinds a workspace's pace still allows, by the audit of the last hour; None: any."""
    if not pace.is_open(now):
        return 0
    if not pace.per_hour:
        return None
    return max(0, pace.per_hour - len(sent_within_the_hour(workspace, kinds=kinds, now=now)))


def _warn(
    key: int, through: BaseEmailBackend, *, portions: Portions, taken: Taken, texts: TextsOf, now: datetime
) -> str | MailRefusal:
    taken.record_in_time()
    case = portions.case(key)
    if why := due.objection(case):
        spare(case, why, now=now)
        return "spared"
    assert case.cleanup.policy is not None
    promised = now + timedelta(days=case.cleanup.policy.rules.notice.days)
    promised = open_days.first_open(case.cleanup, max(promised, case.promised_at or promised))
    message = emails.notice(case, promised=promised, texts=texts)
    answer = deliver(message, through=through)
    if isinstance(answer, MailRefusal):
        return answer
    mail, question = emails.as_sent(message), portions.question_after(key)
    is_free = taken.keep(case, promised=promised, mail=mail, message_id=answer, question=question)
    portions.answered(question, is_free=is_free)
    return "sent"


def _charge_notice(key: int, refusal: MailRefusal, *, workspace: Workspace, now: datetime, guard: holds.Guard) -> None:
    """The refusal is this person's: they cannot be warned at this address."""
    case = still(due.notices(workspace), key, guard=guard)
    give_up(case, actor="portal", now=now, **_tried(case, refusal, now=now))


def _wait_with_notice(
    key: int, refusal: MailRefusal, *, workspace: Workspace, now: datetime, guard: holds.Guard
) -> bool:
    """Count a try that came to nothing; true where patience ends. What is refused to us counts against nobody."""
    case = still(due.notices(workspace), key, guard=guard)
    if refusal.kind is RefusalKind.SENDER:
        Case.objects.filter(pk=case.pk, state=CaseState.AWAITING_NOTICE).update(tried_at=now)
        return False
    said = _tried(case, refusal, now=now)
    since = datetime.fromisoformat(said["since"])
    if said["tries"] >= MOST_TRIES and now - since >= PATIENCE and mail_stop.took_mail_since(workspace, since):
        give_up(case, actor="portal", now=now, **said)
        return True
    Case.objects.filter(pk=case.pk, state=CaseState.AWAITING_NOTICE).update(tried_at=now, outcome=said)
    return False


def _tried(case: Case, refusal: MailRefusal, *, now: datetime) -> dict[str, Any]:
    before = case.outcome or {}
    return {
        "why": refusal.record,
        "tries": before.get("tries", 0) + 1,
        "since": before.get("since", now.isoformat()),
    }


def _remind(
    key: int,
    through: BaseEmailBackend,
    *,
    portions: Portions,
    days_of: dict[int, int],
    now: datetime,
    texts: TextsOf,
) -> str | MailRefusal:
    case, days = portions.case(key), days_of[key]
    if why := due.objection(case):
        spare(case, why, now=now)
        return "spared"
    message = emails.reminder(case, days=days, texts=texts)
    answer = deliver(message, through=through)
    if isinstance(answer, MailRefusal):
        return answer
    personal = {"address": case.account.email, "mail": emails.as_sent(message)}
    sent = {"reminded_at": now, "reminders": [*case.reminders, days]}
    _note(case, kind=Event.CASE_REMINDED, now=now, personal=personal, data={"days": days}, **sent)
    return "sent"


def _tell_the_end(
    key: int, through: BaseEmailBackend, *, portions: Portions, now: datetime, texts: TextsOf
) -> str | MailRefusal:
    case = portions.case(key)
    compose, kind = (
        (emails.closing, Event.CASE_CLOSING_TOLD) if due.is_gone(case) else (emails.kept, Event.CASE_KEPT_TOLD)
    )
    message = compose(case, texts=texts)
    answer = deliver(message, through=through)
    if isinstance(answer, MailRefusal):
        return answer
    personal = {"address": case.account.email, "mail": emails.as_sent(message)}
    _note(case, kind=kind, now=now, personal=personal, data={}, closing_told_at=now)
    return "sent"


def _note_refused_end(key: int, refusal: MailRefusal, *, now: datetime) -> None:
    is_gone = due.is_gone(Case.objects.select_related("account").get(pk=key))
    kind = Event.CASE_CLOSING_REFUSED if is_gone else Event.CASE_KEPT_REFUSED
    _note_refusal(key, refusal, kind=kind, now=now)


def _note_refusal(key: int, refusal: MailRefusal, *, kind: Event, now: datetime, **more: int) -> None:
    """An e-mail that changes no state was refused for good: recorded, and not tried again."""
    case = Case.objects.select_related("account", "cleanup__workspace").get(pk=key)
    # What the server says may hold the address.
    personal = {"address": case.account.email, "why": refusal.record}
    _note(case, kind=kind, now=now, personal=personal, data=more)


@transaction.atomic
def _note(
    case: Case, *, kind: Event, now: datetime, personal: dict[str, Any], data: Mapping[str, Any], **columns: Any
) -> None:
    """Record what became of an e-mail that changes no state; of somebody erased while it left, nothing personal."""
    told = {**data, **({} if is_erased(case) else personal)}
    if columns:
        Case.objects.filter(pk=case.pk).update(**columns)
    audit.log([case], kind=kind, actor="portal", now=now, data=told)


def _put_off(key: int, refusal: MailRefusal, *, now: datetime) -> bool:
    """Anything else is tried again after the others."""
    Case.objects.filter(pk=key).update(tried_at=now)
    return False


def _remember(run: Round, *, left: int, workspace: Workspace, now: datetime) -> None:
    mail_stop.remember(run, workspace=workspace, now=now)
    if left or run.stop or not mail_stop.stands(workspace):
        return
    if not due.anything(workspace, now=now):
        mail_stop.resume(workspace, now=now)


def _sent(run: Round) -> EmailsSent:
    tally = run.tally
    return EmailsSent(sent=tally["sent"], refused=tally[RefusalKind.FINAL], spared=tally["spared"], error=run.error)


def _portions(cases: QuerySet[Case], keys: Collection[int], *, workspace: Workspace, now: datetime) -> Portions:
    guard = holds.Guard(workspace, now=now)
    return Portions(workspace=workspace, cases=cases, keys=list(keys), now=now, guard=guard)


def _until(budget: timedelta | None) -> float | None:
    return time.monotonic() + budget.total_seconds() if budget else None


def _busy() -> str:
    return _("Another process is already sending this workspace's e-mails.")
