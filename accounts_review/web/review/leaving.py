"""What an exemption or a withdrawal also does: who leaves a clean-up that is under way, said before and after."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import ngettext

from accounts_review.models import Case
from accounts_review.rules.lifecycle import WITHDRAWABLE, CaseState, CleanupState


def leaving(accounts: Iterable[int]) -> dict[int, int]:
    """How many accounts, told by their keys, are in which launched clean-up that is no dry run, and would leave it."""
    cases = Case.objects.filter(account__in=list(accounts), state__in=WITHDRAWABLE)
    launched = cases.exclude(state=CaseState.IN_DRAFT).exclude(cleanup__state=CleanupState.DRAFT)
    found: dict[int, int] = {}
    for number in launched.filter(cleanup__dry_run=False).values_list("cleanup__number", flat=True):
        found[number] = found.get(number, 0) + 1
    return dict(sorted(found.items()))


def before(found: dict[int, int]) -> str:
    """What would happen, as a sentence; "" where nobody leaves anything."""
    if not found:
        return ""
    says = ngettext(
        "%(count)d of them is in clean-up %(numbers)s, which is under way, and would leave it. Anyone who was warned "
        "is told by e-mail.",
        "%(count)d of them are in clean-up %(numbers)s, which is under way, and would leave it. Anyone who was warned "
        "is told by e-mail.",
        sum(found.values()),
    )
    return says % {"count": sum(found.values()), "numbers": ", ".join(map(str, found))}


def after(found: dict[int, int]) -> str:
    """What has happened, as a sentence; "" where nobody left anything."""
    if not found:
        return ""
    says = ngettext(
        "%(count)d account left clean-up %(numbers)s; anyone who was warned is told by e-mail.",
        "%(count)d accounts left clean-up %(numbers)s; anyone who was warned is told by e-mail.",
        sum(found.values()),
    )
    return says % {"count": sum(found.values()), "numbers": ", ".join(map(str, found))}
