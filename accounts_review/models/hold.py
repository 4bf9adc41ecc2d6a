"""Holds: as long as one is open, no notice and no DELETE leaves."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import Workspace

PORTAL = "portal"
"""Who acts where nobody in particular does."""


class HoldQuerySet(models.QuerySet["Hold"]):
    def open(self) -> HoldQuerySet:
        return self.filter(released_at=None)

    def accepted(self) -> HoldQuerySet:
        """Evidence against the database that an administrator accepted; a release by the portal accepts nothing."""
        return self.filter(cause__in=OF_DATABASE).exclude(released_at=None).exclude(released_by=PORTAL)

    def over(self, workspace: Workspace | int) -> HoldQuerySet:
        """Those that concern a workspace: its own, and those of the whole portal."""
        return self.filter(Q(workspace=workspace) | Q(workspace=None))


class Hold(models.Model):
    """Nothing leaves: because a person said so, or because this database may not be the one that it was.

    ``workspace`` is null where it holds the whole portal. ``host`` is where a checkpoint failed, ``details`` what was
    found there. ``taken_at``: when a host that had no checkpoint made use of the release and began a new one.
    """

    class Cause(models.TextChoices):
        PERSON = "person", _("held by a person")
        PAUSED = "workspace_paused", _("the workspace is paused")
        BEHIND = "database_behind", _("the database is older than its checkpoint")
        REWRITTEN = "database_rewritten", _("the database is not the one the checkpoint belongs to")
        MISSING = "checkpoint_missing", _("this host has no checkpoint")
        UNREADABLE = "checkpoint_unreadable", _("the checkpoint is damaged or was changed by hand")
        NOT_KEPT = "checkpoint_not_kept", _("the checkpoint cannot be written")
        FLAWED = "audit_flawed", _("the audit failed verification")

    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True, related_name="holds")
    cause = models.CharField(_("cause"), max_length=22, choices=Cause.choices, default=Cause.PERSON)
    host = models.CharField(_("host"), max_length=400, blank=True)
    details = models.JSONField(_("details"), default=dict)
    at = models.DateTimeField(_("since"))
    by = models.CharField(_("by"), max_length=150)
    reason = models.TextField(_("reason"), blank=True)
    released_at = models.DateTimeField(_("released"), null=True)
    released_by = models.CharField(_("released by"), max_length=150, blank=True)
    release_reason = models.TextField(_("reason for the release"), blank=True)
    taken_at = models.DateTimeField(null=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-pk")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("cause", "host"),
                condition=Q(released_at=None) & ~Q(cause="person"),
                name="one_open_hold_per_cause_and_host",
            )
        ]

    def __str__(self) -> str:
        return f"{self.workspace or 'portal'}: {self.cause}"

    @property
    def is_by_person(self) -> bool:
        return self.cause == self.Cause.PERSON

    @property
    def is_of_checkpoint(self) -> bool:
        return self.cause not in (self.Cause.PERSON, self.Cause.PAUSED)


OF_DATABASE = (Hold.Cause.BEHIND, Hold.Cause.REWRITTEN, Hold.Cause.FLAWED)
"""Evidence against the database itself: it holds every host."""

WITHOUT_EVIDENCE = (Hold.Cause.MISSING, Hold.Cause.UNREADABLE)
"""A host that knows nothing of the database: it holds that host, until somebody lets it begin a checkpoint."""
