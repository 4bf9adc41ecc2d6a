"""Decisions that reviewers filled in, brought back as a file: upload, preview, apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_tables2 import RequestConfig

from accounts_review import audit
from accounts_review.models import DecisionFile
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.rules.lifecycle import IllegalTransition
from accounts_review.spreadsheet import Unreadable
from accounts_review.spreadsheet.rows import COLUMNS_TO_FILL
from accounts_review.web.review import leaving
from accounts_review.web.review.import_table import OUTCOMES, RowTable
from accounts_review.web.shared import too_late
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.wording.numbers import counted
from accounts_review.workflow.review import decide, import_file
from accounts_review.workflow.review.import_file import AlreadyApplied, Changed, Exempting, Plan
from accounts_review.workflow.review.import_rows import RowOutcome

LARGEST_FILE = 20 * 2**20


class UploadForm(forms.Form):
    """A file of decisions, of a size that a person can answer for."""

    file = forms.FileField(
        label=gettext_lazy("Spreadsheet with decisions, or a plain list (CSV or XLSX)"),
        widget=forms.FileInput({"class": "form-control", "accept": ".csv,.xlsx,.txt"}),
    )

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.TextInput({"class": "form-control"}),
    )
    until = forms.DateField(
        label=gettext_lazy("Exempt until"),
        required=False,
        widget=forms.DateInput({"class": "form-control", "type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name, other in (("reason", "until"), ("until", "reason")):
            if given.get(other) and not given.get(name) and name not in self.errors:
                self.add_error(name, _("A plain list needs a reason and an end date; other files need neither."))
        return given

    @property
    def list_fields(self) -> list[Any]:
        return [self["reason"], self["until"]]

    @property
    def exempting(self) -> Exempting | None:
        """What is to become of everyone in a plain list."""
        reason, until = self.cleaned_data["reason"], self.cleaned_data["until"]
        return Exempting(reason, until.isoformat()) if until else None

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            most = {"size": LARGEST_FILE // 2**20}
            raise forms.ValidationError(
                _("The file is larger than %(size)s MB. Remove the rows without a decision, or save it as XLSX.") % most
            )
        return file


class Import(WorkspaceView):
    """Take a file of decisions, and show what it would do before anything is done."""

    needs = "decide"
    template_name = "accounts_review/review/import.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._page(UploadForm())

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(form)
        given = form.cleaned_data["file"]
        try:
            file = import_file.upload(
                content=given.read(),
                name=get_valid_filename(given.name),
                workspace=self.workspace,
                actor=self.request.user,
                now=self.now,
                exempting=form.exempting,
            )
        except Unreadable as problem:
            form.add_error("file", str(problem))
            return self._page(form)
        return redirect("import_plan", workspace=self.workspace.name, pk=file.pk)

    def _page(self, form: UploadForm) -> HttpResponse:
        context = {"form": form, "columns": COLUMNS_TO_FILL, "largest": LARGEST_FILE // 2**20}
        context["most"] = import_file.MOST_DECISIONS
        return self.render_to_response(self.get_context_data(**context))


class ImportPlan(WorkspaceView):
    """What a file of decisions would do, row by row; and, once confirmed, do it."""

    needs = "decide"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        file = self._file
        if file is None or file.applied_at:
            said = (
                _("This file has already been applied.")
                if file
                else _("This preview no longer exists. Upload the file again.")
            )
            messages.info(request, said)
            return redirect("import", workspace=self.workspace.name)
        plan = import_file.plan(file=file, actor=self.request.user, now=self.now)
        shown = request.GET.get("show", "")
        # Failures first: they are what a person must look at.
        rows = sorted(plan.rows, key=lambda row: (row.outcome != "refused", row.number))
        table = RowTable([row for row in rows if not shown or row.outcome == shown], workspace=self.workspace)
        RequestConfig(request, paginate={"per_page": 50}).configure(table)
        self.template_name = f"accounts_review/review/{'_import_rows' if self.is_partial else 'import_plan'}.html"
        tabs = [(name, OUTCOMES[name], count) for name, count in plan.counts.items() if count]
        context = {"file": file, "plan": plan, "table": table, "tabs": tabs, "shown": shown}
        context["leaving"] = leaving.before(_leaving(plan))
        if plan.asks_order:
            context["asked"] = plan.asks_order[0]
        return self.render_to_response(self.get_context_data(**context))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        file = self._file
        if file is None:
            return redirect(request.path)
        if order := request.POST.get("date_order"):
            import_file.say_order(file=file, order=order)
            return redirect(request.path)
        if request.POST.get("refused", "0") != "0" and not request.POST.get("leave_out"):
            messages.error(request, _("Nothing was done. Tick the box to skip the rows that cannot be applied."))
            return redirect(request.path)
        confirmed = request.POST.get("confirmed", "")
        try:
            left = _leaving(import_file.plan(file=file, actor=self.request.user, now=self.now))
            done = import_file.apply(file=file, confirmed=confirmed, actor=self.request.user, now=self.now)
        except AlreadyApplied as done_before:
            messages.info(request, str(done_before))
        except (Changed, audit.Conflict, IllegalTransition, decide.DecisionRefused) as problem:
            messages.error(request, too_late.in_words(problem))
            return redirect(request.path)
        else:
            messages.success(request, " ".join(filter(None, (_sentence(file, done), leaving.after(left)))))
        return redirect("review", workspace=self.workspace.name)

    @property
    def _file(self) -> DecisionFile | None:
        """The person's own file, while it is kept."""
        since = self.now - import_file.KEPT
        files = DecisionFile.objects.filter(workspace=self.workspace, uploaded_by=self.request.user)
        return files.filter(pk=self.kwargs["pk"], uploaded_at__gt=since).first()


def _leaving(plan: Plan) -> dict[int, int]:
    """How many of those whom a file exempts or withdraws would leave which clean-up under way."""
    outs = (RowOutcome.EXEMPT, RowOutcome.WITHDRAW)
    return leaving.leaving([row.account.pk for row in plan.acts if row.account and row.outcome in outs])


DONE: dict[str, Callable[[int], str]] = {
    RowOutcome.APPROVE: lambda count: ngettext("%(count)s approved", "%(count)s approved", count),
    RowOutcome.EXEMPT: lambda count: ngettext("%(count)s exempted", "%(count)s exempted", count),
    RowOutcome.WITHDRAW: lambda count: ngettext("%(count)s withdrawn", "%(count)s withdrawn", count),
}


def _sentence(file: DecisionFile, done: Plan) -> str:
    """What was done, with its counts."""
    decided = [DONE[outcome](count) % counted({"count": count}) for outcome in DONE if (count := done.counts[outcome])]
    said = _("From %(file)s: %(decided)s.") % {"file": file.name, "decided": ", ".join(decided) or _("none")}
    parts = [said]
    if left := done.counts["refused"]:
        skipped = ngettext("%(count)s row was skipped.", "%(count)s rows were skipped.", left)
        parts.append(skipped % counted({"count": left}))
    return " ".join(parts)
