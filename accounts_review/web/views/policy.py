"""The policy: its text, what a change would do, and its history."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice, pairwise
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts_review import policy
from accounts_review.models import PolicyVersion, Workspace, may, permit
from accounts_review.web.access import WorkspaceView
from accounts_review.web.forms_of_records import PolicyForm
from accounts_review.workflow import administer, assess

SHOWN_VERSIONS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: ``added``, ``removed``, ``place`` or ``same``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A version and how it differs from the one before."""

    version: PolicyVersion
    difference: list[Line]


@dataclass(frozen=True, slots=True)
class Move:
    """How many accounts a change would move from one verdict to another."""

    before: str
    after: str
    count: int


class PolicyPage(WorkspaceView):
    """The text in force, for administrators to change in two steps: first what it would do, then for real."""

    template_name = "accounts_review/policy.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        current = self.workspace.current_policy
        form = PolicyForm(initial={"text": current.text, "over": current.number})
        return self._page(form=form, current=current)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        permit(self.request.user, "administer")
        current, form = self.workspace.current_policy, PolicyForm(request.POST)
        if not form.is_valid():
            return self._page(form=form, current=current)
        text = form.cleaned_data["text"]
        try:
            rules = policy.parse(text)
        except policy.PolicyError as error:
            return self._page(form=form, current=current, faults=error.faults)
        if form.cleaned_data["over"] != current.number:
            return self._page(form=self._afresh(form, current), current=current, is_stale=True, status=409)
        if "activate" in request.POST:
            return self._activate(text, form.cleaned_data["reason"], over=current)
        moved = assess.preview(workspace=self.workspace, rules=rules, now=self.now)
        moves = [Move(before, after, count) for (before, after), count in moved.items()]
        lines = difference(current.text, text)
        return self._page(form=form, current=current, rules=rules, moves=moves, lines=lines, is_preview=True)

    def _activate(self, text: str, reason: str, *, over: PolicyVersion) -> HttpResponse:
        with transaction.atomic():
            Workspace.objects.select_for_update().get(pk=self.workspace.pk)
            if self.workspace.current_policy.number != over.number:
                messages.error(self.request, _("Another version came into force meanwhile; nothing was changed."))
                return redirect("policy", workspace=self.workspace.name)
            version = administer.adopt_policy(
                workspace=self.workspace, text=text, actor=self.request.user, reason=reason, now=self.now
            )
        judged = assess.assess(workspace=self.workspace)
        said = _("Version %(number)d is in force; %(count)d accounts were judged anew.")
        messages.success(self.request, said % {"number": version.number, "count": judged})
        return redirect("policy", workspace=self.workspace.name)

    def _afresh(self, form: PolicyForm, current: PolicyVersion) -> PolicyForm:
        """The same text, now written over the version that is in force."""
        return PolicyForm(initial=form.cleaned_data | {"over": current.number})

    def _page(self, *, form: PolicyForm, status: int = 200, **context: Any) -> HttpResponse:
        may_edit = may(self.request.user, "administer")
        if not may_edit:
            form.fields["text"].widget.attrs["readonly"] = True
        context |= {"form": form, "may_edit": may_edit, "history": self._history()}
        return self.render_to_response(self.get_context_data(**context), status=status)

    def _history(self) -> list[Revision]:
        """The last versions, newest first, each against the one before."""
        versions = list(islice(self.workspace.policies.all()[: SHOWN_VERSIONS + 1], SHOWN_VERSIONS + 1))
        revisions = [Revision(new, difference(old.text, new.text)) for new, old in pairwise(versions)]
        if versions and len(versions) <= SHOWN_VERSIONS:
            revisions.append(Revision(versions[-1], []))
        return revisions


def difference(old: str, new: str) -> list[Line]:
    """The lines that differ, with two lines around them."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = unified_diff(old.splitlines(), new.splitlines(), n=2, lineterm="")
    return [Line(kinds.get(line[:1], "same"), line) for line in islice(lines, 2, None)]
