"""Activation: the only place where a version of a policy comes into force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import PolicyVersion, Workspace


def put_in_force(
    workspace: Workspace,
    text: str,
    *,
    login: str,
    reason: str,
    now: datetime,
    proposed_by: str = "",
    key: int | None = None,
    bring: Callable[[PolicyVersion], None] = lambda version: None,
) -> PolicyVersion:
    """Put a text in force as the next version, in the caller's transaction.

    ``proposed_by`` is the login of whoever wrote it and gave the reason, where that was somebody else. ``key`` is
    what assessments name already, from :func:`next_key`. ``bring`` brings the assessments that come with it. The audit
    is written after it: whoever writes the audit has everybody else wait.
    """
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    last = workspace.policies.first()
    workspace.policies.filter(is_current=True).update(is_current=False)
    version = PolicyVersion.objects.create(
        pk=key,
        workspace=workspace,
        number=last.number + 1 if last else 1,
        text=text,
        activated_at=now,
        activated_by=login,
        proposed_by=proposed_by,
        reason=reason,
    )
    bring(version)
    data: dict[str, Any] = {"version": version.number, "reason": reason, "policy": text}
    if proposed_by:
        data |= {"kind": "confirmed", "proposed_by": proposed_by}
    audit.log([workspace], kind=Event.POLICY_ADOPTED, actor=login, now=now, data=data)
    return version


def next_key() -> int:
    """A key for the version that is put in force next."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [PolicyVersion._meta.db_table])
        return int(cursor.fetchone()[0])


@transaction.atomic
def note_copied(workspace: Workspace, *, login: str, now: datetime) -> None:
    """Note that somebody copied what the policy means for people's data, as it is in force now."""
    workspace.copied = {"version": workspace.current_policy.number, "at": now.isoformat(), "by": login}
    workspace.save(update_fields=["copied"])
    data = {"fields": ["privacy notice"]}
    audit.log([workspace], kind=Event.WORKSPACE_DESCRIBED, actor=login, now=now, data=data)
