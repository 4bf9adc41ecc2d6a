"""Profile: who is signed in, what they may do, and the pages about their own sign-in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts_review.web.shared.access import PortalView


class Profile(PortalView):
    """Shows; the e-mail address is changed by an administrator, as decisions about accounts hang on it."""

    template_name = "accounts_review/signin/profile.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        user = self.request.user
        context = {
            "roles": _("superuser") if user.is_superuser else ", ".join(_roles(user)),
            "has_password": user.has_usable_password(),
            "contact": settings.EMAIL_CONTACT,
        }
        return self.render_to_response(self.get_context_data(**context))


def _roles(user: User) -> list[str]:
    """The person's roles, each with where it holds."""
    held, everywhere = user.roles.select_related("workspace"), _("the whole portal")
    return [f"{role.get_name_display()} ({role.workspace or everywhere})" for role in held]
