"""Roles that follow the groups of a provider: at each sign-in a person has those that their groups give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Role, Workspace
from accounts_review.models.hold import PORTAL
from accounts_review.workflow.people.changes import Change, an_administrator_stays, change_of_role, logged
from accounts_review.workflow.people.reach import NONE, RANKS
from accounts_review.workflow.people.sessions import end_sessions

Grants = Mapping[str, Iterable[tuple[str, str]]]
"""For each group the roles that it gives, each with the name of its workspace, or "" for the whole portal."""


def roles_given(groups: Iterable[str], grants: Grants) -> dict[str, str]:
    """The role that groups give in each place; of several the greatest."""
    given: dict[str, str] = {}
    for group in groups:
        for role, place in grants.get(group, ()):
            given[place] = max(role, given.get(place, NONE), key=RANKS.index)
    return given


@transaction.atomic
def follow_groups(*, person: User, given: Mapping[str, str], by: str, now: datetime) -> list[Change]:
    """Give a person these roles instead of those they have; returns what changed, each to be told.

    Who loses something is signed out everywhere. A superuser has no role to follow. Raises :class:`PersonRefused`
    where it would take the last administrator away.
    """
    audit.wait_for_turn()
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if person.is_superuser:
        return []
    places: list[Workspace | None] = [None, *Workspace.objects.all()]
    held = {role.workspace_id: role.name for role in person.roles.all()}
    changes = []
    with an_administrator_stays(person):
        for place in places:
            before = held.get(place.pk if place else None, NONE)
            role = given.get(place.name if place else "", NONE)
            if role == before:
                continue
            Role.objects.filter(person=person, workspace=place).delete()
            if role != NONE:
                Role.objects.create(person=person, workspace=place, name=role)
            changes.append(
                change_of_role(
                    Event.ROLE_GRANTED, person, PORTAL, workspace=place, before=before, role=role, provider=by
                )
            )
    if any(RANKS.index(change.role) < RANKS.index(change.before) for change in changes):
        end_sessions(person)
    return [logged(change, now=now) for change in changes]
