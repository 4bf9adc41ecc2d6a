"""What an exemption or a withdrawal also does: who leaves a clean-up that is under way, said before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import ngettext

from accounts_review.models import Case
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.rules.lifecycle import WITHDRAWABLE, CaseState, CleanupState
from accounts_review.wording.numbers import counted

FEW = 1_000
"""So many can be named in a query; of more, those in a clean-up are looked for."""


def leaving(accounts: Collection[int]) -> dict[int, int]:
    """How many of the accounts of these keys are in which launched clean-up that is no dry run, and would leave it."""
    if len(accounts) <= FEW:
        found = Counter(number for _account, number in _OF_FEW.rows(keys=list(accounts)))
    else:
        asked = set(accounts)
        found = Counter(number for account, number in _launched().iterator() if account in asked)
    return dict(sorted(found.items()))


def _launched() -> QuerySet[Case, Any]:
    cases = Case.objects.filter(state__in=WITHDRAWABLE, cleanup__dry_run=False)
    launched = cases.exclude(state=CaseState.IN_DRAFT).exclude(cleanup__state=CleanupState.DRAFT)
    return launched.order_by().values_list("account_id", "cleanup__number")


_OF_FEW = Prepared(lambda keys: _launched().filter(account__in=Among(keys)), keys=list)


def before(found: dict[int, int]) -> str:
    """What would happen, as a sentence; "" where nobody leaves anything."""
    if not found:
        return ""
    says = ngettext(
        "%(count)s of them is in clean-up %(numbers)s, which is under way, and would leave it. Anyone who was warned "
        "is told by e-mail.",
        "%(count)s of them are in clean-up %(numbers)s, which is under way, and would leave it. Anyone who was warned "
        "is told by e-mail.",
        sum(found.values()),
    )
    return says % counted({"count": sum(found.values()), "numbers": ", ".join(map(str, found))})


def after(found: dict[int, int]) -> str:
    """What has happened, as a sentence; "" where nobody left anything."""
    if not found:
        return ""
    says = ngettext(
        "%(count)s account left clean-up %(numbers)s; anyone who was warned is told by e-mail.",
        "%(count)s accounts left clean-up %(numbers)s; anyone who was warned is told by e-mail.",
        sum(found.values()),
    )
    return says % counted({"count": sum(found.values()), "numbers": ", ".join(map(str, found))})
