"""Signing in: a login and a password, and a button for each provider; and the way to a new password."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, ReauthenticateForm, ResetPasswordForm, ResetPasswordKeyForm
from allauth.account.views import LoginView
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.forms import Form
from django.utils.translation import gettext as _

from accounts_review.models import Workspace
from accounts_review.rules.addresses import same_but_for_case
from accounts_review.web.shared import anew


class SignIn(LoginView):  # type: ignore[misc]
    """One page; where passwords are left to the break-glass login alone, it says so."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {
            "providers": anew.every_provider(),
            "is_break_glass": bool(settings.PASSWORDS_ONLY_FOR),
            "workspace_name": _workspace_name(),
        }


def _workspace_name() -> str:
    """What people know the workspace as; "" where there are several, since strangers may not know which there are."""
    try:
        names = [each.shown_name for each in Workspace.objects.filter(state=Workspace.State.ACTIVE)[:2]]
    except DatabaseError:
        return ""
    return names[0] if len(names) == 1 else ""


class ResetForm(ResetPasswordForm):  # type: ignore[misc]
    """Finds a person by their address however it is written here or typed; allauth takes it to be in small letters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        alike = User.objects.filter(email__iexact=email, is_active=True)
        self.users = [person for person in alike if same_but_for_case(person.email, email)]
        return email


class ChangeForm(ChangePasswordForm):  # type: ignore[misc]
    """Another password, in the portal's words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = _("Current password")
        _label_both(self)


class ChooseForm(ResetPasswordKeyForm):  # type: ignore[misc]
    """A first or a new password, in the portal's words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _label_both(self)


class PasswordAnew(ReauthenticateForm):  # type: ignore[misc]
    """The password once more. It stands between somebody and what they were about to do, so it has the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs["autofocus"] = True


def _label_both(form: Form) -> None:
    form.fields["password1"].label = _("New password")
    form.fields["password2"].label = _("New password, once more")


sign_in = SignIn.as_view()
