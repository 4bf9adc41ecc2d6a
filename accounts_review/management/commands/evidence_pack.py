"""``manage.py evidence_pack``: what was done, as one file that anyone can verify."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.management.shell import WorkspaceCommand, actor_named, instant
from accounts_review.management.taken import file_taken
from accounts_review.models import Account, AuditEntry, Workspace
from accounts_review.workflow.evidence.pack import NoEvidence, write_pack


class Command(WorkspaceCommand):
    help = """Write the evidence about a clean-up, an account or a period into a zip file: a report to print, the audit
        entries, policies, e-mails and signed checkpoints, and a program that verifies them without this software."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--cleanup", metavar="N", type=int, help="one clean-up, by its number")
        parser.add_argument("--account", metavar="USERNAME", help="one account, in all its clean-ups")
        parser.add_argument("--from", metavar="DATE", dest="since", type=instant, help="a period: from this date")
        parser.add_argument("--to", metavar="DATE", dest="until", type=instant, help="a period: until before this date")
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: evidence-….zip here")
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")

    def act(self, workspace: Workspace, **options: Any) -> None:
        actor = actor_named(options["actor"])
        entries, title = _scope(workspace, options)
        path = options["output"] or Path(f"evidence-{workspace}-{now():%Y%m%d-%H%M%S}.zip")
        last = audit.newest_checkpoint().seq
        data = {"entries": entries.count(), "filter": {"title": title}, "format": "pack"}
        about = [workspace] if data["entries"] else []
        try:
            # What is taken is taken down first, and is no part of the pack.
            with file_taken(path, about=about, kind=Event.AUDIT_EXPORTED, actor=actor, data=data) as into:
                write_pack(entries.filter(seq__lte=last), workspace=workspace, title=title, into=into, now=now())
        except NoEvidence as problem:
            raise CommandError(f"{path}: {problem}") from None
        self.stdout.write(str(path))


def _scope(workspace: Workspace, options: dict[str, Any]) -> tuple[QuerySet[AuditEntry], str]:
    entries: QuerySet[AuditEntry] = AuditEntry.objects.of(workspace)
    number, username = options["cleanup"], options["account"]
    since, until = options["since"], options["until"]
    if [number is None, username is None, since is None and until is None].count(False) != 1:
        raise CommandError("Say what the pack is about: --cleanup N, --account USERNAME, or --from DATE and --to DATE.")
    if number is not None:
        cleanup = workspace.cleanups.filter(number=number).select_related("policy").first()
        if cleanup is None:
            raise CommandError(f"There is no clean-up {number} in {workspace}.")
        return entries.filter(cleanup=number), f"Clean-up {number} of {workspace}"
    if username is not None:
        accounts = Account.objects.filter(workspace=workspace).named([username])
        if not accounts.exists():
            raise CommandError(f"{username}: no account of {workspace} has this username.")
        return entries.filter(account_id__in=accounts.values("pk")), f"Account {username}"
    if since:
        entries = entries.filter(at__gte=since)
    if until:
        entries = entries.filter(at__lt=until)
    return entries, f"{workspace}, {_day(since, 'the beginning')} to {_day(until, 'today')}"


def _day(at: datetime | None, otherwise: str) -> str:
    return f"{at:%Y-%m-%d}" if at else otherwise
