"""What every page knows: the workspace it is about, and the pages one can go to from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, FilteredRelation, Func, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts_review.models import (
    BulkDecision,
    Case,
    Hold,
    PolicyVersion,
    Role,
    Sync,
    Workspace,
    may,
    may_somewhere,
    workspaces_of,
)
from accounts_review.models.prepared import Prepared
from accounts_review.models.workspace import IN_FORCE
from accounts_review.rules.lifecycle import CaseState
from accounts_review.web.shared.help import OF_PAGE
from accounts_review.wording import holds as in_sentences
from accounts_review.wording import objections
from accounts_review.wording.numbers import up_to
from accounts_review.workflow.notify.smtp import StopCode
from cleanup_portal import __version__

JUST_NOW = timedelta(hours=1)
MOST_IN_DRAFT = 10_000
"""Of more it is said that they are more."""
OF_WORKSPACES = {"workspaces", "new_workspace", "settings", "schedule", "syncs", "sync_page"}


def portal(request: HttpRequest) -> dict[str, Any]:
    """Context of every template, under ``portal``: the workspace, its pages, what the person may do, what is paused.

    A page with a table has two templates or more, so it is gathered once and kept with the request.
    """
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"portal": {}}
    # A page is put together from several templates, each of which asks.
    known: dict[str, Any] | None = getattr(request, "_portal", None)
    if known is None:
        known = _known(request)
        request._portal = known  # type: ignore[attr-defined]
    return {"portal": known}


def with_draft(workspaces: QuerySet[Workspace]) -> QuerySet[Workspace]:
    """The workspaces, each with its draft as a basket: ``draft_number``, and ``draft_count`` of accounts in it.

    Counted up to one more than :data:`MOST_IN_DRAFT`: every page asks, and 72,000 took the database 40 ms.
    """
    cases = Case.objects.filter(
        cleanup__workspace=OuterRef("pk"), cleanup__state="draft", state=CaseState.IN_DRAFT
    ).order_by()
    some = ArraySubquery(cases.values("pk")[: MOST_IN_DRAFT + 1])
    return workspaces.annotate(
        draft_number=Subquery(cases.values("cleanup__number")[:1]),
        draft_count=Func(some, function="cardinality", output_field=IntegerField()),
    )


def page_of_ours(given: str, *, otherwise: str = "") -> str:
    """Where somebody wants to go on to, if that is a page of the portal; else ``otherwise``."""
    return given if given.startswith("/") and url_has_allowed_host_and_scheme(given, None) else otherwise


def look_up(user: User | AnonymousUser) -> list[Any]:
    """The workspaces that a person sees, each with what a page tells of it: draft, holds, policy, the person's roles.

    ``roles_held`` are names of roles there or in the whole portal, ``is_held`` says whether an open hold concerns it,
    ``doubted_sync`` is the key of a quarantined sync, if there is one; ``last_sync`` and ``last_sync_state`` are of the
    newest that has ended, ``good_sync_at`` is when the last good one began, ``good_sync_ended`` when it ended;
    ``deciding`` and ``decided`` are keys of a bulk decision that goes on, or has ended just now.
    """
    found = _LOOK_UP.objects(person=user.pk or 0, just_now=timezone.now() - JUST_NOW)
    for each in found:
        if each.policy_id is not None:
            policy = {name: getattr(each, f"policy_{name}") for name in POLICY}
            setattr(each, IN_FORCE, PolicyVersion(workspace=each, is_current=True, **policy))
    return found


def _look_up(person: int, just_now: datetime) -> QuerySet[Workspace]:
    syncs = Sync.objects.filter(workspace=OuterRef("pk"))
    ended = syncs.exclude(state__in=(Sync.State.RUNNING, Sync.State.DISCARDED))
    here = Q(workspace=None) | Q(workspace=OuterRef("pk"))
    bulk = BulkDecision.objects.filter(workspace=OuterRef("pk"))
    in_force: Any = FilteredRelation("policies", condition=Q(policies__is_current=True))
    policy: dict[str, Any] = {f"policy_{name}": F(f"in_force__{name}") for name in POLICY}
    return with_draft(workspaces_of(User(pk=person))).annotate(
        roles_held=ArraySubquery(Role.objects.filter(here, person=person).order_by().values("name")),
        is_held=Exists(Hold.objects.open().filter(here)),
        doubted_sync=Subquery(syncs.filter(state=Sync.State.QUARANTINED).values("pk")[:1]),
        last_sync=Subquery(ended.values("pk")[:1]),
        last_sync_state=Subquery(ended.values("state")[:1]),
        good_sync_at=Subquery(syncs.filter(state=Sync.State.COMPLETE).values("started_at")[:1]),
        good_sync_ended=Subquery(syncs.filter(state=Sync.State.COMPLETE).values("finished_at")[:1]),
        deciding=Subquery(bulk.filter(ended_at=None).values("pk")[:1]),
        decided=Subquery(bulk.filter(ended_at__gt=just_now).values("pk")[:1]),
        in_force=in_force,
        **policy,
    )


POLICY = ("id", "number", "text", "is_judged", "activated_at", "activated_by", "proposed_by", "reason")
"""Of the policy in force, what comes with a workspace."""
_LOOK_UP = Prepared(_look_up, person=int, just_now=datetime)


def workspace_named(request: HttpRequest, name: str) -> Workspace:
    """A workspace that the person may see, with all that the page will ask of it. Raises ``Http404``."""
    found: Workspace | None = next((each for each in looked_up(request) if each.name == name), None)
    if found is None:
        raise Http404
    return found


def looked_up(request: HttpRequest) -> list[Any]:
    """Looked up once for a page."""
    known: list[Any] | None = getattr(request, "_workspaces", None)
    if known is None:
        known = request._workspaces = look_up(request.user)  # type: ignore[attr-defined]
    return known


def draft_of(workspace: Workspace) -> dict[str, Any]:
    """The number of a workspace's draft, and how many accounts are in it."""
    ((number, count),) = _DRAFT.rows(workspace=workspace.pk)
    return _draft(number, count)


def _draft(number: int | None, count: int) -> dict[str, Any]:
    return {"number": number, "count": up_to(MOST_IN_DRAFT, count)}


_DRAFT = Prepared(
    lambda workspace: with_draft(Workspace.objects.filter(pk=workspace)).values_list(*("draft_number", "draft_count")),
    workspace=int,
)


def _known(request: HttpRequest) -> dict[str, Any]:
    user = request.user
    if not isinstance(user, User):
        return {}
    match = request.resolver_match
    name = match.kwargs.get("workspace") if match else None
    everywhere = looked_up(request) if request.method == "GET" else look_up(user)
    workspaces = [each for each in everywhere if each.name == name] if name else everywhere
    workspace = workspaces[0] if len(workspaces) == 1 else None
    here = match.url_name if match else ""
    pages = [
        {"title": title, "url": url, "is_current": here in names}
        for title, url, names in (
            _pages(workspace.name, get_language()) if workspace else _pages_of_all() if workspaces else []
        )
    ]
    if may_somewhere(request.user, "administer"):
        names = {"people", "people_of_workspace", "person"}
        pages.append({"title": _("People"), "url": reverse("people"), "is_current": here in names})
        if settings.IS_DEMO and may(user, "administer", None):
            pages.append({"title": _("Mailbox"), "url": reverse("mailbox"), "is_current": here == "mailbox"})
    held = [in_sentences.of_hold(hold) for hold in _holds(everywhere, here=workspace if name else None)]
    stops = [_mail_stop(each, stop) for each in workspaces if (stop := each.mail_stopped)]
    return {
        "workspace": workspace,
        "pages": pages,
        "held": held,
        "mail_stops": stops,
        "workspaces": everywhere,
        "draft": {"number": workspace.draft_number, "count": up_to(MOST_IN_DRAFT, workspace.draft_count)}
        if workspace
        else {},
        "bulk": {"goes_on": workspace.deciding, "ended": workspace.decided} if workspace else {},
        "may": Permissions(user, workspace),
        "version": __version__,
        "help": OF_PAGE.get(here or ""),
    }


class Permissions:
    """What somebody may do in a workspace, or for the portal, asked for by the act: ``portal.may.decide``."""

    def __init__(self, user: User, workspace: Workspace | None) -> None:
        self._user, self._workspace = user, workspace

    def __getitem__(self, act: str) -> bool:
        return may(self._user, act, self._workspace)


def _holds(workspaces: list[Any], *, here: Workspace | None) -> Iterable[Hold]:
    """The holds that concern one workspace, or some; where there are none, as on most days, nobody is asked."""
    if workspaces and not any(each.is_held for each in workspaces):
        return ()
    standing = Hold.objects.open().select_related("workspace")
    return standing.over(here) if here else standing.filter(Q(workspace=None) | Q(workspace__in=workspaces))


def _mail_stop(workspace: Workspace, stop: dict[str, str]) -> dict[str, Any]:
    said = objections.mail_stop(stop["code"], stop["reply"])
    has_server = stop["code"] != StopCode.UNREAD
    return {
        "workspace": workspace,
        "said": said,
        "since": datetime.fromisoformat(stop["at"]),
        "has_server": has_server,
    }


def _pages_of_all() -> list[tuple[str, str, set[str]]]:
    return [
        (_("All workspaces"), reverse("home"), {"home"}),
        (_("Workspaces"), reverse("workspaces"), OF_WORKSPACES),
    ]


@lru_cache(1_000)
def _pages(workspace: str, _language: str | None) -> tuple[tuple[str, str, set[str]], ...]:
    def at(page: str) -> str:
        return reverse(page, kwargs={"workspace": workspace})

    return (
        (_("Overview"), at("overview"), {"overview"}),
        (_("Review"), at("review"), {"review", "account", "known_then", "import", "import_plan", "bulk_decision"}),
        (_("Clean-ups"), at("cleanups"), {"cleanups", "cleanup", "launch", "case", "print"}),
        (_("Revoked"), at("revoked"), {"revoked"}),
        (
            _("Policy"),
            at("policy"),
            {
                "policy",
                "policy_record",
                "policy_version",
                "policy_preview",
                "preview_accounts",
                "backtest",
                "what_if",
                "emails",
            },
        ),
        (_("Audit"), at("audit"), {"audit"}),
        (_("Workspaces"), reverse("workspaces"), OF_WORKSPACES),
    )
