"""The cast and the ground of the tests: a known workspace, four people with the four roles, a clock that stands.

Tests run in any order and side by side: each starts as if it were the first, each worker has a database of its own,
and the run fails where a process outlives it.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connection
from django.test import TransactionTestCase, override_settings
from django.utils import timezone, translation
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from accounts_review.audit import checkpoint
from accounts_review.audit.checkpoint import Keeper
from accounts_review.models import Role, Workspace
from accounts_review.workflow import workspaces
from cleanup_portal.embedded_postgresql import base as embedded
from huwise_sandbox.records import Record
from tests.remembered import empty, remembered
from tests.run import begin_a_run, end_a_run, failing_after, folder_of_run
from tests.stage import NOW as NOW
from tests.stage import SetStage, Stage, open_stage

# However busy the machine is.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

FIXTURES = Path(__file__).parent / "fixtures"
OF_A_NEW_WORKSPACE = [
    f"accounts_review_{name}" for name in ("auditentry", "auditkey", "personaldata", "policyversion", "workspace")
]
LEFT = pytest.StashKey[list[str]]()
PATIENCE = 60.0
"""Seconds that a process has to leave after the last test."""
LIMIT, LIMIT_OF_THE_SLOW = 300.0, 3600.0
"""Seconds after which a test hangs, and one that is slow by nature."""


@pytest.fixture(scope="session")
def archetypes() -> dict[str, Any]:
    """Kinds of account, each with the verdict it deserves."""
    content: dict[str, Any] = json.loads((FIXTURES / "archetypes.json").read_text())
    return content


@pytest.fixture
def keeper(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """This host, at its very first start."""
    keeper = Keeper(tmp_path / "host")
    monkeypatch.setattr(checkpoint, "keeper", keeper)
    return keeper


@pytest.fixture
def workspace(db: None) -> Workspace:
    """A workspace in dry run, under the default policy."""

    def open_one() -> None:
        workspaces.open_workspace(name="main", now=NOW - timedelta(days=100))

    remembered("workspace", open_one, among=OF_A_NEW_WORKSPACE)
    return Workspace.objects.get(name="main")


@pytest.fixture
def person(db: None) -> Callable[[str], User]:
    """Makes (or finds) the person who holds a role; ``nobody`` holds none."""

    def make(role: str) -> User:
        user, is_new = User.objects.get_or_create(username=role, defaults={"email": f"{role}@portal.example"})
        if is_new and role != "nobody":
            Role.objects.create(person=user, name=role)
        return user

    return make


@pytest.fixture
def set_stage(workspace: Workspace, person: Callable[[str], User]) -> Iterator[SetStage]:
    """Sets a stage with the people given, synced unless ``synced=False``; see :func:`tests.stage.open_stage`."""
    with ExitStack() as stack:

        def build(*people: Record, synced: bool = True, **options: Any) -> Stage:
            return stack.enter_context(open_stage(people, workspace=workspace, staff=person, synced=synced, **options))

        yield build


@pytest.fixture(autouse=True)
def as_if_it_were_the_first() -> Iterator[None]:
    """What a test leaves in its thread and process is gone before the next.

    No checkpoint is kept: most tests never commit. Those about checkpoints use ``keeper``.
    """
    environ, keeper = dict(os.environ), checkpoint.keeper
    checkpoint.keeper = None
    yield
    checkpoint.keeper = keeper
    translation.deactivate()
    timezone.deactivate()
    structlog.contextvars.clear_contextvars()
    caches["qstat"].clear()
    for name, _ in os.environ.items() ^ environ.items():
        # One by one: to write them all takes longer than many a test.
        os.environ.pop(name, None)
        if name in environ:
            os.environ[name] = environ[name]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> Iterator[None]:
    """The embedded PostgreSQL of this worker, in a folder of its own; it need not outlive a power cut."""
    options = connection.settings_dict["OPTIONS"]
    if "data_directory" not in options:
        yield
        return
    options["data_directory"] = folder = folder_of_run("database") / "postgresql"
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET fsync = off")
        # Each test leaves rows that were rolled back, through which the next ones would have to look.
        cursor.execute("ALTER SYSTEM SET autovacuum_naptime = 5")
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()
    yield
    connection.close()
    embedded.leave(folder)


@pytest.fixture(autouse=True, scope="session")
def passwords_are_hashed_at_once() -> Iterator[None]:
    """The real hash takes a third of a second by intention; which one it is, no test is about."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True, scope="session")
def static_files_are_found_once() -> Iterator[None]:
    """Each client of a test starts the middleware anew, which would look through all static files each time."""
    find, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, StaticFile]()

    def add_found(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_found)
        yield


@pytest.fixture(autouse=True, scope="session")
def a_database_is_emptied_where_it_is_filled() -> Iterator[None]:
    """Have tests with real transactions empty what they filled, the audit log too, which its triggers refuse otherwise.

    Django would truncate every table there is, and then look up every permission anew: longer than most of these tests.
    """

    def empty_all(_: TransactionTestCase) -> None:
        empty()
        caches["default"].clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_all)
        yield


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        begin_a_run()


def pytest_itemcollected(item: pytest.Item) -> None:
    """What is slow says why; without a reason the run does not begin."""
    for mark in [*item.iter_markers("slow"), *item.iter_markers("matrix")]:
        if not mark.kwargs.get("reason"):
            raise pytest.UsageError(f"{item.nodeid}: say why it is slow: pytest.mark.{mark.name}(reason=...)")
        if mark.name == "matrix" and isinstance(item, pytest.Function) and _is_beyond(mark.kwargs["fast"], item):
            item.add_marker(pytest.mark.slow(reason=mark.kwargs["reason"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    with failing_after(LIMIT_OF_THE_SLOW if item.get_closest_marker("slow") else LIMIT):
        return (yield)


def _is_beyond(first: int, item: pytest.Function) -> bool:
    return any(index >= first for index in item.callspec.indices.values())


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """All that is loaded by now stays to the end: have nobody look through it again for what nobody uses.

    A page makes tens of thousands of objects, and nearly all go as soon as it is answered: look seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing outlives the run."""
    if hasattr(session.config, "workerinput"):
        return
    left = end_a_run(patience=PATIENCE)
    session.config.stash[LEFT] = left
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left := config.stash.get(LEFT, []):
        terminalreporter.section("Processes that outlived the run", red=True)
        terminalreporter.write("".join(f"{line}\n" for line in left))
