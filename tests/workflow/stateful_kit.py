"""What the stateful test stands on: a stage without fixtures, and everything undone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from accounts_review.huwise import Client
from accounts_review.workflow import workspaces
from huwise_sandbox.server import SandboxServer
from tests.factories import give_role
from tests.stage import NOW, Clock, Stage, crowd, site_of, someone
from tests.workflow.happenings import GROUPS, NAMES


def stage_of(server: SandboxServer, client: Client) -> Stage:
    """A stage with the same people as ever, in a workspace that nobody has read yet."""
    kinds: list[dict[str, Any]] = [{"groups": [{"uid": "readers"}]}, {"permissions": ["explore_restricted_page"]}, {}]
    people = [someone(name, idle=800 + 100 * n, **kinds[n % 3]) for n, name in enumerate(NAMES)]
    server.site = site_of([*people, *crowd(30)], groups=GROUPS)
    return Stage(
        workspace=workspaces.open_workspace(name="main", now=NOW - timedelta(days=100)),
        site=server.site,
        url=server.url,
        client=client,
        clock=Clock(tick=timedelta(milliseconds=1)),
        staff=person,
        # The model witnesses each DELETE within the run's transaction, which no other thread sees.
        at_once=1,
    )


def person(login: str) -> User:
    """Two deciders, an administrator who launches, and a second pair of eyes."""
    user, is_new = User.objects.get_or_create(username=login, defaults={"email": f"{login}@portal.example"})
    if is_new:
        give_role(user, "operator" if login == "second" else login)
    return user


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that never was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
