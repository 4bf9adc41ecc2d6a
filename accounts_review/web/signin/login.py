"""Signing in: a login and a password, and a button for each provider; and the way to a new password."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ResetPasswordForm
from allauth.account.views import LoginView
from django.conf import settings
from django.contrib.auth.models import User

from accounts_review.models import Workspace
from accounts_review.rules.addresses import same_but_for_case
from accounts_review.web.shared import anew

MOST_NAMED = 3


class SignIn(LoginView):  # type: ignore[misc]
    """One page; where passwords are left to the break-glass login alone, it says so."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        for field in context["form"].fields.values():
            field.widget.attrs.pop("placeholder", None)
        return context | {
            "providers": anew.every_provider(),
            "is_break_glass": bool(settings.PASSWORDS_ONLY_FOR),
            "workspaces": _named(),
        }


def _named() -> list[str]:
    """What people know the workspaces as; nothing where there are so many that it would be a list of customers."""
    active = Workspace.objects.filter(state=Workspace.State.ACTIVE)[: MOST_NAMED + 1]
    names = [each.shown_name for each in active]
    return names if len(names) <= MOST_NAMED else []


class ResetForm(ResetPasswordForm):  # type: ignore[misc]
    """Finds a person by their address however it is written here or typed; allauth takes it to be in small letters."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        alike = User.objects.filter(email__iexact=email, is_active=True)
        self.users = [person for person in alike if same_but_for_case(person.email, email)]
        return email


sign_in = SignIn.as_view()
