"""Filters of the audit, of a clean-up's cases and of the syncs. What they are given comes from the address."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts_review.models import AuditEntry, Case, Sync
from accounts_review.models.cleanup import CASE_LABELS
from accounts_review.web.shared.widgets import DayInput
from accounts_review.wording.sentences import ENTRIES, SUBJECTS
from accounts_review.workflow.restore.restore import BY_THEMSELVES, INVITED

KINDS = {"keep": _("keep it"), "away": _("away for a while"), "leave": _("not needed")}
WAYS = {
    "restored": (INVITED, _("invited back")),
    "returned": (BY_THEMSELVES, _("came back by themselves")),
    "no": (~(INVITED | BY_THEMSELVES), _("not back")),
}


class RecordFilter(django_filters.FilterSet):  # type: ignore[misc]
    """A filter that shows nothing where it is not valid, rather than everything."""

    @property
    def form(self) -> forms.Form:
        """The form of the filters; its fields look like all the others."""
        form: forms.Form = super().form
        for field in form.fields.values():
            is_choice = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if is_choice else "form-control"
        return form

    @property
    def qs(self) -> QuerySet[Any]:
        found: QuerySet[Any] = super().qs if self.is_valid() else self.queryset.none()
        return found


class AuditFilter(RecordFilter):
    """Who did what to whom, when."""

    q = django_filters.CharFilter(field_name="subject", lookup_expr="icontains", label=_("Account's username contains"))
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
    """The kinds of entries by what they are about, each group headed by the choice of all of it."""
    groups = []
    for start, subject in SUBJECTS.items():
        kinds = sorted(kind for kind in ENTRIES if kind.startswith(start) and " " not in kind)
        every = [(start, f"{start}*")] if len(kinds) > 1 else []
        groups.append((subject, [*every, *((kind, kind) for kind in kinds)]))
    return groups


class CaseFilter(RecordFilter):
    """Who is in a clean-up; the choices are those that its cases have."""

    q = django_filters.CharFilter(method="search", label=_("Name or address contains"))
    segment = django_filters.ChoiceFilter(field_name="evidence__segment", label=_("Segment"), empty_label=_("any"))
    approver = django_filters.ChoiceFilter(
        field_name="approved_by_login", label=_("Approved by"), empty_label=_("anybody")
    )

    class Meta:
        model = Case
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in self.choices().items():
            self.filters[name].extra["choices"] = choices
        self.form.fields["q"].widget.input_type = "search"

    def choices(self) -> dict[str, list[tuple[str, str]]]:
        """What there is to choose from, for each field that depends on it."""
        return {
            name: [(value, value) for value, _count in _counted(self.queryset, self.filters[name].field_name)]
            for name in ("segment", "approver")
        }

    @property
    def shown(self) -> list[Any]:
        """The fields that tell cases apart: one choice is no choice, unless it was chosen."""
        return [
            field
            for field in self.form
            if field.value() or len(self.filters[field.name].extra.get("choices", "any text")) > 1
        ]

    @property
    def is_given(self) -> bool:
        return any(field.value() for field in self.form)

    def search(self, cases: QuerySet[Case], _name: str, term: str) -> QuerySet[Case]:
        """Those whose account's username, address or name holds the term."""
        fields = ("username", "email", "display_name")
        condition = Q()
        for field in fields:
            condition |= Q(**{f"account__{field}__icontains": term})
        return cases.filter(condition)


class ReportFilter(CaseFilter):
    """What became of whom."""

    state = django_filters.ChoiceFilter(label=_("State"), empty_label=_("any"))
    answered = django_filters.ChoiceFilter(method="by_answer", label=_("Their answer"), empty_label=_("any"))
    back = django_filters.ChoiceFilter(method="by_return", label=_("Back since"), empty_label=_("any"))

    def choices(self) -> dict[str, list[tuple[str, str]]]:
        states = [(state, f"{CASE_LABELS[state]} ({count})") for state, count in _counted(self.queryset, "state")]
        kinds = [(kind, str(KINDS[kind])) for kind, _count in _counted(self.queryset, "answer__kind") if kind in KINDS]
        ways = [(way, str(label)) for way, (which, label) in WAYS.items() if self.queryset.filter(which).exists()]
        answers = [*kinds, ("none", str(_("none")))] if kinds else []
        found: dict[str, list[tuple[str, str]]] = {"state": states, "answered": answers, "back": ways}
        return super().choices() | found

    def by_answer(self, cases: QuerySet[Case], _name: str, kind: str) -> QuerySet[Case]:
        return cases.filter(answer__isnull=True) if kind == "none" else cases.filter(answer__kind=kind)

    def by_return(self, cases: QuerySet[Case], _name: str, way: str) -> QuerySet[Case]:
        return cases.filter(WAYS[way][0])


def _counted(cases: QuerySet[Case], field: str) -> list[tuple[Any, int]]:
    """The values of a column and how often each occurs, the most frequent first."""
    counts = cases.order_by().values_list(field).annotate(Count("pk"))
    return sorted(((value, count) for value, count in counts if value), key=lambda pair: (-pair[1], pair[0]))


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
