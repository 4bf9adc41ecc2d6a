"""Addresses from which people signed in: they help to look into an attack for a while, and then they are forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, PersonalData, Workspace
from accounts_review.workflow.retention.erase import PORTAL


@transaction.atomic
def forget_clients(*, workspace: Workspace, after: timedelta, now: datetime) -> int:
    """Erase the clients' addresses of sign-ins that are older; returns how many there were. The entries stay."""
    audit.wait_for_turn()
    old = AuditEntry._base_manager.filter(
        workspace__in=workspace.names, kind__startswith="signin.", at__lt=now - after
    ).exclude(personal=None)
    told = PersonalData.objects.filter(digest__in=old.values("personal"), details__has_key="client")
    count = told.erase(now=now)
    if count:
        data = {"erased_at": now.isoformat(), "kind": "clients", "count": count}
        audit.log([workspace], kind=Event.PERSON_ERASED, actor=PORTAL, now=now, data=data)
    return count
