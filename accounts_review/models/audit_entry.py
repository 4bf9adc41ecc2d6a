"""The audit log's table: append-only here by refusing the names, in the database by triggers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts_review.models.personal_data import PersonalData
from accounts_review.models.workspace import Workspace

LONGEST_REASON = 500
"""So many characters a person's reason for an act may have, wherever they give it."""


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


class AuditEntryManager(models.Manager["AuditEntry"]):
    """Entries with the names that stand beside the chain, as ``actor`` and ``subject``, to read and to filter by."""

    def get_queryset(self) -> AuditEntryQuerySet:
        subject = Coalesce(F("subject_ref__name"), Value(""), output_field=models.TextField())
        entries: Any = AuditEntryQuerySet(self.model, using=self._db).select_related("personal")
        named: AuditEntryQuerySet = entries.annotate(
            actor=F("actor_ref__name"), subject=subject, erased_at=F("subject_ref__erased_at")
        )
        return named

    def of(self, *workspaces: Workspace) -> AuditEntryQuerySet:
        """What is said of these workspaces, also under names they had before."""
        return self.get_queryset().of(*workspaces)


EMAILS = ("case.noticed", "case.reminded", "case.closing_told", "case.kept_told", "email.tested")
"""Entries that say that the mail server took an e-mail of ours: those of the last hour are counted again and again."""


class AuditEntry(models.Model):
    """One entry of the audit. But for the references to :class:`PersonalData`, plain copies: it outlives all it tells.

    ``seq`` counts from 1 without a gap; ``digest`` covers every other column and the digest before it. ``mark`` is the
    HMAC-SHA256 of the digest under the portal's :class:`AuditKey`. ``actor`` and
    ``subject`` are the names behind the references, and ``""`` once they are erased. That a reference leads somewhere
    is proven with the chain, not by a constraint.
    """

    seq = models.BigIntegerField(_("number"), primary_key=True)
    at = models.DateTimeField(_("when"))
    workspace = models.TextField(_("workspace"))
    actor_ref = models.ForeignKey(
        PersonalData, models.PROTECT, db_constraint=False, related_name="+", verbose_name=_("who")
    )
    kind = models.CharField(_("what"), max_length=60)
    subject_ref = models.ForeignKey(
        PersonalData, models.PROTECT, db_constraint=False, null=True, related_name="+", verbose_name=_("account")
    )
    account_id = models.BigIntegerField(null=True)
    cleanup = models.PositiveIntegerField(_("clean-up"), null=True)
    data = models.JSONField(_("details"), default=dict)
    personal = models.ForeignKey(
        PersonalData, models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    mark = models.CharField(
        max_length=64, default="", db_default="", help_text=_("What only the portal can write, not the database.")
    )

    actor: str = ""
    subject: str = ""
    erased_at: datetime | None = None
    """When the name of the account it is about was erased."""

    objects = AuditEntryManager()

    class Meta:
        ordering = ("-seq",)
        default_permissions = ()
        indexes = [
            models.Index(fields=("workspace", "seq"), name="audit_by_workspace"),
            models.Index(fields=("account_id", "seq"), name="audit_by_account"),
            models.Index(fields=("kind", "seq"), name="audit_by_kind"),
            models.Index(fields=("cleanup", "seq"), name="audit_by_cleanup"),
            models.Index(fields=("workspace", "at"), condition=Q(kind="case.intended"), name="audit_intents"),
            models.Index(fields=("workspace", "at"), condition=Q(kind__in=EMAILS), name="audit_emails"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly

    @property
    def details(self) -> dict[str, Any]:
        """All the entry says: what the chain covers, and what stands beside it as long as it is not erased."""
        return dict(self.data) | (self.personal.details if self.personal else {})
