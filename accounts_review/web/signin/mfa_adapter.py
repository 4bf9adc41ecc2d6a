"""How allauth keeps second factors here: encrypted, so that a copy of the database gives none away."""

from __future__ import annotations

from base64 import b32encode, urlsafe_b64encode
from hashlib import sha256
from secrets import token_bytes

import structlog
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

log = structlog.get_logger(__name__)


class PortalMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Encrypts with a key made from ``SECRET_KEY``; former ones still decrypt."""

    def encrypt(self, text: str) -> str:
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret; where ``SECRET_KEY`` was lost, one that nobody has, so that no code is right."""
        try:
            return _keys().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            log.error("a second factor was encrypted with another SECRET_KEY; name it in SECRET_KEY_FALLBACKS")
            return b32encode(token_bytes(20)).decode()


def _keys() -> MultiFernet:
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet(
        [Fernet(urlsafe_b64encode(sha256(b"second factor:" + key.encode()).digest())) for key in secrets]
    )
