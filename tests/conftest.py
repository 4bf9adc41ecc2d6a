"""The cast and the ground of the tests: a known workspace, four people with the four roles, a clock that stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.db import connection
from django.test import TransactionTestCase

from accounts_review.audit import checkpoint
from accounts_review.models import Workspace
from accounts_review.workflow import workspaces
from huwise_sandbox.records import Record
from tests.stage import NOW as NOW
from tests.stage import SetStage, Stage, open_stage

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def archetypes() -> dict[str, Any]:
    """Kinds of account, each with the verdict it deserves."""
    content: dict[str, Any] = json.loads((FIXTURES / "archetypes.json").read_text())
    return content


@pytest.fixture(autouse=True)
def keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkpoint: most tests never commit. Those about checkpoints have one of their own."""
    monkeypatch.setattr(checkpoint, "keeper", None)


@pytest.fixture
def workspace(db: None) -> Workspace:
    """A workspace in dry run, under the default policy."""
    return workspaces.open_workspace(name="main", now=NOW - timedelta(days=100))


@pytest.fixture
def person(db: None) -> Callable[[str], User]:
    """Makes (or finds) the person who holds a role; ``nobody`` holds none."""

    def make(role: str) -> User:
        user, is_new = User.objects.get_or_create(username=role, defaults={"email": f"{role}@portal.example"})
        if is_new and role != "nobody":
            user.groups.add(Role.objects.get(name=role))
        return user

    return make


@pytest.fixture
def set_stage(workspace: Workspace, person: Callable[[str], User]) -> Iterator[SetStage]:
    """Sets a stage with the people given, synced unless ``synced=False``; see :func:`tests.stage.open_stage`."""
    with ExitStack() as stack:

        def build(*people: Record, synced: bool = True, **options: Any) -> Stage:
            stage = stack.enter_context(open_stage(people, workspace=workspace, staff=person, **options))
            if synced:
                assert stage.sync().problems == []
            return stage

        yield build


@pytest.fixture(autouse=True, scope="session")
def emptying_the_database_is_allowed() -> Iterator[None]:
    """Let tests with real transactions empty the audit log, which its triggers refuse otherwise."""
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def flush_without_triggers(case: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        try:
            flush(case)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = DEFAULT")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_without_triggers)
        yield
