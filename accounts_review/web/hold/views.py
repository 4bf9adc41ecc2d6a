"""Hold everything: who holds what and why, the button that stops everything, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import Hold, Workspace, may, workspaces_of
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.tasks import sources
from accounts_review.web.shared.access import PortalView
from accounts_review.wording import holds as in_sentences
from accounts_review.wording import reasons
from accounts_review.workflow import holds

SHOWN = 20
RELEASES: dict[str, Promise] = {
    "release": gettext_lazy("Release the hold"),
    "reset": gettext_lazy("Accept the database as it is"),
}
"""What lets removals leave again: a person is asked anew. Holding takes no more than a reason."""


class HoldForm(forms.Form):
    """What is held or released, and why."""

    workspace = forms.ModelChoiceField(
        Workspace.objects.none(),
        to_field_name="name",
        required=False,
        label=gettext_lazy("What"),
        empty_label=gettext_lazy("the whole portal"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        label=gettext_lazy("Reason (visible to everyone)"),
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        workspace = self.fields["workspace"]
        assert isinstance(workspace, forms.ModelChoiceField)
        workspace.queryset = workspaces_of(user)


class HoldPage(PortalView):
    """The holds that are open, those of late, and the forms for holding and releasing."""

    template_name = "accounts_review/hold/page.html"
    needs_to_act = "administer"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        return RELEASES.get(request.POST.get("act", ""), "")

    def whom(self, request: HttpRequest, **kwargs: Any) -> str:
        return request.POST.get("workspace") or _("the whole portal")

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._answer(HoldForm(initial={"workspace": request.GET.get("workspace", "")}, user=self.request.user))

    def post(self, request: HttpRequest) -> HttpResponse:
        form, act = HoldForm(request.POST, user=self.request.user), self._acts.get(request.POST.get("act", ""))
        if act is None or not form.is_valid():
            messages.error(request, _what_is_wrong(form) if act else _("Nothing was changed. Reload the page first."))
            return self._answer(form, status=400)
        try:
            messages.success(request, act(form.cleaned_data["workspace"], form.cleaned_data["reason"]))
        except holds.HoldRefused as error:
            messages.error(request, str(error))
            given = {"workspace": request.POST.get("workspace", "")}
            blank = HoldForm(initial=given, user=self.request.user)
            return self._answer(blank, status=409, typed=form.cleaned_data["reason"])
        return redirect(f"{reverse('hold')}?{urlencode({'workspace': request.POST.get('workspace', '')})}")

    @property
    def _acts(self) -> dict[str, Callable[[Workspace | None, str], str]]:
        return {"hold": self._hold, "release": self._release, "reset": self._reset}

    def _hold(self, workspace: Workspace | None, reason: str) -> str:
        holds.hold(workspace=workspace, actor=self.request.user, reason=reason, now=now())
        return _("Everything is held. No notices are sent and nobody is removed.")

    def _release(self, workspace: Workspace | None, reason: str) -> str:
        holds.release(workspace=workspace, actor=self.request.user, reason=reason, now=now())
        return _("Released. Notices and removals continue.")

    def _reset(self, workspace: Workspace | None, reason: str) -> str:
        known = sources.known_workspaces()
        holds.reset_checkpoint(workspaces=known, actor=self.request.user, reason=reason, now=now())
        return _("The database is accepted as it is, and new checkpoints start.")

    def _answer(self, form: HoldForm, *, status: int = 200, typed: str = "") -> HttpResponse:
        """The page; ``typed`` is the reason for what lets removals leave again, where that was refused."""
        user = self.request.user
        seen = Hold.objects.filter(Q(workspace=None) | Q(workspace__in=workspaces_of(user))).select_related("workspace")
        standing = list(seen.open())
        context: dict[str, Any] = {
            "form": form,
            "typed": typed,
            "by_people": [(hold, may(user, "administer", hold.workspace)) for hold in standing if hold.is_by_person],
            "of_checkpoints": [(hold, in_sentences.of_hold(hold)) for hold in standing if hold.is_of_checkpoint],
            "past": [
                (hold, in_sentences.of_hold(hold), reasons.told(hold.release_reason))
                for hold in seen.exclude(released_at=None)[:SHOWN]
            ],
            "may_release": may(user, "administer", None),
        }
        return self.render_to_response(self.get_context_data(**context), status=status)


def _what_is_wrong(form: HoldForm) -> str:
    if "workspace" in form.errors:
        return _("Nothing was changed. There is no such workspace, or you have no role in it.")
    return _("Nothing was changed. Give a reason; it is recorded in the audit.")
