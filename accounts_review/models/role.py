"""The four roles, each in one workspace or in the whole portal, and who may do what with them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models.prepared import Prepared
from accounts_review.models.workspace import Workspace

ROLES: dict[str, tuple[str, ...]] = {
    "auditor": ("read",),
    "reviewer": ("read", "decide"),
    "operator": ("read", "decide", "operate"),
    "administrator": ("read", "decide", "operate", "administer"),
}
"""What each role may do; it holds what the one before it holds."""


class Role(models.Model):
    """What a person may do in a workspace; without one, in the whole portal: every workspace, present and future."""

    class Name(models.TextChoices):
        AUDITOR = "auditor", gettext_lazy("Auditor")
        REVIEWER = "reviewer", gettext_lazy("Reviewer")
        OPERATOR = "operator", gettext_lazy("Operator")
        ADMINISTRATOR = "administrator", gettext_lazy("Administrator")

    person = models.ForeignKey(User, models.CASCADE, related_name="roles")
    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True, related_name="roles")
    name = models.CharField(gettext_lazy("role"), max_length=20, choices=Name)

    class Meta:
        ordering = ("workspace__name", "pk")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=("person", "workspace"), nulls_distinct=False, name="one_role_a_workspace")
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.name}"


def people_who_may(act: str, workspace: Workspace | None) -> QuerySet[User]:
    """The active people who may do something in a workspace, or for the whole portal, by login.

    Whoever may do it in every workspace there is may do it for the portal. A superuser passes all.
    """
    of_person = _roles_with(act).filter(person=OuterRef("pk"))
    if workspace is not None:
        held = Q(Exists(of_person.filter(Q(workspace=None) | Q(workspace=workspace))))
    else:
        covering = _roles_with(act).filter(Q(workspace=None) | Q(workspace=OuterRef("pk")))
        lacking = Workspace.objects.exclude(Exists(covering.filter(person=OuterRef(OuterRef("pk")))))
        held = Q(Exists(of_person)) & ~Q(Exists(lacking))
    return User.objects.filter(Q(is_superuser=True) | held, is_active=True).order_by("username")


def workspaces_of(user: User | AnonymousUser, act: str = "read") -> QuerySet[Workspace]:
    """The workspaces in which a person may do something; of the others they do not even learn that they exist."""
    held = _roles_with(act).filter(Q(workspace=None) | Q(workspace=OuterRef("pk")), person=_key(user))
    return Workspace.objects.filter(Exists(_as_superuser(user)) | Exists(held.filter(person__is_active=True)))


def may(user: User | AnonymousUser, act: str, workspace: Workspace | None) -> bool:
    """Whether a person may do something in a workspace, or for the whole portal.

    The database is asked each time, but for a person whose roles are remembered (see :func:`remember_roles`).
    """
    known: list[tuple[int | None, str]] | None = getattr(user, _REMEMBERED, None)
    if known is None or not isinstance(user, User):
        return _is_allowed(user, act, workspace)
    held = (name for where, name in known if workspace is None or where in (None, workspace.pk))
    is_held = user.is_active and (user.is_superuser or any(act in ROLES[name] for name in held))
    # For the portal it takes more than a role somewhere, but not less.
    return is_held and (workspace is not None or _is_allowed(user, act, None))


def remember_roles(user: User, held: Iterable[tuple[int | None, str]] | None = None) -> None:
    """Look up a person's roles once for the page that is put together; what is *done* asks the database again.

    ``held``: the keys of workspaces and the roles there, where somebody has looked them up already.
    """
    if held is None:
        held = Role.objects.filter(person=user).order_by().values_list("workspace_id", "name")
    setattr(user, _REMEMBERED, list(held))


_REMEMBERED = "_remembered_roles"


def may_somewhere(user: User | AnonymousUser, act: str = "read") -> bool:
    """Whether a person may do something in any workspace, or for the portal."""
    known: list[tuple[int | None, str]] | None = getattr(user, _REMEMBERED, None)
    if known is not None and isinstance(user, User):
        return user.is_active and (user.is_superuser or any(act in ROLES[name] for _where, name in known))
    return _as_superuser(user).exists() or _roles_with(act).filter(person=_key(user), person__is_active=True).exists()


def permit(user: User, act: str, workspace: Workspace | None) -> None:
    """Raise ``PermissionDenied`` unless the person may; every act asks at the moment it is done."""
    if not _is_allowed(user, act, workspace):
        raise denied(user, act)


def permit_somewhere(user: User, act: str = "read") -> None:
    """Raise ``PermissionDenied`` unless the person may do something in any workspace, or for the portal."""
    if not may_somewhere(user, act):
        raise denied(user, act)


def denied(user: User, act: str) -> PermissionDenied:
    """The refusal of an act, which names the roles that may."""
    roles = [str(Role.Name(name).label).lower() for name, held in ROLES.items() if act in held]
    return PermissionDenied(
        _("%(login)s may not do this; it takes one of the roles: %(roles)s.")
        % {"login": user.get_username(), "roles": ", ".join(roles)}
    )


def _is_allowed(user: User | AnonymousUser, act: str, workspace: Workspace | None) -> bool:
    """What the database says at this moment."""
    if workspace is None:
        return bool(_allowed_everywhere(act).rows(person=_key(user)))
    return bool(_allowed(act).rows(person=_key(user), workspace=workspace.pk))


@cache
def _allowed(act: str) -> Prepared:
    def build(person: int, workspace: int) -> QuerySet[User, Any]:
        return people_who_may(act, Workspace(pk=workspace)).filter(pk=person).values_list("pk")

    return Prepared(build, person=int, workspace=int)


@cache
def _allowed_everywhere(act: str) -> Prepared:
    return Prepared(lambda person: people_who_may(act, None).filter(pk=person).values_list("pk"), person=int)


def _roles_with(act: str) -> QuerySet[Role]:
    return Role.objects.filter(name__in=[name for name, held in ROLES.items() if act in held])


def _as_superuser(user: User | AnonymousUser) -> QuerySet[User]:
    return User.objects.filter(pk=_key(user), is_superuser=True, is_active=True)


def _key(user: User | AnonymousUser) -> int:
    """Nobody has the key 0."""
    return user.pk or 0
