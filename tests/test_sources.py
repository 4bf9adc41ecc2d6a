"""Workspaces that administrators add: tested before they are stored, and their keys shown to nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connection

from accounts_review import audit
from accounts_review.models import Access, AuditEntry, Hold, StoredKey, Workspace
from accounts_review.tasks import nightly, sources
from accounts_review.workflow import identity, workspaces
from accounts_review.workflow.connect import Description
from accounts_review.workflow.identity import NotTheSame
from accounts_review.workflow.people import factors
from accounts_review.workflow.workspaces import NotPossible
from cleanup_portal.logs import LogFormatter
from tests.conftest import NOW
from tests.stage import KEY, SetStage, Stage, someone

OLD, NEW = "old-secret-" * 5, "new-secret-" * 5


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Stage:
    """A workspace that the portal reads by the environment no more."""
    stage = set_stage(someone("marie"), synced=False)
    settings.HUWISE = {}
    return stage


@pytest.fixture
def add(stage: Stage, person: Callable[[str], User]) -> Callable[..., Workspace]:
    def call(name: str = "second", *, url: str = stage.url, key: str = KEY, role: str = "administrator") -> Workspace:
        access = Access(url=url, api_key=key)
        return sources.add_workspace(name=name, access=access, description=Description(), actor=person(role))

    return call


def everything_stored() -> str:
    """All that is in the tables of the app, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} t")
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def test_an_added_workspace_is_read_by_its_stored_key(add: Callable[..., Workspace]) -> None:
    workspace = add()
    assert sources.known_workspaces() == [workspace]
    assert (workspace.mode, workspace.state) == ("dry-run", "active")
    with sources.open_client(workspace) as client:
        assert client.users_count() == 22
    kinds = AuditEntry.objects.of(workspace).values_list("kind", flat=True)
    assert set(kinds) == {"workspace.opened", "policy.adopted", "workspace.added"}


def test_the_key_is_in_no_table_and_no_line_of_the_log(add: Callable[..., Workspace]) -> None:
    workspace = add()
    assert KEY not in everything_stored()
    assert KEY not in repr(sources.access_to(workspace))
    record = logging.LogRecord("x", logging.DEBUG, "x", 1, f"GET with {KEY}", None, None)
    assert KEY not in LogFormatter(form="console").format(record)


@pytest.mark.parametrize("role", ["nobody", "auditor", "reviewer", "operator"])
def test_only_an_administrator_adds_a_workspace(add: Callable[..., Workspace], role: str) -> None:
    with pytest.raises(PermissionDenied):
        add(role=role)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": "wrong-key-entirely"}, "does not accept the API key"),
        ({"url": "http://127.0.0.1:9"}, "could not be reached"),
        ({"url": "http://data.example.org"}, "must start with https"),
        ({"url": "https://user:secret-word@data.example.org"}, "must not contain a username"),
        ({"url": "https://10.0.0.1"}, "private network"),
        ({"name": "two words"}, "cannot be a name"),
        ({"name": "all"}, "every workspace"),
        ({"name": "MAIN"}, "already the name of a workspace"),
        ({"name": "x" * 51}, "too long"),
    ],
)
def test_nothing_is_stored_of_what_does_not_answer_or_cannot_be(
    add: Callable[..., Workspace], changed: dict[str, str], words: str
) -> None:
    before = everything_stored()
    with pytest.raises(ValueError, match=words) as refused:
        add(**changed)
    assert "secret-word" not in str(refused.value)
    assert len(everything_stored()) == len(before)


def test_the_same_host_is_no_second_workspace(add: Callable[..., Workspace]) -> None:
    add()
    with pytest.raises(NotTheSame, match="known here as second"):
        add("third")


def test_a_key_outlives_a_new_secret_key_and_then_does_without_the_old_one(
    add: Callable[..., Workspace], settings: Any
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    workspace = add()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    sources.renew_stored_keys()
    settings.SECRET_KEY_FALLBACKS = []
    assert sources.access_to(workspace).api_key == KEY


def test_a_night_renews_what_was_written_under_the_former_key_after_the_worker_had_started(
    add: Callable[..., Workspace], person: Callable[[str], User], settings: Any
) -> None:
    """By a web server, here or on another host, that still ran with it."""
    former = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [former]
    sources.renew_keys()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = former, []
    workspace = add()
    factor = TOTP.activate(person("operator"), "secret").instance
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [former]
    nightly.verify_every_night()
    settings.SECRET_KEY_FALLBACKS = []
    factor.refresh_from_db()
    assert factors.decrypt(factor.data["secret"]) == "secret"
    assert sources.access_to(workspace).api_key == KEY
    assert audit.verify()[1] is None


def test_without_the_former_secret_key_it_says_what_to_do(add: Callable[..., Workspace], settings: Any) -> None:
    settings.SECRET_KEY = OLD
    workspace = add()
    settings.SECRET_KEY = NEW
    sources.renew_stored_keys()
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FALLBACKS"):
        sources.open_client(workspace)
    settings.SECRET_KEY = OLD
    assert sources.access_to(workspace).api_key == KEY


def test_whoever_writes_to_the_database_sends_no_key_elsewhere(add: Callable[..., Workspace]) -> None:
    workspace, other = add(), workspaces.open_workspace(name="other", now=NOW)
    StoredKey.objects.update(url="https://evil.example.org")
    assert "evil" not in sources.access_to(workspace).url
    StoredKey.objects.update(workspace=other)
    with pytest.raises(ImproperlyConfigured, match="another workspace's"):
        sources.open_client(other)


def test_pausing_holds_and_resuming_releases(add: Callable[..., Workspace], person: Callable[[str], User]) -> None:
    workspace, actor = add(), person("administrator")
    workspaces.pause(workspace=workspace, actor=actor, reason="move", now=NOW)
    assert sources.known_workspaces() == []
    assert Hold.objects.open().over(workspace).exists()
    with pytest.raises(NotPossible, match="already"):
        workspaces.pause(workspace=workspace, actor=actor, reason="move", now=NOW)
    workspaces.resume(workspace=workspace, actor=actor, reason="done", now=NOW)
    assert sources.known_workspaces() == [workspace]
    assert not Hold.objects.open().exists()
    with pytest.raises(NotPossible, match="Give a reason"):
        workspaces.pause(workspace=workspace, actor=actor, reason=" ", now=NOW)


def test_retiring_forgets_the_key_and_a_new_one_brings_it_back_paused(
    add: Callable[..., Workspace], person: Callable[[str], User], stage: Stage
) -> None:
    workspace, actor = add(), person("administrator")
    sources.retire(workspace, actor=actor, reason="merged")
    assert not StoredKey.objects.exists()
    assert sources.all_workspaces() == []
    sources.reconnect(workspace, access=Access(url=stage.url, api_key=KEY), actor=actor)
    assert Workspace.objects.get(name="second").state == "paused"
    kinds = list(AuditEntry.objects.of(workspace).order_by("seq").values_list("kind", flat=True))
    assert kinds[-2:] == ["workspace.retired", "workspace.connection_changed"]


def test_a_workspace_whose_people_wait_is_not_retired(stage: Stage) -> None:
    with time_machine.travel(NOW, tick=False):
        stage.sync()
        stage.launch("marie")
        with pytest.raises(NotPossible, match="clean-ups under way: 1"):
            sources.retire(stage.workspace, actor=stage.staff("administrator"), reason="x")


def test_what_the_environment_describes_is_changed_there_only(
    stage: Stage, settings: Any, person: Callable[[str], User]
) -> None:
    settings.HUWISE = {"main": {"url": stage.url, "api_key": KEY, "key_owner": ""}}
    actor = person("administrator")
    with pytest.raises(NotPossible, match="HUWISE_URL"):
        sources.reconnect(stage.workspace, access=Access(url=stage.url, api_key=KEY), actor=actor)
    with pytest.raises(NotPossible, match="HUWISE_URL"):
        sources.retire(stage.workspace, actor=actor, reason="x")


@pytest.mark.parametrize("url", ["hello", '"https://data.example.org"', "https://"])
def test_a_described_address_that_is_none_is_refused_before_anything_is_opened(
    db: None, settings: Any, url: str
) -> None:
    settings.HUWISE = {"main": {"url": url, "api_key": KEY, "key_owner": ""}}
    with pytest.raises(ImproperlyConfigured, match=r"^HUWISE_URL: The workspace's address must look like"):
        sources.known_workspaces()
    assert not Workspace.objects.exists()


@pytest.mark.parametrize("name", ["x" * 51, "a\x01b", "../x", "all"])
def test_a_described_name_that_can_be_none_is_refused_before_anything_is_opened(
    db: None, settings: Any, name: str
) -> None:
    settings.HUWISE = {name: {"url": "https://data.example.org", "api_key": KEY, "key_owner": ""}}
    with pytest.raises(ImproperlyConfigured, match=r"^HUWISE_WORKSPACE: '"):
        sources.known_workspaces()
    assert not Workspace.objects.exists()


def test_a_described_key_that_is_none_is_refused_under_its_own_name(stage: Stage, settings: Any) -> None:
    settings.HUWISE = {stage.workspace.name: {"url": stage.url, "api_key": "two words", "key_owner": ""}}
    with pytest.raises(ImproperlyConfigured, match=r"^HUWISE_API_KEY: The API key "):
        sources.open_client(stage.workspace)


def test_a_renamed_workspace_keeps_its_key(add: Callable[..., Workspace], person: Callable[[str], User]) -> None:
    workspace = add()
    identity.rename(workspace=workspace, name="prod", actor=person("administrator"), now=NOW)
    assert [str(each) for each in sources.known_workspaces()] == ["prod"]
    assert sources.access_to(workspace).api_key == KEY


@pytest.mark.parametrize(
    "given",
    [
        {"title": "two\nlines"},
        {"title": "x" * 101},
        {"title": "\u202egnp"},
        {"sender": "no address"},
        {"sender": "A <a@example.org>\r\nBcc: b@example.org"},
        {"contact": "a\x00b"},
    ],
)
def test_hostile_descriptions_are_refused(
    workspace: Workspace, person: Callable[[str], User], given: dict[str, str]
) -> None:
    with pytest.raises(NotPossible):
        workspaces.describe(workspace=workspace, given=given, actor=person("administrator"), now=NOW)


def test_a_description_is_kept_in_the_audit_with_what_it_was(
    workspace: Workspace, person: Callable[[str], User]
) -> None:
    given = {"title": "Ville", "contact": "help@ville.example", "language": "fr"}
    workspaces.describe(workspace=workspace, given=given, actor=person("administrator"), now=NOW)
    entry = AuditEntry.objects.latest("seq")
    assert (entry.kind, entry.data["to"]) == ("workspace.described", {"title": "Ville", "language": "fr"})
    assert "help@ville.example" not in str(entry.data)
    assert entry.details["address"] == {"contact": "help@ville.example"}
