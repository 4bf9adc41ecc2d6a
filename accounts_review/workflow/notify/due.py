"""Which e-mails are due to whom at an instant. Everyone here is in a live clean-up of a live workspace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.db.models.lookups import LessThanOrEqual
from django.utils.dateparse import parse_datetime

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Cleanup, Sync, Workspace
from accounts_review.rules.calendar import Avoided
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.workflow import open_days
from accounts_review.workflow.notify import emails
from accounts_review.workflow.notify.taken import KEPT, left, record_first

LATE = timedelta(days=7)
"""A closing e-mail is sent within this time or not at all: later it would only confuse."""

REMINDER_REFUSED = Event.CASE_REMINDER_REFUSED

LATE_FOR_PROMISED = timedelta(days=90)
"""So is one to whoever was promised it; what ended before, as in an old database, nobody waits to hear."""

ASKED_TO_LEAVE = Q(answer__kind="leave")
"""Who did so was promised an e-mail, whatever becomes of it."""

ANSWERED_LATE = Q(answer__isnull=False, intended_at__isnull=False, state__in=KEPT)
"""Who answered after a DELETE of theirs was turned away was promised one, too: nobody could tell them how it stood."""

LEAST_RECENTLY_TRIED = F("tried_at").asc(nulls_first=True)
"""An address that is put off again and again goes behind the others, so that it never bars their way."""


def of_running(workspace: Workspace) -> QuerySet[Case]:
    """The cases of clean-ups that run and are no dry runs."""
    running = Case.objects.filter(
        cleanup__workspace=workspace, cleanup__state=CleanupState.RUNNING, cleanup__dry_run=False
    )
    return running.select_related("account", "cleanup__workspace", "cleanup__policy")


def notices(workspace: Workspace) -> QuerySet[Case]:
    """Those who are to be warned."""
    return _live(of_running(workspace)).filter(state=CaseState.AWAITING_NOTICE).order_by(LEAST_RECENTLY_TRIED, "pk")


def answerable(cases: QuerySet[Case], *, wanted: bool = True) -> QuerySet[Case]:
    """Those whose link works, because the portal knows the key that signed it; or the others."""
    works = Q(link_key__in=["", *emails.link_keys()])
    return cases.filter(works if wanted else ~works)


def warned(workspace: Workspace, *, now: datetime) -> QuerySet[Case]:
    """Those who were warned and whose date is still to come."""
    waiting = _live(of_running(workspace)).filter(
        state=CaseState.NOTICED, promised_at__gt=now, noticed_at__isnull=False
    )
    return waiting.order_by(LEAST_RECENTLY_TRIED, "promised_at", "pk")


def reminders(workspace: Workspace, *, now: datetime) -> Iterator[tuple[int, int]]:
    """The cases to be reminded, each with the days before its date of which the reminder has become due.

    One that would fall on a day that its clean-up avoids is due on the last open day before: later it might make no
    sense, and never would be too little. Where today is such a day, nobody is reminded.
    """
    entries = _entries(workspace, REMINDER_REFUSED).values_list("account_id", "cleanup", "data__days")
    refused, planned = set(entries), dict[int, tuple[int, tuple[int, ...], list[Avoided]]]()
    for cleanup in _running(workspace).select_related("policy", "workspace"):
        assert cleanup.policy is not None
        if not open_days.closed_until(cleanup, now=now):
            days_before = cleanup.policy.rules.notice.reminders_days_before
            planned[cleanup.pk] = cleanup.number, days_before, open_days.avoided(cleanup)
    # Nearly nobody of the many who were warned is to be reminded now.
    waiting = warned(workspace, now=now).filter(cleanup__in=planned).select_related(None)
    facts = waiting.values_list("pk", "account_id", "cleanup_id", "noticed_at", "promised_at", "reminders")
    for key, account, cleanup_id, noticed_at, promised_at, reminded in facts:
        assert noticed_at is not None
        assert promised_at is not None
        number, days_before, avoided = planned[cleanup_id]
        days = _nearest_due(noticed_at, promised_at, days_before, avoided, now=now)
        if days is not None and days not in reminded and (account, number, days) not in refused:
            yield key, days


def ended(workspace: Workspace, *, now: datetime) -> QuerySet[Case]:
    """Those whose case ended of late and who were not told: that their access is gone, or that the threat is over.

    Who kept it by their own answer has read so, and who is about to be warned again would not believe it. Which of the
    two is to be told, :func:`is_gone` says.
    """
    # The states once more by themselves: so an index finds who ended of late among all who ever did.
    ends = Case.objects.filter(state__in=(CaseState.REVOKED, CaseState.ALREADY_GONE, *KEPT)).filter(
        _gone() | _kept() | _gone_after_all(), cleanup__workspace=workspace, cleanup__dry_run=False
    )
    # Which of those who answered, or read that nobody knows yet, are still to be told is said above.
    promised = Q(answer__isnull=False) | Q(state=CaseState.WITHDRAWN, intended_at__isnull=False)
    owed = Q(moved_at__gt=now - LATE) | Q(promised, moved_at__gt=now - LATE_FOR_PROMISED)
    untold = ends.filter(owed, closing_told_at=None, account__erased_at=None)
    return _live(untold).select_related("account", "cleanup__workspace").order_by(LEAST_RECENTLY_TRIED, "pk")


def closings(workspace: Workspace, *, now: datetime) -> list[int]:
    """The cases whose end is to be told, but for those whose mail was refused, or whose notice never arrived.

    Whoever answered got theirs, whatever came back.
    """
    refused = _cases_of(workspace, Event.CASE_CLOSING_REFUSED, Event.CASE_KEPT_REFUSED)
    failed = _cases_of(workspace, Event.CASE_UNDELIVERABLE)
    facts = ended(workspace, now=now).select_related(None)
    return [
        pk
        for pk, account_id, number, state, noticed_at, answered in facts.values_list(
            "pk", "account_id", "cleanup__number", "state", "noticed_at", "answer__kind"
        )
        if (key := (account_id, number)) not in refused
        and not (state in KEPT and noticed_at is None and not answered and key in failed)
    ]


def is_quiet(workspace: Workspace, *, now: datetime) -> bool:
    """Whether there is nothing to do about e-mails now, whatever it be: nobody was, is or has yet to be written to.

    One question in place of some twenty, where no live clean-up runs and none ended of late.
    """
    may_be_due = Exists(_running(workspace)) | Exists(ended(workspace, now=now)) | Exists(left(workspace))
    something = Q(may_be_due) | Q(mail_stopped__isnull=False)
    return not Workspace.objects.filter(something, pk=workspace.pk).exists()


def anything(workspace: Workspace, *, now: datetime) -> bool:
    """Whether any e-mail is due to anybody now."""
    return notices(workspace).exists() or any(reminders(workspace, now=now)) or bool(closings(workspace, now=now))


def objection(case: Case) -> list[dict[str, Any]]:
    """Why the person must not be written to after all, as the gate's objections are stored; empty where they may.

    By the account as it was read with its verdict.
    """
    account = case.account
    found, activity_at = account.assessment, account.assessment.activity_at
    if account.absent_since or account.gone_at:
        return [{"code": "no_longer_listed"}]
    if activity_at and is_newer(activity_at, case):
        return [{"code": "newer_activity", "detail": activity_at.isoformat()}]
    if account.verdict != Verdict.DORMANT:
        return [{"code": f"verdict_{account.verdict}", "because": found.reasons}]
    return []


def is_newer(activity_at: datetime | None, case: Case) -> bool:
    """Whether an activity is later than the one the case was approved on."""
    approved_on = parse_datetime(case.evidence["activity_at"] or "")
    return activity_at is not None and (approved_on is None or activity_at > approved_on)


@transaction.atomic
def spare(case: Case, why: object, *, now: datetime) -> None:
    """End the case of somebody who keeps their access."""
    record_first(case, now=now)
    data = {"why": why}
    audit.transition([case], CaseState.SPARED, kind=Event.CASE_SPARED, actor="portal", now=now, data=data, outcome=data)


def may_be_gone(case: Case) -> bool:
    """Whether a DELETE was sent for a case that goes on or was called off, and nobody has looked since."""
    looked_at = parse_datetime((case.last_look or {}).get("at", ""))
    if case.intended_at is None or (looked_at is not None and looked_at > case.intended_at):
        return False
    return not _syncs_since(case.intended_at, workspace=case.cleanup.workspace).exists()


def is_gone(case: Case) -> bool:
    """Whether the person of a case that has ended is no member any more."""
    return case.state not in KEPT or not is_member(case)


def is_member(case: Case) -> bool:
    """Whether the workspace lists the person of a case, by this account or by a later one."""
    own = case.account
    if own.absent_since is None and own.gone_at is None:
        return True
    return Account.objects.filter(workspace=own.workspace_id, username=own.username).listed().exists()


def was_removed_after_all(case: Case) -> bool:
    """Whether a case ended as if its person stayed, and its DELETE had been done all the same."""
    return Case.objects.filter(_removed_after_all(), pk=case.pk).exists()


def _syncs_since(instant: Any, *, workspace: Any) -> QuerySet[Sync]:
    """The complete ones, which tell who is a member."""
    return Sync.objects.filter(workspace=workspace, state=Sync.State.COMPLETE, started_at__gt=instant)


def _gone() -> Q:
    """Those whose access was removed and who are not back; if somebody else did it, those who had asked for it."""
    removed = Q(state=CaseState.REVOKED, restored_at=None, returned_at=None)
    return removed | Q(ASKED_TO_LEAVE, state=CaseState.ALREADY_GONE)


def _gone_after_all() -> Q:
    """Those who were given a date and are no members though their case ended otherwise: who had asked for it, or whose
    DELETE had effect though it was turned away."""
    # One list in which somebody is missing proves nothing; in a second one they would be listed again.
    again = _syncs_since(OuterRef("account__absent_since"), workspace=OuterRef("cleanup__workspace"))
    absent = Q(Exists(again)) | Q(account__gone_at__isnull=False)
    told_a_date = Q(absent, state__in=KEPT, promised_at__isnull=False) & ~Q(account__email="")
    gone = told_a_date & (ASKED_TO_LEAVE | _removed_after_all()) & ~_open_again()
    return gone & ~Q(Exists(_told_by_a_later())) & ~Q(Exists(_others_of_the_username()))


def _told_by_a_later() -> QuerySet[Case]:
    """Cases that came after, of the same account: how the last one of them ended is what is told."""
    later = Case.objects.filter(account=OuterRef("account"), pk__gt=OuterRef("pk"), cleanup__dry_run=False)
    return later.filter(Q(promised_at__isnull=False) | Q(state__in=(CaseState.REVOKED, CaseState.ALREADY_GONE)))


def _others_of_the_username() -> QuerySet[Account]:
    """Who has the username of somebody who left, at another address: nobody knows whether it is the same person."""
    there = Account.objects.filter(workspace=OuterRef("account__workspace"), username=OuterRef("account__username"))
    return there.listed().exclude(email__iexact=OuterRef("account__email"))


def _removed_after_all() -> Q:
    """Whom nobody has seen between the DELETE that was turned away and the sync that did not list them."""
    between = _syncs_since(OuterRef("intended_at"), workspace=OuterRef("cleanup__workspace")).filter(
        finished_at__lt=OuterRef("account__absent_since")
    )
    spared = Q(~Q(outcome__why__0__code="no_longer_listed"), state=CaseState.SPARED, answer__isnull=True)
    # They were there still: by what settled an unclear answer, or by a sync that was not accepted.
    there = Q(outcome__has_key="held_since") | spared | Q(rechecks__contains=[{"found": "present"}])
    looked_at = Cast(KT("last_look__at"), DateTimeField())
    unseen = Q(last_look__isnull=True) | Q(last_look__found=False) | Q(LessThanOrEqual(looked_at, F("intended_at")))
    # A sync that was reading meanwhile dates what it found as of its beginning.
    reading = Sync.objects.filter(
        workspace=OuterRef("cleanup__workspace"), started_at=OuterRef("account__absent_since")
    )
    after = Q(account__absent_since__gt=F("intended_at"))
    after |= Q(Exists(reading.filter(state=Sync.State.COMPLETE, finished_at__gt=OuterRef("intended_at"))))
    sent = Q(after, state__in=KEPT, intended_at__isnull=False)
    return sent & unseen & ~there & ~Q(Exists(between))


def _kept() -> Q:
    """Those who were given a date, are members still, and have not kept it by their own answer.

    A DELETE that was turned away may have had effect: who was withdrawn after it, or answered, is a member if a later
    sync says so.
    """
    came_back = Q(bounced_at__isnull=False) & ~ASKED_TO_LEAVE
    member = Q(account__absent_since=None, account__gone_at=None) & ~Q(account__email="") & ~came_back
    later = _syncs_since(OuterRef("intended_at"), workspace=OuterRef("cleanup__workspace"))
    unsure = Q(state=CaseState.WITHDRAWN) | Q(answer__isnull=False)
    seen_since = Q(intended_at=None) | ~unsure | Q(Exists(later))
    untold = Q(answer__isnull=True) | ASKED_TO_LEAVE | ANSWERED_LATE
    warned = Q(untold, state__in=KEPT, promised_at__isnull=False)
    return warned & member & seen_since & ~_open_again()


def _open_again() -> Q:
    return Q(Exists(Case.objects.open().exclude(state=CaseState.IN_DRAFT).filter(account=OuterRef("account"))))


def _nearest_due(
    noticed_at: datetime, promised_at: datetime, planned: Sequence[int], avoided: list[Avoided], *, now: datetime
) -> int | None:
    """Of the reminders whose moment has come since the warning, the one nearest to the date."""
    moments = {days: open_days.not_after(promised_at - timedelta(days=days), avoided) for days in planned}
    return min((days for days, moment in moments.items() if noticed_at < moment <= now), default=None)


def _running(workspace: Workspace) -> QuerySet[Cleanup]:
    return workspace.cleanups.filter(state=CleanupState.RUNNING, dry_run=False)


def _live(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Those of a workspace that is live now: in dry run nothing leaves the portal, whatever was launched before."""
    return cases.filter(cleanup__workspace__mode=Workspace.Mode.LIVE)


def _cases_of(workspace: Workspace, *kinds: Event) -> set[tuple[int | None, int | None]]:
    """The cases, as account and clean-up, that the audit has entries of such kinds about."""
    return set(AuditEntry.objects.of(workspace).filter(kind__in=kinds).values_list("account_id", "cleanup"))


def _entries(workspace: Workspace, kind: Event) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.of(workspace).filter(kind=kind)
