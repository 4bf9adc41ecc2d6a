"""How allauth keeps second factors here: encrypted, so that a copy of the database gives none away."""

from __future__ import annotations

from base64 import b32encode
from secrets import token_bytes

import structlog
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.contrib.auth.models import User
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts_review.workflow.people import factors

log = structlog.get_logger(__name__)


class PortalMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Encrypts with a key made from ``SECRET_KEY``; former ones still decrypt."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _(
            "This code is not right. An app shows a new one every 30 seconds; a recovery code works once."
        ),
        "cannot_generate_recovery_codes": _("You get recovery codes once you have an app or a key."),
    }

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002 (allauth's name)
        """What a key is called until its owner names it."""
        known = Authenticator.objects.filter(user=user, type=type).count()
        return gettext("Key %(number)s") % {"number": known + 1}

    def encrypt(self, text: str) -> str:
        return factors.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The secret; where ``SECRET_KEY`` was lost, one that nobody has, so that no code is right."""
        try:
            return factors.decrypt(encrypted_text)
        except InvalidToken:
            log.error("a second factor was encrypted with another SECRET_KEY; name it in SECRET_KEY_FALLBACKS")
            return b32encode(token_bytes(20)).decode()
