"""How the cases of a clean-up are filtered."""

from __future__ import annotations

from collections import Counter
from typing import Any

import django_filters
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts_review.models import Account, Case
from accounts_review.models.cleanup import CASE_LABELS
from accounts_review.web.shared.filters import RecordFilter
from accounts_review.wording import segments
from accounts_review.wording.numbers import GroupedNumber
from accounts_review.workflow.restore.returns import BY_THEMSELVES, INVITED

WAYS = {
    "restored": (INVITED, pgettext_lazy("those who were", "invited back")),
    "returned": (BY_THEMSELVES, _("signed in again on their own")),
    "bounced": (
        Q(bounced_at__isnull=False) & ~(INVITED | BY_THEMSELVES),
        _("not back; the notice bounced"),
    ),
    "no": (~(INVITED | BY_THEMSELVES), _("not back")),
}

ANSWERS = {"keep": _("keep it"), "away": _("away for a while"), "leave": _("not needed")}


class CaseFilter(RecordFilter):
    """Who is in a clean-up; the choices are those that its cases have."""

    segments: list[tuple[str, int]]
    """How many cases belong to each segment, most first, whatever is chosen."""

    q = django_filters.CharFilter(method="search", max_length=200, label=_("Name or address contains"))
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
        self.segments, approvers = self.counted()
        return {"segment": _segments(self.segments), "approver": [(login, login) for login, _count in approvers]}

    def counted(self) -> list[list[tuple[Any, int]]]:
        """Segments and approvers, with how often each occurs, the most frequent first."""
        return _counted(self.queryset, "evidence__segment", "approved_by_login")

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
        """Those whose account the review finds by the same words."""
        return cases.filter(account__in=Account.objects.search(term).values("pk"))


class ReportFilter(CaseFilter):
    """Filters a clean-up's cases."""

    state = django_filters.ChoiceFilter(label=_("State"), empty_label=_("any"))
    answered = django_filters.ChoiceFilter(method="by_answer", label=_("Their answer"), empty_label=_("any"))
    back = django_filters.ChoiceFilter(method="by_return", label=_("Back since"), empty_label=_("any"))

    def choices(self) -> dict[str, list[tuple[str, str]]]:
        of_report = ("evidence__segment", "approved_by_login", "state", "answer__kind")
        self.segments, approvers, counted, given = _counted(self.queryset, *of_report)
        states = [(state, f"{CASE_LABELS[state]} ({GroupedNumber(count)})") for state, count in counted]
        kinds = [(kind, str(ANSWERS[kind])) for kind, _count in given if kind in ANSWERS]
        back = self.queryset.aggregate(**{way: Count("pk", filter=which) for way, (which, _label) in WAYS.items()})
        ways = [(way, str(label)) for way, (_which, label) in WAYS.items() if back[way]]
        answers = [*kinds, ("none", str(_("none")))] if kinds else []
        found: dict[str, list[tuple[str, str]]] = {"state": states, "answered": answers, "back": ways}
        found |= {"segment": _segments(self.segments), "approver": [(login, login) for login, _count in approvers]}
        return found

    def by_answer(self, cases: QuerySet[Case], _name: str, kind: str) -> QuerySet[Case]:
        return cases.filter(answer__isnull=True) if kind == "none" else cases.filter(answer__kind=kind)

    def by_return(self, cases: QuerySet[Case], _name: str, way: str) -> QuerySet[Case]:
        return cases.filter(WAYS[way][0])


def _segments(counted: list[tuple[str, int]]) -> list[tuple[str, str]]:
    return [(name, segments.shown(name)) for name, _count in counted]


def _counted(cases: QuerySet[Case], *fields: str) -> list[list[tuple[Any, int]]]:
    """The values of each of some columns and how often each occurs, the most frequent first; all in one look."""
    counts = [Counter[Any]() for _field in fields]
    for *values, count in cases.order_by().values_list(*fields).annotate(Count("pk")):
        for counter, value in zip(counts, values, strict=True):
            counter[value] += count
    return [most_first(each) for each in counts]


def most_first(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(((v, n) for v, n in counts.items() if v), key=lambda pair: (-pair[1], pair[0]))
