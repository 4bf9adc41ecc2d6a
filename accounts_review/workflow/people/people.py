"""People: add somebody, change a role or an address, invite again, sign out everywhere, deactivate.

Each change is recorded in every workspace that it concerns, with the role before and after, and returned, so that
whoever asked for it can have it told (see :mod:`accounts_review.workflow.people.emails`). ``actor`` is ``None`` where
a shell did it without a login.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit import NewEntry
from accounts_review.audit.events import Event
from accounts_review.models import ROLES, Role, Workspace, may, may_somewhere, people_who_may, permit
from accounts_review.models.role import denied
from accounts_review.rules.addresses import usable_for_mail
from accounts_review.workflow.people.reach import NONE, RANKS, may_change, role_in, role_over
from accounts_review.workflow.people.sessions import end_sessions

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
    concerned: list[Workspace] = field(default_factory=list)
    """The workspaces whose audit tells of it, and whose administrators are told."""


@transaction.atomic
def add_person(
    *, login: str, email: str, role: str, workspace: Workspace | None, actor: User | None, now: datetime, name: str = ""
) -> Change:
    """A login with this role and no other right, that has no password yet; one that was deactivated starts anew.

    Raises ``PermissionDenied`` and :class:`PersonRefused`.
    """
    _permit(actor, workspace)
    login, email = login.strip(), _usable(email)
    audit.wait_for_turn()
    known = User.objects.filter(username__iexact=login).first()
    if known and (known.is_active or known.is_superuser):
        raise PersonRefused(
            _("The login %(login)s is taken. Choose another one, or change that person's role.") % {"login": login}
        )
    _refuse_taken(email)
    person = known or User(username=_valid(login))
    person.email, person.is_active = email, True
    person.first_name, person.last_name = name.strip()[:150], ""
    person.set_unusable_password()
    person.save()
    Role.objects.filter(person=person).delete()
    Role.objects.create(person=person, workspace=workspace, name=_known(role))
    change = _change_of_role(Event.PERSON_ADDED, person, actor, workspace=workspace, before=NONE, role=role)
    return _logged(change, now=now)


@transaction.atomic
def grant(
    *,
    person: User,
    role: str,
    workspace: Workspace | None,
    actor: User | None,
    now: datetime,
    instead_of_superuser: bool = False,
) -> Change:
    """Give a person a role in a workspace or in the whole portal, instead of the one they had there; ``none`` takes it.

    Who loses something is signed out everywhere. Raises ``PermissionDenied`` and :class:`PersonRefused`.
    """
    _permit(actor, workspace)
    audit.wait_for_turn()
    person = User.objects.select_for_update().get(pk=person.pk)
    before = "superuser" if person.is_superuser else role_in(person, workspace)
    if not person.is_active:
        raise PersonRefused(_("%(login)s is deactivated; add them anew.") % {"login": person.username})
    if person.is_superuser and not instead_of_superuser:
        raise PersonRefused(_superuser(person, role))
    if workspace and not person.is_superuser and RANKS.index(role) < RANKS.index(role_in(person, None)):
        raise PersonRefused(_of_portal(person, workspace))
    _refuse_own_rise(person, role, workspace, actor)
    with _an_administrator_stays(person):
        if person.is_superuser:
            person.is_superuser = person.is_staff = False
            person.save(update_fields=["is_superuser", "is_staff"])
        Role.objects.filter(person=person, workspace=workspace).delete()
        if role != NONE:
            Role.objects.create(person=person, workspace=workspace, name=_known(role))
    if before == "superuser" or RANKS.index(role) < RANKS.index(before):
        end_sessions(person)
    change = _change_of_role(Event.ROLE_GRANTED, person, actor, workspace=workspace, before=before, role=role)
    return _logged(change, now=now)


@transaction.atomic
def keep_administering(*, workspace: Workspace, actor: User, now: datetime) -> None:
    """Have whoever added a workspace administer it, where their roles are in the other workspaces only."""
    if may(actor, "administer", workspace):
        return
    Role.objects.update_or_create(person=actor, workspace=workspace, defaults={"name": Role.Name.ADMINISTRATOR})
    _logged(
        _change_of_role(
            Event.ROLE_GRANTED, actor, actor, workspace=workspace, before=NONE, role=Role.Name.ADMINISTRATOR.value
        ),
        now=now,
    )


@transaction.atomic
def deactivate(*, person: User, actor: User | None, now: datetime) -> Change:
    """End a person's access: every role, session and link, at once.

    Raises ``PermissionDenied`` and :class:`PersonRefused`.
    """
    audit.wait_for_turn()
    person = User.objects.select_for_update().get(pk=person.pk)
    _permit_over(actor, person)
    if person.is_superuser:
        raise PersonRefused(_superuser(person, NONE))
    if not person.is_active:
        raise PersonRefused(_("%(login)s is deactivated already.") % {"login": person.username})
    concerned = _places(person)
    before = {workspace.name: role_over(person, workspace) for workspace in concerned}
    with _an_administrator_stays(person):
        Role.objects.filter(person=person).delete()
        person.is_active = False
        person.set_unusable_password()
        person.save()
    end_sessions(person)
    whole = max(before.values(), key=RANKS.index, default=NONE)
    change = Change(
        event=Event.PERSON_DEACTIVATED,
        person=person,
        actor=_login(actor),
        before=whole,
        role=NONE,
        concerned=concerned,
    )
    return _logged(change, now=now, before=before)


@transaction.atomic
def change_email(*, person: User, email: str, actor: User | None, now: datetime) -> Change:
    """Give a person another address; nobody changes their own.

    Raises ``PermissionDenied`` and :class:`PersonRefused`.
    """
    audit.wait_for_turn()
    person = User.objects.select_for_update().get(pk=person.pk)
    _permit_over(actor, person)
    email = _usable(email)
    if actor is not None and actor.pk == person.pk:
        raise PersonRefused(_("Nobody changes their own e-mail address; ask another administrator."))
    if email == person.email:
        raise PersonRefused(_("This is the address already."))
    _refuse_taken(email, besides=person)
    before, person.email = person.email, email
    person.save(update_fields=["email"])
    person.emailaddress_set.all().delete()  # type: ignore[attr-defined]
    change = _change(Event.PERSON_EMAIL_CHANGED, person, actor, address_before=before)
    return _logged(change, now=now)


@transaction.atomic
def invite_again(*, person: User, actor: User | None, now: datetime) -> Change:
    """Record that a person who has never set a password gets another link. Raises as :func:`deactivate`."""
    _permit_over(actor, person)
    if not person.is_active or person.has_usable_password():
        raise PersonRefused(_("%(login)s has accepted an invitation already.") % {"login": person.username})
    return _logged(_change(Event.PERSON_INVITED, person, actor), now=now)


@transaction.atomic
def sign_out(*, person: User, actor: User | None, now: datetime) -> Change:
    """End every session of a person; the login stays. Raises ``PermissionDenied``."""
    _permit_over(actor, person)
    end_sessions(person)
    return _logged(_change(Event.PERSON_SIGNED_OUT, person, actor), now=now)


def _permit(actor: User | None, workspace: Workspace | None) -> None:
    if actor is not None:
        permit(actor, "administer", workspace)


def _permit_over(actor: User | None, person: User) -> None:
    if actor is None:
        return
    if not may_somewhere(actor, "administer") or not may_change(actor, person):
        raise denied(actor, "administer")


def _refuse_own_rise(person: User, role: str, workspace: Workspace | None, actor: User | None) -> None:
    held = role_over(person, workspace) if workspace else role_in(person, None)
    if actor is not None and actor.pk == person.pk and RANKS.index(role) > RANKS.index(held):
        raise PersonRefused(_("Nobody gives themselves a greater role; ask another administrator."))


@contextmanager
def _an_administrator_stays(person: User) -> Iterator[None]:
    """Refuse a change that leaves something without an administrator; who changes people takes turns."""
    everywhere = [None, *Workspace.objects.all()]
    administered = [place for place in everywhere if may(person, "administer", place)]
    yield
    for place in administered:
        if not people_who_may("administer", place).exists():
            raise PersonRefused(
                _("%(login)s is the last administrator. Name another one first.") % {"login": person.username}
            )


def _superuser(person: User, role: str) -> str:
    said = _(
        "%(login)s is a superuser, who passes every check whatever their role is. To end that and give a role instead: "
        "manage.py grant %(login)s %(role)s --instead-of-superuser"
    )
    return said % {"login": person.username, "role": role}


def _of_portal(person: User, workspace: Workspace) -> str:
    said = _("%(login)s is %(role)s of the whole portal, also of %(workspace)s. Change that role first.")
    return said % {"login": person.username, "role": role_in(person, None), "workspace": workspace}


def _usable(email: str) -> str:
    email = email.strip()
    if not usable_for_mail(email):
        raise PersonRefused(_("%(email)s is not an e-mail address.") % {"email": email or "—"})
    return email


def _refuse_taken(email: str, *, besides: User | None = None) -> None:
    """Two logins with one address would have each reset the other's password."""
    others = User.objects.filter(email__iexact=email, is_active=True).exclude(pk=besides.pk if besides else 0)
    if others.exists():
        raise PersonRefused(_("Somebody else here has the address %(email)s.") % {"email": email})


def _valid(login: str) -> str:
    try:
        UnicodeUsernameValidator()(login)
    except ValidationError as problem:
        raise PersonRefused(" ".join(problem.messages)) from None
    if len(login) > 150:
        raise PersonRefused(_("A login has at most 150 characters."))
    return login


def _known(role: str) -> str:
    if role not in ROLES:
        raise PersonRefused(
            _("There is no role %(role)s; the roles are: %(roles)s.") % {"role": role, "roles": ", ".join(ROLES)}
        )
    return role


def _places(person: User) -> list[Workspace]:
    """The workspaces that a change of the whole person concerns: where they have a role, or else all."""
    mine = list(Workspace.objects.filter(roles__person=person).distinct())
    if not mine or person.is_superuser or person.roles.filter(workspace=None).exists():
        return list(Workspace.objects.all())
    return mine


def _change(event: Event, person: User, actor: User | None, *, address_before: str = "") -> Change:
    """A change of the whole person."""
    return Change(
        event=event, person=person, actor=_login(actor), concerned=_places(person), address_before=address_before
    )


def _change_of_role(
    event: Event, person: User, actor: User | None, *, workspace: Workspace | None, before: str, role: str
) -> Change:
    return Change(
        event=event,
        person=person,
        actor=_login(actor),
        workspace=workspace,
        before=before,
        role=role,
        concerned=[workspace] if workspace else list(Workspace.objects.all()),
    )


def _logged(change: Change, *, now: datetime, before: Mapping[str, str] | None = None) -> Change:
    """Record a change, once for each workspace that it concerns; ``before`` is the role there, by its name."""
    audit.append(
        NewEntry(
            at=now,
            workspace=name,
            actor=change.actor,
            kind=change.event,
            data=_said(change) | ({"before": before[name]} if before else {}),
        )
        for name in [workspace.name for workspace in change.concerned] or [""]
    )
    return change


def _said(change: Change) -> dict[str, str]:
    said = {"login": change.person.username}
    if change.role:
        said |= {"before": change.before, "role": change.role}
    if change.event in (Event.ROLE_GRANTED, Event.PERSON_ADDED) and change.workspace is None:
        said["kind"] = "portal"
    if change.event in (Event.PERSON_ADDED, Event.PERSON_INVITED):
        said["email"] = change.person.email
    if change.event is Event.PERSON_EMAIL_CHANGED:
        said |= {"address_before": change.address_before, "address": change.person.email}
    return said


def _login(actor: User | None) -> str:
    return actor.get_username() if actor else SHELL
