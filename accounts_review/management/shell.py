"""What every command of the portal shares: the workspace, the acting person, and errors that speak to people."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date
from django.utils.timezone import get_current_timezone, make_aware, now

from accounts_review import audit
from accounts_review.huwise import HuwiseError
from accounts_review.management.files import content_of
from accounts_review.models import Account, Hold, Workspace
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.rules.policy import PolicyError
from accounts_review.spreadsheet import Unreadable, read_list, without_quote
from accounts_review.tasks import sources
from accounts_review.wording import findings
from accounts_review.wording import holds as in_sentences
from accounts_review.wording.findings import Found
from accounts_review.workflow.holds import HoldRefused
from accounts_review.workflow.identity import NotTheSame
from accounts_review.workflow.launch.launch import CannotLaunch
from accounts_review.workflow.people import emails
from accounts_review.workflow.people.changes import Change, PersonRefused
from accounts_review.workflow.policy.preview import Outdated
from accounts_review.workflow.review.decide import DecisionRefused
from accounts_review.workflow.review.import_file import Changed
from accounts_review.workflow.review.named import accounts_meant
from accounts_review.workflow.sync.lock import AlreadyRunning
from accounts_review.workflow.sync.sync import NothingTripped, WrongHost
from accounts_review.workflow.workspaces import NotPossible
from cleanup_portal import database_version

SAID = (
    AlreadyRunning,
    CannotLaunch,
    Changed,
    audit.Conflict,
    HuwiseError,
    HoldRefused,
    NothingTripped,
    ImproperlyConfigured,
    PermissionDenied,
    PersonRefused,
    PolicyError,
    DecisionRefused,
    Outdated,
    NotTheSame,
    NotPossible,
    WrongHost,
)
"""Errors whose text is meant for the person at the shell."""

ALL = "all"
"""As ``--workspace``: the whole portal, every workspace present and future."""


NO_WORKSPACE = "No workspace: set HUWISE_URL and HUWISE_API_KEY, or use `manage.py add_workspace`."


class WorkspaceCommand(BaseCommand):
    """A command on one workspace. Standard output carries data only; exit status 1 says what went wrong."""

    needs_actor = False
    # They import every page, which is a quarter of what a sync of 50,000 accounts takes. No check has this tag; without
    # any, Django does not know ``--skip-checks``.
    requires_system_checks: tuple[str, ...] = ("none",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="W", help="which workspace; required only if there are several")
        if self.needs_actor:
            parser.add_argument("--actor", metavar="LOGIN", required=True, help="your login; recorded in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        if said := database_version.newer():
            raise CommandError(said)
        try:
            self.act(workspace_named(options.pop("workspace")), **options)
        except SAID as error:
            raise CommandError(str(error)) from None

    def act(self, workspace: Workspace, **options: Any) -> None:
        """What the command does; subclasses say."""
        raise NotImplementedError


class HoldCommand(BaseCommand):
    """A command on a workspace, or on the whole portal where none is named, with who does it and why."""

    takes_workspace = True

    def add_arguments(self, parser: CommandParser) -> None:
        if self.takes_workspace:
            parser.add_argument("--workspace", metavar="W", help="which workspace; default: the whole portal")
        parser.add_argument("--actor", metavar="LOGIN", required=True, help="your login; recorded in the audit")
        add_reason(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        name = options.get("workspace")
        # Not where it is "", as an unset variable of a script is: that names no workspace, and never all of them.
        workspace = None if name is None else workspace_named(name)
        try:
            self.act(workspace, actor=person(options["actor"]), reason=options["reason"], now=now())
        except SAID as error:
            raise CommandError(str(error)) from None
        for hold in Hold.objects.open().select_related("workspace"):
            self.stderr.write(in_sentences.of_hold(hold))

    def act(self, workspace: Workspace | None, *, actor: User, reason: str, now: datetime) -> None:
        """What the command does; subclasses say."""
        raise NotImplementedError


def add_reason(parser: CommandParser, told: str = "reason; recorded in the audit", *, required: bool = True) -> None:
    """Have a command take ``--reason``, as long as a form would take it."""
    parser.add_argument("--reason", metavar="TEXT", type=_reason, required=required, help=told)


def _reason(given: str) -> str:
    if len(given) > LONGEST_REASON:
        raise ArgumentTypeError(f"at most {LONGEST_REASON} characters, please; these are {len(given):,}")
    return given


def actor_named(login: str | None) -> User | None:
    """The person who acts, or ``None`` where nobody is named: the shell itself."""
    return None if login is None else person(login)


def person(login: str) -> User:
    """The active person with a login here. Raises ``CommandError``."""
    user = get_user_model().objects.filter(username=login, is_active=True).first()
    if user is None:
        raise CommandError(f"No active person has the login {login!r}; add one with `manage.py add_person`.")
    return user


class DecidingCommand(WorkspaceCommand):
    """A command that decides on accounts, named one by one or in a plain list."""

    needs_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("usernames", metavar="USERNAME", nargs="*", help="username or e-mail address")
        parser.add_argument(
            "--file", metavar="FILE", type=Path, help="a list of accounts: one column, as CSV, XLSX or text"
        )
        parser.add_argument(
            "--skip-unknown", action="store_true", help="skip accounts that are not found, and list them"
        )
        add_reason(parser)

    def accounts(self, workspace: Workspace, options: dict[str, Any]) -> list[Account]:
        """The listed accounts that were named, all or none. Raises ``CommandError`` naming those that are not found."""
        names = list(dict.fromkeys([*options["usernames"], *_names_in(options["file"])]))
        if not names:
            raise CommandError("Name at least one account, by its username or e-mail address, or a --file of them.")
        meant = accounts_meant(Account.objects.filter(workspace=workspace).listed(), names)
        unknown = [name for name in names if name not in meant]
        wrong = [] if options["skip_unknown"] else [_not_found(name) for name in sorted(unknown)]
        for name, accounts in meant.items():
            if len(accounts) > 1:
                usernames = ", ".join(sorted(account.username for account in accounts))
                wrong.append(f"{name}: {len(accounts):,} accounts have this address: {usernames}; name one of them")
        if wrong:
            raise CommandError("\n".join(wrong))
        for name in unknown:
            self.stdout.write(f"not found: {name}")
        return list({account.pk: account for [account] in meant.values()}.values())


def _not_found(name: str) -> str:
    return f"{name}: no listed account has this username{' or e-mail address' if '@' in name else ''}"


def _names_in(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        lines = read_list(content_of(file))
    except Unreadable as problem:
        raise CommandError(f"{file}: {problem}") from None
    if lines is None:
        raise CommandError(f"{file}: not a plain list: it has more than one column. Use import_decisions.")
    return [without_quote(line.cells[0]) for line in lines]


def instant(text: str) -> datetime:
    """An instant given on the command line: ISO 8601, or a date, meaning its start in the portal's time zone."""
    try:
        day = parse_date(text)
        given = datetime.combine(day, time.min) if day else datetime.fromisoformat(text)
        if not given.tzinfo:
            given = make_aware(given, get_current_timezone() if day else UTC)
        for zone in (UTC, get_current_timezone()):
            given.astimezone(zone)
    except (ValueError, OverflowError):
        raise CommandError(f"{text!r} is not a date such as 2026-06-30, nor an ISO 8601 instant.") from None
    return given


def in_words(tally: dict[str, int], *, last: tuple[str, int] | None = None) -> str:
    """A tally as one line: ``revoked 3, spared 1; 0 due``."""
    counts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in sorted(tally.items()) if count)
    return "; ".join(part for part in (counts or "nothing", f"{last[1]:,} {last[0]}" if last else "") if part)


def verdicts_in_words(tally: dict[str, int]) -> str:
    """How many accounts have each verdict, as one line."""
    return in_words(tally) if any(tally.values()) else "no account is known"


def in_a_clause(found: Found) -> str:
    """A finding as it follows a colon, with what to do about it."""
    told = findings.in_words(found)
    is_ours = found["code"] != "paused" and not told.said[1:2].isupper()
    clause = told.said[:1].lower() + told.said[1:] if is_ours else told.said
    return " ".join(filter(None, (clause, told.remedy, told.detail and f"({told.detail})")))


def place(name: str | None) -> Workspace | None:
    """The workspace in which a role holds; ``all``, or no workspace yet, means the whole portal: ``None``."""
    if name == ALL or (name is None and not (sources.known_workspaces() or Workspace.objects.exists())):
        return None
    return workspace_named(name)


def tell(change: Change, command: BaseCommand, *, now: datetime, link: str = "") -> None:
    """Have a change of a person told by e-mail; who could not be reached is said on standard error."""
    for address in emails.tell(change, now=now, link=link):
        command.stderr.write(f"No e-mail could be sent to {address}.")


def workspace_named(name: str | None) -> Workspace:
    """The workspace of that name, or the only one. Raises ``CommandError``, which says which there are."""
    known = sources.all_workspaces() or list(Workspace.objects.exclude(state=Workspace.State.RETIRED))
    if name is not None:
        known = list(Workspace.objects.filter(name=name))
    match known:
        case [workspace]:
            return workspace
        case []:
            raise CommandError(
                f"There is no workspace {name!r}; {_names_known()}." if name is not None else NO_WORKSPACE
            )
        case _:
            names = ", ".join(workspace.name for workspace in known)
            raise CommandError(f"There are several workspaces: {names}. Say which with --workspace.")


def _names_known() -> str:
    names = list(Workspace.objects.values_list("name", flat=True))
    return f"known: {', '.join(names)}" if names else "none is known"
