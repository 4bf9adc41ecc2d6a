"""A launch that waits for a second person: who that can be, and when they can be reminded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from accounts_review.models import AuditEntry, Cleanup, may, people_who_may
from accounts_review.workflow.launch.launch import ASKED, BETWEEN_REMINDERS

NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Who can confirm, whether the reader can, when they were asked last, and whether they can be reminded by now."""

    people: list[str]
    more: int
    may_confirm: bool
    asked_at: datetime | None
    may_remind: bool


def waiting_of(cleanup: Cleanup, *, actor: User, now: datetime) -> Waiting:
    """Whom a launched clean-up waits for, as the actor sees it."""
    people = people_who_may("operate", cleanup.workspace).exclude(username=cleanup.launched_by)
    logins = list(people.values_list("username", flat=True))
    may_operate, entries = may(actor, "operate", cleanup.workspace), AuditEntry.objects.of(cleanup.workspace)
    asked = entries.filter(cleanup=cleanup.number, kind__in=ASKED).order_by("-at").values_list("at", flat=True).first()
    return Waiting(
        people=logins[:NAMED],
        more=len(logins[NAMED:]),
        may_confirm=may_operate and cleanup.launched_by != actor.get_username(),
        asked_at=asked,
        may_remind=may_operate and bool(logins) and (asked is None or now - asked >= BETWEEN_REMINDERS),
    )
