"""The protocol as the portal wants it: issuer and ID token are checked, and nothing is taken from the address."""

from __future__ import annotations

from typing import Any

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest

from accounts_review.web.signin.sso.claims import Claims, uid_of

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
SKEW = 120
"""Seconds that a provider's clock may differ from ours."""
KEPT = ("iss", "sub", "email", "name", "preferred_username")
"""What is kept of what a provider says, so that a person can be told from another."""


class PortalOIDCAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Fetches and checks what the provider says."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """What the provider says of itself. Raises ``OAuth2Error`` where it names another issuer than the settings."""
        config: dict[str, Any] = super().openid_config
        wanted = self.get_provider().app.settings["server_url"]
        if str(config.get("issuer", "")).rstrip("/") != wanted:
            raise OAuth2Error(f"the issuer calls itself {config.get('issuer')}, and not {wanted}")
        return config

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """Who signed in, with what the provider says of them as ``claims``."""
        id_token = kwargs["response"].get("id_token")
        if not id_token:
            raise OAuth2Error("the provider sent no ID token")
        claims = self._decode_id_token(app, id_token)
        return self.get_provider().sociallogin_from_response(request, self._with_userinfo(app, claims, token))

    def _with_userinfo(self, app: SocialApp, claims: Claims, token: SocialToken) -> Claims:
        """Ask for more where the ID token leaves out what is needed; what the token says counts."""
        wanted = {"email"} | ({app.settings["groups_claim"]} if app.settings["roles"] else set())
        if wanted <= set(claims) or "userinfo_endpoint" not in self.openid_config:
            return claims
        more = self._fetch_user_info(token.token)
        if more.get("sub") != claims["sub"]:
            raise OAuth2Error("the provider told of somebody else than its token")
        return {**more, **claims}

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        try:
            with get_adapter().get_requests_session() as session:
                answer = session.get(self.openid_config["jwks_uri"])
                answer.raise_for_status()
                keys = jwt.PyJWKSet.from_dict(answer.json()).keys
            kid = jwt.get_unverified_header(id_token).get("kid")
            key = next((each for each in keys if each.key_id == kid), None) or (keys[0] if len(keys) == 1 else None)
            if key is None:
                raise OAuth2Error("the ID token is signed with a key that the provider does not name")
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=ALGORITHMS,
                audience=app.client_id,
                issuer=self.openid_config["issuer"],
                leeway=SKEW,
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise OAuth2Error(f"the ID token is not valid: {error}") from error
        return claims


class PortalProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """A provider of the settings."""

    oauth2_adapter_class = PortalOIDCAdapter

    def sociallogin_from_response(self, request: HttpRequest, response: Claims) -> SocialLogin:
        """Who signed in. The login keeps all the ``claims``; the database only :data:`KEPT`."""
        account = SocialAccount(
            provider=self.sub_id,
            uid=uid_of(response),
            extra_data={name: response[name] for name in KEPT if isinstance(response.get(name), str)},
        )
        login = SocialLogin(provider=self, account=account)
        login.user = get_adapter().new_user(request, login)
        login.claims = response
        return login
