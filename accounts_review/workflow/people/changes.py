"""Changes of people: what they are, where they are recorded, and whom no change may take away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit import NewEntry
from accounts_review.audit.events import Event
from accounts_review.models import Workspace, may, people_who_may

SHELL = "shell"
"""Who acts where a shell does it without a login."""


class PersonRefused(ValueError):
    """A change that cannot be made to a person; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was changed of a person, by whom, and where; ``workspace`` is ``None`` for the whole portal."""

    event: Event
    person: User
    actor: str
    workspace: Workspace | None = None
    before: str = ""
    role: str = ""
    address_before: str = ""
    provider: str = ""
    concerned: list[Workspace] = field(default_factory=list)
    """The workspaces whose audit tells of it, and whose administrators are told."""
    entry: int = 0
    """The number of the first audit entry that tells of it: what is told by e-mail is known by it."""


@contextmanager
def an_administrator_stays(person: User) -> Iterator[None]:
    """Refuse a change that leaves something without an administrator; who changes people takes turns."""
    everywhere = [None, *Workspace.objects.all()]
    administered = [place for place in everywhere if may(person, "administer", place)]
    yield
    for place in administered:
        if not people_who_may("administer", place).exists():
            raise PersonRefused(
                _("%(login)s is the last administrator. Name another one first.") % {"login": person.username}
            )


def places_of(person: User) -> list[Workspace]:
    """The workspaces that a change of the whole person concerns: where they have a role, or else all."""
    mine = list(Workspace.objects.filter(roles__person=person).distinct())
    if not mine or person.is_superuser or person.roles.filter(workspace=None).exists():
        return list(Workspace.objects.all())
    return mine


def change_of_person(
    event: Event, person: User, actor: User | str | None, *, address_before: str = "", provider: str = ""
) -> Change:
    """A change of the whole person."""
    return Change(
        event=event,
        person=person,
        actor=login_of(actor),
        concerned=places_of(person),
        address_before=address_before,
        provider=provider,
    )


def change_of_role(
    event: Event,
    person: User,
    actor: User | str | None,
    *,
    workspace: Workspace | None,
    before: str,
    role: str,
    provider: str = "",
) -> Change:
    """A change of the role in one place; by the groups at a ``provider``, where one is named."""
    return Change(
        event=event,
        person=person,
        actor=login_of(actor),
        workspace=workspace,
        before=before,
        role=role,
        provider=provider,
        concerned=[workspace] if workspace else list(Workspace.objects.all()),
    )


def logged(change: Change, *, now: datetime, before: Mapping[str, str] | None = None) -> Change:
    """Record a change, once for each workspace that it concerns; ``before`` is the role there, by its name.

    Returned with the number of its first entry.
    """
    places = [workspace.name for workspace in change.concerned] or [""]
    audit.append(
        NewEntry(
            at=now,
            workspace=name,
            actor=change.actor,
            kind=change.event,
            data=_said(change) | ({"before": before[name]} if before else {}),
        )
        for name in places
    )
    return replace(change, entry=audit.newest_checkpoint().seq - len(places) + 1)


def _said(change: Change) -> dict[str, str]:
    details = {"login": change.person.username}
    if change.role:
        details |= {"before": change.before, "role": change.role}
    if change.event in (Event.ROLE_GRANTED, Event.PERSON_ADDED) and change.workspace is None:
        details["kind"] = "portal"
    if change.event in (Event.PERSON_ADDED, Event.PERSON_INVITED):
        details["email"] = change.person.email
    if change.provider:
        details["provider"] = change.provider
    if change.provider and change.role:
        details["cause"] = "groups"
    if change.event is Event.PERSON_EMAIL_CHANGED:
        details |= {"address_before": change.address_before, "address": change.person.email}
    return details


def login_of(actor: User | str | None) -> str:
    """How the audit names who acts: a login, what stands for nobody's login, or the shell."""
    return actor if isinstance(actor, str) else actor.get_username() if actor else SHELL
