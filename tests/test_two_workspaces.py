"""Two workspaces side by side: whatever happens in one, nothing of it reaches the other."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

import accounts_review.management.commands as package
from accounts_review.management.shell import DecidingCommand, WorkspaceCommand
from accounts_review.models import Account, AuditEntry, Case, Workspace
from accounts_review.workflow.revoke.last_look import budget_left
from huwise_sandbox import population
from huwise_sandbox.records import Snapshot
from huwise_sandbox.server import SandboxServer
from huwise_sandbox.site import SandboxSite
from tests.factories import make_saved_view, put_in_force
from tests.stage import NOW, SERVICE_USER, Stage, crowd, open_stage, policy_text, service_user, someone

OTHER_KEY = "another-key-4c1d88aa"
BOTH = ("main", "second")


@pytest.fixture
def main(workspace: Workspace, person: Callable[[str], User], settings: Any) -> Iterator[Stage]:
    """The workspace of the environment: marie and ana are dormant."""
    with open_stage([someone("marie"), someone("ana")], workspace=workspace, staff=person) as stage:
        settings.HUWISE = {"main": {"url": stage.url, "api_key": "stage-key-7f3a91", "key_owner": ""}}
        settings.QUIET_SECONDS = 0
        yield stage


@pytest.fixture
def second(main: Stage, person: Callable[[str], User], tmp_path: Path) -> Iterator[SandboxSite]:
    """One that was added on the shell, with a key of its own: marie, by the same name, and bob are dormant."""
    for role in ("auditor", "reviewer", "operator", "administrator"):
        person(role)
    people = [service_user(), someone("marie"), someone("bob"), *crowd(20)]
    snapshot = Snapshot(people, [], service_user=SERVICE_USER)
    population.grant_service_key(snapshot, OTHER_KEY)
    key = tmp_path / "key"
    key.write_text(f"{OTHER_KEY}\n")
    site = SandboxSite(snapshot)
    with SandboxServer(site) as server, time_machine.travel(NOW, tick=False):
        options = ["--title", "Open data of Ville", "--contact", "help@second.example"]
        options += ["--sender", "Second <second@ville.example>", "--actor", "administrator"]
        assert OTHER_KEY not in run("add_workspace", "second", server.url, "--key-file", str(key), *options)
        of_second = Workspace.objects.get(name="second")
        text = policy_text(notice=30)
        put_in_force(of_second, text, now=NOW)
        run("set_mode", "live", "--workspace", "second", "--actor", "administrator")
        yield site


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def in_both(*words: str) -> None:
    for name in BOTH:
        run(*words, "--workspace", name)


def deletes(site: SandboxSite) -> list[str]:
    return [delete["username"] for delete in site.journal.describe()["deletes"]]


def test_nothing_crosses_from_sync_to_revocation(main: Stage, second: SandboxSite) -> None:
    decided = ("--reason", "gone", "--workspace", "second", "--actor")
    in_both("sync")
    run("approve", "marie", *decided, "reviewer")
    run("launch_cleanup", "--workspace", "second", "--actor", "operator")
    in_both("send_notices")
    in_both("revoke_due")
    [notice] = mail.outbox
    assert notice.from_email == "Second <second@ville.example>"
    assert notice.reply_to == ["help@second.example"]
    assert "Open data of Ville" in notice.subject
    assert "help@second.example" in notice.body
    assert not Case.objects.exclude(account__workspace__name="second").exists()

    with time_machine.travel(NOW + timedelta(days=31), tick=False):
        in_both("sync")
        in_both("revoke_due")
    assert (deletes(second), deletes(main.site)) == (["marie"], [])
    assert main.members == {"marie", "ana"}
    of_main = AuditEntry.objects.of(main.workspace).values_list("kind", flat=True)
    assert not [kind for kind in of_main if kind.startswith(("case.", "cleanup.", "account."))]
    limits = main.workspace.current_policy.rules.limits
    assert budget_left(main.workspace, now=NOW + timedelta(days=31)) == limits.per_hour


def test_what_stops_one_leaves_the_other_alone(main: Stage, second: SandboxSite) -> None:
    in_both("sync")
    for name, who in (("main", "ana"), ("second", "bob")):
        run("approve", who, "--workspace", name, "--actor", "reviewer", "--reason", "gone")
        run("launch_cleanup", "--workspace", name, "--actor", "operator")
    run("hold", "--workspace", "second", "--actor", "operator", "--reason", "wait")
    run("revoke_due", "--workspace", "main")
    run("pause_workspace", "--workspace", "main", "--actor", "administrator", "--reason", "maintenance")
    with time_machine.travel(NOW + timedelta(days=31), tick=False):
        assert deletes(main.site) == ["ana"]
        with pytest.raises(CommandError, match="main is paused"):
            run("sync", "--workspace", "main")
        run("release", "--workspace", "second", "--actor", "administrator", "--reason", "go on")
        run("send_notices", "--workspace", "second")
    assert [message.to for message in mail.outbox] == [["bob@ville.example"]]


def test_a_page_shows_one_workspace_and_of_the_other_only_that_the_same_person_is_there(
    main: Stage, second: SandboxSite, person: Callable[[str], User]
) -> None:
    in_both("sync")
    client = Client()
    client.force_login(person("administrator"))
    accounts = {account.workspace.name: account for account in Account.objects.filter(username="marie")}
    make_saved_view(Workspace.objects.get(name="second"), person("administrator"), query="q=marie")
    page = client.get("/w/main/review/?verdict=all").content.decode()
    assert "ana" in page
    assert "bob" not in page
    assert ">mine<" not in page
    assert "bob" not in b"".join(client.get("/w/main/review/export/?format=csv&verdict=all")).decode()
    card = client.get(f"/w/main/accounts/{accounts['main'].pk}/").content.decode()
    assert f"/w/second/accounts/{accounts['second'].pk}/" in card
    assert client.get(f"/w/main/accounts/{accounts['second'].pk}/").status_code == 404
    assert "second" not in client.get("/w/main/audit/").context["table"].as_html(client.get("/").wsgi_request)
    overview = client.get("/")
    assert [card.workspace.name for card in overview.context["cards"]] == list(BOTH)
    assert {"sync of main", "sync of second"} <= set(client.get("/health/worker/").json())


def test_with_one_workspace_home_still_leads_to_it(main: Stage, person: Callable[[str], User]) -> None:
    client = Client()
    client.force_login(person("auditor"))
    assert client.get("/").headers["Location"] == "/w/main/"


ARGUMENTS: dict[str, tuple[str, ...]] = {
    "import_decisions": ("nothing.csv",),
    "load_policy": ("nothing.toml",),
    "resume_cleanup": ("1", "--reason", "x"),
    "restore": ("marie",),
    "set_mode": ("live",),
    "reset_breaker": ("--reason", "x"),
    "pause_workspace": ("--reason", "x"),
    "resume_workspace": ("--reason", "x"),
    "retire_workspace": ("--reason", "x"),
    "erase_person": ("marie", "--actor", "administrator", "--reason", "x"),
    "access_report": ("marie",),
    "exempt": ("--until", "2026-12-31"),
}


def commands_of_one_workspace() -> list[str]:
    names = sorted(path.stem for path in Path(package.__path__[0]).glob("[a-z]*.py"))
    modules = {name: import_module(f"{package.__name__}.{name}") for name in names}
    return [name for name, module in modules.items() if issubclass(module.Command, WorkspaceCommand)]


@pytest.mark.matrix(fast=4, reason="two workspaces for each command")
@pytest.mark.parametrize("name", commands_of_one_workspace())
def test_a_command_that_is_not_told_which_says_which_there_are(main: Stage, second: SandboxSite, name: str) -> None:
    command = import_module(f"{package.__name__}.{name}").Command
    words = [*ARGUMENTS.get(name, ())]
    if issubclass(command, DecidingCommand):
        words += ["marie", "--reason", "x"]
    if command.needs_actor:
        words += ["--actor", "administrator"]
    with pytest.raises(CommandError, match="several workspaces: main, second"):
        run(name, *words)
