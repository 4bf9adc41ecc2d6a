"""The audit: browse it, verify it, export it."""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_tables2 import RequestConfig

from accounts_review import audit
from accounts_review.audit import checkpoint, sentences
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry
from accounts_review.models.audit_entry import AuditEntryQuerySet
from accounts_review.spreadsheet import FORMATS
from accounts_review.spreadsheet.audit_rows import audit_lines, audit_sheet
from accounts_review.tasks import queue
from accounts_review.web.audit.filters import AuditFilter
from accounts_review.web.audit.table import AuditTable, NumberPaginator
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.download import as_found, download, file_name
from accounts_review.wording import holds as holds_in_words
from accounts_review.wording.labels import labelled
from accounts_review.wording.numbers import counted
from accounts_review.workflow.evidence.pack import NoEvidence, write_pack
from accounts_review.workflow.people import reach

PROOF, PACK = "jsonl", "pack"
AT_ONCE, MOST_FLAWS = 100_000, 5


class AuditView(WorkspaceView):
    """A page or act about the entries of one workspace, narrowed by the address."""

    @property
    def filtered(self) -> AuditFilter:
        return AuditFilter(self.request.GET, AuditEntry.objects.of(self.workspace))

    @property
    def filtered_bare(self) -> AuditFilter:
        """The same without the names beside the chain: to join them takes most of what it takes to count entries."""
        return AuditFilter(self.request.GET, AuditEntryQuerySet(AuditEntry).of(self.workspace))


class Audit(AuditView):
    """The entries, newest first."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        entries = self.filtered_bare
        numbers = entries.qs.values_list("seq", flat=True)
        named = AuditEntry.objects.filter(seq__in=numbers)
        table = AuditTable(named, numbers=numbers, workspace=self.workspace, is_lasting=entries.is_lasting)
        table.htmx_target = "#entries"
        paginate = {"per_page": table.most_per_page, "paginator_class": NumberPaginator}
        RequestConfig(request, paginate=paginate).configure(table)
        self.template_name = f"accounts_review/audit/{'_entries' if self.is_partial else 'page'}.html"
        context = {"filter": entries, "table": table, "query": request.GET.urlencode()}
        if not self.is_partial:
            context["public_key"] = checkpoint.keeper.public_key if checkpoint.keeper else ""
            context["actors"] = [*self._actors(), "portal"]
        return self.render_to_response(self.get_context_data(**context))

    def _actors(self) -> QuerySet[User, str]:
        """Who may have acted here, as far as the reader may know of them."""
        known = reach.known_to(self.request.user) | Q(roles__workspace=self.workspace)
        return User.objects.filter(known).distinct().order_by("username").values_list("username", flat=True)[:200]


class Verify(AuditView):
    """Prove the whole audit, also against a checkpoint that was kept elsewhere; a long one is left to the worker."""

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        given = request.POST.get("checkpoint", "")
        try:
            kept = audit.Checkpoint.parse(given) if given.strip() else None
        except ValueError as error:
            messages.error(request, str(error))
            return redirect("audit", workspace=self.workspace.name)
        if audit.newest_checkpoint().seq > AT_ONCE:
            if kept:
                self._compare(kept)
            queue.enqueue_verification()
            messages.info(
                request,
                _("The audit is being verified. The page Schedule says when that ended; every page shows a problem."),
            )
            return redirect("audit", workspace=self.workspace.name)
        report = audit.verify_everything(now=self.now, checkpoints=[kept] if kept else [])
        for flaw in report.flaws[:MOST_FLAWS]:
            messages.error(request, str(flaw))
        finding = checkpoint.look()
        if finding and not report.flaws:
            messages.error(request, holds_in_words.of_cause(finding.cause, finding.details))
        elif not report.flaws:
            whole = ngettext(
                "%(count)s entry holds: nothing was changed, removed or inserted.",
                "All %(count)s entries hold: nothing was changed, removed or inserted.",
                report.entries,
            )
            keep = _("Checkpoint to save elsewhere: %(checkpoint)s") % {"checkpoint": audit.newest_checkpoint()}
            for misdated in report.misdated:
                messages.warning(request, str(misdated))
            messages.success(request, f"{whole % counted({'count': report.entries})} {keep}")
        return redirect("audit", workspace=self.workspace.name)

    def _compare(self, kept: audit.Checkpoint) -> None:
        """Say at once what the worker does not know: whether a saved checkpoint names the entry that is there."""
        if flaw := audit.against(kept):
            messages.error(self.request, str(flaw))
        else:
            said = _("Entry %(number)s is the one the checkpoint names.")
            messages.success(self.request, said % counted({"number": kept.seq}))


class AuditExport(AuditView):
    """The filtered entries, oldest first, as lines of JSON that prove themselves, or as a spreadsheet.

    That they were taken is an entry itself.
    """

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        filtered, kind = self.filtered, request.POST.get("format", PROOF)
        if not filtered.is_valid() or kind not in (PROOF, PACK, *FORMATS):
            messages.error(request, _("The filter is not valid; nothing was exported."))
            return redirect("audit", workspace=self.workspace.name)
        last = AuditEntry.objects.values_list("seq", flat=True).first() or 0
        entries = filtered.qs.filter(seq__lte=last).order_by("seq")
        data = {"entries": entries.count(), "filter": filtered.given, "format": kind}
        if kind == PACK:
            return self._pack(filtered.qs.filter(seq__lte=last), data)
        self._log(data)
        if kind in FORMATS:
            return download(self, audit_sheet(entries, said=sentences.of_entry), kind=kind)
        lines = as_found(audit_lines(entries))
        response = StreamingHttpResponse(lines, content_type="application/x-ndjson; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{file_name(self, "audit", PROOF)}"'
        return response

    def _log(self, data: dict[str, Any]) -> None:
        login = self.request.user.get_username()
        audit.log([self.workspace], kind=Event.AUDIT_EXPORTED, actor=login, now=self.now, data=data)

    def _pack(self, entries: QuerySet[AuditEntry], data: dict[str, Any]) -> HttpResponseBase:
        """The entries as evidence that a stranger can verify."""
        into = TemporaryFile()  # noqa: SIM115 (the response closes it)
        title = labelled(self.workspace.shown_name, _("audit"))
        try:
            write_pack(entries, workspace=self.workspace, title=title, into=into, now=self.now)
        except NoEvidence as problem:
            into.close()
            messages.error(self.request, str(problem))
            return redirect("audit", workspace=self.workspace.name)
        self._log(data)
        into.seek(0)
        return FileResponse(into, as_attachment=True, filename=file_name(self, "evidence", "zip"))
