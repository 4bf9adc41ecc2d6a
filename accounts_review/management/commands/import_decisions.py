"""``manage.py import_decisions``: decide by a spreadsheet, from a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, in_words, person
from accounts_review.models import Workspace
from accounts_review.spreadsheet import Unreadable
from accounts_review.workflow.review import import_file


class Command(WorkspaceCommand):
    help = "Apply the decisions that were filled in into an export, as CSV or XLSX. All or nothing."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="only say what it would do")

    def act(self, workspace: Workspace, **options: Any) -> None:
        path: Path = options["file"]
        act: dict[str, Any] = {"actor": person(options["actor"]), "now": now()}
        try:
            content = path.read_bytes()
            file = import_file.upload(content=content, name=path.name, workspace=workspace, **act)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from None
        except Unreadable as problem:
            raise CommandError(f"{path}: {problem}") from None
        plan = import_file.plan(file=file, **act)
        if wrong := [f"row {row.number}, {problem}" for row in plan.rows for problem in row.problems]:
            raise CommandError("\n".join(wrong))
        if not options["dry_run"]:
            plan = import_file.apply(file=file, confirmed=plan.digest, **act)
        self.stdout.write(in_words(plan.counts))
