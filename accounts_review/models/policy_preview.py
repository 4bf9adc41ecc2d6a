"""PolicyPreviews: a policy that is not in force, and what it would make of every account."""

from __future__ import annotations

from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts_review.models.account import Account
from accounts_review.models.assessment import AssessmentBase
from accounts_review.models.prepared import Prepared
from accounts_review.models.workspace import PolicyVersion, Workspace
from accounts_review.rules import policy
from accounts_review.rules.dormancy import moved_limits


class PolicyPreview(models.Model):
    """A policy that somebody proposes, and how far judging everybody under it has come.

    ``judged_at`` says which numbers a person was shown: it changes whenever accounts are assessed again.
    """

    class State(models.TextChoices):
        JUDGING = "judging", _("being computed")
        STOPPED = "stopped", _("stopped")
        READY = "ready", _("ready")

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="policy_previews")
    text = models.TextField(_("text"))
    reason = models.TextField(_("reason"), blank=True)
    over = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+", verbose_name=_("written over"))
    by_login = models.CharField(_("by"), max_length=150)
    agreed_by = models.CharField(_("agreed by"), max_length=150, blank=True, default="")
    """Whoever wants it although it is looser; another administrator confirms it."""
    created_at = models.DateTimeField(_("previewed"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.JUDGING)
    judged = models.PositiveIntegerField(_("accounts judged"), default=0)
    total = models.PositiveIntegerField(_("accounts in all"))
    heartbeat_at = models.DateTimeField(_("last sign of life"))
    judged_at = models.DateTimeField(_("computed"), null=True)
    moves = models.JSONField(default=list)
    """How many accounts have which verdict and would have which, as of ``judged_at``."""
    findings = models.JSONField(default=list)
    """What is to be said before it comes into force: codes with numbers, as of ``judged_at``."""

    class Meta:
        ordering = ("-pk",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workspace} policy_preview {self.pk}"

    @staticmethod
    def agreed(workspace: Workspace) -> list[tuple[int, str]]:
        """Those that wait for another administrator, by key, each with whoever wants it."""
        return _AGREED.rows(workspace=workspace.pk)

    @property
    def rules(self) -> policy.Policy:
        return policy.parse(self.text, in_force=True)

    @cached_property
    def moved_limits(self) -> dict[str, int] | None:
        """Where all that it changes for accounts is how long segments wait: those that change, with their days.

        Then what it makes of everybody follows from the judgements in force, and nobody is judged again. What lies
        among its ``assessments`` is whoever was judged anew since it was computed.
        """
        over = self.over
        is_judged = PolicyVersion.objects.filter(pk=over.pk, is_judged=True).exists()
        return moved_limits(over.rules, self.rules) if is_judged else None


_AGREED = Prepared(
    lambda workspace: (
        PolicyPreview.objects.filter(workspace=workspace, over__is_current=True)
        .exclude(agreed_by="")
        .values_list("pk", "agreed_by")
    ),
    workspace=int,
)


class PreviewedAssessment(AssessmentBase):
    """What a proposed policy makes of an account. It becomes the assessment when the preview comes into force.

    Where a preview has ``moved_limits``, it only marks an account that has changed since.
    """

    policy_preview = models.ForeignKey(PolicyPreview, models.CASCADE, related_name="assessments", db_index=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="previewed", db_index=False, db_constraint=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=("policy_preview", "account"), name="previewed_once")]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.policy_preview_id}: {self.standing} from {self.dormant_from:%Y-%m-%d}"
