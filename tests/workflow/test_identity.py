"""A workspace's name and host change only where a person says so, and nothing of its history is lost by it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts_review import audit
from accounts_review.audit.chain import _CHAIN_LOCK
from accounts_review.huwise import Client, host_of
from accounts_review.huwise.client import Page
from accounts_review.models import Access, AuditEntry, StoredKey, Workspace
from accounts_review.tasks import actions, sources
from accounts_review.workflow import connect, identity, workspaces
from accounts_review.workflow.retention.erase import erase_accounts
from accounts_review.workflow.revoke.last_look import budget_left
from accounts_review.workflow.sync.sync import WrongHost
from tests.stage import KEY, NOW, SetStage, Stage, open_stage, someone

PEOPLE = [someone(f"person{number}") for number in range(30)]


def describe(settings: Any, name: str, url: str, *, key: str = KEY) -> None:
    settings.HUWISE = {name: {"url": url, "api_key": key, "key_owner": ""}}


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Stage:
    stage = set_stage(*PEOPLE)
    describe(settings, "main", stage.url)
    return stage


def moved(url: str) -> str:
    """The same server under another name."""
    return url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("role", ["nobody", "auditor", "reviewer", "operator"])
def test_only_an_administrator_changes_name_or_host(stage: Stage, person: Callable[[str], User], role: str) -> None:
    with pytest.raises(PermissionDenied):
        identity.rename(workspace=stage.workspace, name="prod", actor=person(role), now=NOW)
    with pytest.raises(PermissionDenied):
        actions.change_host(stage.workspace, actor=person(role))


def test_another_name_for_a_known_host_is_refused_with_how_to_rename(stage: Stage, settings: Any) -> None:
    describe(settings, "prod", stage.url)
    with pytest.raises(ImproperlyConfigured, match="rename_workspace main prod --actor LOGIN"):
        sources.known_workspaces()
    with pytest.raises(CommandError, match="HUWISE_WORKSPACE=main"):
        call_command("sync")
    assert Workspace.objects.count() == 1


def test_another_name_for_another_host_is_another_workspace(stage: Stage, settings: Any) -> None:
    describe(settings, "prod", "https://data.example.org")
    assert [str(workspace) for workspace in sources.known_workspaces()] == ["prod"]


def test_a_renamed_workspace_is_known_by_its_new_name_only(
    stage: Stage, person: Callable[[str], User], settings: Any
) -> None:
    person("administrator")
    call_command("rename_workspace", "main", "prod", "--actor", "administrator")
    with pytest.raises(ImproperlyConfigured, match="set HUWISE_WORKSPACE=prod"):
        sources.known_workspaces()
    describe(settings, "prod", stage.url)
    assert sources.known_workspaces() == [stage.workspace]
    entry = AuditEntry.objects.latest("seq")
    names = {"from": "main", "to": "prod"}
    assert (entry.kind, entry.actor, entry.data) == ("workspace.renamed", "administrator", names)
    assert audit.verify()[1] is None


def test_a_rename_forgets_nothing_that_was_done_under_the_old_name(stage: Stage) -> None:
    """The hourly limit counts removals in the audit: another name must not double it."""
    stage.launch("person1")
    stage.revoke()
    left, entries = budget_left(stage.workspace, now=NOW), AuditEntry.objects.of(stage.workspace).count()
    assert left == stage.workspace.current_policy.rules.limits.per_hour - 1
    identity.rename(workspace=stage.workspace, name="prod", actor=stage.staff("administrator"), now=NOW)
    assert budget_left(stage.workspace, now=NOW) == left
    assert AuditEntry.objects.of(stage.workspace).count() == entries + 1


@pytest.mark.parametrize("name", ["main", "other", "was-other", "two words", "", "x" * 51, "é"])
def test_a_name_that_is_taken_or_cannot_be_one_is_refused(
    stage: Stage, person: Callable[[str], User], name: str
) -> None:
    other = workspaces.open_workspace(name="was-other", now=NOW)
    identity.rename(workspace=other, name="other", actor=person("administrator"), now=NOW)
    with pytest.raises(identity.NotTheSame):
        identity.rename(workspace=stage.workspace, name=name, actor=person("administrator"), now=NOW)
    assert Workspace.objects.get(pk=stage.workspace.pk).name == "main"


def test_a_name_can_be_taken_back(stage: Stage, person: Callable[[str], User]) -> None:
    for name in ("prod", "main"):
        identity.rename(workspace=stage.workspace, name=name, actor=person("administrator"), now=NOW)
    assert Workspace.objects.get().names == ["main", "prod"]


def test_a_host_that_moved_with_its_accounts_is_followed(
    stage: Stage, person: Callable[[str], User], settings: Any
) -> None:
    describe(settings, "main", moved(stage.url))
    person("administrator")
    with time_machine.travel(NOW, tick=False):
        with pytest.raises(WrongHost, match="change_host --workspace main"):
            actions.sync(stage.workspace.pk)
        call_command("change_host", "--actor", "administrator")
        assert Workspace.objects.get().host == host_of(moved(stage.url))
        assert actions.sync(stage.workspace.pk).problems == []
    entry = AuditEntry.objects.get(kind="workspace.host_changed")
    assert (entry.data["from"], entry.data["to"]) == (host_of(stage.url), host_of(moved(stage.url)))
    assert entry.data["found"] == entry.data["accounts"] == stage.workspace.accounts.listed().count()


def test_a_host_that_gives_smaller_pages_than_asked_for_is_followed_too(
    stage: Stage, person: Callable[[str], User], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Client.users_page

    def smaller(client: Client, *, offset: int, limit: int = 1000) -> Page:
        return whole(client, offset=offset, limit=min(limit, 7))

    monkeypatch.setattr(Client, "users_page", smaller)
    describe(settings, "main", moved(stage.url))
    with time_machine.travel(NOW, tick=False):
        call_command("change_host", "--actor", person("administrator").username)
    assert Workspace.objects.get().host == host_of(moved(stage.url))


def test_a_host_with_other_accounts_is_another_workspace(
    stage: Stage, person: Callable[[str], User], settings: Any
) -> None:
    strangers = [someone(f"stranger{number}") for number in range(30)]
    with open_stage(strangers, workspace=stage.workspace, staff=person) as other, time_machine.travel(NOW, tick=False):
        describe(settings, "main", moved(other.url))
        with pytest.raises(identity.NotTheSame, match="not the same workspace"):
            actions.change_host(stage.workspace, actor=person("administrator"))
    assert Workspace.objects.get().host == host_of(stage.url)


def test_a_host_whose_connection_check_finds_a_fault_is_not_followed(
    stage: Stage, person: Callable[[str], User], settings: Any
) -> None:
    describe(settings, "main", moved(stage.url), key="wrong-key")
    with pytest.raises(identity.NotTheSame, match="HUWISE_API_KEY"):
        actions.change_host(stage.workspace, actor=person("administrator"))


def test_a_connection_to_another_host_that_comes_too_late_leaves_the_host_alone(
    stage: Stage, person: Callable[[str], User]
) -> None:
    """Otherwise the workspace would have one host, and the connection that somebody else stored another."""
    StoredKey.store(stage.workspace, Access(url=stage.url, api_key=KEY), now=NOW)
    access, before = Access(url=moved(stage.url), api_key=KEY), AuditEntry.objects.count()
    given: dict[str, Any] = {"access": access, "actor": person("administrator"), "clock": stage.clock}
    with sources.trial_client(access) as client, pytest.raises(audit.Conflict):
        connect.reconnect(workspace=stage.workspace, client=client, seen="what was there before", **given)
    assert Workspace.objects.get().host == host_of(stage.url)
    assert AuditEntry.objects.count() == before


def test_where_the_host_is_the_same_there_is_nothing_to_change(stage: Stage, person: Callable[[str], User]) -> None:
    with pytest.raises(identity.NotTheSame, match="already"):
        actions.change_host(stage.workspace, actor=person("administrator"))


def rename(stage: Stage) -> None:
    identity.rename(workspace=stage.workspace, name="prod", actor=stage.staff("administrator"), now=NOW)


def reconnect(stage: Stage) -> None:
    access = Access(url=stage.url, api_key=KEY)
    actor = stage.staff("administrator")
    connect.reconnect(workspace=stage.workspace, access=access, client=stage.client, actor=actor, clock=stage.clock)


def erase(stage: Stage) -> None:
    erase_accounts(stage.accounts("person0"), now=NOW)


@pytest.mark.parametrize("act", [rename, reconnect, erase])
def test_whoever_waits_for_the_end_of_the_audit_holds_the_workspace_already(
    stage: Stage, act: Callable[[Stage], None]
) -> None:
    """The other way round, two of them could each hold what the other waits for."""
    stage.remove("person0")
    stage.sync()
    with CaptureQueriesContext(connection) as ran:
        act(stage)
    turns = [at for at, query in enumerate(ran) if f"pg_advisory_xact_lock({_CHAIN_LOCK})" in query["sql"]]
    locks = [at for at, query in enumerate(ran) if re.search('"accounts_review_workspace".* FOR NO KEY', query["sql"])]
    assert locks
    assert max(locks) < min(turns)
