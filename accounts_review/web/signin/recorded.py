"""The audit sees who signs in, and what changes about how they do.

Failures are one entry an hour and address, so that nobody can flood the chain; what was typed is never kept.
"""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.core.internal import ratelimit
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event

ONCE_IN = 3600
"""Seconds in which the failures of one address make one entry."""

RECORDED = (
    (account.password_changed, Event.SIGNIN_PASSWORD_CHANGED),
    (account.password_reset, Event.SIGNIN_PASSWORD_RESET),
    (mfa.authenticator_added, Event.SIGNIN_FACTOR_ADDED),
    (mfa.authenticator_removed, Event.SIGNIN_FACTOR_REMOVED),
    (mfa.authenticator_reset, Event.SIGNIN_CODES_RENEWED),
)


def connect() -> None:
    """Listen to the sign-in library; called once, when the application is ready."""
    for signal, event in RECORDED:

        def receive(*, request: HttpRequest, user: User, event: Event = event, **kwargs: Any) -> None:
            record(event, request, actor=user.get_username(), **_kind_of(**kwargs))

        signal.connect(receive, weak=False, dispatch_uid=f"recorded {event.value}")
    account.user_logged_in.connect(_signed_in, dispatch_uid="recorded sign-in")


def _kind_of(*, authenticator: Authenticator | None = None, **kwargs: Any) -> dict[str, str]:
    """Recovery codes come with the first app or key, and go with the last: they are no second one."""
    is_codes = authenticator and authenticator.type == Authenticator.Type.RECOVERY_CODES
    return {"kind": "codes"} if is_codes else {}


def _signed_in(*, request: HttpRequest, user: User, sociallogin: Any = None, **kwargs: Any) -> None:
    by = {"kind": "provider", "provider": sociallogin.provider.name} if sociallogin else {}
    record(Event.SIGNIN_DONE, request, actor=user.get_username(), **by)


def failure(request: HttpRequest, **data: str) -> None:
    """Write that somebody failed to sign in, unless one of their address was written within the hour."""
    if cache.add(f"sign-in-failed:{ratelimit.get_ip(request)}", True, ONCE_IN):  # noqa: FBT003
        record(Event.SIGNIN_FAILED, request, actor="portal", **data)


def record(event: Event, request: HttpRequest, *, actor: str, **data: str) -> None:
    """Write the entry, in every workspace, as it is about the portal; the client's address stands beside the chain."""
    data["client"] = request.META.get("REMOTE_ADDR", "")
    audit.log(audit.everywhere(), kind=event, actor=actor, now=now(), data=data)
