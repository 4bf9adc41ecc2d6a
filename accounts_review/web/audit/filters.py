"""How the audit is searched."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts_review.audit.events import Event
from accounts_review.audit.words import Topic
from accounts_review.models import AuditEntry
from accounts_review.web.shared.filters import RecordFilter
from accounts_review.web.shared.widgets import DayInput


class AuditFilter(RecordFilter):
    """Who did what to whom, when."""

    q = django_filters.CharFilter(field_name="subject", lookup_expr="icontains", label=_("Username contains"))
    kind = django_filters.ChoiceFilter(method="of_kind", label=_("What"), empty_label=_("anything"))
    actor = django_filters.CharFilter(lookup_expr="iexact", label=_("Who"))
    cleanup = django_filters.NumberFilter(label=_("Clean-up"), min_value=0, max_value=2_000_000_000, decimal_places=0)
    since = django_filters.DateFilter(field_name="at", lookup_expr="date__gte", label=_("From"), widget=DayInput())
    until = django_filters.DateFilter(field_name="at", lookup_expr="date__lte", label=_("To"), widget=DayInput())
    account = django_filters.NumberFilter(
        field_name="account_id", widget=forms.HiddenInput, min_value=0, max_value=2**62, decimal_places=0
    )
    seq = django_filters.NumberFilter(widget=forms.HiddenInput, min_value=1, max_value=2**62, decimal_places=0)

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["kind"].extra["choices"] = _kinds()
        self.form.fields["actor"].widget.attrs |= {"list": "actors", "autocomplete": "off"}
        self.form.fields["q"].widget.input_type = "search"

    def of_kind(self, entries: QuerySet[AuditEntry], _name: str, kind: str) -> QuerySet[AuditEntry]:
        """Those of one kind, or of all kinds that begin so."""
        return entries.filter(kind__startswith=kind) if kind.endswith(".") else entries.filter(kind=kind)

    @property
    def given(self) -> dict[str, str]:
        """What the entries are narrowed to, in names and texts."""
        return {name: str(value) for name, value in self.form.cleaned_data.items() if value not in (None, "")}


def _kinds() -> list[tuple[Promise, list[tuple[str, str]]]]:
    """The events by what they are about, each group headed by the choice of all of it."""
    groups = []
    for group in Topic:
        events = [(event.value, str(event.words.label)) for event in Event if event.group is group]
        every = [(f"{group}.", gettext("any of these"))] if len(events) > 1 else []
        groups.append((group.label, [*every, *sorted(events, key=lambda choice: choice[1])]))
    return groups
