"""The policy: its text and what it says in words, its history, and each version under an address of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from accounts_review.models import Cleanup, PolicyPreview, PolicyVersion, may, permit
from accounts_review.rules import policy
from accounts_review.rules.policy_editor import NotEditable
from accounts_review.tasks import actions
from accounts_review.web.policy.difference import DifferenceLine, difference, numbered
from accounts_review.web.policy.editor import Editor, cannot, of_post, of_text, with_limit
from accounts_review.web.policy.fields import in_the_form
from accounts_review.web.policy.forms import PolicyForm
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.wording import policies
from accounts_review.workflow.policy import preview

SHOWN_VERSIONS = 20


@dataclass(frozen=True, slots=True)
class Revision:
    """A version and how it differs from the one before."""

    version: PolicyVersion
    difference: list[DifferenceLine]
    changes: list[policies.PolicyChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledIn:
    """The form as it was sent, and the text it makes, or what is wrong with that."""

    editor: Editor | None
    text: str | None = None
    faults: list[str] = field(default_factory=list)


class PolicyPage(WorkspaceView):
    """The policy as a form and as a text, for administrators to change in two steps: preview, then for real."""

    template_name = "accounts_review/policy/page.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        current = self.workspace.current_policy
        initial: dict[str, Any] = {"text": current.text, "over": current.number} | self._taken_up(current)
        is_text = request.GET.get("tab") == "toml"
        return self._page(
            form=PolicyForm(initial=initial),
            current=current,
            is_draft=initial["text"] != current.text,
            editor=None if is_text else self._editor(initial["text"]),
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        permit(self.request.user, "administer", self.workspace)
        current, data = self.workspace.current_policy, request.POST.copy()
        editor = None
        if "base" in data:
            filled = self._filled_in(request)
            if filled.text is None:
                known = {"text": data["base"], "over": data.get("over"), "reason": data.get("reason", "")}
                faulty = {"editor": filled.editor, "form_faults": filled.faults, "is_draft": True}
                return self._page(form=PolicyForm(initial=known), current=current, status=400, **faulty)
            editor, data["text"] = filled.editor, filled.text
        if data.get("verb") in ("as_text", "as_form"):
            return self._other_tab(data, current)
        return self._propose(PolicyForm(data), current, editor)

    def _propose(self, form: PolicyForm, current: PolicyVersion, editor: Editor | None) -> HttpResponse:
        if not form.is_valid():
            return self._page(form=form, current=current, editor=editor, is_draft=True)
        text = form.cleaned_data["text"]
        try:
            policy.parse(text)
        except policy.PolicyError as error:
            return self._faulty(form, current, error)
        if form.cleaned_data["over"] != current.number:
            again = PolicyForm(initial=form.cleaned_data | {"over": current.number})
            return self._page(form=again, current=current, is_stale=True, editor=editor, status=409)
        if text == current.text:
            form.add_error("text", _("This text is already in force; there is nothing to preview."))
            return self._page(form=form, current=current, editor=editor)
        policy_preview = preview.propose(
            workspace=self.workspace,
            text=text,
            actor=self.request.user,
            reason=form.cleaned_data["reason"],
            now=self.now,
        )
        actions.preview_policy(policy_preview)
        return redirect("policy_preview", workspace=self.workspace.name, pk=policy_preview.pk)

    def _filled_in(self, request: HttpRequest) -> FilledIn:
        editor = None
        try:
            editor = of_post(request.POST, self.workspace)
            if not editor.is_valid:
                return FilledIn(editor=editor, faults=[_("A field is not filled in correctly; it says so below.")])
            text = editor.text()
            policy.parse(text)
        except NotEditable:
            return FilledIn(editor=editor, faults=[cannot()])
        except policy.PolicyError as error:
            return FilledIn(editor=editor, faults=list(map(in_the_form, error.faults)))
        return FilledIn(editor=editor, text=text)

    def _other_tab(self, data: QueryDict, current: PolicyVersion) -> HttpResponse:
        """The same draft as a text, or as a form; nothing is kept of it but what stands on the page."""
        text = PolicyForm(data).draft()
        form = PolicyForm(initial={"text": text, "over": data.get("over"), "reason": data.get("reason", "")})
        if data["verb"] == "as_text":
            return self._page(form=form, current=current, is_draft=text != current.text)
        try:
            policy.parse(text)
        except policy.PolicyError as error:
            form.cleaned_data = {"text": text}
            return self._faulty(form, current, error)
        return self._page(form=form, current=current, editor=self._editor(text), is_draft=text != current.text)

    def _editor(self, text: str) -> Editor | None:
        """The form of a text; none where it cannot be shown in one."""
        try:
            return of_text(text, self.workspace)
        except policy.PolicyError:
            return None

    def _taken_up(self, current: PolicyVersion) -> dict[str, Any]:
        """An earlier version, a preview or a limit that was tried to go on from, as the address asks for it."""
        asked = self.request.GET
        if (days := asked.get("limit", "")).isdecimal() and len(days) < 6:
            try:
                return {"text": with_limit(current.text, segment=asked.get("segment", ""), days=int(days))}
            except (NotEditable, policy.PolicyError):
                return {}
        if (number := asked.get("restore", "")).isdecimal() and len(number) < 9:
            version = get_object_or_404(self.workspace.policies, number=number)
            return {"text": version.text, "reason": _("Restores version %(number)d") % {"number": version.number}}
        if (pk := asked.get("policy_preview", "")).isdecimal() and len(pk) < 18:
            policy_preview = PolicyPreview.objects.filter(workspace=self.workspace, pk=pk).first()
            return {"text": policy_preview.text, "reason": policy_preview.reason} if policy_preview else {}
        return {}

    def _faulty(self, form: PolicyForm, current: PolicyVersion, error: policy.PolicyError) -> HttpResponse:
        """The text as it was sent, with every line marked that something is wrong with."""
        lines = numbered(form.cleaned_data["text"], [fault.line for fault in error.faults])
        faults = [(fault, lines.get(fault.line, "")) for fault in error.faults]
        form.fields["text"].widget.attrs |= {
            "aria-invalid": "true",
            "aria-describedby": "faults",
            "data-faulty": " ".join(map(str, lines)),
        }
        return self._page(form=form, current=current, faults=faults)

    def _page(self, *, form: PolicyForm, current: PolicyVersion, status: int = 200, **context: Any) -> HttpResponse:
        may_edit = may(self.request.user, "administer", self.workspace)
        if not may_edit:
            form.fields["text"].widget.attrs["readonly"] = True
        editor: Editor | None = context.setdefault("editor", None)
        if editor:
            context |= {"cards": editor.cards(self.workspace, now=self.now)}
        versions = list(self.workspace.policies.all()[: SHOWN_VERSIONS + 1])
        context |= {
            "form": form,
            "current": current,
            "may_edit": may_edit,
            "clauses": policies.in_words(current.rules),
            "policy_previews": [] if "faults" in context else self.workspace.policy_previews.filter(over=current),
            "history": [revision_of(new, old) for new, old in pairwise([*versions, None]) if new][:SHOWN_VERSIONS],
            "has_older": len(versions) > SHOWN_VERSIONS,
            "oldest_shown": versions[-1].number,
        }
        return self.render_to_response(self.get_context_data(**context), status=status)


class PolicyCheck(WorkspaceView):
    """What is said of the form while it is filled in: faults, what is looser, and whom each limit would reach.

    It changes nothing; the form is too long for an address.
    """

    needs = "administer"
    template_name = "accounts_review/policy/_check.html"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            editor = of_post(request.POST, self.workspace)
        except policy.PolicyError:
            raise Http404 from None
        cards = editor.cards(self.workspace, now=self.now)
        context = {
            "checked": editor.check(self.workspace, cards=cards),
            "current": self.workspace.current_policy,
            "cards": cards,
            "out_of_band": True,
        }
        return self.render_to_response(self.get_context_data(**context))


class VersionPage(WorkspaceView):
    """One version of the policy, for good under the same address."""

    template_name = "accounts_review/policy/version.html"

    def get(self, request: HttpRequest, number: int, **kwargs: Any) -> HttpResponse:
        versions = self.workspace.policies
        version = get_object_or_404(versions, number=number)
        before = versions.filter(number__lt=number).first()
        context = {
            "revision": revision_of(version, before),
            "version": version,
            "before": before,
            "after": versions.filter(number__gt=number).last(),
            "clauses": policies.in_words(version.rules),
            "cleanups": Cleanup.objects.filter(workspace=self.workspace, policy=version),
            "may_edit": may(self.request.user, "administer", self.workspace),
        }
        return self.render_to_response(self.get_context_data(**context))


def revision_of(version: PolicyVersion, before: PolicyVersion | None) -> Revision:
    """A version against the one before it; the first one against nothing."""
    if before is None:
        return Revision(version, [], [])
    changes = policies.changes(before.rules, version.rules)
    return Revision(version, difference(before.text, version.text), changes)
