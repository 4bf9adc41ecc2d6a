"""A sync that tripped the breaker, quarantined until a person decides on it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts_review.models.sync import Sync


class HeldSync(models.Model):
    """What a quarantined sync saw beside the records; nothing else of the portal knows any of it."""

    sync = models.OneToOneField(Sync, models.CASCADE, primary_key=True, related_name="held")
    unchanged = ArrayField(models.BigIntegerField(), default=list)
    """Keys of the accounts whose record was what the last accepted sync stored."""
    groups = models.JSONField(default=list)
    key_owner = models.TextField(blank=True)
    disputed = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"held: {self.sync}"


class HeldRecord(models.Model):
    """A record of it that differs from what the last accepted sync stored."""

    held_sync = models.ForeignKey(HeldSync, models.CASCADE, related_name="records")
    raw = models.BinaryField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{len(self.raw)} bytes of {self.held_sync}"
