"""A file of decisions between its upload and its application."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import Workspace


class DecisionFile(models.Model):
    """What a person's file decides, kept until they apply it; nobody else sees it, and it goes after a day.

    ``rows`` are those with a decision, as they were read: number, username, digest, decision, reason and date.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    uploaded_at = models.DateTimeField(_("uploaded"))
    name = models.CharField(_("file"), max_length=200)
    digest = models.CharField(max_length=64, help_text=_("SHA-256 of the file."))
    rows = models.JSONField()
    is_list = models.BooleanField(
        default=False, help_text=_("Whether it is a plain list of people, not made from an export.")
    )
    date_order = models.CharField(
        max_length=3, blank=True, help_text=_("dmy or mdy, where the uploader chose how its dates are read.")
    )
    undecided = models.PositiveIntegerField(help_text=_("How many of its rows hold no decision."))
    applied_at = models.DateTimeField(_("applied"), null=True)

    class Meta:
        ordering = ("-uploaded_at",)
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
