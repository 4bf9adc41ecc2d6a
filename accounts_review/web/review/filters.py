"""The filters of the review page. Their whole state is the address: it can be kept, shared and asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import django_filters as filters
from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, npgettext

from accounts_review.models import Case, Exemption, Snooze, Workspace
from accounts_review.models.account import VERDICT_LABELS, AccountQuerySet
from accounts_review.rules.dormancy import Standing, Verdict
from accounts_review.rules.lifecycle import CaseState
from accounts_review.rules.policy import ALWAYS_PROTECTED
from accounts_review.web.review.counts import Counts, counts_among, counts_by_segment
from accounts_review.web.review.seek import idle_enough, order_named
from accounts_review.web.shared.filters import Filters
from accounts_review.web.shared.groups import titles_of
from accounts_review.web.shared.made import Made
from accounts_review.web.shared.widgets import LongSelect
from accounts_review.wording import instants, segments
from accounts_review.wording.labels import labelled
from accounts_review.wording.numbers import counted
from accounts_review.wording.tallies import TALLIES

DEFAULT = {"verdict": "dormant", "state": "open"}
"""What an address without any filter asks for."""

EVERYONE = "all"
DORMANT_ADMINISTRATORS = f"verdict={Verdict.PROTECTED}&right={ALWAYS_PROTECTED}"
"""Those who may change everything and are idle, as an address asks for them: never revoked, but not to be forgotten."""

TABS = (Verdict.DORMANT, Verdict.UNCERTAIN, Verdict.PROTECTED, Verdict.ACTIVE)
VERDICTS = [*((verdict.value, VERDICT_LABELS[verdict]) for verdict in TABS), (EVERYONE, gettext_lazy("all"))]
STATES = [
    ("open", gettext_lazy("open for decision")),
    ("draft", gettext_lazy("in the draft")),
    ("running", gettext_lazy("in a running clean-up")),
    ("exempt", gettext_lazy("exempt")),
    ("lapsing", gettext_lazy("exemption ending soon")),
    ("later", gettext_lazy("snoozed")),
    ("decided", gettext_lazy("decided")),
]
IN_A_FIELD = {"q", "segment", "group", "idle", "state", "never_used"}
"""Filters whose fields show what is in force, so that no chip repeats it where nothing was narrowed."""
LAPSING = timedelta(days=30)
"""An exemption that ends within this time is about to lapse."""

CSS_CLASSES: dict[type, str] = {
    forms.CheckboxInput: "form-check-input",
    forms.Select: "form-select form-select-sm",
    LongSelect: "form-select form-select-sm",
}


def _decided(count: int) -> str:
    return npgettext("so many accounts", "decided", "decided", count)


def _all(count: int) -> str:
    return npgettext("so many accounts", "all", "all", count)


@dataclass(frozen=True, slots=True)
class Tab:
    """A verdict to choose, with how many there are and the filters that show them."""

    verdict: str
    label: str
    count: int
    query: str
    is_current: bool
    is_capped: bool = False
    """Whether there are more, which nobody counted."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force, and the filters that are left without it."""

    label: str
    query: str


class DaysFilter(filters.Filter):  # type: ignore[misc]
    field_class = forms.IntegerField


class ReviewFilter(Filters):
    """Narrows the accounts of a workspace, as they are at ``now``."""

    q = filters.CharFilter(
        method="filter_q", max_length=200, label=gettext_lazy("Search"), widget=forms.TextInput({"type": "search"})
    )
    verdict = filters.ChoiceFilter(method="filter_verdict", choices=VERDICTS, label=gettext_lazy("Verdict"))
    segment = filters.ChoiceFilter(
        field_name="assessment__segment",
        choices=(),
        label=gettext_lazy("Segment"),
        empty_label=gettext_lazy("Any segment"),
        widget=LongSelect,
    )
    group = filters.ChoiceFilter(
        method="filter_group",
        choices=(),
        label=gettext_lazy("Group"),
        empty_label=gettext_lazy("Any group"),
        widget=LongSelect,
    )
    idle = DaysFilter(
        method="filter_idle", min_value=0, max_value=36_500, label=gettext_lazy("Idle longer than (days)")
    )
    right = filters.ChoiceFilter(
        method="filter_right", choices=(), label=gettext_lazy("Protected by right"), widget=forms.HiddenInput
    )
    state = filters.ChoiceFilter(
        method="filter_state",
        choices=STATES,
        label=gettext_lazy("State"),
        empty_label=gettext_lazy("Any state"),
        widget=LongSelect,
    )
    never_used = filters.BooleanFilter(
        method="filter_never_used", label=gettext_lazy("Never used"), widget=forms.CheckboxInput
    )

    # The next two have no field to fill in: numbers of other pages lead here with them.
    dormant_since = filters.DateFilter(method="filter_since", widget=forms.HiddenInput)
    dormant_until = filters.DateFilter(method="filter_until", widget=forms.HiddenInput)

    def __init__(self, query: QueryDict, *, queryset: AccountQuerySet, workspace: Workspace, now: datetime) -> None:
        super().__init__(asked(query, self.base_filters), queryset=queryset)
        self.now = now
        self.workspace = workspace
        self.sort = query.get("sort", "")
        self.order: Sequence[Any] = order_named("").of_accounts()
        self.keys: list[int] | None = None
        """Those on the list in that order, once they were counted one by one."""
        self.filters["segment"].extra["choices"] = lambda: [
            (name, segments.shown(name)) for name in sorted(self.by_segment)
        ]
        self.titles = titles_of(workspace)
        self.filters["group"].extra["choices"] = lambda: sorted(
            self.titles.items(), key=lambda group: group[1].casefold()
        )
        if "right" in self.data:
            policies = workspace.policies.filter(is_current=True)
            rights = {right for policy in policies for right in policy.rules.protect.permissions}
            self.filters["right"].extra["choices"] = [(right, right) for right in sorted(rights)]
        for field in self.form.fields.values():
            field.widget.attrs["class"] = CSS_CLASSES.get(type(field.widget), "form-control form-control-sm")
        for name in ("q", "idle"):
            self.form.fields[name].widget.attrs["placeholder"] = self.form.fields[name].label

    @property
    def fields(self) -> Made:
        """The form, for its fields."""
        return Made((self.query, *sorted(self.by_segment), *self.titles.items()), self.form)

    @property
    def query(self) -> str:
        """The filters in force as the part of an address after the question mark, always written the same way."""
        return self.without()

    @property
    def is_default(self) -> bool:
        return bool(self.data.dict() == DEFAULT)

    def without(self, *names: str, **instead: str) -> str:
        """The filters in force but for some, and with others."""
        left = {name: value for name, value in self.data.items() if name not in names and name not in instead}
        return urlencode(left | instead or {"verdict": EVERYONE})

    @property
    def matching(self) -> AccountQuerySet:
        """Those who match; nobody, where the filters make no sense."""
        found: AccountQuerySet = self.qs if self.is_valid() else self.queryset.none()
        return found

    def filter_q(self, accounts: AccountQuerySet, name: str, value: str) -> AccountQuerySet:
        return accounts.search(value)

    def filter_verdict(self, accounts: AccountQuerySet, name: str, value: str) -> AccountQuerySet:
        if value == EVERYONE:
            return accounts
        return accounts.whose_verdict(value, now=self.now).filter(
            idle_enough(value, sort=self.sort, workspace=self.workspace, now=self.now)
        )

    def filter_group(self, accounts: AccountQuerySet, name: str, value: str) -> AccountQuerySet:
        return accounts.filter(groups__contains=[value])

    def filter_idle(self, accounts: AccountQuerySet, name: str, value: int) -> AccountQuerySet:
        return accounts.filter(assessment__activity_at__lte=self.now - timedelta(days=value))

    def filter_right(self, accounts: AccountQuerySet, name: str, value: str) -> AccountQuerySet:
        holds = [{"code": "right", "subject": value}]
        return accounts.filter(assessment__standing=Standing.PROTECTED, assessment__reasons__contains=holds)

    def filter_state(self, accounts: AccountQuerySet, name: str, value: str) -> AccountQuerySet:
        return accounts.filter(state_is(value, now=self.now))

    def filter_never_used(self, accounts: AccountQuerySet, name: str, value: bool) -> AccountQuerySet:  # noqa: FBT001
        return accounts.filter(assessment__never_used=True) if value else accounts

    def filter_since(self, accounts: AccountQuerySet, name: str, value: date) -> AccountQuerySet:
        return accounts.filter(assessment__dormant_from__gte=instants.midnight(value))

    def filter_until(self, accounts: AccountQuerySet, name: str, value: date) -> AccountQuerySet:
        if value == date.max:
            return accounts.filter(assessment__dormant_from__isnull=False)
        return accounts.filter(assessment__dormant_from__lt=instants.midnight(value + timedelta(days=1)))

    def tabs(self) -> list[Tab]:
        """The verdicts to choose from under the other filters; their counts add up to *all*.

        The dormant start out as those open for decision; where some are decided, these have a tab of their own.
        """
        current, state = self.data.get("verdict", EVERYONE), self.data.get("state", "")
        is_split = state in ("open", "decided") if current == Verdict.DORMANT else not state
        kept = "" if is_split else state
        found = self._counts(kept)
        self.keys = found.keys
        tabs = [self._tab(verdict.value, TALLIES[verdict], found.totals[verdict.value], state=kept) for verdict in TABS]
        if is_split:
            dormant, opened = Verdict.DORMANT.value, found.still_open[Verdict.DORMANT.value]
            tabs[0] = self._tab(dormant, TALLIES[Verdict.DORMANT], opened, state="open")
            if (decided := found.totals[dormant] - opened) or state == "decided":
                tabs.insert(1, self._tab("decided", _decided, decided, state="decided", verdict=dormant))
        tabs.append(self._tab(EVERYONE, _all, found.total, state=kept))
        return [replace(tab, is_capped=found.is_capped) for tab in tabs]

    def _tab(self, name: str, label: Callable[[int], str], count: int, *, state: str, verdict: str = "") -> Tab:
        wanted = {"verdict": verdict or name} | ({"state": state} if state else {})
        query = self.without("state", **wanted)
        here = (self.data.get("verdict", EVERYONE), self.data.get("state", ""))
        return Tab(name, label(count), count, query, here == (wanted["verdict"], state))

    def chips(self) -> list[Chip]:
        """The filters in force, but for the verdict, which the tabs show."""
        given = self.form.cleaned_data if self.form.is_valid() else {}
        labels = {
            name: _said(name, value, self.form.fields[name]) for name, value in given.items() if value or value == 0
        }
        return [Chip(labels[name], self.without(name)) for name in self.data if name != "verdict" and labels.get(name)]

    @cached_property
    def by_segment(self) -> dict[str, Counts]:
        """How many there are in each segment without any filter."""
        return counts_by_segment(self.workspace, now=self.now)

    def _counts(self, state: str) -> Counts:
        """How many have each verdict under all other filters, and how many of those are open for decision."""
        if not self.form.is_valid():
            return Counts()
        filled = self.form.cleaned_data.items()
        given = {name: value for name, value in filled if value is not False and value not in EMPTY_VALUES}
        narrowing = given.keys() - {"verdict", "state"}
        if narrowing <= {"segment", "never_used"} and state in ("", "open", "decided"):
            by_segment = self.by_segment
            if "never_used" in given:
                by_segment = counts_by_segment(self.workspace, now=self.now, is_unused=True)
            named = [given["segment"]] if "segment" in given else list(by_segment)
            return sum((by_segment.get(segment, Counts()).of_state(state) for segment in named), Counts())
        accounts = self.queryset.filter(state_is(state, now=self.now)) if state else self.queryset
        for name in narrowing:
            accounts = self.filters[name].filter(accounts, given[name])
        judged = accounts.with_verdict(self.now)
        # Of those counted, who is on the list.
        verdict, decided = self.data.get("verdict", EVERYONE), self.data.get("state", "")
        listed: dict[str, Any] = {"verdicts": list(map(str, Verdict)) if verdict == EVERYONE else [verdict]}
        listed["opens"] = [decided == "open"] if decided in ("open", "decided") else [True, False]
        # Whom a state has narrowed is open or not as it says: nobody is asked once more.
        is_open: Q | bool = state == "open" if state else state_is("open", now=self.now)
        return counts_among(judged, is_open=is_open, order=self.order, **listed)


def state_is(value: str, *, now: datetime) -> Q:
    """Whether an account, joined with its assessment, is in one of :data:`STATES` at an instant."""
    cases = Case.objects.open().filter(account=OuterRef("pk"))
    standing = Exemption.objects.in_force(now).filter(account=OuterRef("pk"))
    exempt = Q(Exists(standing))
    match value:
        case "open":
            return ~Q(Exists(cases)) & ~exempt & ~Q(Exists(Snooze.objects.in_force_there()))
        case "lapsing":
            return Q(Exists(standing.filter(until__lte=now + LAPSING)))
        case "later":
            return Q(Exists(Snooze.objects.those_in_force_there()))
        case "decided":
            decided = (Case.objects.open(), Exemption.objects.in_force(now), Snooze.objects.in_force())
            first, *others = (each.order_by().values("account") for each in decided)
            # Asked of each account, the database would look at everybody until a page is full.
            return Q(pk__in=first.union(*others, all=True))
        case "draft":
            return Q(Exists(cases.filter(state=CaseState.IN_DRAFT)))
        case "running":
            return Q(Exists(cases.exclude(state=CaseState.IN_DRAFT)))
        case _:
            return exempt


def asked(query: QueryDict, names: Mapping[str, Any]) -> QueryDict:
    """What an address asks for: its filters that say something, in one order, or the default where none does."""
    found = QueryDict(mutable=True)
    found.update({name: str(query[name]) for name in names if query.get(name)} or DEFAULT)
    return found


def _said(name: str, value: Any, field: forms.Field) -> str:
    """One filter in force, in words."""
    match name:
        case "idle":
            said = ngettext("idle longer than %(days)s day", "idle longer than %(days)s days", value)
            return said % counted({"days": value})
        case "dormant_since":
            return _("dormant from %(date)s or later") % {"date": instants.dated(value, "j M Y")}
        case "dormant_until":
            return _("dormant by %(date)s") % {"date": instants.dated(value, "j M Y")}
        case "never_used":
            return _("never used")
        case "q":
            return _("“%(term)s”") % {"term": value}
    return labelled(field.label, dict(getattr(field, "choices", ())).get(value, value))
