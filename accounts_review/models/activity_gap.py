"""Who was away for long and came back: the only history of activity that is kept, for the policy's back-test."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts_review.models.account import Account

LONG = timedelta(days=30)
"""A shorter silence is not kept: no policy worth testing has a limit below it."""


class ActivityGap(models.Model):
    """A silence that ended, as two accepted syncs show it: activity stood still from one instant to the other."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="activity_gaps")
    silent_since = models.DateTimeField(_("silent since"))
    seen_at = models.DateTimeField(_("seen again"))

    class Meta:
        ordering = ("-seen_at", "pk")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.account} from {self.silent_since:%Y-%m-%d} to {self.seen_at:%Y-%m-%d}"
