"""A portal with people in it and somebody signed in: what the tests of the record pages share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from django_q.models import OrmQ

from accounts_review.models import Account, Case, Cleanup, Run, Sync, Workspace
from accounts_review.workflow import workspaces
from accounts_review.workflow.assess import assess
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from tests.factories import make_run, make_sync, put_in_force
from tests.stage import policy_text
from tests.web.kit import HTMX as HTMX
from tests.web.kit import lately, read, sign_in, someone, text_of

HOSTILE = "<img src=x onerror=alert(1)>"
text = text_of


class Site:
    """The portal as one browser sees it. Accounts are put there directly, without a workspace behind them."""

    def __init__(self, client: Client, workspace: Workspace, person: Callable[[str], User]) -> None:
        self.client, self.workspace, self.person = client, workspace, person
        self.ran("sweep")

    # The browser

    def sign_in(self, role: str) -> Site:
        sign_in(self.client, self.person(role))
        return self

    def at(self, page: str, **kwargs: Any) -> str:
        return reverse(page, kwargs={"workspace": self.workspace.name, **kwargs})

    def get(self, page: str, query: dict[str, Any] | None = None, *, htmx: bool = False, **kwargs: Any) -> Any:
        return self.client.get(self.at(page, **kwargs), query or {}, headers=HTMX if htmx else {})

    def post(self, page: str, data: dict[str, Any] | None = None, *, query: str = "", **kwargs: Any) -> Any:
        return self.client.post(self.at(page, **kwargs) + query, data or {})

    def follow(self, page: str, data: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        return self.client.post(self.at(page, **kwargs), data or {}, follow=True)

    # What is in the portal

    def people(self, *names: str, idle: float = 1000, **fields: Any) -> list[Account]:
        """Accounts last seen so many days ago, assessed under the current policy."""
        return read(self.workspace, *(someone(name, idle=idle, **fields) for name in names))

    def adopt(self, **options: Any) -> None:
        put_in_force(self.workspace, policy_text(**options), now=lately())
        assess.assess(workspace=self.workspace)

    def go_live(self) -> None:
        workspaces.set_mode(
            workspace=self.workspace, mode=Workspace.Mode.LIVE, actor=self.person("administrator"), now=lately()
        )

    def draft(self, *names: str, reason: str = "not in the staff list") -> Cleanup:
        """A draft of new dormant people, among others who are active."""
        known = self.workspace.accounts.count()
        crowd = [someone(f"crowd.{known + number}", idle=1) for number in range(len(names) * 4)]
        accounts = read(self.workspace, *crowd, *map(someone, names))[len(crowd) :]
        cases = decide.approve(accounts=accounts, actor=self.person("reviewer"), reason=reason, now=now())
        return cases[0].cleanup

    def launched(self, *names: str) -> Cleanup:
        """The same, launched by the operator."""
        return launch.launch(cleanup=self.draft(*names), actor=self.person("operator"), now=now())

    def case(self, name: str) -> Case:
        return Case.objects.select_related("cleanup").get(account__username=name)

    def put(self, name: str, state: str, **columns: Any) -> None:
        """Put a case into a state, as a worker would have."""
        Case.objects.filter(account__username=name).update(state=state, moved_at=now(), **columns)

    def synced(self, state: str = "complete", *, ago: timedelta = timedelta(hours=1), **columns: Any) -> Sync:
        at: datetime = now() - ago
        known: dict[str, Any] = {"workspace": self.workspace, "at": at, "state": state, "finished_at": at}
        return make_sync(**(known | columns))

    def ran(self, task: str, *, ago: timedelta = timedelta(0), **columns: Any) -> Run:
        """A run of a task by the worker, which gives a sign of life thereby."""
        return make_run(task=task, at=now() - ago, **columns)

    @property
    def enqueued(self) -> list[str]:
        """The tasks that wait in the queue."""
        return [message.func() for message in OrmQ.objects.all()]
