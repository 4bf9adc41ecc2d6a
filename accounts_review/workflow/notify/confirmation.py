"""Confirmation: ask those who can confirm a launch, by e-mail, with the way to the page that shows what it would do.

Like the alert, what counts as told is the audit entry of the mail: one that could not be sent is made up for.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Max, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Cleanup, Workspace, people_who_may
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.workflow.notify.digest import sent
from accounts_review.workflow.notify.news import news

WANTED = (Event.CLEANUP_LAUNCHED, Event.CLEANUP_REMINDED)
ASKED = Event.CLEANUP_CONFIRMATION_ASKED


def owed(workspace: Workspace) -> list[Cleanup]:
    """The launches that wait for a second person who was not asked since the launch, or since the last reminder."""
    waiting = workspace.cleanups.filter(state=CleanupState.AWAITING_CONFIRMATION).select_related("workspace")
    unasked = [cleanup for cleanup in waiting if _newest(cleanup, *WANTED) > _newest(cleanup, ASKED)]
    return [cleanup for cleanup in unasked if _people(cleanup).exists()]


def ask(*, workspace: Workspace, now: datetime) -> int:
    """Mail everyone who can confirm what waits for it; returns how many mails left.

    Where no mail gets through, nothing is recorded, and the next try asks again.
    """
    return sum(_ask(cleanup, now=now) for cleanup in owed(workspace))


def _ask(cleanup: Cleanup, *, now: datetime) -> int:
    workspace = cleanup.workspace
    where = {"workspace": workspace.name, "number": cleanup.number}
    with override(workspace.language):
        context = {
            "cleanup": cleanup,
            "accounts": cleanup.cases.filter(state=CaseState.IN_DRAFT).count(),
            "url": settings.PUBLIC_URL + reverse("launch", kwargs=where),
            "hold": settings.PUBLIC_URL + reverse("hold"),
        }
        subject = _("%(workspace)s: clean-up %(number)s waits for your confirmation") % where
        written = news("confirmation", context, subject=subject, workspace=workspace)
    told = len(sent([written.to(person.email) for person in _people(cleanup)]))
    if told:
        audit.log([cleanup], kind=ASKED, actor="portal", now=now, data={"recipients": told})
    return told


def _people(cleanup: Cleanup) -> QuerySet[User]:
    """Who can confirm it and has an address."""
    able = people_who_may("operate", cleanup.workspace).exclude(username=cleanup.launched_by)
    return able.exclude(email="")


def _newest(cleanup: Cleanup, *kinds: Event) -> int:
    entries = AuditEntry.objects.of(cleanup.workspace).filter(cleanup=cleanup.number, kind__in=kinds)
    newest: int | None = entries.aggregate(last=Max("seq"))["last"]
    return newest or 0
