"""A workspace and the versions of its policy."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts_review.models.prepared import Prepared
from accounts_review.rules import policy

IN_FORCE = "policy_in_force"
"""The attribute that holds the current policy of a workspace that was looked up together with it."""


class Workspace(models.Model):
    """One Huwise domain that the portal reads; its address and key come from the environment, or a ``StoredKey``.

    ``host`` is kept from the first sync on: a name that suddenly points elsewhere stops everything.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        RETIRED = "retired", _("retired")

    class Mode(models.TextChoices):
        DRY_RUN = "dry-run", _("Dry run")
        LIVE = "live", _("Live")

    name = models.SlugField(_("name"), unique=True)
    former_names = ArrayField(models.TextField(), default=list, editable=False)
    """Names under which entries of the audit speak of it, too."""
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ACTIVE)
    """Only an active one is read, and only from an active one anything leaves."""
    title = models.CharField(_("name shown to people"), max_length=100, blank=True)
    contact = models.CharField(_("contact"), max_length=254, blank=True)
    sender = models.CharField(_("sender"), max_length=254, blank=True)
    host = models.CharField(_("host"), max_length=253, blank=True)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode, default=Mode.DRY_RUN)
    key_owner = models.TextField(_("owner of the API key"), blank=True)
    rights_digest = models.CharField(max_length=64, blank=True, editable=False)
    """Digest of what an assessment rests on beside the account itself: the groups' rights and the key's owner."""
    language = models.CharField(_("language of notices"), max_length=5, choices=settings.LANGUAGES, default="en")
    failure = models.JSONField(
        default=dict, blank=True, help_text=_("How the last attempt to revoke failed: a code with its details.")
    )
    mail_stopped = models.JSONField(
        null=True,
        help_text=_("Why no e-mails are sent, as a code with the server's reply and since when; null if they are."),
    )
    retention_since = models.DateTimeField(
        _("erases since"), null=True, help_text=_("Since when personal data are erased by themselves, after a preview.")
    )
    copied = models.JSONField(
        default=dict, help_text=_("When, by whom and of which policy the text for the privacy notice was last copied.")
    )
    created_at = models.DateTimeField(_("created"))

    class Meta:
        ordering = ("name",)
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    @property
    def names(self) -> list[str]:
        """The name it has, and those it had."""
        return [self.name, *self.former_names]

    @property
    def shown_name(self) -> str:
        """What people who know nothing of the portal call it."""
        return self.title or self.host or self.name

    @property
    def read_from(self) -> str:
        """The host its accounts were read from; "" before the first: an address that was never right binds nobody."""
        return self.host if self.accounts.exists() else ""

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE

    @property
    def is_live(self) -> bool:
        return self.mode == self.Mode.LIVE

    @property
    def is_quarantined(self) -> bool:
        """Whether the breaker has tripped and no person has reset it yet."""
        return bool(_QUARANTINED.rows(workspace=self.pk))

    @property
    def current_policy(self) -> PolicyVersion:
        """The policy in force. Raises ``PolicyVersion.DoesNotExist`` where none was ever loaded.

        The database is asked each time, but of a workspace that was looked up for a page, with its policy.
        """
        held: PolicyVersion | None = self.__dict__.get(IN_FORCE)
        if held:
            return held
        found: list[PolicyVersion] = _CURRENT.objects(workspace=self.pk)
        if not found:
            raise PolicyVersion.DoesNotExist(f"No policy was ever loaded for {self}.")
        found[0].workspace = self
        return found[0]


class PolicyVersion(models.Model):
    """One version of a workspace's policy; a change is a new version, never an edit."""

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="policies")
    number = models.PositiveIntegerField(_("version"))
    text = models.TextField(_("text"))
    is_current = models.BooleanField(default=True)
    is_judged = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Everybody was judged by it; who has changed since is judged anew."),
    )
    activated_at = models.DateTimeField(_("activated"))
    activated_by = models.CharField(_("by"), max_length=150)
    proposed_by = models.CharField(
        _("proposed by"), max_length=150, blank=True, db_default="", help_text=_("Where that was somebody else.")
    )
    reason = models.TextField(_("reason"), blank=True)

    class Meta:
        ordering = ("-number",)
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=("workspace", "number"), name="policy_number_once"),
            models.UniqueConstraint(fields=("workspace",), condition=Q(is_current=True), name="one_current_policy"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace} v{self.number}"

    @property
    def rules(self) -> policy.Policy:
        return _parsed(self.text)


_CURRENT = Prepared(lambda workspace: PolicyVersion.objects.filter(workspace=workspace, is_current=True), workspace=int)
"""Asked for at every gate."""

_QUARANTINED = Prepared(
    lambda workspace: Workspace(pk=workspace).syncs.filter(state="quarantined").order_by().values_list("pk")[:1],
    workspace=int,
)


@lru_cache(maxsize=32)
def _parsed(text: str) -> policy.Policy:
    """A version is never edited, and is asked for at every gate."""
    return policy.parse(text, in_force=True)
