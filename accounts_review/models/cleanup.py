"""Clean-ups and their cases."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from accounts_review.models.workspace import PolicyVersion, Workspace
from accounts_review.rules.lifecycle import ENDED, CaseState, CleanupState

_ENDED = sorted(state.value for state in ENDED)
CLEANUP_LABELS = {
    CleanupState.DRAFT: _("draft"),
    CleanupState.AWAITING_CONFIRMATION: _("awaiting confirmation"),
    CleanupState.RUNNING: _("running"),
    CleanupState.PAUSED: _("paused"),
    CleanupState.CLOSED: _("closed"),
    CleanupState.CANCELLED: _("cancelled"),
}
CASE_LABELS = {
    CaseState.IN_DRAFT: _("in draft"),
    CaseState.AWAITING_NOTICE: _("awaiting notice"),
    CaseState.NOTICED: _("warned"),
    CaseState.DUE: _("due"),
    CaseState.CLAIMED: _("final check"),
    CaseState.INTENDED: _("being revoked"),
    CaseState.REVOKED: _("revoked"),
    CaseState.ALREADY_GONE: _("already gone"),
    CaseState.SPARED: _("spared"),
    CaseState.REFUSED: _("refused"),
    CaseState.UNKNOWN: _("outcome unknown"),
    CaseState.WOULD_REVOKE: _("would be revoked"),
    CaseState.UNDELIVERABLE: _("undeliverable"),
    CaseState.WITHDRAWN: _("withdrawn"),
}


class Cleanup(models.Model):
    """A dated batch of approved accounts. ``dry_run`` and ``policy`` are null until launch and frozen there."""

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="cleanups")
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(
        _("state"), max_length=22, choices=[(s.value, label) for s, label in CLEANUP_LABELS.items()], default="draft"
    )
    dry_run = models.BooleanField(_("dry run"), null=True)
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("created"))
    launched_at = models.DateTimeField(_("launched"), null=True)
    launched_by = models.CharField(_("launched by"), max_length=150, blank=True)
    confirmed_by = models.CharField(_("confirmed by"), max_length=150, blank=True)
    stopped_because = models.JSONField(
        _("stopped because"), default=dict, blank=True, help_text=_("Why it is paused: a code with its details.")
    )
    against_accepted = models.PositiveIntegerField(
        default=0, help_text=_("How many of its people had objected when somebody resumed it.")
    )
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta:
        ordering = ("-number",)
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=("workspace", "number"), name="cleanup_number_once"),
            models.UniqueConstraint(fields=("workspace",), condition=Q(state="draft"), name="one_draft"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace} #{self.number}"

    @property
    def is_draft(self) -> bool:
        return self.state == CleanupState.DRAFT

    @property
    def is_under_way(self) -> bool:
        return self.state in (CleanupState.AWAITING_CONFIRMATION, CleanupState.RUNNING, CleanupState.PAUSED)

    def took_part(self) -> CaseQuerySet:
        """Its cases :meth:`~CaseQuerySet.that_took_part`, without looking the clean-up up beside each of them."""
        undone = Q(state=CaseState.WITHDRAWN)
        if self.launched_at:
            undone &= Q(moved_at__lt=self.launched_at)
        return self.cases.exclude(undone)

    def tally(self) -> dict[str, int]:
        """How many cases stand in each state, without approvals that were undone before the launch."""
        return dict(self.took_part().order_by().values_list("state").annotate(Count("pk")))


UNDONE = Q(state=CaseState.WITHDRAWN) & (
    Q(cleanup__launched_at=None) | Q(moved_at__lt=models.F("cleanup__launched_at"))
)


class CaseQuerySet(models.QuerySet["Case"]):
    def open(self) -> CaseQuerySet:
        """Those that have not ended."""
        return self.exclude(state__in=ENDED)

    def that_took_part(self) -> CaseQuerySet:
        """All but those that somebody took out of the draft: they were never part of what was launched."""
        return self.exclude(UNDONE)

    def restorable(self) -> CaseQuerySet:
        """Those that are :attr:`Case.is_restorable`, told by the database."""
        listed = Q(account__absent_since=None, account__gone_at=None)
        revoked = self.filter(state=CaseState.REVOKED, restored_by="", returned_at=None, snapshot__isnull=False)
        return revoked.exclude(snapshot={}).exclude(cleanup__dry_run=True).exclude(listed)


HEARD = (
    Q(answer__isnull=False)
    | Q(returned_at__isnull=False)
    | ~Q(restored_by="")
    | Q(state__in=["spared", "undeliverable"])
)
"""Cases of whom anything may have been heard: few among ten thousand, so that they have an index of their own."""


class Case(models.Model):
    """One account in one clean-up: the approval, the promise, the last look and the outcome.

    ``evidence`` is what the approver saw; ``last_look`` what was read just before; ``snapshot`` the raw record
    and its groups' titles, kept so that the person can be invited back; ``outcome`` the API's answer; ``rechecks``
    who was found there later, where the answer left it open.
    """

    cleanup = models.ForeignKey(Cleanup, models.PROTECT, related_name="cases")
    account = models.ForeignKey("accounts_review.Account", models.PROTECT, related_name="cases")
    state = models.CharField(
        _("state"), max_length=16, choices=[(s.value, label) for s, label in CASE_LABELS.items()], default="in_draft"
    )
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    approved_by_login = models.CharField(_("approved by"), max_length=150)
    approved_at = models.DateTimeField(_("approved"))
    put_by_login = models.CharField(
        _("added to the draft by"), max_length=150, blank=True, help_text=_("Where that was not the approver.")
    )
    reason = models.TextField(_("reason"), blank=True)
    evidence = models.JSONField(_("evidence"))
    tried_at = models.DateTimeField(null=True, help_text=_("When the mail server last deferred an e-mail."))
    message_id = models.CharField(
        max_length=255, blank=True, help_text=_("The mail server's identifier for the notice.")
    )
    warned_to = models.TextField(
        _("warned at"), blank=True, help_text=_("The address the notice was sent to, or last tried at.")
    )
    link_key = models.CharField(
        max_length=16, blank=True, help_text=_("Which secret key signed the link in the notice.")
    )
    bounced_at = models.DateTimeField(
        _("came back"), null=True, help_text=_("When the notice bounced after the removal.")
    )
    noticed_at = models.DateTimeField(_("warned"), null=True)
    promised_at = models.DateTimeField(_("not before"), null=True)
    reminded_at = models.DateTimeField(_("last reminded"), null=True)
    reminders = models.JSONField(default=list, help_text=_("Days before the date of which a reminder was sent."))
    answer = models.JSONField(_("answer"), null=True, help_text=_("What the person said on the answer page."))
    closing_told_at = models.DateTimeField(_("removal e-mail sent"), null=True)
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    intended_at = models.DateTimeField(null=True)
    rechecks = models.JSONField(default=list, help_text=_("Later checks that settle an unknown outcome."))
    last_look = models.JSONField(_("final check"), null=True)
    snapshot = models.JSONField(null=True)
    outcome = models.JSONField(_("outcome"), null=True)
    restored_at = models.DateTimeField(_("invited back"), null=True)
    restored_by = models.CharField(_("invited back by"), max_length=150, blank=True)
    returned_at = models.DateTimeField(_("came back"), null=True)
    moved_at = models.DateTimeField(_("since"))

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("account",), condition=~Q(state__in=_ENDED), name="one_open_case_per_account"
            )
        ]
        indexes = [
            models.Index(fields=("state", "promised_at"), condition=~Q(state__in=_ENDED), name="open_cases"),
            models.Index(fields=("cleanup", "state", "moved_at", "id"), name="case_queue"),
            models.Index(
                fields=("cleanup", "state"),
                condition=HEARD,
                name="case_heard",
            ),
            models.Index(fields=("intended_at",), condition=Q(intended_at__isnull=False), name="case_intents"),
            models.Index(fields=("message_id",), condition=~Q(message_id=""), name="case_notices"),
            models.Index(fields=("cleanup",), condition=Q(outcome__has_key="taken"), name="case_taken"),
            models.Index(fields=("cleanup",), condition=Q(bounced_at__isnull=False), name="case_bounced"),
            models.Index(fields=("cleanup",), condition=Q(returned_at__isnull=False), name="case_returned"),
        ]

    def __str__(self) -> str:
        return f"{self.account} in {self.cleanup}"

    @property
    def is_restorable(self) -> bool:
        """Whether the person was revoked, is not back, and can be invited back with what was recorded.

        ``restored_at`` alone is a claim: somebody is inviting them just now, or the process that did has died.
        """
        is_listed = self.account.absent_since is None and self.account.gone_at is None
        is_back = bool(self.restored_by) or self.returned_at is not None or is_listed
        was_revoked = self.state == CaseState.REVOKED and not self.cleanup.dry_run
        return was_revoked and bool(self.snapshot) and not is_back
