"""The back-test: what a policy would have said on a past day, held against who has been back since."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tables2 import RequestConfig

from accounts_review.models import PolicyPreview
from accounts_review.web.policy.tables import ReturnTable
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.widgets import DayInput
from accounts_review.wording import instants
from accounts_review.workflow.policy.backtest import LookBack, backtest, first_reading, returned

A_YEAR = timedelta(days=365)


class BacktestForm(forms.Form):
    """A day in the past, and the policy to test: the one in force, or a preview."""

    on = forms.DateField(label=gettext_lazy("On this date"), widget=DayInput({"class": "form-control"}))

    def __init__(self, *args: Any, policy_previews: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = localdate(now)
        self.fields["policy_preview"] = forms.ModelChoiceField(
            policy_previews, required=False, widget=forms.HiddenInput
        )
        self.fields["on"].widget.attrs["max"] = (self.today - timedelta(days=1)).isoformat()

    def clean_on(self) -> datetime:
        day = self.cleaned_data["on"]
        if not day.year >= 2000 or day >= self.today:
            raise forms.ValidationError(_("Choose a date in the past."))
        return instants.midnight(day)


class BacktestPage(WorkspaceView):
    """Chosen by the address, so that it can be kept and shared; without a day it looks back a year."""

    template_name = "accounts_review/policy/backtest.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        asked = request.GET.copy()
        asked.setdefault("on", (localdate(self.now) - A_YEAR).isoformat())
        judged = PolicyPreview.objects.filter(
            workspace=self.workspace, over__is_current=True, state=PolicyPreview.State.READY
        )
        form = BacktestForm(asked, policy_previews=judged, now=self.now)
        context: dict[str, Any] = {"form": form, "first_reading": first_reading(self.workspace)}
        if form.is_valid():
            context |= self._tested(form.cleaned_data["on"], form.cleaned_data["policy_preview"])
        return self.render_to_response(self.get_context_data(**context))

    def _tested(self, on: datetime, policy_preview: PolicyPreview | None) -> dict[str, Any]:
        asked: dict[str, Any] = {"workspace": self.workspace, "policy_preview": policy_preview, "on": on}
        segments = backtest(**asked)
        table = ReturnTable(returned(**asked), now=self.now, workspace=self.workspace)
        RequestConfig(self.request, paginate={"per_page": 25}).configure(table)
        total = LookBack(
            segment="",
            silent=sum(tested.silent for tested in segments),
            returned=sum(tested.returned for tested in segments),
            unknown=sum(tested.unknown for tested in segments),
            is_about=any(tested.is_about for tested in segments),
        )
        return {"on": on, "policy_preview": policy_preview, "segments": segments, "total": total, "table": table}
