"""Sessions: what it takes to sign somebody out everywhere."""

from __future__ import annotations

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session


def end_sessions(person: User) -> int:
    """End every session of a person; returns how many there were. Joins the caller's transaction."""
    mine = [
        session.pk for session in Session.objects.iterator() if session.get_decoded().get(SESSION_KEY) == str(person.pk)
    ]
    Session.objects.filter(pk__in=mine).delete()
    return len(mine)
