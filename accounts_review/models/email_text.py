"""What a workspace says in its e-mails in words of its own."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import Workspace


class EmailText(models.Model):
    """One part of an e-mail in one language, instead of the portal's; ``kind`` is empty where it is for all of them.

    Parts are ``subject`` and ``body`` of a kind; ``greeting``, ``signature``, ``sender_name`` and ``reply_to`` of all.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="email_texts")
    language = models.CharField(_("language"), max_length=5)
    kind = models.CharField(_("e-mail"), max_length=10, blank=True)
    part = models.CharField(_("part"), max_length=12)
    text = models.TextField(_("text"))

    class Meta:
        ordering = ("language", "kind", "part")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=("workspace", "language", "kind", "part"), name="email_text_once")
        ]

    def __str__(self) -> str:
        return f"{self.workspace} {self.language} {self.kind} {self.part}"
