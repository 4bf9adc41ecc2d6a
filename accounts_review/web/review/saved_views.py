"""Views of the review page that people keep: save one, or delete it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import SavedView, Workspace, may, permit
from accounts_review.models.prepared import Prepared
from accounts_review.web.review.look import AS_LEFT, ListLook, without_look
from accounts_review.web.review.selection import filtered
from accounts_review.web.shared import typed
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.made import Made

BUILT_IN: tuple[tuple[Promise, str], ...] = (
    (gettext_lazy("Invited over a year ago, never signed in"), "verdict=dormant&idle=365&state=open&never_used=on"),
    (gettext_lazy("Idle for five years"), "verdict=dormant&idle=1826&state=open"),
    (gettext_lazy("Needs a manual check"), "verdict=uncertain"),
    (gettext_lazy("Dormant administrators"), "verdict=protected&right=edit_domain"),
    (gettext_lazy("Snoozed"), "verdict=all&state=later"),
)
"""What most people look for, written as :attr:`ReviewFilter.query` writes it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A view to choose: its name, its address after the question mark, and its key where the person may drop it."""

    name: str
    query: str
    is_current: bool
    is_shared: bool = False
    droppable: int | None = None


LONGEST_KEPT = 200
"""Characters of a name that was refused, which may be too long."""


class SaveForm(forms.Form):
    """A name for the filters in force."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    query = forms.CharField(max_length=2000, widget=forms.HiddenInput)
    sort = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    look = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)
    is_shared = forms.BooleanField(label=gettext_lazy("for everyone in the workspace"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs |= {"class": "form-control form-control-sm", "autocomplete": "off"}
        self.fields["is_shared"].widget.attrs |= {"class": "form-check-input"}


def save_form(request: HttpRequest) -> Made:
    """The fields to save a view with, filled in again where that was refused."""
    refused = typed.taken(request, "view")
    made_of = (SaveForm, refused.get("name"), refused.get("is_shared"))
    return Made(made_of, SimpleLazyObject(lambda: SaveForm(auto_id="view-%s", initial=refused)))


def kept_for(user: User, *, workspace: Workspace) -> list[SavedView]:
    """Those shared, their own, and the one without a name in which they left the list."""
    kept = _KEPT.objects(workspace=workspace.pk, owner=user.pk)
    for view in kept:
        view.workspace = workspace
    return kept


_KEPT = Prepared(
    lambda workspace, owner: SavedView.objects.filter(Q(is_shared=True) | Q(owner=owner), workspace=workspace),
    workspace=int,
    owner=int,
)


def look_left(kept: list[SavedView]) -> ListLook:
    """How a person left the list."""
    left = next((view.query for view in kept if view.name == AS_LEFT), "")
    return ListLook.asked(QueryDict(left), ListLook())


def views_of(kept: list[SavedView], *, user: User, current: str) -> list[Choice]:
    """The views to choose from: those that are kept, and those built in, of which a narrow page cuts some off."""
    return [
        *(
            Choice(
                view.name,
                view.query,
                without_look(view.query, "sort") == current,
                view.is_shared,
                view.pk if _drops(user, view) else None,
            )
            for view in kept
            if view.name != AS_LEFT
        ),
        *(Choice(str(name), query, query == current) for name, query in BUILT_IN),
    ]


class SaveView(WorkspaceView):
    """Keep the filters in force under a name; the same name again means the new filters."""

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form, user = SaveForm(request.POST), self.request.user
        if not form.is_valid():
            self._keep(form)
            messages.error(request, _("Give the view a name of at most 60 characters. Nothing was saved."))
            return self._back(
                filtered(QueryDict(form.data.get("query", "")), workspace=self.workspace, now=self.now).query
            )
        given = form.cleaned_data
        if given["is_shared"]:
            permit(user, "decide", self.workspace)
        query = filtered(QueryDict(given["query"]), workspace=self.workspace, now=self.now).query
        if given["sort"]:
            query += f"&{_sorted(given['sort'])}"
        if given["look"]:
            query += f"&{ListLook.asked(QueryDict(given['look']), ListLook()).query}"
        same = SavedView.objects.filter(workspace=self.workspace, name=given["name"], is_shared=given["is_shared"])
        standing = same.first() if given["is_shared"] else same.filter(owner=user).first()
        if given["name"] in {str(name) for name, _query in BUILT_IN}:
            self._keep(form)
            messages.error(request, _("A built-in view has this name; choose another."))
        elif standing and not _drops(user, standing):
            self._keep(form)
            messages.error(request, _("Someone else shares a view with this name; choose another."))
        else:
            view = standing or SavedView(workspace=self.workspace, owner=user, name=given["name"])
            view.query, view.is_shared = query, given["is_shared"]
            try:
                with transaction.atomic():
                    view.save()
            except IntegrityError:
                # Somebody has kept one of that name at this very moment: it is looked at again.
                return self.post(request, **kwargs)
            messages.success(request, _("The view “%(name)s” is saved.") % {"name": view.name})
        return self._back(query)

    def _keep(self, form: SaveForm) -> None:
        name, is_shared = form["name"].value() or "", bool(form["is_shared"].value())
        typed.keep(self.request, "view", name=name[:LONGEST_KEPT], is_shared=is_shared)

    def _back(self, query: str) -> HttpResponse:
        """To the list with the filters that it had."""
        return redirect(f"{reverse('review', kwargs={'workspace': self.workspace.name})}?{query}")


class DropView(WorkspaceView):
    """Forget a view: one's own, or as an administrator a shared one."""

    def post(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        view = SavedView.objects.filter(workspace=self.workspace, pk=pk).first()
        if view is None:
            messages.info(request, _("This view was deleted already."))
            return redirect("review", workspace=self.workspace.name)
        if not _drops(self.request.user, view):
            raise PermissionDenied
        view.delete()
        messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
        return redirect("review", workspace=self.workspace.name)


def _drops(user: User, view: SavedView) -> bool:
    return view.owner_id == user.pk or (view.is_shared and may(user, "administer", view.workspace))


def _sorted(sort: str) -> str:
    query = QueryDict(mutable=True)
    query["sort"] = sort
    return str(query.urlencode())
