"""How allauth does it here: nobody signs up, failures bar an address and not a login, links lead to ``PUBLIC_URL``."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.core.internal import ratelimit
from anymail.exceptions import AnymailError
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.tasks import queue
from accounts_review.web.shared import anew
from accounts_review.web.signin import recorded

log = structlog.get_logger(__name__)

RATES = {
    "attacked": "20/h/key",  # failures for one login, from anywhere: beyond them it counts as attacked
    "slowed": "2/5m/key",  # then each address has so many tries at it
    "told": "1/d/key",
}


class PortalAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes sign-up; logins are made by an administrator or by ``manage.py createsuperuser``."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": gettext_lazy("The username or the password is not correct."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The person, if they may sign in: a login that was switched off answers like a wrong password."""
        person: User | None = super().authenticate(request, **credentials)
        return person if person and person.is_active and anew.may_use_password(person) else None

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Never: what asks anew is asked in one place (see ``urls.py``), also of people who have a provider only."""
        return False

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """The ways for somebody to prove who they are: only those that count, see :func:`anew.proven_at`."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        factors = [way for way in ways if way["id"] != "reauthenticate"]
        if factors:
            return factors
        found = ways if anew.may_use_password(user) else []
        if anew.providers_of(user):
            label = _("Sign in again with your organisation")
            found = [*found, {"id": "provider", "description": label, "url": reverse("account_prove")}]
        return found

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        return f"{ratelimit.get_ip(request)}:{_login_of(credentials)}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse an address that has failed too often, at this login or at any; sooner where a login is attacked."""
        login = _login_of(credentials)
        is_attacked = not self._consume("attacked", login, dry_run=True)
        if is_attacked and not self._consume("slowed", self._get_login_attempts_cache_key(request, **credentials)):
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the failure; the owner of a login that is attacked is told, once a day."""
        login = _login_of(credentials)
        recorded.failure(request)
        if not self._consume("attacked", login) and self._consume("told", login):
            queue.enqueue_attack_mail(login)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail about a login. Strangers are not told where it is not taken: it would tell them who exists."""
        site = {"name": _("Cleanup Portal"), "domain": urlsplit(settings.PUBLIC_URL).netloc}
        context = context | {"current_site": site}
        if context.get("by_worker"):
            message = self.render_mail(template_prefix, email, context)
            queue.enqueue_login_mail(message.subject, str(message.body), to=email)
            return
        try:
            super().send_mail(template_prefix, email, context)
        except (AnymailError, OSError, ValueError) as failure:  # An SMTPException is an OSError.
            log.error("a mail about a login could not be sent", mail=template_prefix, error=str(failure))
            if allauth_context.request.user.is_authenticated:
                said = _("No e-mail could be sent. Try again later, or ask an administrator.")
                messages.error(allauth_context.request, said)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Send a link for a new password to who may have one, at the address that is known; others are told nothing."""
        if anew.may_set_password(user):
            super().send_password_reset_mail(user, user.email, context)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell somebody of a change to how they sign in, at the address that administrators gave them."""
        super().send_notification_mail(template_prefix, user, context, email or user.email)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Below ``PUBLIC_URL``, whatever host the request names."""
        path: str = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return settings.PUBLIC_URL + path.replace("UID-KEY", quote(key))

    def _consume(self, action: str, key: str, *, dry_run: bool = False) -> bool:
        request = allauth_context.request
        usage = ratelimit.consume(request, app="portal", action=action, config=RATES, key=key, dry_run=dry_run)
        return usage is not None


def _login_of(credentials: dict[str, Any]) -> str:
    return str(credentials.get("username") or credentials.get("email") or "").casefold()
