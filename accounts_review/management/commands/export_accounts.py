"""``manage.py export_accounts``: the dry run as a file for reviewers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.dormancy import Verdict
from accounts_review.export import accounts_sheet
from accounts_review.management.shell import WorkspaceCommand, instant
from accounts_review.models import Account, Workspace
from accounts_review.spreadsheet import Sheet, csv_lines, xlsx_file


class Command(WorkspaceCommand):
    help = "Write one account a row, with its verdict and the reasons, as CSV or XLSX."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--verdict", choices=[verdict.value for verdict in Verdict])
        parser.add_argument("--as-of", metavar="INSTANT", help="read the verdicts as of then, instead of now")
        parser.add_argument("--format", choices=("csv", "xlsx"), default="csv")
        parser.add_argument("-o", dest="output", metavar="FILE", help="where to; standard output if left out")

    def act(self, workspace: Workspace, **options: Any) -> None:
        as_of = instant(options["as_of"]) if options["as_of"] else now()
        accounts = Account.objects.filter(workspace=workspace).listed().assessed().with_verdict(as_of)
        if options["verdict"]:
            accounts = accounts.whose_verdict(options["verdict"])
        if options["format"] == "xlsx" and not options["output"]:
            raise CommandError("A spreadsheet is not text; say where to with -o FILE.")
        sheet = accounts_sheet(accounts.order_by("username", "pk"), as_of=as_of)
        if options["output"]:
            try:
                _write(sheet, Path(options["output"]), kind=options["format"])
            except OSError as error:
                raise CommandError(f"{options['output']} cannot be written: {error.strerror}") from None
        else:
            for lines in csv_lines(sheet):
                self.stdout.write(lines, ending="")


def _write(sheet: Sheet, path: Path, *, kind: str) -> None:
    with path.open("wb") as file:
        if kind == "xlsx":
            with xlsx_file(sheet) as content:
                shutil.copyfileobj(content, file)
        else:
            file.writelines(lines.encode() for lines in csv_lines(sheet))
