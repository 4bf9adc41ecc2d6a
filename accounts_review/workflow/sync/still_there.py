"""Still there: who is listed although a DELETE of theirs was sent, as a sync that was not accepted has read."""

from __future__ import annotations

from django.db.models import Q
from django.db.models.expressions import RawSQL

from accounts_review.models import Account, Case
from accounts_review.models.keys import Among
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.sync.staging import Staging

NOT_ABOUT = (CaseState.INTENDED, CaseState.UNKNOWN, CaseState.REVOKED, CaseState.ALREADY_GONE)
"""Where the DELETE is under way or had effect, or where reading the account itself has yet to tell."""

_MATCHED = RawSQL("SELECT id FROM sync_match", ())
"""Whose record was listed with another content."""


def note(staging: Staging) -> None:
    """Keep with a case, once, that its person was listed by a sync which began after its DELETE was turned away.

    Such a sync proves nothing else, but should they be missing from a later one, it was not that DELETE.
    """
    asked = Case.objects.filter(cleanup__workspace=staging.workspace, intended_at__lt=staging.read_at)
    asked = asked.exclude(state__in=NOT_ABOUT).exclude(rechecks__contains=[{"found": "present"}])
    accounts = Account.objects.filter(Q(pk__in=_MATCHED) | Q(staging.was_seen), pk__in=asked.values("account"))
    listed = Among(accounts.values_list("pk", flat=True))
    recheck = {"at": staging.read_at.isoformat(), "found": "present"}
    # Each by itself: who holds several cases may be waiting for one of them.
    for key, intended_at, rechecks in asked.filter(account__in=listed).values_list("pk", "intended_at", "rechecks"):
        same = Case.objects.filter(pk=key, intended_at=intended_at).exclude(state__in=NOT_ABOUT)
        same.update(rechecks=[*rechecks, recheck])
