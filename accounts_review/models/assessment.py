"""Assessments: what a policy makes of an account."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts_review.models.account import Account
from accounts_review.models.workspace import PolicyVersion
from accounts_review.rules.dormancy import BEFORE_ALL_DATES, Standing

LISTED = Q(is_listed=True)
EVER = datetime(9999, 12, 30, tzinfo=UTC)
OLDEST_FIRST, NEWEST_FIRST = Coalesce("activity_at", Value(EVER)), Coalesce("activity_at", Value(BEFORE_ALL_DATES))
"""Orders by activity, to read forward and backward: accounts without any date come last in both."""


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
    never_used = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Both dates of use are absent, null or empty, and the joining date is valid."),
    )
    basis = models.CharField(max_length=200, help_text=_("Rights and record that the assessment rests on."))

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
    """The version that first came to this judgement; see :meth:`judged_by`."""
    is_listed = models.BooleanField(
        default=True,
        db_default=True,
        editable=False,
        help_text=_("As the account says; triggers keep it, so that gone accounts are in no index of a page."),
    )

    class Meta:
        default_permissions = ()
        # What the review page relies on, in each of its orders; each ends in the account, the last word on equals. Each
        # costs 2 to 3 us for every account when a policy with another limit comes into force.
        indexes = [
            models.Index(fields=("dormant_from", "account", "standing"), condition=LISTED, name="assessment_by_day"),
            models.Index(
                fields=("standing", "dormant_from", "account"),
                condition=LISTED & ~Q(standing=Standing.ORDINARY.value),
                name="assessment_by_idleness",
            ),
            models.Index(OLDEST_FIRST, "account", condition=LISTED, name="assessment_oldest_first"),
            models.Index(NEWEST_FIRST, "account", condition=LISTED, name="assessment_newest_first"),
            models.Index(fields=("segment", "account"), condition=LISTED, name="assessment_by_segment"),
            models.Index(
                fields=("dormant_from", "account"),
                condition=LISTED & Q(never_used=True),
                name="assessment_never_used",
            ),
            GinIndex(
                OpClass("reasons", name="jsonb_path_ops"),
                condition=LISTED & Q(standing=Standing.PROTECTED.value),
                name="assessment_protected_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.standing} from {self.dormant_from:%Y-%m-%d}"

    def judged_by(self, in_force: PolicyVersion) -> PolicyVersion:
        """The version that it rests on: the one in force, once everybody was judged by it, however long it has held.

        ``in_force`` was looked up before: what a later version wrote rests on that one.
        """
        return in_force if in_force.is_judged and in_force.pk > self.policy_id else self.policy
