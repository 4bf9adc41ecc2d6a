"""Addresses from which people signed in: kept for a while to investigate attacks, then deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, PersonalData, Workspace
from accounts_review.models.hold import PORTAL


@transaction.atomic
def forget_clients(*, workspace: Workspace, after: timedelta, now: datetime) -> int:
    """Erase the clients' addresses of sign-ins that are older; returns how many there were. The entries stay.

    Those of before the first workspace are in none.
    """
    audit.wait_for_turn()
    old = AuditEntry._base_manager.filter(
        workspace__in=[*workspace.names, ""], kind__startswith="signin.", at__lt=now - after
    ).exclude(personal=None)
    told = PersonalData.objects.filter(digest__in=old.values("personal"), details__has_key="client")
    count = told.erase(now=now)
    if count:
        data = {"erased_at": now.isoformat(), "kind": "clients", "count": count}
        audit.log([workspace], kind=Event.PERSON_ERASED, actor=PORTAL, now=now, data=data)
    return count


def forget_sessions(*, after: timedelta, now: datetime) -> int:
    """Drop from where and with what people were signed in, where the session is over or was last used longer ago."""
    running = Session.objects.filter(expire_date__gte=now).values("session_key")
    over = ~Q(session_key__in=running) | Q(last_seen_at__lt=now - after)
    dropped, _by_model = UserSession.objects.filter(over).delete()
    return int(dropped)
