"""What every page knows: the workspace it is about, and the pages one can go to from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts_review.models import Hold, Workspace, workspaces_of
from accounts_review.wording import holds as in_sentences
from accounts_review.wording import objections
from cleanup_portal import __version__

OF_WORKSPACES = {"workspaces", "new_workspace", "settings", "schedule", "syncs", "sync_page"}


def portal(request: HttpRequest) -> dict[str, Any]:
    """Context of every template, under ``portal``: the workspace, its pages, what the person may do, what is paused."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"portal": {}}
    match = request.resolver_match
    name = match.kwargs.get("workspace") if match else None
    everywhere = list(workspaces_of(request.user))
    workspaces = [each for each in everywhere if each.name == name] if name else everywhere
    workspace = workspaces[0] if len(workspaces) == 1 else None
    here = match.url_name if match else ""
    pages = [
        {"title": title, "url": url, "is_current": here in names}
        for title, url, names in (_pages(workspace) if workspace else _pages_of_all() if workspaces else [])
    ]
    standing = Hold.objects.open().select_related("workspace")
    held = [in_sentences.of_hold(hold) for hold in (standing.over(workspace) if name and workspace else standing)]
    stops = [_mail_stop(each, stop) for each in workspaces if (stop := each.mail_stopped)]
    known = {"workspace": workspace, "pages": pages, "held": held, "mail_stops": stops, "workspaces": everywhere}
    return {"portal": known | {"may": request.user.has_perm, "version": __version__}}


def _mail_stop(workspace: Workspace, stop: dict[str, str]) -> dict[str, Any]:
    said = objections.mail_stop(stop["code"], stop["reply"])
    return {"workspace": workspace, "said": said, "since": datetime.fromisoformat(stop["at"])}


def _pages_of_all() -> list[tuple[str, str, set[str]]]:
    return [
        (_("All workspaces"), reverse("home"), {"home"}),
        (_("Workspaces"), reverse("workspaces"), OF_WORKSPACES),
    ]


def _pages(workspace: Workspace) -> list[tuple[str, str, set[str]]]:
    def at(page: str) -> str:
        return reverse(page, kwargs={"workspace": workspace.name})

    return [
        (_("Overview"), at("overview"), {"overview"}),
        (_("Review"), at("review"), {"review", "account", "import", "import_plan"}),
        (_("Clean-ups"), at("cleanups"), {"cleanups", "cleanup", "launch", "case", "revoked"}),
        (
            _("Policy"),
            at("policy"),
            {"policy", "policy_version", "policy_preview", "movers", "backtest", "what_if", "emails"},
        ),
        (_("Audit"), at("audit"), {"audit"}),
        (_("Workspaces"), reverse("workspaces"), OF_WORKSPACES),
    ]
