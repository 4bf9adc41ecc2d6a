"""The way to a provider and back."""

from __future__ import annotations

import json
from secrets import token_urlsafe
from typing import Any, cast

import structlog
from allauth.account.views import INTERNAL_RESET_SESSION_KEY
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST
from requests import RequestException

from accounts_review.web.shared import anew
from accounts_review.web.shared.navigation import page_of_ours
from accounts_review.web.signin.sso import refused
from accounts_review.web.signin.sso.provider import PortalOIDCAdapter, PortalProvider

log = structlog.get_logger(__name__)

GOOGLE = "https://accounts.google.com"
UNREADABLE = (KeyError, TypeError, ValueError, ImproperlyConfigured)


@login_not_required
@require_POST
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the browser to the provider: to sign in, to accept an invitation, or to prove anew who is there."""
    provider = _provider(request, provider_id)
    nonce, is_anew = token_urlsafe(24), "anew" in request.POST and request.user.is_authenticated
    try:
        answer: HttpResponse = provider.redirect(
            request,
            process=AuthProcess.REDIRECT if is_anew else AuthProcess.LOGIN,
            next_url=page_of_ours(request.POST.get("next", "")),
            data={"nonce": nonce, "invitation": None if is_anew else _invitation(request)},
            auth_params={"nonce": nonce} | (_to_prove(request, provider) if is_anew else {}),
        )
    except (RequestException, OAuth2Error, *UNREADABLE) as error:
        log.error("a provider cannot be asked", provider=provider.name, error=str(error))
        return refused.page(request, "unreachable", provider=provider.name)
    if "Location" not in answer:
        return answer
    # Browsers hold a form to the hosts that form-action names, and a provider may pass people on to any other.
    context = {"provider": provider.name, "to": answer["Location"]}
    return render(request, "accounts_review/signin/leaving.html", context)


@login_not_required
@require_GET
def back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Whoever comes back from the provider, with its word in hand."""
    provider = _provider(request, provider_id)
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(PortalOIDCAdapter(request, provider_id))(request)
    except UNREADABLE as error:
        log.error("a provider's answer cannot be read", provider=provider.name, error=str(error))
        return refused.page(request, "failed", provider=provider.name)
    return answer


def _provider(request: HttpRequest, provider_id: str) -> PortalProvider:
    if all(known["provider_id"] != provider_id for known in settings.OIDC):
        raise Http404
    provider: PortalProvider = get_adapter().get_provider(request, provider_id)
    return provider


def _invitation(request: HttpRequest) -> dict[str, str] | None:
    """The invitation whose page is open in this session, if the button stands on it."""
    uid, key = request.POST.get("invited", ""), request.session.get(INTERNAL_RESET_SESSION_KEY, "")
    return {"uid": uid, "key": key} if uid and key else None


def _to_prove(request: HttpRequest, provider: PortalProvider) -> dict[str, Any]:
    """What asks a provider to have the person prove who they are again, and to say when they did.

    Google knows no such request: it has people choose an identity, and says when that one signed in.
    """
    config = provider.get_oauth2_adapter(request).openid_config
    is_google = config["issuer"] == GOOGLE
    asked: dict[str, Any] = {"prompt": "select_account" if is_google else "login", "max_age": "0"}
    if is_google or config.get("claims_parameter_supported"):
        asked["claims"] = json.dumps({"id_token": {"auth_time": {"essential": True}}})
    return asked


@require_GET
def prove_page(request: HttpRequest) -> HttpResponse:
    """Asks somebody who signs in by a provider only to prove there who they are."""
    context = {
        "providers": anew.providers_of(cast(User, request.user)),
        "next": page_of_ours(request.GET.get("next", "")),
    }
    return render(request, "accounts_review/signin/prove.html", context)
