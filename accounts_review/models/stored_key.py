"""Addresses and API keys that administrators store for a workspace, encrypted under ``SECRET_KEY``."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import Workspace
from cleanup_portal.logs import hide


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a workspace: its address, and the key that reads it."""

    url: str
    api_key: str = field(repr=False)
    key_owner: str = ""


class StoredKey(models.Model):
    """Address and API key of a workspace that the environment does not describe.

    Address and key are encrypted together, so that nobody who can write to the database sends a key to another host.
    """

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="stored_key")
    sealed = models.TextField()
    url = models.TextField(_("address"))
    """A copy, to show; what is sealed counts."""
    key_owner = models.TextField(_("owner of the API key"), blank=True)
    stored_at = models.DateTimeField(_("stored"))

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workspace}: {self.url}"

    @property
    def stamp(self) -> str:
        """Another one as soon as something else is stored; a form carries the one that it showed."""
        return self.stored_at.isoformat()

    @classmethod
    def store(cls, workspace: Workspace, access: Access, *, now: datetime) -> None:
        """Keep how a workspace is reached, in place of what was known before."""
        hide(access.api_key)
        known = {"sealed": _seal(workspace, access), "url": access.url, "key_owner": access.key_owner}
        cls.objects.update_or_create(workspace=workspace, defaults=known | {"stored_at": now})

    def access(self) -> Access:
        """What was stored; encrypted anew where that was done under a former key.

        Raises ``ImproperlyConfigured`` where no known ``SECRET_KEY`` opens it, or it is another workspace's.
        """
        ciphers = [cipher(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
        try:
            known = json.loads(MultiFernet(ciphers).decrypt(self.sealed))
        except InvalidToken:
            raise ImproperlyConfigured(
                gettext(
                    "The API key of %(name)s was stored under another SECRET_KEY. Add the former one to "
                    "SECRET_KEY_FALLBACKS, or enter the API key again in the settings of %(name)s."
                )
                % {"name": self.workspace}
            ) from None
        hide(known["api_key"])
        if known["workspace"] != self.workspace_id:
            raise ImproperlyConfigured(
                gettext("The API key stored for %(name)s is another workspace's; enter it again.")
                % {"name": self.workspace}
            )
        access = Access(url=known["url"], api_key=known["api_key"], key_owner=self.key_owner)
        if not _opens(ciphers[0], self.sealed):
            mine = StoredKey.objects.filter(pk=self.pk, sealed=self.sealed)
            mine.update(sealed=_seal(self.workspace, access))
        return access


def _seal(workspace: Workspace, access: Access) -> str:
    content = {"workspace": workspace.pk, "url": access.url, "api_key": access.api_key}
    return cipher(settings.SECRET_KEY).encrypt(json.dumps(content).encode()).decode("ascii")


def cipher(secret_key: str, *, purpose: bytes = b"accounts_review.stored_key") -> Fernet:
    """What encrypts for one purpose under a ``SECRET_KEY``."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose)
    return Fernet(urlsafe_b64encode(derived.derive(secret_key.encode())))


def _opens(known: Fernet, sealed: str) -> bool:
    try:
        known.decrypt(sealed)
    except InvalidToken:
        return False
    return True
