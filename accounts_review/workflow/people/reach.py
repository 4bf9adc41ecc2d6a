"""How far people reach: the role each has somewhere, and whom an administrator may know of and act on."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Q

from accounts_review.models import ROLES, Role, Workspace, may, workspaces_of

NONE = "none"
"""The role of somebody who has none."""

RANKS = (NONE, *ROLES)


def role_in(person: User, workspace: Workspace | None) -> str:
    """The role that a person was given just there, or ``none``."""
    held = person.roles.filter(workspace=workspace).first()
    return held.name if held else NONE


def role_over(person: User, workspace: Workspace) -> str:
    """The greatest role of a person in a workspace, be it for the whole portal, or ``none``."""
    return max((role_in(person, workspace), role_in(person, None)), key=RANKS.index)


def may_change(actor: User, person: User) -> bool:
    """Whether somebody may act on a person as a whole: they administer wherever that person has a role."""
    if person.is_superuser:
        return actor.is_superuser and actor.is_active
    places = [role.workspace for role in person.roles.select_related("workspace")]
    if not places:
        return may(actor, "administer", None)
    return all(may(actor, "administer", place) for place in places)


def known_to(actor: User) -> Q:
    """The people an administrator may know of: all, or those who have a role where the actor administers."""
    if may(actor, "administer", None):
        return Q(pk__isnull=False)  # An empty one is lost beside others.
    mine = Role.objects.filter(Q(workspace=None) | Q(workspace__in=workspaces_of(actor, "administer")))
    return Q(pk__in=mine.values("person")) | Q(is_superuser=True)
