"""People: add somebody, change a role or an address, invite again, sign out everywhere, deactivate.

Each change is recorded in every workspace that it concerns, with the role before and after, and returned, so that
whoever asked for it can have it told (see :mod:`accounts_review.workflow.people.emails`). ``actor`` is ``None`` where
a shell did it without a login.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.audit.verification.actors import PROGRAMS
from accounts_review.models import ROLES, Role, Workspace, may, may_somewhere, permit
from accounts_review.models.role import denied
from accounts_review.rules.addresses import same_but_for_case, usable_for_mail
from accounts_review.wording import roles
from accounts_review.workflow.people.changes import (
    Change,
    PersonRefused,
    an_administrator_stays,
    change_of_person,
    change_of_role,
    logged,
    login_of,
    places_of,
)
from accounts_review.workflow.people.reach import NONE, RANKS, may_change, role_in, role_over
from accounts_review.workflow.people.sessions import end_sessions, forget_ways_in, is_linked


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
    is_taken = known and (known.is_active or known.is_superuser or not same_but_for_case(known.username, login))
    # The audit could not tell them from a program, which needs no role.
    if is_taken or login.casefold() in PROGRAMS:
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
    change = change_of_role(Event.PERSON_ADDED, person, actor, workspace=workspace, before=NONE, role=role)
    return logged(change, now=now)


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
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    before = "superuser" if person.is_superuser else role_in(person, workspace)
    if not person.is_active:
        raise PersonRefused(_("%(login)s is deactivated; add them again.") % {"login": person.username})
    if person.is_superuser and not instead_of_superuser:
        raise PersonRefused(_superuser(person, role))
    if workspace and not person.is_superuser and RANKS.index(role) < RANKS.index(role_in(person, None)):
        raise PersonRefused(_of_portal(person, workspace))
    _refuse_own_rise(person, role, workspace, actor)
    with an_administrator_stays(person):
        if person.is_superuser:
            person.is_superuser = person.is_staff = False
            person.save(update_fields=["is_superuser", "is_staff"])
        Role.objects.filter(person=person, workspace=workspace).delete()
        if role != NONE:
            Role.objects.create(person=person, workspace=workspace, name=_known(role))
    if before == "superuser" or RANKS.index(role) < RANKS.index(before):
        end_sessions(person)
    change = change_of_role(Event.ROLE_GRANTED, person, actor, workspace=workspace, before=before, role=role)
    return logged(change, now=now)


@transaction.atomic
def record_superuser(*, person: User, actor: User | None, now: datetime) -> Change:
    """Record that a shell has made somebody a superuser."""
    change = change_of_role(Event.ROLE_GRANTED, person, actor, workspace=None, before=NONE, role="superuser")
    return logged(change, now=now)


@transaction.atomic
def record_password(*, person: User, actor: User | None, now: datetime) -> Change:
    """Record that a shell has given somebody another password. Raises ``PermissionDenied``."""
    _permit_over(actor, person)
    return logged(change_of_person(Event.PERSON_PASSWORD_SET, person, actor), now=now)


@transaction.atomic
def keep_administering(*, workspace: Workspace, actor: User, now: datetime) -> None:
    """Have whoever added a workspace administer it, where their roles are in the other workspaces only."""
    if may(actor, "administer", workspace):
        return
    Role.objects.update_or_create(person=actor, workspace=workspace, defaults={"name": Role.Name.ADMINISTRATOR})
    logged(
        change_of_role(
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
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    _permit_over(actor, person)
    if person.is_superuser:
        raise PersonRefused(_superuser(person, NONE))
    if not person.is_active:
        raise PersonRefused(_("%(login)s is already deactivated.") % {"login": person.username})
    concerned = places_of(person)
    before = {workspace.name: role_over(person, workspace) for workspace in concerned}
    with an_administrator_stays(person):
        Role.objects.filter(person=person).delete()
        person.is_active = False
        person.set_unusable_password()
        person.save()
        forget_ways_in(person)
    end_sessions(person)
    whole = max(before.values(), key=RANKS.index, default=NONE)
    change = Change(
        event=Event.PERSON_DEACTIVATED,
        person=person,
        actor=login_of(actor),
        before=whole,
        role=NONE,
        concerned=concerned,
    )
    return logged(change, now=now, before=before)


@transaction.atomic
def change_email(*, person: User, email: str, actor: User | None, now: datetime) -> Change:
    """Give a person another address; nobody changes their own.

    Raises ``PermissionDenied`` and :class:`PersonRefused`.
    """
    audit.wait_for_turn()
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    _permit_over(actor, person)
    email = _usable(email)
    if actor is not None and actor.pk == person.pk:
        raise PersonRefused(_("You cannot change your own e-mail address; ask another administrator."))
    if email == person.email:
        raise PersonRefused(_("This is already the address."))
    _refuse_taken(email, besides=person)
    before, person.email = person.email, email
    person.save(update_fields=["email"])
    person.emailaddress_set.all().delete()  # type: ignore[attr-defined]
    change = change_of_person(Event.PERSON_EMAIL_CHANGED, person, actor, address_before=before)
    return logged(change, now=now)


@transaction.atomic
def invite_again(*, person: User, actor: User | None, now: datetime) -> Change:
    """Record that a person who has no way to sign in gets another link. Raises as :func:`deactivate`."""
    _permit_over(actor, person)
    if not person.is_active or person.has_usable_password() or is_linked(person):
        raise PersonRefused(_("%(login)s has already accepted an invitation.") % {"login": person.username})
    return logged(change_of_person(Event.PERSON_INVITED, person, actor), now=now)


@transaction.atomic
def unlink(*, person: User, actor: User | None, now: datetime) -> Change:
    """Unlink a login from its identities at providers, and end its sessions; the login and its roles stay.

    Raises ``PermissionDenied`` and :class:`PersonRefused`.
    """
    _permit_over(actor, person)
    if not is_linked(person):
        raise PersonRefused(_("%(login)s is linked to no provider.") % {"login": person.username})
    providers = ", ".join(person.socialaccount_set.values_list("provider", flat=True))  # type: ignore[attr-defined]
    person.socialaccount_set.all().delete()  # type: ignore[attr-defined]
    end_sessions(person)
    return logged(change_of_person(Event.PERSON_UNLINKED, person, actor, provider=providers), now=now)


@transaction.atomic
def sign_out(*, person: User, actor: User | None, now: datetime) -> Change:
    """End every session of a person; the login stays. Raises ``PermissionDenied``."""
    _permit_over(actor, person)
    end_sessions(person)
    return logged(change_of_person(Event.PERSON_SIGNED_OUT, person, actor), now=now)


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
        raise PersonRefused(_("You cannot give yourself a greater role; ask another administrator."))


def _superuser(person: User, role: str) -> str:
    sentence = _(
        "%(login)s is a superuser, who passes every check whatever their role is. To end that and give a role instead: "
        "manage.py grant %(login)s %(role)s --instead-of-superuser"
    )
    return sentence % {"login": person.username, "role": role}


def _of_portal(person: User, workspace: Workspace) -> str:
    sentence = _("%(login)s is %(role)s of the whole portal, also of %(workspace)s. Change that role first.")
    return sentence % {"login": person.username, "role": roles.said(role_in(person, None)), "workspace": workspace}


def _usable(email: str) -> str:
    email = email.strip()
    if not usable_for_mail(email):
        raise PersonRefused(_("%(email)s is not an e-mail address.") % {"email": email or "—"})
    return email


def _refuse_taken(email: str, *, besides: User | None = None) -> None:
    """Two logins with one address would have each reset the other's password."""
    others = User.objects.filter(email__iexact=email, is_active=True).exclude(pk=besides.pk if besides else 0)
    if others.exists():
        raise PersonRefused(_("Someone else here has the address %(email)s.") % {"email": email})


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
