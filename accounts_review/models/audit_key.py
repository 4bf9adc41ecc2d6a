"""The keys that mark audit entries as the portal's own."""

from __future__ import annotations

import secrets
from functools import lru_cache

from cryptography.fernet import InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from accounts_review.models.stored_key import cipher


class AuditKey(models.Model):
    """A key that marks entries, encrypted under ``SECRET_KEY``: whoever writes to the database alone cannot use it.

    There is one for good, unless no known ``SECRET_KEY`` opens it any more.
    """

    sealed = models.TextField()

    class Meta:
        ordering = ("pk",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"audit key {self.pk}"

    @classmethod
    def current(cls) -> bytes:
        """The key that marks new entries; made where there is none that opens."""
        newest = cls.objects.order_by("-pk").first()
        found = newest.open() if newest else None
        return found or cls._make()

    @classmethod
    def renew(cls) -> None:
        """Encrypt under the present ``SECRET_KEY`` what a former one still opens."""
        for row in cls.objects.all():
            if (key := row.open()) and not _opened(row.sealed, (settings.SECRET_KEY,)):
                cls.objects.filter(pk=row.pk).update(sealed=_seal(key))

    def open(self) -> bytes | None:
        """The key, or ``None`` where neither ``SECRET_KEY`` nor a former one opens it."""
        return _opened(self.sealed, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))

    @classmethod
    def _make(cls) -> bytes:
        key = secrets.token_bytes(32)
        cls.objects.create(sealed=_seal(key))
        return key


def _seal(key: bytes) -> str:
    return cipher(settings.SECRET_KEY, purpose=_PURPOSE).encrypt(key).decode("ascii")


@lru_cache(maxsize=8)
def _opened(sealed: str, secret_keys: tuple[str, ...]) -> bytes | None:
    try:
        return MultiFernet([cipher(key, purpose=_PURPOSE) for key in secret_keys]).decrypt(sealed)
    except InvalidToken:
        return None


_PURPOSE = b"accounts_review.audit_key"
