"""One sync of a workspace."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import Workspace


class Sync(models.Model):
    """What was read, what changed, and why the reading was or was not complete. One runs at a time.

    A quarantined one tripped the breaker: until a person accepts it (complete) or not (discarded), nobody is revoked.
    """

    OLD = timedelta(hours=36)
    """Numbers older than this are called old: the sync of a night was missed."""
    to_judge: list[int] | None = None
    """Keys of the accounts that alone may have to be judged after it; only for whoever has made the sync."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        COMPLETE = "complete", _("complete")
        INCOMPLETE = "incomplete", _("incomplete")
        FAILED = "failed", _("failed")
        QUARANTINED = "quarantined", _("quarantined")
        DISCARDED = "discarded", _("discarded")

    class Phase(models.TextChoices):
        READING = "reading", _("reading every account")
        AGAIN = "again", _("reading again, to be sure nobody was missed")
        RIGHTS = "rights", _("comparing who holds protected rights")
        STORING = "storing", _("storing what changed")

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="syncs")
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.RUNNING)
    phase = models.CharField(_("phase"), max_length=10, choices=Phase, blank=True)
    started_at = models.DateTimeField(_("started"))
    heartbeat_at = models.DateTimeField(_("last sign of life"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    pages = models.PositiveIntegerField(_("pages read"), default=0)
    read = models.PositiveIntegerField(_("accounts read"), default=0)
    expected = models.PositiveIntegerField(_("accounts announced"), null=True)
    population = models.PositiveIntegerField(
        _("accounts with a username"), default=0, help_text=_("What the breaker compares.")
    )
    added = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    absent = models.PositiveIntegerField(_("no longer listed"), default=0)
    passes = models.JSONField(_("passes"), default=list, help_text=_("What each pass counted: pages, read, expected."))
    touched = models.JSONField(
        _("accounts"), default=dict, help_text=_("Keys of the first accounts that were new, changed or not listed.")
    )
    problems = models.JSONField(_("problems"), default=list, help_text=_("Why it was not complete."))
    checks = models.JSONField(_("checks"), default=list, help_text=_("What each breaker rule measured and allows."))
    health = models.JSONField(_("health"), default=list, help_text=_("Problems with the key or the clock."))
    stopped_by = models.CharField(_("stopped by"), max_length=150, blank=True)
    resolved_at = models.DateTimeField(_("breaker reset"), null=True)
    resolved_by = models.CharField(_("reset by"), max_length=150, blank=True)
    resolution = models.TextField(_("reason of the reset"), blank=True)

    class Meta:
        # Not by the instant: where a clock was years ahead, what it dated would be the newest for years.
        ordering = ("-pk",)
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("workspace",), condition=models.Q(state="running"), name="one_sync_at_a_time"
            )
        ]
        indexes = [
            # Every page and every gate asks for one, and nearly always there is none.
            models.Index(fields=("workspace",), condition=models.Q(state="quarantined"), name="sync_quarantined")
        ]

    def __str__(self) -> str:
        return f"{self.workspace} {self.started_at:%Y-%m-%d %H:%M} {self.state}"

    @property
    def anomalies(self) -> list[dict[str, Any]]:
        """The rules of the breaker that tripped."""
        return [check for check in self.checks if check["tripped"]]

    @property
    def duration(self) -> timedelta | None:
        """How long it took; ``None`` where it has not ended."""
        return self.finished_at - self.started_at if self.finished_at else None


class SyncedPage(models.Model):
    """A page of a workspace's list as the last complete sync stored it, where each of its records is an account's.

    Whatever else stores records forgets all of them.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="synced_pages", db_index=False)
    number = models.PositiveIntegerField()
    digest = models.BinaryField()
    """Of its bytes."""
    members = models.BinaryField()
    """Of each of its records the digest, in their order."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=("workspace", "number"), name="one_synced_page_of_a_number")]

    def __str__(self) -> str:
        return f"page {self.number} of {self.workspace}"
