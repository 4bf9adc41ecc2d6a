"""What a provider says of a person, read as little trustingly as it deserves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

Claims = Mapping[str, Any]
LONGEST_UID = 191
TRUE = (True, 1, "1", "true", "True")


def uid_of(claims: Claims) -> str:
    """Who it is, for good: the issuer and its subject. Another issuer's same subject is somebody else."""
    uid = f"{claims['iss']} {claims['sub']}"
    return uid if len(uid) <= LONGEST_UID else sha256(uid.encode()).hexdigest()


def verified_email(claims: Claims, *, domains: Iterable[str]) -> str:
    """The person's address, where the provider says that it is theirs, or its domain is one of these; else ""."""
    email = claims.get("email")
    if not isinstance(email, str) or email.count("@") != 1:
        return ""
    # Entra says ``xms_edov`` where the domain's owner was verified, and never ``email_verified``.
    is_said = claims.get("email_verified") in TRUE or claims.get("xms_edov") in TRUE
    return email if is_said or email.rpartition("@")[2].lower() in domains else ""


def groups_of(claims: Claims, *, name: str) -> list[str] | None:
    """The person's groups, or ``None`` where the provider does not say. A dotted name leads into nested claims.

    Entra leaves them out where they are too many (overage) and names a place to ask for them instead.
    """
    found = claims.get(name)
    if found is None and name not in claims:
        found = _nested(claims, name)
    if isinstance(found, str):
        return [found]
    if isinstance(found, list) and all(isinstance(group, str) for group in found):
        return found
    return None


def authenticated_at(claims: Claims) -> float | None:
    """When the person last proved to the provider who they are, in seconds since 1970."""
    at = claims.get("auth_time")
    return float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None


def _nested(claims: Claims, name: str) -> Any:
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
