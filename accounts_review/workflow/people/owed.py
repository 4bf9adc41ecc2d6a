"""What is owed to people about people: changes whose e-mails did not leave with them.

Whoever makes a change on a page or in a shell has it told then and there, and reads who could not be reached. This
makes up for a crash between the two and for a dead mail server, and tells what nobody waits for: roles by group,
which change during a sign-in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

from django.contrib.auth.models import User
from django.db.models import Q

from accounts_review.audit.events import Event, named
from accounts_review.models import AuditEntry, Workspace
from accounts_review.workflow.people import emails
from accounts_review.workflow.people.changes import Change
from accounts_review.workflow.people.sessions import is_linked

OF_ROLES = (Event.ROLE_GRANTED, Event.PERSON_ADDED)
OF_PEOPLE = (
    Event.PERSON_DEACTIVATED,
    Event.PERSON_EMAIL_CHANGED,
    Event.PERSON_INVITED,
    Event.PERSON_PASSWORD_SET,
    Event.PERSON_SIGNED_OUT,
    Event.PERSON_UNLINKED,
)
STALE = timedelta(days=1)
"""What is older is no news any more; it is in the audit."""
AT_IT = timedelta(minutes=2)
"""So long whoever made a change may be about to tell it."""


def owed(*, now: datetime) -> list[Change]:
    """The changes of people that nobody was told of, the oldest first."""
    recent = AuditEntry.objects.filter(at__gt=now - STALE)
    is_due = Q(data__cause="groups") | Q(at__lte=now - AT_IT)
    entries = recent.filter(is_due, kind__in=(*OF_ROLES, *OF_PEOPLE)).select_related("actor_ref", "personal")
    by_change = [list(together) for _key, together in groupby(entries.order_by("seq"), key=_of_one_change)]
    if not by_change:
        return []
    told = set(recent.filter(kind=Event.PERSON_TOLD).values_list("data__entry", flat=True))
    return [change for each in by_change if each[0].seq not in told and (change := _change(each))]


def tell_owed(*, now: datetime) -> None:
    """Tell what is owed."""
    for change in owed(now=now):
        emails.tell(change, now=now)


def _of_one_change(entry: AuditEntry) -> tuple[object, ...]:
    """What the entries of one change have in common: it has one in every workspace that it concerns."""
    workspace = entry.workspace if _is_local(entry) else ""
    return entry.at, entry.kind, entry.actor, entry.details.get("login"), workspace


def _is_local(entry: AuditEntry) -> bool:
    return entry.kind in OF_ROLES and entry.data.get("kind") != "portal"


def _change(entries: list[AuditEntry]) -> Change | None:
    """A change as it was; ``None`` where it is no news: one's own, of somebody erased, or an invitation accepted."""
    first = entries[0]
    details = first.details
    person = User.objects.filter(username=details.get("login", "")).first()
    if person is None or first.actor == person.username:
        return None
    needs_no_link = not person.is_active or person.has_usable_password() or is_linked(person)
    if first.kind in emails.INVITING and needs_no_link:
        return None
    told = {entry.workspace for entry in entries}
    concerned = [place for place in Workspace.objects.all() if told.intersection(place.names)]
    return Change(
        event=named(first.kind),
        person=person,
        actor=first.actor,
        workspace=concerned[0] if concerned and _is_local(first) else None,
        before=details.get("before", ""),
        role=details.get("role", ""),
        address_before=details.get("address_before", ""),
        provider=details.get("provider", ""),
        concerned=concerned,
        entry=first.seq,
    )
