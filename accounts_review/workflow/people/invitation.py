"""Invitations: a link with which somebody sets a password; it works once, and for some days only."""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse


def link_of(person: User) -> str:
    """A new link for a person; setting a password, another address, or time ends it."""
    key = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    return f"{settings.PUBLIC_URL}{reverse('account_reset_password_from_key', kwargs=key)}"


def ends_at(now: datetime) -> datetime:
    """Until when a link works that is made now."""
    return now + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
