"""Assessments: what a policy makes of an account."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts_review.models.account import Account
from accounts_review.models.workspace import PolicyVersion
from accounts_review.rules.dormancy import Standing


class AssessmentBase(models.Model):
    """What some policy makes of an account, for every instant at once."""

    segment = models.TextField(_("segment"))
    activity_at = models.DateTimeField(_("last activity"), null=True)
    activity_field = models.CharField(max_length=20, blank=True)
    dormant_from = models.DateTimeField(_("dormant from"))
    limit_days = models.PositiveIntegerField(_("limit in days"))
    standing = models.CharField(_("standing"), max_length=10, choices=[(s.value, s.value) for s in Standing])
    reasons = models.JSONField(_("reasons"), default=list)
    rights = ArrayField(
        models.TextField(),
        verbose_name=_("rights"),
        null=True,
        help_text=_("Granted directly or through a group; null where the record does not tell."),
    )
    basis = models.CharField(max_length=200, help_text=_("Policy, rights and record that the assessment rests on."))

    class Meta:
        abstract = True


class Assessment(AssessmentBase):
    """What the policy in force makes of an account, in a narrow table of its own: judging never rewrites wide rows.

    The database does not check the keys: for each row it would lock, and so rewrite, the wide one that it is about.
    """

    account = models.OneToOneField(
        Account, models.CASCADE, primary_key=True, related_name="assessment", db_constraint=False
    )
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+", db_index=False, db_constraint=False)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=("standing", "dormant_from", "account"), name="assessment_by_idleness"),
            models.Index(fields=("dormant_from", "account"), name="assessment_dormant_from"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.standing} from {self.dormant_from:%Y-%m-%d}"
