"""How far the audit was delivered to ``AUDIT_WEBHOOK_URL``."""

from __future__ import annotations

from django.db import models


class AuditDelivery(models.Model):
    """One row: ``upto`` is the number of the last entry that the receiver has taken."""

    upto = models.BigIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"up to entry {self.upto}"
