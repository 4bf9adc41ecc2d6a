"""A view of the review page that somebody keeps under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import Workspace


class SavedView(models.Model):
    """Filters and order, as an address asks for them; of one person, or shared with everybody of the workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    query = models.TextField()
    is_shared = models.BooleanField(_("shared"), default=False)

    class Meta:
        ordering = ("name", "pk")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("workspace", "owner", "name"), condition=Q(is_shared=False), name="own_view_once"
            ),
            models.UniqueConstraint(fields=("workspace", "name"), condition=Q(is_shared=True), name="shared_view_once"),
        ]

    def __str__(self) -> str:
        return self.name
