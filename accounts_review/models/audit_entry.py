"""The audit log's table: append-only here by refusing the names, in the database by triggers."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import Workspace


class AppendOnly(TypeError):
    """Someone tried to change or remove an audit entry."""

    def __init__(self) -> None:
        super().__init__("Audit entries are never changed or removed; write a new one instead.")


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def of(self, *workspaces: Workspace) -> AuditEntryQuerySet:
        """What is said of these workspaces, also under names they had before."""
        return self.filter(workspace__in=[name for workspace in workspaces for name in workspace.names])

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly


class AuditEntry(models.Model):
    """One line of the record. Plain copies, no keys: it outlives everything it speaks of.

    ``seq`` counts from 1 without a gap; ``digest`` covers every other column and the digest before it.
    """

    seq = models.BigIntegerField(_("number"), primary_key=True)
    at = models.DateTimeField(_("when"))
    workspace = models.TextField(_("workspace"))
    actor = models.TextField(_("who"))
    kind = models.CharField(_("what"), max_length=60)
    subject = models.TextField(_("account"), blank=True)
    account_id = models.BigIntegerField(null=True)
    cleanup = models.PositiveIntegerField(_("clean-up"), null=True)
    data = models.JSONField(_("details"), default=dict)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        ordering = ("-seq",)
        default_permissions = ()
        indexes = [
            models.Index(fields=("account_id", "seq"), name="audit_by_account"),
            models.Index(fields=("kind", "seq"), name="audit_by_kind"),
            models.Index(fields=("cleanup", "seq"), name="audit_by_cleanup"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly
