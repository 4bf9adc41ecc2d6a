"""What past clean-ups came to, year by year."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q
from django.db.models.functions import ExtractYear

from accounts_review.models import Case, Workspace
from accounts_review.rules.lifecycle import CaseState, CleanupState


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """The live clean-ups that were launched in a year."""

    year: int
    cleanups: int
    accounts: int
    revoked: int
    spared: int
    undeliverable: int
    returned: int

    @property
    def returned_percent(self) -> float:
        return 100 * self.returned / self.revoked if self.revoked else 0.0


def years_of(workspace: Workspace) -> list[Year]:
    """The newest year first; dry runs removed nobody and do not count."""
    gone = Q(state__in=(CaseState.REVOKED, CaseState.ALREADY_GONE))
    launched = Case.objects.that_took_part().exclude(cleanup__state=CleanupState.DRAFT)
    cases = launched.filter(cleanup__workspace=workspace, cleanup__dry_run=False)
    rows = (
        cases.annotate(year=ExtractYear("cleanup__launched_at"))
        .order_by()
        .values("year")
        .annotate(
            cleanups=Count("cleanup", distinct=True),
            accounts=Count("pk"),
            revoked=Count("pk", filter=gone),
            spared=Count("pk", filter=Q(state=CaseState.SPARED)),
            undeliverable=Count("pk", filter=Q(state=CaseState.UNDELIVERABLE)),
            returned=Count("pk", filter=Q(returned_at__isnull=False)),
        )
        .order_by("-year")
    )
    return [Year(**row) for row in rows if row["year"]]
