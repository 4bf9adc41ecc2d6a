"""E-mails about people: to the person whose role or login was changed, and to the administrators who answer for it.

Sent after the change is committed; one that does not get through undoes nothing, and is named. Like the alert, what
counts as told is the audit entry of the e-mails: what a crash or a dead mail server has left is made up for.
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts_review import audit
from accounts_review.audit import NewEntry
from accounts_review.audit.events import Event
from accounts_review.models import Workspace, people_who_may
from accounts_review.wording import instants, roles
from accounts_review.workflow.notify.digest import sent
from accounts_review.workflow.people.changes import SHELL, Change
from accounts_review.workflow.people.invitation import ends_at, link_of
from accounts_review.workflow.people.reach import NONE

INVITING = (Event.PERSON_ADDED, Event.PERSON_INVITED)


def tell(change: Change, *, now: datetime, link: str = "") -> list[str]:
    """Tell the person and the administrators of a change; returns the addresses that could not be reached."""
    with override(_language(change)):
        mails = [*_to_person(change, now=now, link=link), *_to_administrators(change)]
    taken = set(sent(mails))
    if taken or not mails:
        data = {"entry": change.entry, "recipients": len(taken)}
        where = change.workspace.name if change.workspace else ""
        # Its turn at the end of the record lasts as long as a transaction.
        with transaction.atomic():
            audit.append([NewEntry(at=now, workspace=where, actor="portal", kind=Event.PERSON_TOLD, data=data)])
    return [mail.to[0] for place, mail in enumerate(mails) if place not in taken]


def _to_person(change: Change, *, now: datetime, link: str) -> list[EmailMessage]:
    person = change.person
    context = _context(change)
    if change.event in INVITING:
        context |= {"link": link or link_of(person), "until": instants.promised(ends_at(now))}
        return [_mail("invitation", _("Your access to the Cleanup Portal"), context, person.email)]
    addresses = [change.address_before, person.email] if change.event is Event.PERSON_EMAIL_CHANGED else [person.email]
    subject = {
        Event.PERSON_DEACTIVATED: _("Your access to the Cleanup Portal has ended"),
        Event.PERSON_EMAIL_CHANGED: _("The e-mail address of your login was changed"),
        Event.PERSON_PASSWORD_SET: _("The password of your login was changed"),
        Event.PERSON_SIGNED_OUT: _("You were signed out of the Cleanup Portal"),
        Event.PERSON_UNLINKED: _("Your login was unlinked from your organisation's sign-in"),
        Event.ROLE_GRANTED: _("Your role in the Cleanup Portal was changed"),
    }[change.event]
    return [_mail("person", subject, context, address) for address in addresses if address]


def _to_administrators(change: Change) -> list[EmailMessage]:
    context = _context(change) | {
        "people": f"{settings.PUBLIC_URL}{reverse('people')}",
        "hold": f"{settings.PUBLIC_URL}{reverse('hold')}",
    }
    people = _administrators(change.concerned).exclude(pk=change.person.pk).exclude(email="")
    return [_mail("administrators", context["said"], context, person.email) for person in people]


def _administrators(workspaces: list[Workspace]) -> QuerySet[User]:
    """Whoever administers one of them, or the portal where there is none."""
    places: list[Workspace | None] = [*workspaces] or [None]
    return reduce(or_, (people_who_may("administer", place) for place in places))


def _context(change: Change) -> dict[str, Any]:
    values: dict[str, Any] = {
        "login": change.person.username,
        "actor": _actor(change),
        "before": roles.said(change.before),
        "role": roles.said(change.role),
        "where": str(change.workspace) if change.workspace else _("the whole portal"),
        "address": change.person.email,
        "address_before": change.address_before,
        "provider": change.provider,
    }
    sentence = {
        Event.PERSON_ADDED: _("%(actor)s added %(login)s (%(address)s): %(role)s in %(where)s"),
        Event.PERSON_DEACTIVATED: _("%(actor)s deactivated %(login)s"),
        Event.PERSON_EMAIL_CHANGED: _("%(actor)s changed the address of %(login)s to %(address)s"),
        Event.PERSON_INVITED: _("%(actor)s invited %(login)s again (%(address)s)"),
        Event.PERSON_PASSWORD_SET: _("%(actor)s set a new password for %(login)s"),
        Event.PERSON_UNLINKED: _("%(actor)s unlinked %(login)s from their identity at %(provider)s"),
        Event.PERSON_SIGNED_OUT: _("%(actor)s signed %(login)s out everywhere"),
        Event.ROLE_GRANTED: _("%(actor)s changed the role of %(login)s in %(where)s from %(before)s to %(role)s"),
    }[change.event]
    kept = {"is_taken": change.role == NONE, "is_first": change.before == NONE}
    return values | kept | {"said": sentence % values, "event": change.event.name, "url": settings.PUBLIC_URL}


def _actor(change: Change) -> str:
    if change.provider and change.role:
        return _("Your organisation's sign-in (%(provider)s)") % {"provider": change.provider}
    return _("Someone at the server's command line") if change.actor == SHELL else change.actor


def _mail(template: str, subject: str, context: dict[str, Any], address: str) -> EmailMessage:
    body = render_to_string(f"emails/people/{template}.txt", context)
    return EmailMessage(subject=" ".join(subject.split()), body=body, to=[address])


def _language(change: Change) -> str:
    """That of the workspace, as people have none of their own."""
    workspace = change.workspace or next(iter(change.concerned), None)
    return workspace.language if workspace else settings.LANGUAGE_CODE
