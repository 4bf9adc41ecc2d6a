"""Try another limit; nothing is saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts_review.models import DormancyCount, Workspace
from accounts_review.rules.policy import LONGEST_DAYS
from accounts_review.web.policy.idleness import Trial, idleness
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.wording import segments


class TrialForm(forms.Form):
    """A segment and a limit to try; without a limit nothing is tried."""

    segment = forms.ChoiceField(label=_("Segment"), required=False, widget=forms.Select({"class": "form-select"}))
    days = forms.IntegerField(
        label=_("Dormant after (days)"),
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        widget=forms.NumberInput({"class": "form-control", "inputmode": "numeric"}),
    )

    def __init__(
        self, *args: Any, workspace: Workspace, segments_held: Iterable[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        counted = DormancyCount.objects.filter(workspace=workspace)
        names = sorted(segments_held or counted.values_list("segment", flat=True).distinct())
        self.fields["segment"].choices = [("", _("every segment")), *((name, segments.shown(name)) for name in names)]  # type: ignore[attr-defined]

    def starting_with(self, segment: str) -> TrialForm:
        """The form with a segment chosen, where nobody has chosen one yet: one limit for all suits none of them."""
        self.fields["segment"].initial = segment
        return self

    @property
    def trial(self) -> Trial | None:
        if not self.is_valid() or not self.cleaned_data["days"]:
            return None
        return Trial(segment=self.cleaned_data["segment"], days=self.cleaned_data["days"])


class WhatIf(WorkspaceView):
    """The histogram of idle time under a limit that is tried."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = TrialForm(request.GET or None, workspace=self.workspace)
        self.template_name = f"accounts_review/overview/{'_idleness' if self.is_partial else 'what_if'}.html"
        found = idleness(workspace=self.workspace, now=self.now, trial=form.trial)
        context = {
            "trial_form": form.starting_with(found.largest),
            "idleness": found,
        }
        return self.render_to_response(self.get_context_data(**context))
