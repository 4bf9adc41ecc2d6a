"""``manage.py export_accounts``: the dry run as a file for reviewers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.audit.events import Event
from accounts_review.management.shell import WorkspaceCommand, actor_named, instant
from accounts_review.management.taken import take
from accounts_review.models import Account, Workspace, permit
from accounts_review.rules.dormancy import Verdict
from accounts_review.spreadsheet import written
from accounts_review.spreadsheet.rows import accounts_sheet


class Command(WorkspaceCommand):
    help = "Export accounts with verdict and reasons, one per row, as CSV or XLSX."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--verdict", choices=[verdict.value for verdict in Verdict])
        parser.add_argument("--as-of", metavar="INSTANT", help="show the verdicts as of this time instead of now")
        parser.add_argument("--format", choices=("csv", "xlsx"), default="csv")
        # An empty name, as an unset variable of a script is, is then no file, and not standard output.
        parser.add_argument("-o", dest="output", metavar="FILE", type=Path, help="default: standard output")
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")

    def act(self, workspace: Workspace, **options: Any) -> None:
        as_of = now() if options["as_of"] is None else instant(options["as_of"])
        accounts = Account.objects.filter(workspace=workspace).listed().assessed().with_verdict(as_of)
        if options["verdict"]:
            accounts = accounts.whose_verdict(options["verdict"], now=as_of)
        if options["format"] == "xlsx" and not options["output"]:
            raise CommandError("A spreadsheet cannot be printed; give a file with -o FILE.")
        actor = actor_named(options["actor"])
        if actor:
            permit(actor, "read", workspace)
        sheet = accounts_sheet(accounts.order_by("username", "pk"), as_of=as_of)
        asked = f"verdict={options['verdict']}" if options["verdict"] else ""
        data = {"filter": asked, "count": accounts.count(), "format": options["format"]}
        content = written(sheet, options["format"])
        kind = Event.ACCOUNTS_EXPORTED
        take(content, self, into=options["output"], about=[workspace], kind=kind, actor=actor, data=data)
