"""The demo's history: what a small team did in the six weeks before today, told through the real stages.

Nothing is inserted by hand: accounts are read, people decide, mails are sent (into a folder), and the sandbox
loses the accounts that were revoked. Only the clock is moved.
"""

from __future__ import annotations

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import User

from accounts_review.huwise import Client
from accounts_review.models import Account, Workspace
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.lifecycle import CleanupState
from accounts_review.workflow import advance, workspaces
from accounts_review.workflow.assess import assess
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.people.people import add_person
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke import worker
from accounts_review.workflow.sync.sync import sync_workspace

BEGAN_DAYS_AGO = 45
LOGIN, PASSWORD = "demo", "demo-portal"
PEOPLE = {LOGIN: "administrator", "rita": "reviewer", "olga": "operator", "anna": "auditor"}


def tell(name: str, url: str, *, open_client: Callable[[Workspace], Client], now: datetime) -> Iterator[str]:
    """Tell the story once; where the database knows the workspace already, nothing is done. Yields its chapters."""
    if Workspace.objects.filter(name=name).exists():
        return
    yield "Making up six weeks of history; this takes about half a minute."
    began = now - timedelta(days=BEGAN_DAYS_AGO)
    people = {login: _person(login, role, now=began) for login, role in PEOPLE.items()}
    workspace = workspaces.open_workspace(name=name, now=began)
    with open_client(workspace) as client:
        _sync(workspace, client, began)
        _first_cleanup(workspace, client, people, url, began=began)
        yesterday = now - timedelta(hours=20)
        _time_passes(workspace, url, since=began, until=yesterday)
        _sync(workspace, client, yesterday)
        _decide(workspace, people, now=yesterday + timedelta(minutes=5))
        _time_passes(workspace, url, since=yesterday, until=now)
        yield "Reading the workspace as it is today."
        _sync(workspace, client, now)


def wait_for(url: str, *, seconds: float = 30) -> None:
    """Wait until the sandbox answers. Raises ``TimeoutError``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_sandbox/", timeout=5):  # noqa: S310 (loopback)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"The sandbox at {url} did not start within {seconds:.0f} seconds.")


def _person(login: str, role: str, *, now: datetime) -> User:
    if known := User.objects.filter(username=login).first():
        return known
    email = f"{login}@portal.example"
    user = add_person(login=login, email=email, role=role, workspace=None, actor=None, now=now).person
    user.set_password(PASSWORD)
    user.save()
    return user


def _sync(workspace: Workspace, client: Client, at: datetime) -> None:
    sync_workspace(workspace=workspace, client=client, key_owner="", clock=lambda: at)
    workspace.refresh_from_db()
    assess.assess(workspace=workspace)


def _first_cleanup(workspace: Workspace, client: Client, people: dict[str, User], url: str, *, began: datetime) -> None:
    """Live, with notice; two people are spared because of what happened after the warning."""
    approved, launched = began + timedelta(days=1), began + timedelta(days=1, hours=2)
    workspaces.set_mode(workspace=workspace, mode=Workspace.Mode.LIVE, actor=people[LOGIN], now=approved)
    chosen = _dormant(workspace, approved)[:14]
    decide.approve(accounts=chosen, actor=people["rita"], reason="Idle longest; checked with the teams", now=approved)
    draft = workspace.cleanups.get(state=CleanupState.DRAFT)
    launch.launch(cleanup=draft, actor=people["olga"], now=launched)
    send_notices(workspace=workspace, now=launched)
    _touch(url, chosen[3].username, {"last_seen_at": (launched + timedelta(days=9)).isoformat()})
    _touch(url, chosen[7].username, {"groups": [{"uid": "portal-team"}]})
    due = launched + timedelta(days=30, minutes=5)
    advance.make_due(workspace=workspace, now=due)
    worker.Revoker(
        workspace=workspace,
        client=client,
        clock=lambda: due,
        lease=timedelta(seconds=settings.LEASE_SECONDS),
        quiet=timedelta(0),
    ).run()
    workspaces.set_mode(
        workspace=workspace, mode=Workspace.Mode.DRY_RUN, actor=people[LOGIN], now=due + timedelta(hours=1)
    )


def _time_passes(workspace: Workspace, url: str, *, since: datetime, until: datetime) -> None:
    """People go on using the workspace: more of them the longer it is."""
    minutes = int((until - since) / timedelta(minutes=1))
    dice = random.Random(minutes)  # noqa: S311 (a story, not a secret)
    active = Account.objects.filter(workspace=workspace).listed().assessed().with_verdict(until)
    regulars = active.whose_verdict(Verdict.ACTIVE, now=until).order_by("-assessment__activity_at", "pk")
    for account in regulars[: min(160, minutes // 30)]:
        seen = until - timedelta(minutes=dice.randrange(minutes))
        _touch(url, account.username, {"last_seen_at": seen.isoformat()})


def _decide(workspace: Workspace, people: dict[str, User], *, now: datetime) -> None:
    dormant = _dormant(workspace, now)
    exempted, approved = dormant[:2], dormant[4:16]
    reason, until = "On parental leave, back in spring", now + timedelta(days=180)
    decide.exempt(accounts=exempted, actor=people["rita"], reason=reason, until=until, now=now)
    reason = "Left the organisation, says the directory"
    decide.approve(accounts=approved, actor=people["rita"], reason=reason, now=now)


def _dormant(workspace: Workspace, at: datetime) -> list[Account]:
    accounts = Account.objects.filter(workspace=workspace).listed().assessed().with_verdict(at)
    return list(accounts.whose_verdict(Verdict.DORMANT, now=at).order_by("assessment__dormant_from", "pk")[:40])


def _touch(url: str, username: str, change: dict[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 (loopback)
        f"{url}/_sandbox/users/{quote(username, safe='')}",
        data=json.dumps(change).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
