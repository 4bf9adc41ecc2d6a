"""The second factor: who signs in with a password and could do harm sets one up before anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts_review.models import ROLES, may_somewhere

WITHOUT = (
    "mfa_",
    "account_",
    "openid_connect_",
    "usersessions_",
    "set_language",
    "icon",
    "health",
    "worker_",
    "accessibility",
)
"""Pages that need none, by the beginning of their names: setting it up, signing out, and asking who is there."""


class SecondFactorMiddleware:
    """Leads to setting a second factor up, where ``SECOND_FACTOR_FROM`` demands one and there is none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        user, match = request.user, request.resolver_match
        name = match.url_name if match and match.url_name else ""
        if not isinstance(user, User) or name.startswith(WITHOUT) or not is_missing(request, user):
            return None
        messages.warning(request, _("Your role needs a second factor. Set up an app or a passkey, then continue."))
        return redirect("mfa_index")


def is_missing(request: HttpRequest, user: User) -> bool:
    """Whether a person has to set up a factor first. Whoever comes from a provider proved theirs over there."""
    if not is_demanded(user) or is_mfa_enabled(user):
        return False
    return all(record["method"] != "socialaccount" for record in get_authentication_records(request, user))


def is_demanded(user: User) -> bool:
    """Whether the person's role is the one that ``SECOND_FACTOR_FROM`` names, or a higher one."""
    if settings.SECOND_FACTOR_FROM == "nobody":
        return False
    return may_somewhere(user, ROLES[settings.SECOND_FACTOR_FROM][-1])


def connect() -> None:
    """Take a factor that was just set up for proof of who set it up: its code was asked for."""
    signals.authenticator_added.connect(_proven, dispatch_uid="a factor that was set up")


def _proven(*, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)
