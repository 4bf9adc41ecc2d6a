"""Single sign-on: the providers that the environment describes, each by variables that begin with its name.

``OIDC_PROVIDERS`` lists the names; ``OIDC_<NAME>_ISSUER`` and so on describe each. See docs/single_sign_on.md.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from cleanup_portal import environment as env

NAME = re.compile(r"[a-z][a-z0-9]{0,29}")
ROLES = ("auditor", "reviewer", "operator", "administrator")
KNOWN = {"ISSUER", "CLIENT_ID", "CLIENT_SECRET", "LABEL", "SCOPES", "VERIFIED_DOMAINS", "GROUPS_CLAIM", "ROLES"}

Grants = dict[str, list[tuple[str, str]]]


def providers() -> list[dict[str, Any]]:
    """The providers, as allauth wants to be told of them, in the order of ``OIDC_PROVIDERS``."""
    names = [name.lower() for name in env.names("OIDC_PROVIDERS", default=[])]
    _refuse_stray(names)
    if len(set(names)) < len(names):
        raise ImproperlyConfigured("OIDC_PROVIDERS names a provider twice.")
    return [_provider(name) for name in names]


def only_password_login(name: str, *, of: list[dict[str, Any]]) -> str:
    """The one login that still has a password, or "" where everybody may have one."""
    login = env.text(name, default="")
    if login and not of:
        raise ImproperlyConfigured(f"{name} is set, but OIDC_PROVIDERS names no provider: nobody else could sign in.")
    return login


def _provider(name: str) -> dict[str, Any]:
    if not NAME.fullmatch(name):
        raise ImproperlyConfigured(f"OIDC_PROVIDERS names {name!r}; a name has small letters and digits only.")
    prefix = f"OIDC_{name.upper()}"
    domains = env.names(f"{prefix}_VERIFIED_DOMAINS", default=[])
    return {
        "provider_id": name,
        "name": env.text(f"{prefix}_LABEL", default="") or name.capitalize(),
        "client_id": _given(f"{prefix}_CLIENT_ID"),
        "secret": _given(f"{prefix}_CLIENT_SECRET"),
        "settings": {
            "server_url": _issuer(f"{prefix}_ISSUER"),
            "scope": (env.text(f"{prefix}_SCOPES", default="") or "openid profile email").split(),
            "oauth_pkce_enabled": True,
            "verified_domains": [domain.lower().lstrip("@") for domain in domains],
            "groups_claim": env.text(f"{prefix}_GROUPS_CLAIM", default="") or "groups",
            "roles": roles(f"{prefix}_ROLES"),
        },
    }


def roles(name: str) -> Grants:
    """The variable, such as ``cleanup-admins=administrator, paris=reviewer@paris``: group -> (role, workspace)s.

    Without a workspace a role holds in the whole portal.
    """
    found: Grants = {}
    for part in re.split(r"[,\n]", env.text(name, default="")):
        if not part.strip():
            continue
        group, _sign, grant = (half.strip() for half in part.rpartition("="))
        role, _at, workspace = (half.strip() for half in grant.partition("@"))
        if not group or role not in ROLES or ("@" in grant and not workspace):
            raise ImproperlyConfigured(
                f"{name} holds {part.strip()!r}; write GROUP=ROLE or GROUP=ROLE@WORKSPACE, separated by commas. "
                f"The roles are {', '.join(ROLES)}."
            )
        found.setdefault(group, []).append((role, workspace))
    return found


def _issuer(name: str) -> str:
    value = _given(name).removesuffix("/.well-known/openid-configuration")
    parts = urlsplit(value)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in env.LOOPBACK)
    if not is_safe or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"{name} is {value!r}; write the issuer's address, which starts with https://.")
    return value.rstrip("/")


def _given(name: str) -> str:
    value = env.text(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set; docs/single_sign_on.md says where to find it.")
    return value


def _refuse_stray(names: list[str]) -> None:
    """A variable of a provider that is not listed, or that is misspelt, would be ignored unseen."""
    for variable in env.starting_with("OIDC_"):
        if variable == "PROVIDERS":
            continue
        name, _line, what = variable.partition("_")
        if name.lower() not in names:
            raise ImproperlyConfigured(f"OIDC_{variable} is set, but OIDC_PROVIDERS does not name {name.lower()}.")
        if what not in KNOWN:
            raise ImproperlyConfigured(
                f"OIDC_{variable} is not known; of {name.lower()} one can set {', '.join(sorted(KNOWN))}."
            )
