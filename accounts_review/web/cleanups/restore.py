"""Restore: invite one person back from the report of the clean-up that revoked them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from accounts_review.models import Case
from accounts_review.tasks import actions
from accounts_review.web.shared.access import WorkspaceView


class Restore(WorkspaceView):
    """Invites back, and says what could not be given back."""

    needs = "operate"
    asks_anew = gettext_lazy("Invite back")

    def whom(self, request: HttpRequest, **kwargs: Any) -> str:
        return str(self._case.account.username)

    def post(self, request: HttpRequest, *, number: int, **kwargs: Any) -> HttpResponse:
        try:
            (result,) = actions.restore(self.workspace, [self._case], actor=self.request.user)
        except ImproperlyConfigured as problem:
            messages.error(request, str(problem))
        else:
            (messages.error if result.problem else messages.success)(request, str(result))
        return redirect("cleanup", workspace=self.workspace.name, number=number)

    @cached_property
    def _case(self) -> Case:
        known = Case.objects.filter(cleanup__workspace=self.workspace, cleanup__number=self.kwargs["number"])
        return get_object_or_404(known.select_related("account"), pk=self.kwargs["pk"])
