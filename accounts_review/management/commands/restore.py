"""``manage.py restore``: invite people back with the rights recorded at their revocation."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts_review.management.shell import WorkspaceCommand, person
from accounts_review.models import Case, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.tasks import actions


class Command(WorkspaceCommand):
    help = "Invite back people whose access was removed. Exits with 0 only if all were invited."
    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("usernames", metavar="USERNAME", nargs="+")

    def act(self, workspace: Workspace, **options: Any) -> None:
        cases = _newest_revoked(workspace, list(dict.fromkeys(options["usernames"])))
        results = actions.restore(workspace, cases, actor=person(options["actor"]))
        for result in results:
            self.stdout.write(str(result))
        failed = sum(1 for result in results if result.problem)
        if failed:
            raise CommandError(f"{failed:,} of {len(results):,} were not invited back.")


def _newest_revoked(workspace: Workspace, usernames: list[str]) -> list[Case]:
    """The newest revoked case of each username, all or none. Raises ``CommandError`` naming those without one."""
    cases = Case.objects.filter(account__workspace=workspace, account__username__in=usernames, state=CaseState.REVOKED)
    newest = {case.account.username: case for case in cases.select_related("account").order_by("pk")}
    unknown = [name for name in usernames if name not in newest]
    if unknown:
        raise CommandError("\n".join(f"{name}: no removal of this username is on record" for name in unknown))
    return [newest[name] for name in usernames]
