"""Who may sign in: people with a login here. Nobody signs up by themselves."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm
from allauth.core import context as allauth_context
from anymail.exceptions import AnymailError
from django.contrib import messages
from django.forms import CheckboxInput
from django.http import HttpRequest
from django.utils.translation import gettext as _

log = structlog.get_logger(__name__)


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes sign-up; accounts are made by ``manage.py createsuperuser`` or by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail about a login; where it is not taken, whoever asked for it is told, login or not."""
        try:
            super().send_mail(template_prefix, email, context)
        except (AnymailError, OSError, ValueError) as failure:  # An SMTPException is an OSError.
            log.error("a mail about a login could not be sent", mail=template_prefix, error=str(failure))
            said = _("No e-mail could be sent. Try again later, or ask an administrator.")
            messages.error(allauth_context.request, said)


class SignInForm(LoginForm):  # type: ignore[misc]
    """allauth's own form in the portal's look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            is_box = isinstance(field.widget, CheckboxInput)
            field.widget.attrs["class"] = "form-check-input" if is_box else "form-control"
