"""Signing in: a login and a password, and a button for each provider."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django.conf import settings

from accounts_review.web.shared import anew


class SignIn(LoginView):  # type: ignore[misc]
    """One page; where passwords are left to the break-glass login alone, it says so."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"providers": anew.every_provider(), "is_break_glass": bool(settings.PASSWORDS_ONLY_FOR)}


sign_in = SignIn.as_view()
