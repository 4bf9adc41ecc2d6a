"""Filters of the audit, of a clean-up's cases and of the syncs. What they are given comes from the address."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts_review.lifecycle import CaseState
from accounts_review.models import AuditEntry, Case, Extraction
from accounts_review.models.cleanup import CASE_LABELS
from accounts_review.web.sentences import ENTRIES


class RecordFilter(django_filters.FilterSet):  # type: ignore[misc]
    """A filter that shows nothing where it is not valid, rather than everything."""

    @property
    def qs(self) -> QuerySet[Any]:
        found: QuerySet[Any] = super().qs if self.is_valid() else self.queryset.none()
        return found


class AuditFilter(RecordFilter):
    """Who did what to whom, when."""

    q = django_filters.CharFilter(field_name="subject", lookup_expr="icontains", label=_("Account's username contains"))
    kind = django_filters.ChoiceFilter(label=_("What"), empty_label=_("anything"))
    actor = django_filters.CharFilter(lookup_expr="iexact", label=_("Who"))
    cleanup = django_filters.NumberFilter(label=_("Clean-up"), min_value=0, max_value=2_000_000_000, decimal_places=0)
    since = django_filters.DateFilter(
        field_name="at", lookup_expr="date__gte", label=_("From"), widget=forms.DateInput(attrs={"type": "date"})
    )
    until = django_filters.DateFilter(
        field_name="at", lookup_expr="date__lte", label=_("To"), widget=forms.DateInput(attrs={"type": "date"})
    )
    account = django_filters.NumberFilter(
        field_name="account_id", widget=forms.HiddenInput, min_value=0, max_value=2**62, decimal_places=0
    )

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["kind"].extra["choices"] = [(kind, kind) for kind in sorted(ENTRIES)]
        for field in self.form.fields.values():
            is_choice = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if is_choice else "form-control"
        self.form.fields["actor"].widget.attrs |= {"list": "actors", "autocomplete": "off"}
        self.form.fields["q"].widget.input_type = "search"

    @property
    def given(self) -> dict[str, str]:
        """What the entries are narrowed to, in names and texts."""
        return {name: str(value) for name, value in self.form.cleaned_data.items() if value not in (None, "")}


class CaseFilter(RecordFilter):
    """What became of whom."""

    q = django_filters.CharFilter(method="search", label=_("Name or address contains"))
    state = django_filters.ChoiceFilter(
        choices=[(state.value, CASE_LABELS[state]) for state in CaseState], label=_("State"), empty_label=_("any")
    )

    class Meta:
        model = Case
        fields: list[str] = []

    def search(self, cases: QuerySet[Case], _name: str, term: str) -> QuerySet[Case]:
        """Those whose account's username, address or name holds the term."""
        fields = ("username", "email", "display_name")
        condition = Q()
        for field in fields:
            condition |= Q(**{f"account__{field}__icontains": term})
        return cases.filter(condition)


class SyncFilter(RecordFilter):
    """How a sync ended, and when it began."""

    state = django_filters.ChoiceFilter(choices=Extraction.State.choices, label=_("State"), empty_label=_("any"))
    since = django_filters.DateFilter(
        field_name="started_at",
        lookup_expr="date__gte",
        label=_("From"),
        widget=forms.DateInput(attrs={"type": "date", "class": "form-control"}),
    )
    until = django_filters.DateFilter(
        field_name="started_at",
        lookup_expr="date__lte",
        label=_("To"),
        widget=forms.DateInput(attrs={"type": "date", "class": "form-control"}),
    )

    class Meta:
        model = Extraction
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.form.fields["state"].widget.attrs["class"] = "form-select"
