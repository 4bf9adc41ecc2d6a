"""The link of an invitation, or of a new password: it sets a password, or accepts by a provider."""

from __future__ import annotations

from typing import Any

from allauth.account.views import PasswordResetFromKeyView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts_review.web.shared import anew


class Accept(PasswordResetFromKeyView):  # type: ignore[misc]
    """Somebody without a password was invited; where the installation leaves no passwords, only a provider serves."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not anew.may_set_password(self.reset_user):
            raise PermissionDenied(_("Passwords are switched off here. Sign in with your organisation."))
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        person = self.reset_user
        is_invited = person is not None and not person.has_usable_password()
        return context | {
            "person": person,
            "is_invited": is_invited,
            "may_set_password": person is not None and anew.may_set_password(person),
            "uid": self.kwargs["uidb36"],
            "providers": anew.every_provider() if is_invited else [],
        }


accept = Accept.as_view()
