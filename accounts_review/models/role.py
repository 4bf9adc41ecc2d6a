"""The four roles, as Django groups with permissions; each holds what the one before it holds."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts_review.models.workspace import Workspace

ROLES: dict[str, tuple[str, ...]] = {
    "auditor": ("read",),
    "reviewer": ("read", "decide"),
    "operator": ("read", "decide", "operate"),
    "administrator": ("read", "decide", "operate", "administer"),
}


def ensure_roles(**kwargs: Any) -> None:
    """Give each role's group its permissions; run after every migration."""
    for name, codenames in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(
            Permission.objects.filter(content_type__app_label="accounts_review", codename__in=codenames)
        )


def workspaces_of(user: User, act: str = "read") -> QuerySet[Workspace]:
    """The workspaces in which a person may do something."""
    return Workspace.objects.all() if may(user, act) else Workspace.objects.none()


def may(user: User, codename: str, workspace: Workspace | None = None) -> bool:
    """Whether a person is active and holds one of the four permissions."""
    return user.is_active and user.has_perm(f"accounts_review.{codename}")


def permit(user: User, codename: str, workspace: Workspace | None = None) -> None:
    """Raise ``PermissionDenied`` unless the person may; every act asks at the moment it is done."""
    if may(user, codename):
        return
    roles = [name for name, held in ROLES.items() if codename in held]
    raise PermissionDenied(
        _("%(login)s may not do this; it takes one of the roles: %(roles)s.")
        % {"login": user.get_username(), "roles": ", ".join(roles)}
    )
