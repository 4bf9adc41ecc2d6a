"""A person's decision that an account stays, until a date."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ExemptionQuerySet(models.QuerySet["Exemption"]):
    def in_force(self, now: datetime) -> ExemptionQuerySet:
        return self.filter(withdrawn_at=None, until__gt=now)


class Exemption(models.Model):
    """Keeps an account out of every clean-up until it lapses or is withdrawn. It always has an end."""

    account = models.ForeignKey("accounts_review.Account", models.PROTECT, related_name="exemptions")
    until = models.DateTimeField(_("until"))
    reason = models.TextField(_("reason"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    by_login = models.CharField(_("by"), max_length=150)
    at = models.DateTimeField(_("decided"))
    is_service_account = models.BooleanField(_("service account"), default=False)
    owner_email = models.EmailField(_("owner"), blank=True, help_text=_("Who is notified before it ends."))
    owner_told_at = models.DateTimeField(_("owner notified"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)

    objects = ExemptionQuerySet.as_manager()

    class Meta:
        ordering = ("until", "pk")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("account",), condition=models.Q(withdrawn_at=None), name="one_standing_exemption"
            )
        ]
        # The reasons a person gave last.
        indexes = [
            models.Index(models.F("by"), models.F("at").desc(), models.F("id").desc(), name="exemptions_by_person")
        ]

    def __str__(self) -> str:
        return f"{self.account} until {self.until:%Y-%m-%d}"
