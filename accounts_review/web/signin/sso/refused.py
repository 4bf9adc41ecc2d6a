"""Why a sign-in by a provider came to nothing, and what to do about it."""

from __future__ import annotations

from typing import NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts_review.web.shared import anew
from accounts_review.web.signin import recorded

REASONS: dict[str, Promise] = {
    "failed": _("%(provider)s could not confirm who you are. Try again; if it fails again, tell an administrator."),
    "unreachable": _("%(provider)s cannot be reached just now. Try again in a few minutes."),
    "cancelled": _("You cancelled signing in with %(provider)s."),
    "stranger": _(
        "No login here is linked to how you signed in with %(provider)s. If you were invited, follow the link in the "
        "invitation. Otherwise ask an administrator to invite you."
    ),
    "other_identity": _(
        "The login with your address is linked to another identity already. "
        "Ask an administrator to unlink it, then sign in again with %(provider)s."
    ),
    "no_groups": _(
        "%(provider)s did not say which groups you belong to, so your role is not known. It was not changed. "
        "Ask whoever administers %(provider)s to send this portal only the groups it needs."
    ),
    "last_administrator": _(
        "By your groups at %(provider)s you are no longer an administrator, but there is no other one. Your role was "
        "not changed. Name another administrator first."
    ),
    "other_person": _(
        "At %(provider)s you are signed in as someone else. Choose the identity there that belongs to this login."
    ),
    "no_time": _(
        "%(provider)s did not say when you signed in there, so it does not confirm that it is you. Set up a passkey or "
        "an app as second factor: sign out, sign in, and open your profile."
    ),
    "too_long_ago": _(
        "%(provider)s did not ask you to sign in again. Sign out over there, then try again; or set up a passkey or an "
        "app as second factor here."
    ),
}


def refuse(request: HttpRequest, reason: str, *, provider: str) -> NoReturn:
    """Answer with the page that says why. Raises ``ImmediateHttpResponse``."""
    raise ImmediateHttpResponse(page(request, reason, provider=provider))


def page(request: HttpRequest, reason: str, *, provider: str) -> HttpResponse:
    """The page that says why; the failure is recorded."""
    if reason not in ("cancelled", "unreachable"):
        recorded.failure(request, provider=provider, reason=reason)
    context = {
        "said": str(REASONS[reason]) % {"provider": provider},
        "provider": provider,
        "is_anew": request.user.is_authenticated,
        "again": anew.question(request) if request.user.is_authenticated else reverse("account_login"),
        "contact": settings.EMAIL_CONTACT,
    }
    return render(request, "accounts_review/signin/refused.html", context, status=403)
