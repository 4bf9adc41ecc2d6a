"""What audit entries say of people, beside the chain: erased here, it leaves the chain whole."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.utils.translation import gettext_lazy as _


class PersonalDataQuerySet(models.QuerySet["PersonalData"]):
    def erase(self, *, now: datetime) -> int:
        """Forget what these rows say, for good; returns how many said something. Joins the caller's transaction."""
        return self.filter(erased_at=None).update(name="", details={}, salt="", erased_at=now)


class PersonalData(models.Model):
    """The name of somebody, or personal details of one entry (an address, an answer), known by its commitment.

    ``digest`` commits to ``salt``, ``name`` and ``details`` (see ``audit.chain.commitment``); entries refer to it and
    their own digest covers the reference. The database lets a row be erased and changed in no other way: what is
    erased cannot be guessed from the commitment, because the salt is gone as well. ``account_id`` is null for people
    who use the portal.
    """

    digest = models.CharField(primary_key=True, max_length=64)
    account_id = models.BigIntegerField(null=True)
    name = models.TextField(_("name"), blank=True)
    details = models.JSONField(_("details"), default=dict)
    salt = models.CharField(max_length=32, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True)

    objects = PersonalDataQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=("account_id",), name="personal_data_by_account"),
            # Without the many that have none: they would all be in one bucket, of which an insert reads every page.
            HashIndex(fields=("name",), condition=~models.Q(name=""), name="personal_data_by_its_name"),
        ]

    def __str__(self) -> str:
        return self.name
