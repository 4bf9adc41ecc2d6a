"""Second person: a looser policy of a workspace whose removals are real is confirmed by another administrator."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, PolicyPreview, Workspace, people_who_may, permit
from accounts_review.rules.loosening import loosened


def is_missing(policy_preview: PolicyPreview, *, actor: User) -> bool:
    """Whether somebody else has to agree before this person can put the preview in force.

    Nobody has to where there is no other administrator.
    """
    workspace = policy_preview.workspace
    if not _was_ever_live(workspace) or not any(loosened(policy_preview.over.rules, policy_preview.rules)):
        return False
    others = others_than(actor, workspace)
    return others.exists() and not others.filter(username=policy_preview.agreed_by).exists()


def others_than(actor: User, workspace: Workspace) -> QuerySet[User]:
    """The other administrators of a workspace."""
    return people_who_may("administer", workspace).exclude(pk=actor.pk)


@transaction.atomic
def agree(*, policy_preview: PolicyPreview, actor: User, now: datetime) -> None:
    """Record that somebody wants this looser policy; another administrator confirms it by putting it in force.

    Raises ``PermissionDenied``.
    """
    permit(actor, "administer", policy_preview.workspace)
    login = actor.get_username()
    if PolicyPreview.objects.filter(pk=policy_preview.pk).exclude(agreed_by=login).update(agreed_by=login):
        data = {"policy": policy_preview.text, "reason": policy_preview.reason}
        audit.log([policy_preview.workspace], kind=Event.POLICY_AGREED, actor=login, now=now, data=data)


def _was_ever_live(workspace: Workspace) -> bool:
    """A dry run in between would lead around the second person."""
    went_live = AuditEntry.objects.of(workspace).filter(kind=Event.WORKSPACE_MODE_SET, data__to=Workspace.Mode.LIVE)
    return workspace.is_live or went_live.exists()
