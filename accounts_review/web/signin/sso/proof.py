"""What a provider's word proves: that the person was there at the moment which it names."""

from __future__ import annotations

from time import time
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import user_logged_in
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.http import HttpRequest

from accounts_review.web.signin.sso.claims import authenticated_at
from accounts_review.web.signin.sso.provider import SKEW
from accounts_review.web.signin.sso.refused import refuse


def connect() -> None:
    """Have each sign-in by a provider keep what it proves; called once, when the application is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="what a sign-in by a provider proves")


def prove(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Record that the person in this session has just proven to the provider who they are; refuse if they have not."""
    name, at = sociallogin.provider.name, authenticated_at(sociallogin.claims)
    if not sociallogin.is_existing or sociallogin.user != request.user:
        refuse(request, "other_person", provider=name)
    if at is None:
        refuse(request, "no_time", provider=name)
    if not -SKEW <= time() - at < settings.REAUTHENTICATE_AFTER_SECONDS:
        refuse(request, "too_long_ago", provider=name)
    _record(request, sociallogin, at=at, reauthenticated=True)


def _signed_in(*, request: HttpRequest, sociallogin: SocialLogin | None = None, **kwargs: Any) -> None:
    """What a sign-in proves: that the person was there when the provider says, and no later.

    Where it says nothing, only a second factor can be set up by it.
    """
    if sociallogin is None:
        return
    at = authenticated_at(sociallogin.claims)
    if at is None:
        _record(request, sociallogin, at=time(), enrols=True)
    else:
        _record(request, sociallogin, at=at, reauthenticated=True)


def _record(request: HttpRequest, sociallogin: SocialLogin, *, at: float, **how: bool) -> None:
    proof = {"provider": sociallogin.account.provider, "at": min(at, time())}
    record_authentication(request, sociallogin.user, "socialaccount", **proof, **how)
