"""``manage.py import_decisions``: decide by a spreadsheet, from a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management.files import content_of
from accounts_review.management.shell import WorkspaceCommand, add_reason, in_words, person
from accounts_review.models import Workspace
from accounts_review.spreadsheet import ORDERS, Unreadable
from accounts_review.workflow.review import import_file
from accounts_review.workflow.review.import_file import Exempting
from accounts_review.workflow.review.import_rows import ImportRow


class Command(WorkspaceCommand):
    help = (
        "Apply the decisions filled in on an export, as CSV or XLSX. All or nothing."
        " A plain list of people, one column, exempts them with one --reason and --until."
    )
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="change nothing; show what it would do")
        parser.add_argument("--date-order", choices=ORDERS, default="", help="order of dates such as 05/06/2027")
        add_reason(parser, "for a plain list: why everyone in it is exempt", required=False)
        parser.add_argument("--until", metavar="DATE", help="for a plain list: when the exemptions end")
        parser.add_argument(
            "--skip-unknown", action="store_true", help="skip accounts that are not found, and list them"
        )

    def act(self, workspace: Workspace, **options: Any) -> None:
        path: Path = options["file"]
        if (options["reason"] is None) != (options["until"] is None):
            raise CommandError("A plain list needs --reason and --until; other files need neither.")
        exempting = Exempting(options["reason"], options["until"]) if options["reason"] is not None else None
        act: dict[str, Any] = {"actor": person(options["actor"]), "now": now()}
        content = content_of(path)
        try:
            how: dict[str, Any] = {"exempting": exempting, "date_order": options["date_order"]}
            file = import_file.upload(content=content, name=path.name, workspace=workspace, **how, **act)
        except Unreadable as problem:
            raise CommandError(f"{path}: {problem}") from None
        plan = import_file.plan(file=file, **act)
        unknown = [row for row in plan.rows if row.is_unknown] if options["skip_unknown"] else []
        rows = [row for row in plan.rows if row not in unknown]
        if asking := [row for row in rows if row.days]:
            raise CommandError(f"row {asking[0].number}, {_asked(asking)}")
        if wrong := [f"row {row.number}, {problem}" for row in rows for problem in row.problems]:
            raise CommandError("\n".join(wrong))
        for row in unknown:
            self.stdout.write(f"not found: {row.username}")
        if not options["dry_run"]:
            plan = import_file.apply(file=file, confirmed=plan.digest, **act)
        self.stdout.write(in_words(plan.counts))


def _asked(rows: list[ImportRow]) -> str:
    """What the first of the rows says of its day, and how to answer for all of them."""
    of_days = next(problem for problem in rows[0].problems if problem.column == "decision_until")
    return f"{of_days}: give --date-order dmy (day first) or mdy; {len(rows):,} rows have such a day"
