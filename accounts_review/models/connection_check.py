"""One look at a workspace's connection."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts_review.models.prepared import Prepared
from accounts_review.models.workspace import Workspace


class ConnectionCheck(models.Model):
    """What was found about a workspace's address, key and clocks, and when."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="connection_checks")
    at = models.DateTimeField(_("checked"))
    findings = models.JSONField(_("findings"), default=list)

    class Meta:
        ordering = ("-at", "-pk")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workspace} {self.at:%Y-%m-%d %H:%M}"

    @classmethod
    def last_of(cls, workspace: Workspace) -> ConnectionCheck | None:
        return next(iter(_LAST.objects(workspace=workspace.pk)), None)

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The findings that need attention."""
        return [finding for finding in self.findings if not finding["is_good"]]


_LAST = Prepared(lambda workspace: ConnectionCheck.objects.filter(workspace=workspace)[:1], workspace=int)
