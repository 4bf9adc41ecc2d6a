"""What needs a person now: the first thing the overview says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import msgspec
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.models import Account, Case, Cleanup, ConnectionCheck, Hold, PolicyPreview, Run, Sync, Workspace
from accounts_review.models.prepared import Prepared
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.web.overview.ahead import Situation, standing
from accounts_review.web.review.filters import DORMANT_ADMINISTRATORS
from accounts_review.wording import findings
from accounts_review.wording import holds as in_sentences
from accounts_review.wording.numbers import counted
from accounts_review.workflow import answer, clock
from accounts_review.workflow.notify import due
from accounts_review.workflow.notify.send import PATIENCE
from accounts_review.workflow.revoke.standstill import standstill

TOO_LATE, RECENT = timedelta(days=30), timedelta(days=90)
"""So long a warning that came back too late is told, and answers of a clean-up are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing to look at, how much it presses, and where to do something about it."""

    level: str
    """``error``, ``warning`` or ``info``, as messages have it."""
    text: str
    link: str
    url: str


def needs(
    *,
    workspace: Workspace,
    last: Sync | None,
    administrators: int,
    undecided: int,
    now: datetime,
    known: Situation | None = None,
) -> list[Need]:
    """All there is, what presses most first; told how many administrators are dormant, and who awaits a decision.

    ``known`` is what its work stands at, where that was asked already.
    """
    told: dict[str, Any] = {"administrators": administrators, "undecided": undecided}
    of_it = of_workspace(workspace=workspace, last=last, now=now, known=known, **told)
    return _pressing_first([*of_portal(now), *of_it])


def of_workspace(
    *,
    workspace: Workspace,
    last: Sync | None,
    administrators: int,
    undecided: int,
    now: datetime,
    known: Situation | None = None,
    has_cleanups: bool = True,
) -> list[Need]:
    """What concerns one workspace only; of a paused one, nothing but that."""
    if not workspace.is_active:
        return list(_of_holds(workspace))
    people, cleanups = _of_people(workspace, administrators=administrators, undecided=undecided), list[Need]()
    if has_cleanups:
        cleanups = [*_of_cleanups(workspace, now, known), *_of_cases(workspace, now), *_of_held(workspace)]
    of_sync = [*_of_sync(workspace, last, now), *_of_dates(workspace)]
    return _pressing_first([*_of_holds(workspace), *of_sync, *_of_policy(workspace), *cleanups, *people])


def of_portal(now: datetime) -> list[Need]:
    """What concerns every workspace."""
    return _pressing_first([*_of_worker(now), *_of_mail()])


def _pressing_first(found: list[Need]) -> list[Need]:
    return sorted(found, key=lambda need: ("error", "warning", "info").index(need.level))


def _of_holds(workspace: Workspace) -> Iterator[Need]:
    # As it was looked up for every page.
    for hold in Hold.objects.open().over(workspace) if getattr(workspace, "is_held", True) else ():
        text = _("Everything is held. %(why)s") % {"why": in_sentences.of_hold(hold)}
        yield Need(level="error", text=text, link=_("See the holds"), url=f"{reverse('hold')}?workspace={workspace}")


def _of_worker(now: datetime) -> Iterator[Need]:
    if Run.objects.is_silent(now):
        text = _("The background worker has stopped. Nothing is synced, sent or removed.")
        yield Need(level="error", text=text, link=_("See the schedule"), url=reverse("schedule"))


def _of_mail() -> Iterator[Need]:
    if Workspace.objects.exclude(mail_stopped=None).exists():
        return  # Every page says so already.
    last = Run.objects.filter(task="send_emails_job").exclude(finished_at=None).first()
    if last and last.error:
        text = _("The last e-mails could not be sent: %(error)s") % {"error": last.error}
        yield Need(level="warning", text=text, link=_("See the schedule"), url=reverse("schedule"))


def _of_sync(workspace: Workspace, last: Sync | None, now: datetime) -> Iterator[Need]:
    url, link = reverse("workspaces"), _("Check the connection")
    is_doubted = getattr(workspace, "doubted_sync", True)
    if is_doubted and (quarantined := workspace.syncs.filter(state=Sync.State.QUARANTINED).first()):
        text = _("A sync looked wrong and is quarantined. Nobody is removed until an administrator has checked it.")
        page = reverse("sync_page", kwargs={"workspace": workspace.name, "pk": quarantined.pk})
        yield Need(level="error", text=text, link=_("Review the sync"), url=page)
    # By such a clock no sync is complete, so the last one need not be the one that tells.
    is_told = last and last.state == Sync.State.COMPLETE
    if behind := clock.behind_sync(last, now=now) if is_told else clock.behind(workspace, now=now):
        yield Need(level="error", text=str(findings.in_words(behind)), link=link, url=url)
    elif last is None:
        yield Need(level="error", text=_("The workspace has never been synced."), link=link, url=url)
    elif last.state == Sync.State.FAILED:
        text = _("The last sync failed, and none has succeeded yet.")
        if workspace.syncs.filter(state=Sync.State.COMPLETE).exists():
            text = _("The last sync failed, so the numbers are from an earlier one.")
        yield Need(level="error", text=text, link=link, url=url)
    elif last.state == Sync.State.INCOMPLETE:
        text = _("The last sync was incomplete. No new accounts become dormant until one is complete.")
        yield Need(level="warning", text=text, link=link, url=url)
    elif last.health:
        yield Need(
            level="warning", text=" ".join(findings.in_words(found).said for found in last.health), link=link, url=url
        )
    elif (connection_check := ConnectionCheck.last_of(workspace)) and connection_check.faults:
        text = " ".join(findings.in_words(fault).said for fault in connection_check.faults)
        yield Need(level="warning", text=text, link=link, url=url)
    elif now - (last.finished_at or last.started_at) > Sync.OLD:
        yield Need(level="warning", text=_("The numbers are more than 36 hours old."), link=link, url=url)


def _of_cleanups(workspace: Workspace, now: datetime, known: Situation | None) -> Iterator[Need]:
    for cleanup in known.standing if known else standing(workspace):
        number, url = cleanup.number, _url(workspace, "cleanup", cleanup)
        if cleanup.state == CleanupState.PAUSED:
            text = _("Clean-up %(number)d is paused: %(why)s")
            text %= {"number": number, "why": findings.in_words(cleanup.stopped_because or {"code": "paused"}).said}
            yield Need(level="error", text=text, link=_("View"), url=url)
        elif cleanup.state == CleanupState.AWAITING_CONFIRMATION:
            text = _("Clean-up %(number)d, launched by %(login)s, needs another person's confirmation.")
            text %= {"number": number, "login": cleanup.launched_by}
            yield Need(level="warning", text=text, link=_("Review and confirm"), url=url)
        elif cleanup.state == CleanupState.RUNNING and not cleanup.dry_run and not workspace.is_live:
            text = _("Clean-up %(number)d is live and waiting, because the workspace was switched to dry run.")
            yield Need(level="warning", text=text % {"number": number}, link=_("View"), url=url)
        elif cleanup.state == CleanupState.RUNNING:
            found = known.waits.get(cleanup.pk) if known else None
            yield from _of_standstill(cleanup, url, standstill(cleanup, now=now) if found is None else found)
        elif cleanup.is_draft:
            size = cleanup.cases.filter(state=CaseState.IN_DRAFT).count() if known is None else known.drafted
            if not size:
                continue
            text = ngettext(
                "%(count)s approved account is waiting in the draft.",
                "%(count)s approved accounts are waiting in the draft.",
                size,
            )
            yield Need(level="info", text=text % counted({"count": size}), link=_("Open the draft"), url=url)


def _of_standstill(cleanup: Cleanup, url: str, waits: list[findings.Found]) -> Iterator[Need]:
    """Why a running clean-up does not go on; what ends by itself presses less."""
    for found in waits:
        if found["code"] == "breaker_tripped":
            continue  # The sync that tripped it is told already.
        text = _("Clean-up %(number)d is waiting: %(why)s")
        text %= {"number": cleanup.number, "why": findings.in_words(found).said}
        level = "info" if "until" in found or found["code"] == "first_ones" else "warning"
        yield Need(level=level, text=text, link=_("View"), url=url)


def _counted(cases: QuerySet[Case], *by: str) -> QuerySet[Case, Any]:
    """How many there are by the number of their clean-up, and by more."""
    return cases.values_list("cleanup__number", *by).annotate(Count("pk")).order_by("cleanup__number")


_STUCK = Prepared(
    lambda workspace: _counted(
        Case.objects.filter(cleanup__workspace=workspace, state__in=(CaseState.UNDELIVERABLE, CaseState.UNKNOWN)),
        "state",
    ),
    workspace=int,
)
_HELD = Prepared(
    lambda workspace: _counted(
        Case.objects.filter(cleanup__workspace=workspace, state=CaseState.DUE, outcome__has_key="held_since")
    ),
    workspace=int,
)


def _of_cases(workspace: Workspace, now: datetime) -> Iterator[Need]:
    yield from _of_emails(workspace, now)
    for number, state, count in _STUCK.rows(workspace=workspace.pk):
        text = (
            ngettext(
                "%(count)s person in clean-up %(number)d could not be warned.",
                "%(count)s people in clean-up %(number)d could not be warned.",
                count,
            )
            if state == CaseState.UNDELIVERABLE
            else ngettext(
                "The outcome of %(count)s removal in clean-up %(number)d is unknown.",
                "The outcome of %(count)s removals in clean-up %(number)d is unknown.",
                count,
            )
        )
        yield _about(workspace, number, text % counted({"count": count, "number": number}), f"?state={state}")


_BOUNCED = Prepared(
    lambda workspace, since: _counted(
        Case.objects.filter(cleanup__workspace=workspace, bounced_at__gt=since).restorable()
    ),
    workspace=int,
    since=datetime,
)
_ANSWERED = Prepared(
    lambda workspace, since: Case.objects.filter(
        cleanup__workspace=workspace, answer__isnull=False, cleanup__launched_at__gt=since
    ).values_list("cleanup__number", "pk", "answer"),
    workspace=int,
    since=datetime,
)


def _of_emails(workspace: Workspace, now: datetime) -> Iterator[Need]:
    """Warnings that came back too late or are put off again and again, and answers that no person may have given."""
    cases = Case.objects.filter(cleanup__workspace=workspace)
    for number, count in _BOUNCED.rows(workspace=workspace.pk, since=now - TOO_LATE):
        text = ngettext(
            "%(count)s person in clean-up %(number)d was removed although the notice bounced.",
            "%(count)s people in clean-up %(number)d were removed although the notice bounced.",
            count,
        )
        yield _about(
            workspace, number, text % counted({"count": count, "number": number}), "?state=revoked&back=bounced"
        )
    mute = due.answerable(cases.filter(state=CaseState.NOTICED), wanted=False)
    for number, count in sorted(Counter(mute.values_list("cleanup__number", flat=True)).items()):
        text = ngettext(
            "The link in %(count)s notice of clean-up %(number)d no longer works, because SECRET_KEY changed. The case "
            "waits. Put the former key into SECRET_KEY_FALLBACKS.",
            "The links in %(count)s notices of clean-up %(number)d no longer work, because SECRET_KEY changed. The "
            "cases wait. Put the former key into SECRET_KEY_FALLBACKS.",
            count,
        )
        yield _about(workspace, number, text % counted({"count": count, "number": number}), "?state=noticed")
    waiting = cases.filter(state=CaseState.AWAITING_NOTICE, outcome__since__lt=(now - PATIENCE).isoformat())
    for number, count in sorted(Counter(waiting.values_list("cleanup__number", flat=True)).items()):
        text = ngettext(
            "The mail server has deferred %(count)s notice in clean-up %(number)d for more than five days.",
            "The mail server has deferred %(count)s notices in clean-up %(number)d for more than five days.",
            count,
        )
        yield _about(workspace, number, text % counted({"count": count, "number": number}), "?state=awaiting_notice")
    answers = sorted(_ANSWERED.rows(workspace=workspace.pk, since=now - RECENT))
    for number, those in groupby(answers, key=lambda row: row[0]):
        if count := len(answer.alike((key, msgspec.json.decode(given)) for _number, key, given in those)):
            text = _("%(count)s answers in clean-up %(number)d look automatic. Ask these people.")
            yield _about(workspace, number, text % counted({"count": count, "number": number}), "")


def _about(workspace: Workspace, number: int, text: str, query: str) -> Need:
    url = reverse("cleanup", kwargs={"workspace": workspace.name, "number": number}) + query
    return Need(level="warning", text=text, link=_("See who"), url=url)


def _of_held(workspace: Workspace) -> Iterator[Need]:
    """Cases that are due and held back for what their accounts show."""
    for number, count in _HELD.rows(workspace=workspace.pk):
        text = ngettext(
            "%(count)s account in clean-up %(number)d is on hold: its data is unclear.",
            "%(count)s accounts in clean-up %(number)d are on hold: their data is unclear.",
            count,
        )
        url = reverse("cleanup", kwargs={"workspace": workspace.name, "number": number}) + "?state=due"
        yield Need(level="warning", text=text % counted({"count": count, "number": number}), link=_("See who"), url=url)


def _of_policy(workspace: Workspace) -> Iterator[Need]:
    """A looser policy that waits for another administrator."""
    for pk, login in PolicyPreview.agreed(workspace):
        text = _("%(login)s wants a looser policy. Another administrator has to confirm it.")
        url = reverse("policy_preview", kwargs={"workspace": workspace.name, "pk": pk})
        yield Need(level="warning", text=text % {"login": login}, link=_("See what it changes"), url=url)
    copied = workspace.copied
    if copied and copied["version"] != workspace.current_policy.number:
        text = _("The policy has changed since the text for the privacy notice was copied.")
        url = reverse("policy_record", kwargs={"workspace": workspace.name})
        yield Need(level="warning", text=text, link=_("See the texts"), url=url)


_LOST = Prepared(
    lambda workspace: (
        Account.objects.filter(workspace=workspace)
        .listed()
        .filter(lost_activity_at__isnull=False)
        .values_list("workspace")
        .annotate(Count("pk"))
    ),
    workspace=int,
)


def _of_dates(workspace: Workspace) -> Iterator[Need]:
    for _workspace, count in _LOST.rows(workspace=workspace.pk):
        text = ngettext(
            "%(count)s account has earlier dates than before and needs a manual check.",
            "%(count)s accounts have earlier dates than before and need a manual check.",
            count,
        )
        url = reverse("review", kwargs={"workspace": workspace.name}) + "?verdict=uncertain"
        yield Need(level="info", text=text % counted({"count": count}), link=_("See who"), url=url)


def _of_people(workspace: Workspace, *, administrators: int, undecided: int) -> Iterator[Need]:
    url = reverse("review", kwargs={"workspace": workspace.name})
    if administrators:
        text = ngettext(
            "%(count)s dormant account has full admin rights.",
            "%(count)s dormant accounts have full admin rights.",
            administrators,
        )
        text %= counted({"count": administrators})
        yield Need(level="warning", text=text, link=_("See who"), url=f"{url}?{DORMANT_ADMINISTRATORS}")
    if undecided:
        text = ngettext(
            "%(count)s dormant account needs a decision.", "%(count)s dormant accounts need a decision.", undecided
        )
        yield Need(level="info", text=text % counted({"count": undecided}), link=_("Review accounts"), url=url)


def _url(workspace: Workspace, page: str, cleanup: Cleanup) -> str:
    return reverse(page, kwargs={"workspace": workspace.name, "number": cleanup.number})
