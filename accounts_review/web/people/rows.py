"""People as the pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from accounts_review.models import Role, Workspace, may, workspaces_of
from accounts_review.web.people.forms import PORTAL
from accounts_review.web.shared import anew
from accounts_review.workflow.people import reach


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRole:
    """A role in a place, and whether whoever looks may change it."""

    place: str
    where: str
    role: str
    label: str
    may_change: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A person and what is told of them."""

    person: User
    roles: list[HeldRole]
    last_sign_in: datetime | None
    way: str
    second_factor: str

    @property
    def name(self) -> str:
        return self.person.get_full_name() or self.person.get_username()


def row_of(person: User, *, places: Mapping[Workspace | None, bool], every_place: bool = False) -> PersonRow:
    """A person as somebody may see them: roles elsewhere than in these places are left out."""
    held = {role.workspace_id: role for role in person.roles.all()}
    return PersonRow(
        person=person,
        roles=[
            _held(place, held.get(place.pk if place else None), may_change=may_change)
            for place, may_change in places.items()
            if every_place or (place.pk if place else None) in held
        ],
        last_sign_in=person.last_login,
        way=way_of(person),
        second_factor=second_factor_of(person),
    )


def places_shown_to(viewer: User) -> dict[Workspace | None, bool]:
    """The whole portal, and the workspaces that somebody administers; each with whether they may change roles there."""
    return {place: may(viewer, "administer", place) for place in [None, *workspaces_of(viewer, "administer")]}


def way_of(person: User) -> str:
    """What a person signs in with; one that the installation has switched off does not count."""
    linked = [provider["label"] for provider in anew.providers_of(person)]
    ways = ([_("Password")] if anew.may_use_password(person) else []) + linked
    if ways:
        return ", ".join(ways)
    return _("Nothing: invite them again") if has_accepted(person) else _("Invited, not accepted yet")


def has_accepted(person: User) -> bool:
    """Whether somebody has taken up their invitation, at one time or another."""
    return person.last_login is not None or person.has_usable_password()


def second_factor_of(person: User) -> str:
    """The second factors that a person has set up, or ``none``."""
    named = {Authenticator.Type.TOTP: _("app"), Authenticator.Type.WEBAUTHN: _("passkey")}
    kinds = {factor.type for factor in person.authenticator_set.all()}  # type: ignore[attr-defined]
    return ", ".join(name for kind, name in named.items() if kind in kinds) or _("none")


def _held(place: Workspace | None, role: Role | None, *, may_change: bool) -> HeldRole:
    return HeldRole(
        place=place.name if place else PORTAL,
        where=place.name if place else _("Whole portal"),
        role=role.name if role else reach.NONE,
        label=role.get_name_display() if role else _("No role"),
        may_change=may_change,
    )
