"""A shell beside a sandbox: what the tests of commands are made of."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command

from accounts_review.models import Workspace
from tests.conftest import NOW
from tests.stage import KEY, SetStage, Stage, someone

Run = Callable[..., str]


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Iterator[Stage]:
    """Two dormant people, one of them with a hostile name, and an active one, at the instant of the other tests."""
    people = (someone("=1+1|calc!A0"), someone("marie+data@ville.example"), someone("omar", idle=3))
    stage = set_stage(*people, synced=False, mode=Workspace.Mode.DRY_RUN)
    settings.HUWISE = {"main": {"url": stage.url, "api_key": KEY, "key_owner": ""}}
    settings.QUIET_SECONDS = 0
    with time_machine.travel(NOW, tick=False):
        yield stage


@pytest.fixture
def run(stage: Stage, person: Callable[[str], User], capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; answers what it wrote to standard output, which never holds the key."""
    for role in ("reviewer", "operator", "administrator"):
        person(role)

    def call(*words: str) -> str:
        out = io.StringIO()
        try:
            call_command(*words, stdout=out)
        finally:
            assert KEY not in out.getvalue() + capsys.readouterr().err
        return out.getvalue()

    return call


@pytest.fixture
def synced(run: Run) -> Run:
    run("sync")
    return run
