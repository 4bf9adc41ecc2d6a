"""Who may see and do what: every page of a workspace starts here, and refuses by default."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.timezone import now
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View
from django_htmx.middleware import HtmxDetails

from accounts_review.models import (
    Workspace,
    may,
    may_somewhere,
    permit,
    permit_somewhere,
    remember_roles,
    workspaces_of,
)
from accounts_review.models.prepared import Prepared
from accounts_review.models.role import denied
from accounts_review.tasks import actions
from accounts_review.web.shared import anew
from accounts_review.web.shared.navigation import looked_up, workspace_named


class Request(HttpRequest):
    """A request of a person who has signed in."""

    user: User
    htmx: HtmxDetails


class PortalView(TemplateResponseMixin, ContextMixin, View):
    """A page that takes one of the four permissions somewhere: ``needs``. The acts behind it ask again.

    To somebody without any role it does not exist.
    """

    needs = "read"
    needs_to_act = ""
    """The permission that sending a form takes, where it is more than seeing the page."""
    everywhere = False
    """Whether it takes the permission for the whole portal."""
    asks_anew: str | Promise = ""
    """What sending a form does that could harm many, as a button would say it: then the person is asked anew."""
    request: Request

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User):
            raise PermissionDenied
        if request.method == "GET":
            self.remember_roles(user)
        self.check(user, self.needs)
        harm = self.harm(request, **kwargs) if request.method == "POST" else ""
        if not harm:
            return super().dispatch(request, *args, **kwargs)
        self.check(user, self.needs_to_act or self.needs)
        if not anew.is_fresh(request):
            return anew.ask(request, harm, whom=self.whom(request, **kwargs))
        anew.forget(request)
        response = super().dispatch(request, *args, **kwargs)
        actions.alert_administrators()
        return response

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        """What this form does that could harm many; "" for one that cannot."""
        return self.asks_anew

    def whom(self, request: HttpRequest, **kwargs: Any) -> str:
        """The account or the login that this form concerns; "" where its address and its fields say it."""
        return ""

    def remember_roles(self, user: User) -> None:
        """Look up once what the page will ask about the person."""
        remember_roles(user)

    def check(self, user: User, act: str) -> None:
        """Refuse whoever may not do this here. Raises ``PermissionDenied`` and ``Http404``."""
        if not may_somewhere(user):
            raise Http404
        if self.everywhere:
            permit(user, act, None)
        else:
            permit_somewhere(user, act)

    @property
    def is_partial(self) -> bool:
        """Whether htmx wants the fragment; a history restore wants the page."""
        htmx = self.request.htmx
        return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


class WorkspaceView(PortalView):
    """A page of one workspace, named in the address. ``now`` is the same instant all through the request.

    It does not exist for whoever has no role in the workspace.
    """

    workspace: Workspace
    now: datetime

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = now()
        name = kwargs["workspace"]
        # What is done is done to the workspace as it is, whose row nothing was looked up with.
        self.workspace = workspace_named(request, name) if request.method == "GET" else _to_act_on(request.user, name)

    def remember_roles(self, user: User) -> None:
        remember_roles(user, ((each.pk, role) for each in looked_up(self.request) for role in each.roles_held))

    def check(self, user: User, act: str) -> None:
        if not may(user, act, self.workspace):
            raise denied(user, act)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The context of the page: the workspace and the instant, under those names."""
        return super().get_context_data(**kwargs) | {"workspace": self.workspace, "now": self.now}


_NAMED = Prepared(lambda person, name: workspaces_of(User(pk=person)).filter(name=name), person=int, name=str)


def _to_act_on(user: User | AnonymousUser, name: str) -> Workspace:
    """A workspace that the person may see. Raises ``Http404``."""
    found: list[Workspace] = _NAMED.objects(person=user.pk or 0, name=name)
    if not found:
        raise Http404
    return found[0]


class Moved(WorkspaceView):
    """An address that a page had before, which people may have kept: leads to the page named ``to``."""

    to = ""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        answer: HttpResponse = redirect(self.to, **kwargs)
        return answer
