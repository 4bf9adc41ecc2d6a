"""Adding a workspace, and its settings: what people are told, how it is reached, its name, whether it is in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from accounts_review import audit
from accounts_review.huwise import HuwiseError
from accounts_review.models import Access, StoredKey
from accounts_review.tasks import queue, sources
from accounts_review.web.shared import too_late
from accounts_review.web.shared.access import PortalView, WorkspaceView
from accounts_review.web.shared.seen import as_refused, changes
from accounts_review.web.workspaces.settings_forms import (
    AddForm,
    ConnectionForm,
    DescriptionForm,
    PortalForm,
    ReasonForm,
    RenameForm,
)
from accounts_review.wording.findings import Found, in_words, of_error
from accounts_review.workflow import identity, workspaces

REFUSALS = (ValueError, HuwiseError, ImproperlyConfigured, audit.Conflict)
"""What can be wrong with what somebody entered, in words for them."""


def told(error: Exception) -> str:
    """What is wrong with what somebody entered, in their language."""
    return str(in_words(of_error("api", error)) if isinstance(error, HuwiseError) else error)


def faults(form: BaseForm) -> dict[str, Any]:
    """What is wrong with each field, by the name that people see."""
    return {str(form[name].label) if name in form.fields else "": errors for name, errors in form.errors.items()}


def tested(access: Access) -> dict[str, Any]:
    """What a test finds, as the page shows it; nothing is stored."""
    try:
        findings: list[Found] = sources.try_out(access)
    except ValueError as error:
        return {"refusal": str(error)}
    return {"findings": [in_words(found) for found in findings]}


@method_decorator(sensitive_post_parameters("key"), name="dispatch")
class Add(PortalView):
    """Add a workspace: test it as often as needed, then store it."""

    needs = "administer"
    everywhere = True
    asks_anew = gettext_lazy("Add the workspace")
    template_name = "accounts_review/workspaces/add.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._answer(AddForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.POST.get("act") == "test":
            return self._test(ConnectionForm(request.POST))
        form = AddForm(request.POST)
        if not form.is_valid():
            return self._answer(form, status=400)
        try:
            workspace = sources.add_workspace(
                name=form.cleaned_data["name"],
                access=form.access,
                description=form.description,
                actor=self.request.user,
            )
        except REFUSALS as error:
            return self._answer(form, status=400, refusal=told(error))
        queue.enqueue_sync(workspace)
        message = _("%(name)s was added, in dry run. The worker is reading it now.") % {"name": workspace}
        messages.success(request, message)
        return redirect("settings", workspace=workspace.name)

    def _test(self, form: ConnectionForm) -> HttpResponse:
        found = tested(form.access) if form.is_valid() else {"faults": faults(form)}
        if self.is_partial:
            self.template_name = "accounts_review/workspaces/_tested.html"
            return self.render_to_response(self.get_context_data(**found))
        return self._answer(AddForm(initial=self.request.POST.dict() | {"key": ""}), **found)

    def _answer(self, form: AddForm, *, status: int = 200, **context: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form, **context), status=status)


@method_decorator(sensitive_post_parameters("key"), name="dispatch")
class Settings(WorkspaceView):
    """The settings of one workspace; each part of the page is a form of its own."""

    needs = "administer"
    template_name = "accounts_review/workspaces/settings.html"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        """Stopping takes no more than a click."""
        return "" if request.POST.get("act") == "pause" else gettext_lazy("Change the workspace's settings")

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._answer()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        name = request.POST.get("act", "")
        if name not in self._acts:
            raise Http404
        kind, act = self._acts[name]
        form = kind(request.POST)
        if name == "test":
            return self._test(form)
        if not form.is_valid():
            return self._answer(form, status=400)
        try:
            said = act(form)
        except audit.Conflict as problem:
            return self._answer(form, status=409, refusal=too_late.in_words(problem), refused=name)
        except REFUSALS as error:
            return self._answer(form, status=400, refusal=told(error), refused=name)
        if form.errors:
            return self._answer(form, status=409)
        messages.success(request, said)
        return redirect("settings", workspace=self.workspace.name)

    @property
    def _acts(self) -> dict[str, tuple[type[PortalForm], Callable[[Any], str]]]:
        return {
            "test": (ConnectionForm, str),
            "connect": (ConnectionForm, self._connect),
            "describe": (DescriptionForm, self._describe),
            "rename": (RenameForm, self._rename),
            "pause": (ReasonForm, self._pause),
            "resume": (ReasonForm, self._resume),
            "retire": (ReasonForm, self._retire),
        }

    @property
    def _described(self) -> dict[str, str]:
        return {name: getattr(self.workspace, name) for name in ("title", "contact", "sender", "language")}

    def _describe(self, form: DescriptionForm) -> str:
        with workspaces.held(self.workspace):
            given = changes(form, current=self._described)
            if form.is_valid():
                workspaces.describe(workspace=self.workspace, given=given, actor=self.request.user, now=now())
        return _("Saved.")

    def _connect(self, form: ConnectionForm) -> str:
        seen = self.request.POST.get("seen")
        sources.reconnect(self.workspace, access=form.access, actor=self.request.user, seen=seen)
        return _("Stored. The next sync uses this address and key.")

    def _rename(self, form: RenameForm) -> str:
        sources.refuse_described(self.workspace)
        name = form.cleaned_data["name"]
        identity.rename(workspace=self.workspace, name=name, actor=self.request.user, now=now())
        return _("The workspace is now called %(name)s.") % {"name": name}

    def _pause(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        workspaces.pause(workspace=self.workspace, actor=self.request.user, reason=reason, now=now())
        return _("Paused. Nothing is synced, sent or removed.")

    def _resume(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        workspaces.resume(workspace=self.workspace, actor=self.request.user, reason=reason, now=now())
        return _("Resumed. Syncs, notices and removals continue.")

    def _retire(self, form: ReasonForm) -> str:
        sources.retire(self.workspace, actor=self.request.user, reason=form.cleaned_data["reason"])
        return _("Retired. Its key is deleted; its history stays.")

    def _test(self, form: PortalForm) -> HttpResponse:
        found = (
            tested(form.access) if isinstance(form, ConnectionForm) and form.is_valid() else {"faults": faults(form)}
        )
        if self.is_partial:
            self.template_name = "accounts_review/workspaces/_tested.html"
            return self.render_to_response(self.get_context_data(**found))
        return self._answer(**found)

    def _answer(self, form: PortalForm | None = None, *, status: int = 200, **context: Any) -> HttpResponse:
        self.workspace.refresh_from_db()
        stored = StoredKey.objects.filter(workspace=self.workspace).first()
        where = {"url": stored.url, "key_owner": stored.key_owner} if stored else {}
        forms: dict[str, PortalForm] = {
            "description": DescriptionForm(initial=self._described),
            "connection": ConnectionForm(initial=where),
            "renaming": RenameForm(),
            "reasoning": ReasonForm(),
        }
        if isinstance(form, DescriptionForm):
            form = as_refused(form, current=self._described)
        forms |= {name: form for name, blank in forms.items() if form is not None and type(blank) is type(form)}
        context |= forms | {"stored": stored, "is_described": sources.is_described(self.workspace)}
        return self.render_to_response(self.get_context_data(**context), status=status)
