"""How syncs are filtered."""

from __future__ import annotations

import django_filters
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Sync
from accounts_review.web.shared.filters import RecordFilter
from accounts_review.web.shared.widgets import DayInput


class SyncFilter(RecordFilter):
    """How a sync ended, and when it began."""

    state = django_filters.ChoiceFilter(choices=Sync.State.choices, label=_("State"), empty_label=_("any"))
    since = django_filters.DateFilter(
        field_name="started_at", lookup_expr="date__gte", label=_("From"), widget=DayInput()
    )
    until = django_filters.DateFilter(
        field_name="started_at", lookup_expr="date__lte", label=_("To"), widget=DayInput()
    )

    class Meta:
        model = Sync
        fields: list[str] = []
