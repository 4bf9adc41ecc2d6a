"""How the audit is searched."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from accounts_review.audit.events import Event
from accounts_review.audit.words import Topic
from accounts_review.models import Account, AuditEntry, PersonalData
from accounts_review.web.shared.filters import RecordFilter
from accounts_review.web.shared.made import Made
from accounts_review.web.shared.widgets import DayInput
from accounts_review.wording import instants

TAKEN_OUT = "exports"
MOST_BY_NAME = 1000
EXPORTS = (
    *(Event.ACCOUNTS_EXPORTED, Event.CLEANUP_EXPORTED, Event.AUDIT_EXPORTED, Event.PERSON_REPORTED),
    Event.DECISIONS_IMPORTED,
)
"""What tells who took data out of the portal, or brought some in."""


@cache
def _kinds(_language: str | None) -> list[Any]:
    """The events by what they are about, each group headed by the choice of all of it, in the language that is on."""
    groups: list[Any] = [(TAKEN_OUT, gettext("exports and imports"))]
    for group in Topic:
        events = [(event.value, str(event.words.label)) for event in Event if event.group is group]
        every = [(f"{group}.", gettext("any of these"))] if len(events) > 1 else []
        groups.append((group.label, [*every, *sorted(events, key=lambda choice: choice[1])]))
    return groups


class AuditFilter(RecordFilter):
    """Who did what to whom, when."""

    is_lasting = True
    """Whether an entry that is found or not will always be so, as long as it stands."""

    q = django_filters.CharFilter(method="of_person", max_length=200, label=_("Name, address or username"))
    kind = django_filters.ChoiceFilter(
        method="of_kind", label=_("What"), empty_label=_("anything"), choices=lambda: _kinds(get_language())
    )
    actor = django_filters.CharFilter(method="of_actor", max_length=200, label=_("Who"))
    cleanup = django_filters.NumberFilter(label=_("Clean-up"), min_value=0, max_value=2_000_000_000, decimal_places=0)
    since = django_filters.DateFilter(method="from_day", label=_("From"), widget=DayInput())
    until = django_filters.DateFilter(method="to_day", label=_("To"), widget=DayInput())
    account = django_filters.NumberFilter(
        field_name="account_id", widget=forms.HiddenInput, min_value=0, max_value=2**62, decimal_places=0
    )
    seq = django_filters.NumberFilter(widget=forms.HiddenInput, min_value=1, max_value=2**62, decimal_places=0)

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.form.fields["actor"].widget.attrs |= {"list": "actors", "autocomplete": "off"}
        self.form.fields["q"].widget.input_type = "search"

    @property
    def fields(self) -> Made:
        """The form, for its fields."""
        return Made(tuple(self.data.get(name) for name in self.filters), self.form)

    def of_person(self, entries: QuerySet[AuditEntry], _name: str, term: str) -> QuerySet[AuditEntry]:
        """Those about accounts that are or were called so, or have such an address."""
        accounts = Account.objects.search(term).values_list("pk", flat=True)
        names = PersonalData.objects.exclude(name="").filter(name__icontains=term).values_list("digest", flat=True)
        return entries.filter(Q(account_id__in=self._few(accounts)) | Q(subject_ref__in=self._few(names)))

    def of_actor(self, entries: QuerySet[AuditEntry], _name: str, login: str) -> QuerySet[AuditEntry]:
        """Those of who is called so here, or was; capitals do not count."""
        people = PersonalData.objects.filter(account_id=None, name__iexact=login)
        return entries.filter(actor_ref__in=self._few(people.values_list("digest", flat=True)))

    def from_day(self, entries: QuerySet[AuditEntry], _name: str, day: date) -> QuerySet[AuditEntry]:
        return entries.filter(at__gte=instants.midnight(day))

    def to_day(self, entries: QuerySet[AuditEntry], _name: str, day: date) -> QuerySet[AuditEntry]:
        # By instants: to ask each entry for its day takes three times as long.
        return entries if day == date.max else entries.filter(at__lt=instants.midnight(day + timedelta(days=1)))

    def of_kind(self, entries: QuerySet[AuditEntry], _name: str, kind: str) -> QuerySet[AuditEntry]:
        """Those of one kind, of all kinds that begin so, or that took data out of the portal."""
        if kind == TAKEN_OUT:
            return entries.filter(kind__in=EXPORTS)
        if kind.endswith("."):
            # By name, each is found by its index; by how it begins, all entries are read.
            return entries.filter(kind__in=[event for event in Event if event.startswith(kind)])
        return entries.filter(kind=kind)

    def _few(self, keys: QuerySet[Any, Any]) -> Any:
        """Keys by name, where they are few: then their indexes are used. Many are left to the database."""
        found = list(keys[: MOST_BY_NAME + 1])
        if len(found) <= MOST_BY_NAME:
            return found
        self.is_lasting = False
        return keys

    @property
    def given(self) -> dict[str, str]:
        """What the entries are narrowed to, in names and texts."""
        return {name: str(value) for name, value in self.form.cleaned_data.items() if value not in (None, "")}
