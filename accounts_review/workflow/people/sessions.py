"""Sessions and ways to sign in: sign somebody out everywhere, and take a login from its former owner."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
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


def is_linked(person: User) -> bool:
    """Whether a login is linked to an identity at a provider."""
    return bool(SocialAccount.objects.filter(user=person).exists())


def forget_ways_in(person: User) -> None:
    """Unlink a login from every provider and drop its second factors: its next owner does not inherit them."""
    SocialAccount.objects.filter(user=person).delete()
    Authenticator.objects.filter(user=person).delete()
