"""Second factors, encrypted under ``SECRET_KEY``, so that a copy of the database gives none away."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def encrypt(text: str) -> str:
    """Under the present key."""
    return _keys().encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Under the present key or a former one. Raises ``InvalidToken`` where none fits."""
    return _keys().decrypt(encrypted.encode()).decode()


def renew() -> None:
    """Encrypt under the present key what a former one still opens, so that nobody is locked out when that one goes."""
    for factor in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN):
        renewed = {name: _renewed(value) for name, value in factor.data.items()}
        if renewed != factor.data:
            # Unless a code was used up meanwhile; the next start looks again.
            Authenticator.objects.filter(pk=factor.pk, data=factor.data).update(data=renewed)


def _renewed(value: Any) -> Any:
    """A secret or a list of codes, encrypted anew where the present key alone does not open it."""
    if isinstance(value, list):
        return [_renewed(each) for each in value]
    try:
        return value if not isinstance(value, str) or _opens(value) else encrypt(decrypt(value))
    except InvalidToken:
        return value


def _opens(encrypted: str) -> bool:
    try:
        _key(settings.SECRET_KEY).decrypt(encrypted.encode())
    except InvalidToken:
        return False
    return True


def _keys() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    return Fernet(urlsafe_b64encode(sha256(b"second factor:" + secret.encode()).digest()))
