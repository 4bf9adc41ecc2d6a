"""``manage.py restore``: all named or none, one line for each, and an exit status that tells."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts_review.models import Case, Workspace
from huwise_sandbox.records import Record
from tests.stage import KEY, SetStage, Stage, someone

LOST = "not restored: API keys, rights on individual datasets and pages, follows and saved items"

Ready = Callable[..., Stage]


@pytest.fixture
def ready(set_stage: SetStage, settings: Settings) -> Ready:
    """A stage on which everybody given was revoked, and which the environment describes."""

    def make(*people: Record) -> Stage:
        stage = set_stage(*people, launched=[person["username"] for person in people])
        stage.revoke()
        settings.HUWISE = {stage.workspace.name: {"url": stage.url, "api_key": KEY, "key_owner": ""}}
        stage.staff("operator")
        return stage

    return make


def run(*usernames: str, actor: str = "operator") -> str:
    out = StringIO()
    try:
        call_command("restore", *usernames, "--actor", actor, stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}exit 1: {error}"
    return out.getvalue()


def test_each_person_gets_a_line_that_says_what_is_lost(ready: Ready) -> None:
    stage = ready(someone("marie"), someone("omar"))
    assert run("omar", "marie", "omar") == f"omar: invited back; {LOST}\nmarie: invited back; {LOST}\n"
    assert stage.members == {"marie", "omar"}
    assert stage.case("omar").restored_by == "operator"


def test_one_who_failed_makes_the_exit_status_one(ready: Ready) -> None:
    stage = ready(someone("marie"), someone("omar"))
    stage.site.workspace.put(someone("marie"))
    assert run("marie", "omar") == (
        "marie: is already a member again; the next sync will show it\n"
        f"omar: invited back; {LOST}\n"
        "exit 1: 1 of 2 were not invited back."
    )


def test_usernames_without_a_revocation_are_named_and_nobody_is_invited(ready: Ready) -> None:
    stage = ready(someone("marie"))
    said = run("nobody", "marie", "crowd.0001")
    assert said == (
        "exit 1: nobody: no removal of this username is on record\ncrowd.0001: no removal of this username is on record"
    )
    assert stage.members == set()


def test_the_newest_revocation_counts(ready: Ready) -> None:
    stage = ready(someone("marie"))
    first = stage.case("marie")
    stage.site.workspace.put(someone("marie", idle=800, permissions=["explore_monitoring"]))
    stage.sync()
    stage.launch("marie")
    stage.revoke()
    assert run("marie").startswith("marie: invited back")
    assert Case.objects.get(restored_by="operator").pk > first.pk
    found = stage.site.workspace.user("marie")
    assert found is not None
    assert found["permissions"] == ["explore_monitoring"]


def test_it_takes_an_operator_who_exists(ready: Ready) -> None:
    stage = ready(someone("marie"))
    stage.staff("reviewer")
    assert "reviewer may not do this" in run("marie", actor="reviewer")
    assert "No active person has the login 'ghost'" in run("marie", actor="ghost")
    assert stage.members == set()


def test_an_environment_that_does_not_describe_the_workspace_is_said(ready: Ready, settings: Settings) -> None:
    ready(someone("marie"))
    settings.HUWISE = {}
    assert Workspace.objects.count() == 1
    assert "Set HUWISE_URL and HUWISE_API_KEY" in run("marie")
