"""The overview: what needs attention now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.generic import TemplateView

from accounts_review.models import Workspace
from accounts_review.web.access import PortalView, WorkspaceView
from accounts_review.workflow import assess


class Home(PortalView):
    """Sends a person to the first workspace's overview, or to the workspaces where there is none yet."""

    def get(self, request: Any) -> HttpResponse:
        workspace = Workspace.objects.first()
        return redirect("overview", workspace=workspace.name) if workspace else redirect("workspaces")


class Overview(WorkspaceView, TemplateView):
    template_name = "accounts_review/overview.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"tally": assess.tally(workspace=self.workspace, now=self.now)}
