"""The stage on which the workflow is tested: a pretend workspace of a few named people, and a portal that reads it."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import httpx
from django.contrib.auth.models import User

from accounts_review.huwise import Client, deadline
from accounts_review.models import Account, AuditEntry, Case, Cleanup, Sync, Workspace
from accounts_review.workflow import workspaces
from accounts_review.workflow.assess import assess
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke.worker import Revoker
from accounts_review.workflow.sync.sync import sync_workspace
from huwise_sandbox import population
from huwise_sandbox.records import Record, Snapshot
from huwise_sandbox.server import SandboxServer
from huwise_sandbox.site import SandboxSite
from tests.factories import NOW as NOW
from tests.factories import days_ago as days_ago
from tests.factories import put_in_force
from tests.factories import someone as someone
from tests.remembered import remembered

KEY = "stage-key-7f3a91"
SERVICE_USER = "svc.cleanup"
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that stands still until it is moved, or goes on by ``tick`` whenever somebody looks."""

    def __init__(self, instant: datetime = NOW, *, tick: timedelta = timedelta(0)) -> None:
        self.instant = instant
        self.tick = tick

    def __call__(self) -> datetime:
        self.instant += self.tick
        return self.instant

    def advance(self, **by: float) -> None:
        self.instant += timedelta(**by)


def crowd(size: int) -> list[Record]:
    """People who use the portal, so that the others are a small share of its population."""
    return [someone(f"crowd.{number:04d}", idle=3) for number in range(size)]


def service_user() -> Record:
    return someone(SERVICE_USER, idle=0.1, permissions=["edit_domain"])


def site_of(people: Sequence[Record], *, groups: Sequence[Record] = ()) -> SandboxSite:
    """A pretend workspace of these people, and of the robot whose key the portal uses."""
    snapshot = Snapshot([service_user(), *people], list(groups), service_user=SERVICE_USER)
    population.grant_service_key(snapshot, KEY)
    return SandboxSite(snapshot)


def policy_text(
    *,
    limit: int = 730,
    notice: int = 0,
    expires: int = 60,
    wait: int = 0,
    two_people: bool = False,
    per_cleanup: int = 500,
    per_hour: int = 200,
    share: float = 0.5,
    groups: Sequence[str] = (),
    avoid: Sequence[str] = (),
    reminders: Sequence[int] = (),
) -> str:
    """A policy that lets tests come to the point: by default nobody is warned, nothing waits, half of all may go."""
    return f"""
title = "Test"
[[segment]]
name = "everyone"
dormant_after_days = {limit}
[protect]
permissions = ["edit_domain"]
groups = {list(groups)!r}
[notice]
days = {notice}
reminders_days_before = {list(reminders)!r}
avoid = {list(avoid)!r}
[approval]
two_people = {str(two_people).lower()}
expires_after_days = {expires}
[launch]
wait_hours = {wait}
[limits]
per_cleanup = {per_cleanup}
per_hour = {per_hour}
share_of_population = {share}
"""


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def client_of(url: str, *, key: str = KEY, attempts: int = 1, seconds: float = 30) -> Client:
    """A client that does not wait: loading the certificates takes longer than most tests, so it is done once."""
    transport, timeout = deadline.transport(verify=_tls()), httpx.Timeout(seconds)
    return Client(url=url, api_key=key, transport=transport, attempts=attempts, backoff=0.0, timeout=timeout)


@dataclass(kw_only=True)
class Stage:
    """The portal and the pretend workspace side by side, with one clock."""

    workspace: Workspace
    site: SandboxSite
    url: str
    client: Client
    clock: Clock
    staff: Callable[[str], User]
    at_once: int = 8
    """How many cases a worker keeps in flight."""

    def sync(self) -> Sync:
        sync = sync_workspace(workspace=self.workspace, client=self.client, key_owner="", clock=self.clock)
        self.workspace.refresh_from_db()
        assess.assess(workspace=self.workspace, only=sync.to_judge)
        assert not assess.is_owed(workspace=self.workspace), "a sync names all whom there is to judge"
        return sync

    def adopt(self, text: str) -> None:
        put_in_force(self.workspace, text, now=self.clock())
        assess.assess(workspace=self.workspace)

    def set_mode(self, mode: Workspace.Mode) -> None:
        workspaces.set_mode(workspace=self.workspace, mode=mode, actor=self.staff("administrator"), now=self.clock())

    def account(self, username: str) -> Account:
        """The newest incarnation, with its verdict at this moment."""
        return self.accounts(username)[0]

    def accounts(self, *usernames: str) -> list[Account]:
        accounts = Account.objects.filter(workspace=self.workspace, username__in=usernames).assessed()
        newest = {account.username: account for account in accounts.with_verdict(self.clock()).order_by("pk")}
        return [newest[username] for username in usernames]

    def verdicts(self) -> dict[str, str]:
        listed = Account.objects.filter(workspace=self.workspace).listed().assessed().with_verdict(self.clock())
        return {account.username: account.verdict for account in listed}

    def approve(self, *usernames: str, by: str = "reviewer") -> list[Case]:
        return decide.approve(
            accounts=self.accounts(*usernames), actor=self.staff(by), reason="unused", now=self.clock()
        )

    def launch(self, *usernames: str) -> Cleanup:
        """Approve people and send the draft on its way; without a notice they are due at once."""
        cases = self.approve(*usernames)
        return launch.launch(cleanup=cases[0].cleanup, actor=self.staff("operator"), now=self.clock())

    def revoker(self, *, lease: float = 120, quiet: float = 0) -> Revoker:
        workspace = Workspace.objects.get(pk=self.workspace.pk)
        return Revoker(
            workspace=workspace,
            client=self.client,
            clock=self.clock,
            lease=timedelta(seconds=lease),
            quiet=timedelta(seconds=quiet),
            at_once=self.at_once,
        )

    def revoke(self, *, limit: int | None = None, quiet: float = 0) -> Counter[str]:
        return self.revoker(quiet=quiet).run(limit=limit)

    def case(self, username: str) -> Case:
        """The newest case of a person."""
        cases = Case.objects.filter(account__workspace=self.workspace, account__username=username)
        return cases.select_related("account", "cleanup__workspace").latest("pk")

    def outcome(self, username: str) -> dict[str, Any]:
        """What is kept of how the newest case of a person ended."""
        outcome: dict[str, Any] = self.case(username).outcome or {}
        return outcome

    def states(self) -> dict[str, str]:
        cases = Case.objects.filter(account__workspace=self.workspace).order_by("pk").select_related("account")
        return {case.account.username: case.state for case in cases}

    def cleanup(self) -> Cleanup:
        """The newest clean-up."""
        return Cleanup.objects.filter(workspace=self.workspace).latest("number")

    def entries(self, username: str) -> list[str]:
        """The kinds of the audit entries about a person, oldest first."""
        return list(
            AuditEntry.objects.filter(subject_ref__name=username).order_by("seq").values_list("kind", flat=True)
        )

    def why(self, username: str) -> list[str]:
        """The codes of the gate's objections that the case of a person ended or is held with."""
        return [objection["code"] for objection in (self.case(username).outcome or {})["why"]]

    # Behind the portal's back

    def order(self, *faults: Record) -> None:
        """Order misbehaviour of the workspace, in place of what was ordered before."""
        self.site.faults.order(list(faults))

    def update(self, username: str, **fields: Any) -> None:
        """Change a person in the workspace."""
        assert self.site.workspace.update(username, fields)

    def remove(self, username: str) -> None:
        """Remove a person from the workspace."""
        assert self.site.workspace.remove(username, guarded=False)

    @property
    def members(self) -> set[str]:
        """Who has access to the workspace now, but for the crowd and the robot."""
        return {name for name in self.site.workspace.usernames() - {SERVICE_USER} if not name.startswith("crowd.")}

    @property
    def deletes(self) -> list[tuple[str, int | str, bool]]:
        """Every DELETE that was sent: of whom, the answer, and whether it had effect."""
        return [(d["username"], d["status"], d["removed"]) for d in self.site.journal.describe()["deletes"]]


SetStage = Callable[..., Stage]


@contextmanager
def open_stage(
    people: Sequence[Record],
    *,
    workspace: Workspace,
    staff: Callable[[str], User],
    groups: Sequence[Record] = (),
    policy: str = "",
    mode: Workspace.Mode = Workspace.Mode.LIVE,
    others: int = 20,
    synced: bool = False,
    launched: Sequence[str] = (),
) -> Iterator[Stage]:
    """Serve a workspace of these people and ``others`` who are active.

    The portal has read it if ``synced``, and a clean-up of those who are ``launched`` is on its way.
    """
    site = site_of([*people, *crowd(others)], groups=groups)
    with SandboxServer(site) as server, client_of(server.url) as client:
        stage = Stage(workspace=workspace, site=site, url=server.url, client=client, clock=Clock(), staff=staff)

        def set_up() -> None:
            stage.adopt(policy or policy_text())
            stage.set_mode(mode)
            if synced:
                assert stage.sync().problems == []
            if launched:
                stage.launch(*launched)

        if remembered(repr((workspace.pk, people, groups, policy, mode, others, synced, launched)), set_up):
            workspace.refresh_from_db()
            if synced:
                # Each is served under an address of its own.
                workspace.host = client.host
                workspace.save(update_fields=["host"])
        yield stage
