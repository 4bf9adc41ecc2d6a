"""An account that somebody snoozed, without a decision."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class SnoozeQuerySet(models.QuerySet["Snooze"]):
    """Where those who are snoozed are listed, the day is compared by a range.

    Of one more equality beside that of the account, the database expects hardly anybody, and then looks up one by one
    all whom it finds.
    """

    def in_force(self) -> SnoozeQuerySet:
        """Those of accounts about which nothing has changed since."""
        same = models.F("account__assessment__dormant_from")
        return self.filter(standing=models.F("account__assessment__standing"), dormant_from__range=(same, same))

    def in_force_there(self) -> SnoozeQuerySet:
        """The one of the account of an outer query that has its assessment beside it: nothing is joined once more."""
        return self._there(dormant_from=models.OuterRef("assessment__dormant_from"))

    def those_in_force_there(self) -> SnoozeQuerySet:
        """The same, to list the accounts that have one."""
        same = models.OuterRef("assessment__dormant_from")
        return self._there(dormant_from__range=(same, same))

    def _there(self, **same: Any) -> SnoozeQuerySet:
        return self.filter(account=models.OuterRef("pk"), standing=models.OuterRef("assessment__standing"), **same)


class Snooze(models.Model):
    """Keeps an account out of the list of those open for decision, and changes nothing else.

    It ends with any decision, and by itself when the account is judged otherwise than it was.
    """

    account = models.OneToOneField("accounts_review.Account", models.CASCADE, primary_key=True)
    by_login = models.CharField(_("by"), max_length=150)
    at = models.DateTimeField(_("snoozed"))
    standing = models.CharField(max_length=10)
    dormant_from = models.DateTimeField()

    objects = SnoozeQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.account} snoozed by {self.by_login}"
