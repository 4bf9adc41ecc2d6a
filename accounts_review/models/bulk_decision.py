"""Decisions on very many accounts, which the worker takes portion by portion."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import PolicyVersion, Workspace


class BulkDecision(models.Model):
    """A decision that a person confirmed for very many accounts, and how far it has come.

    ``accounts`` are those who were confirmed, in the order in which they are decided on; of the first ``position``
    each is decided on or skipped. What is done stays done, however it ends.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")
        CANCELLED = "cancelled", _("cancelled")
        DONE = "done", _("done")

    class Stop(models.TextChoices):
        """Why it waits for the person."""

        EXPIRED = "expired", _("nobody worked on it for an hour")
        NOT_PERMITTED = "not_permitted", _("whoever confirmed it may no longer decide here")

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="bulk_decisions")
    decision = models.CharField(_("decision"), max_length=8)
    reason = models.TextField(_("reason"), blank=True)
    until = models.DateTimeField(_("until"), null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_login = models.CharField(_("by"), max_length=150)
    at = models.DateTimeField(_("confirmed"))
    seen = models.BigIntegerField(null=True, help_text=_("The audit entry up to which the person knew of decisions."))
    last_sync = models.BigIntegerField(default=0, help_text=_("The newest sync whose accounts the person could see."))
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+", verbose_name=_("policy"))
    accounts = ArrayField(models.BigIntegerField())
    total = models.PositiveIntegerField(_("accounts"))
    position = models.PositiveIntegerField(default=0)
    decided = models.PositiveIntegerField(_("decided on"), default=0)
    skipped = models.PositiveIntegerField(_("skipped"), default=0)
    first_skipped = ArrayField(models.BigIntegerField(), default=list)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.RUNNING)
    stopped_because = models.CharField(max_length=13, choices=Stop, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        ordering = ("-pk",)
        default_permissions = ()
        indexes = [
            models.Index(
                fields=("workspace",), condition=~Q(state__in=["cancelled", "done"]), name="bulk_decisions_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.workspace}: {self.decision} {self.total}"

    @property
    def is_open(self) -> bool:
        """Whether it goes on, or would if somebody confirmed it again."""
        return self.state in (self.State.RUNNING, self.State.STOPPED)
