"""The decision on accounts, as it is posted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.web.shared.widgets import DayInput
from accounts_review.wording import instants
from accounts_review.wording.labels import labelled

USUAL_EXEMPTION, A_YEAR = timedelta(days=180), timedelta(days=365)
ENDS, SOONEST_END = (3, 6, 9, 12), timedelta(days=14)
"""Months whose first day ends an exemption at one click, unless that is sooner than this."""
DECISIONS = (
    ("approve", gettext_lazy("Approve")),
    ("exempt", gettext_lazy("Exempt")),
    ("snooze", gettext_lazy("Snooze")),
    ("withdraw", gettext_lazy("Withdraw")),
)


class KeysField(forms.Field):
    """Primary keys, each once."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {"invalid": gettext_lazy("Some of these are not accounts.")}

    def to_python(self, value: Any) -> list[int]:
        if not all(str(key).isascii() and str(key).isdecimal() and len(str(key)) < 19 for key in value or ()):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return sorted({int(key) for key in value or ()})


@dataclass(frozen=True, slots=True)
class Deciding:
    """What fields to decide with are made of: today, and the last day until which somebody may be exempt."""

    today: date
    latest: date

    @classmethod
    def of(cls, now: datetime, latest: datetime) -> Deciding:
        return cls(instants.portal_day(now), instants.portal_day(latest))

    @property
    def form(self) -> DecisionForm:
        """The fields, of the bar that decides on many."""
        now, latest = (instants.start_of(day) for day in (self.today, self.latest))
        return DecisionForm(now=now, latest=latest, auto_id="bulk-%s")


class DecisionForm(forms.Form):
    """What is decided, why, and on whom: accounts that were ticked, all that match a filter, or a decision undone."""

    decision = forms.ChoiceField(choices=DECISIONS)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=LONGEST_REASON, required=False)
    until = forms.DateField(label=gettext_lazy("Exempt until"), required=False, widget=DayInput())
    account = KeysField(required=False)
    scope = forms.ChoiceField(choices=[("ticked", ""), ("all", ""), ("undo", "")], required=False)
    filter = forms.CharField(required=False, max_length=2000)
    expected = forms.IntegerField(required=False, min_value=0)
    digest = forms.CharField(required=False, max_length=64)
    seen = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1)
    decided_at = forms.CharField(required=False, max_length=40)

    def __init__(self, data: QueryDict | None = None, *, now: datetime, latest: datetime, **kwargs: Any) -> None:
        super().__init__(_at_one_click(data) if data else data, **kwargs)
        today = instants.portal_day(now)
        self.earliest, self.latest = today + timedelta(days=1), instants.portal_day(latest)
        until = self.fields["until"]
        until.initial = min(today + USUAL_EXEMPTION, self.latest)
        until.widget.attrs |= {"min": self.earliest.isoformat(), "max": self.latest.isoformat()}
        for name in ("reason", "until"):
            self.fields[name].widget.attrs["class"] = "form-control form-control-sm"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        decision = cleaned.get("decision")
        if decision in ("exempt", "withdraw") and not cleaned.get("reason") and "reason" not in self.errors:
            self.add_error("reason", _("Give a reason; it is kept with the decision."))
        if decision != "exempt":
            self.errors.pop("until", None)  # The bar shows the field whatever is decided.
        elif "until" not in self.errors:
            self._check_until(cleaned.get("until"))
        return cleaned

    @property
    def ends(self) -> list[date]:
        """The days until which one click exempts: those of a year that the policy allows."""
        soonest = self.earliest + SOONEST_END
        days = (date(year, month, 1) for year in (soonest.year, soonest.year + 1) for month in ENDS)
        return [day for day in days if soonest <= day <= self.latest][: len(ENDS)]

    @property
    def exempt_until(self) -> datetime:
        """The instant at which the exemption ends: the start of the day that was given."""
        day: date = self.cleaned_data["until"]
        return instants.start_of(day)

    @property
    def problems(self) -> list[str]:
        """What is wrong, each with the field it is about."""
        return [
            labelled(self.fields[name].label if name in ("reason", "until") else "", error)
            for name, errors in self.errors.items()
            for error in errors
        ]

    def _check_until(self, day: date | None) -> None:
        if day is None:
            self.add_error("until", _("An exemption needs an end date."))
        elif not self.earliest <= day <= self.latest:
            latest = instants.dated(self.latest, "j M Y")
            self.add_error("until", _("Choose a date from tomorrow to %(latest)s.") % {"latest": latest})


def _at_one_click(sent: QueryDict) -> QueryDict:
    """What was sent; a button that carries an end decides to exempt until then, whatever the field of the date says."""
    if not (end := sent.get("exempt_until")):
        return sent
    given = sent.copy()
    given["decision"], given["until"] = "exempt", end
    return given


class ServiceAccountForm(forms.Form):
    """That an account is a robot and who answers for it: marked, confirmed for another year, or no longer so."""

    act = forms.ChoiceField(choices=[("confirm", ""), ("end", "")])
    owner_email = forms.EmailField(label=gettext_lazy("Owner's e-mail address"), max_length=254, required=False)
    reason = forms.CharField(label=gettext_lazy("What it does"), max_length=LONGEST_REASON)

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._a_year_ahead = instants.portal_day(now) + A_YEAR
        for name in ("owner_email", "reason"):
            self.fields[name].widget.attrs["class"] = "form-control form-control-sm"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("act") == "confirm" and not cleaned.get("owner_email") and "owner_email" not in self.errors:
            self.add_error("owner_email", _("Give the owner's address; the owner is e-mailed before the year ends."))
        return cleaned

    @property
    def kept_until(self) -> datetime:
        """A year ahead, when the owner must have confirmed it again."""
        return instants.start_of(self._a_year_ahead)

    @property
    def problems(self) -> list[str]:
        """What is wrong, each with the field it is about."""
        return [labelled(self.fields[name].label, error) for name, errors in self.errors.items() for error in errors]
