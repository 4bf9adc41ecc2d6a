"""Who somebody from a provider is here, and what they may do: by invitation, verified address, and groups."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

import structlog
from allauth.account.forms import default_token_generator
from allauth.account.utils import url_str_to_user_pk
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess, Provider
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.timezone import now
from requests import RequestException

from accounts_review.audit.events import Event
from accounts_review.rules.addresses import same_but_for_case
from accounts_review.tasks import queue
from accounts_review.web.signin import recorded
from accounts_review.web.signin.sso.claims import groups_of, verified_email
from accounts_review.web.signin.sso.proof import prove
from accounts_review.web.signin.sso.refused import refuse
from accounts_review.workflow.people.changes import PersonRefused
from accounts_review.workflow.people.groups import follow_groups, roles_given
from accounts_review.workflow.people.sessions import is_linked

log = structlog.get_logger(__name__)


class PortalSocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Lets in whom an administrator has invited; nobody signs up by coming from a provider."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse, prove anew, or find out who it is and give them the roles of their groups."""
        asked = sociallogin.state.get("data") or {}
        if not compare_digest(str(sociallogin.claims.get("nonce")), str(asked.get("nonce"))):
            refuse(request, "failed", provider=sociallogin.provider.name)
        if sociallogin.state.get("process") == AuthProcess.REDIRECT:
            prove(request, sociallogin)
            return
        if request.user.is_authenticated:
            logout(request)
        groups = _groups(request, sociallogin)
        person = sociallogin.user if sociallogin.is_existing else _link(request, sociallogin, asked)
        if not person.is_active:
            refuse(request, "stranger", provider=sociallogin.provider.name)
        if groups is not None:
            _follow(request, sociallogin, person, groups)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """By the worker: no mail server may keep anybody waiting at the door."""
        super().send_notification_mail(template_prefix, user, (context or {}) | {"by_worker": True}, email)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Say in our own page that it failed; what exactly is for the log."""
        if exception is not None:
            log.error("a sign-in by a provider failed", provider=provider.name, error=str(exception))
        reason = "unreachable" if isinstance(exception, RequestException) else "failed"
        refuse(request, "cancelled" if error == AuthError.CANCELLED else reason, provider=provider.name)


def _link(request: HttpRequest, sociallogin: SocialLogin, asked: dict[str, Any]) -> User:
    """Link the person who was invited, or who has the verified address, to the provider's issuer and subject."""
    name = sociallogin.provider.name
    invited = _invited(asked.get("invitation"))
    person = invited or _by_address(sociallogin)
    if person is None or not person.is_active:
        refuse(request, "stranger", provider=name)
    if is_linked(person):
        refuse(request, "other_identity", provider=name)
    sociallogin.connect(request, person)
    how = {} if invited else {"kind": "by_address", "address": person.email}
    recorded.record(Event.SIGNIN_LINKED, request, actor=person.get_username(), provider=name, **how)
    return person


def _invited(invitation: dict[str, str] | None) -> User | None:
    """Whoever holds an invitation that is still good: somebody who has neither a password nor another way in."""
    if not invitation:
        return None
    person = User.objects.filter(pk=url_str_to_user_pk(invitation["uid"])).first()
    if (
        person is None
        or person.has_usable_password()
        or not default_token_generator.check_token(person, invitation["key"])
    ):
        return None
    return person


def _by_address(sociallogin: SocialLogin) -> User | None:
    """The one person with the address that the provider vouches for.

    Superusers and the break-glass login stand apart from it: whoever gives out addresses would hold the portal.
    """
    email = verified_email(sociallogin.claims, domains=sociallogin.provider.app.settings["verified_domains"])
    alike = User.objects.filter(email__iexact=email, is_active=True) if email else User.objects.none()
    people = [person for person in alike if same_but_for_case(person.email, email)]
    if len(people) != 1 or people[0].is_superuser or people[0].get_username() == settings.PASSWORDS_ONLY_FOR:
        return None
    return people[0]


def _groups(request: HttpRequest, sociallogin: SocialLogin) -> list[str] | None:
    """The person's groups, where roles follow them; ``None`` where they do not."""
    known = sociallogin.provider.app.settings
    if not known["roles"]:
        return None
    groups = groups_of(sociallogin.claims, name=known["groups_claim"])
    if groups is None:
        refuse(request, "no_groups", provider=sociallogin.provider.name)
    return groups


def _follow(request: HttpRequest, sociallogin: SocialLogin, person: User, groups: list[str]) -> None:
    provider, at = sociallogin.provider, now()
    given = roles_given(groups, provider.app.settings["roles"])
    try:
        changes = follow_groups(person=person, given=given, by=provider.name, now=at)
    except PersonRefused:
        refuse(request, "last_administrator", provider=provider.name)
    if changes:
        queue.enqueue_alert()
