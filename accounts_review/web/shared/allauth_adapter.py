"""Who may sign in: people with a login here. Nobody signs up by themselves."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes sign-up; accounts are made by ``manage.py createsuperuser`` or by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
