"""Open a workspace, adopt a policy for it, switch it to live or dry run, choose the language of its e-mails."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import PolicyVersion, Workspace, permit
from accounts_review.rules import policy
from accounts_review.workflow.identity import refuse_known
from accounts_review.workflow.policy.activate import enact


@transaction.atomic
def open_workspace(*, name: str, now: datetime, host: str = "") -> Workspace:
    """The workspace of that name; a new one starts in dry run, under the default policy.

    Raises ``ImproperlyConfigured`` where it is new only by its name: the host, or what had this name, is known.
    """
    if not Workspace.objects.filter(name=name).exists():
        # Web, worker and commands that start together would all insert it.
        audit.wait_for_turn()
        refuse_known(name=name, host=host)
    workspace, is_new = Workspace.objects.get_or_create(name=name, defaults={"created_at": now})
    if is_new:
        audit.log([workspace], kind=Event.WORKSPACE_OPENED, actor="portal", now=now, data={"mode": workspace.mode})
        enact(workspace, policy.DEFAULT_TEXT, login="portal", reason="default policy", now=now)
    return workspace


@transaction.atomic
def adopt_policy(*, workspace: Workspace, text: str, actor: User | None, reason: str, now: datetime) -> PolicyVersion:
    """Put a new version of the policy in force. ``actor`` is ``None`` where a shell did it without a login.

    Promises given under earlier versions stand. Raises ``PermissionDenied`` and ``PolicyError``.
    """
    if actor is not None:
        permit(actor, "administer")
    policy.parse(text)
    return enact(workspace, text, login=actor.get_username() if actor else "shell", reason=reason, now=now)


@transaction.atomic
def set_mode(*, workspace: Workspace, mode: Workspace.Mode, actor: User, now: datetime) -> None:
    """Make the next clean-ups real, or dry runs. A clean-up that was launched keeps the mode it was launched in."""
    permit(actor, "administer")
    before = Workspace.objects.select_for_update().get(pk=workspace.pk).mode
    workspace.mode = mode
    workspace.save(update_fields=["mode"])
    data = {"from": before, "to": mode.value}
    audit.log([workspace], kind=Event.WORKSPACE_MODE_SET, actor=actor.get_username(), now=now, data=data)


@transaction.atomic
def set_language(*, workspace: Workspace, language: str, actor: User, now: datetime) -> None:
    """Choose the language in which people are written to. Raises ``PermissionDenied``."""
    permit(actor, "administer")
    before = Workspace.objects.select_for_update().get(pk=workspace.pk).language
    workspace.language = language
    workspace.save(update_fields=["language"])
    data = {"from": before, "to": language}
    audit.log([workspace], kind=Event.WORKSPACE_LANGUAGE_SET, actor=actor.get_username(), now=now, data=data)
