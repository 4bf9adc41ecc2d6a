"""What the tests of pages are made of: accounts as if they had been read, and a person at the review page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from time import time
from typing import Any

from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY as OF_USER,
)
from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User, update_last_login
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localdate, now

from accounts_review.models import Account, Workspace
from accounts_review.workflow.assess.assess import assess
from tests import factories
from tests.factories import account_of
from tests.remembered import remembered

Record = dict[str, Any]
HTMX = {"HX-Request": "true"}
OF_ASSESSING = [
    f"accounts_review_{name}"
    for name in ("account", "activitygap", "assessment", "dormancycount", "group", "policyversion", "workspace")
]


def lately() -> datetime:
    """The last full quarter of an hour: the same instant for many tests, and in every time zone the same day as now."""
    instant = now()
    return instant.replace(minute=instant.minute // 15 * 15, second=0, microsecond=0)


days_ago = partial(factories.days_ago, clock=lately)
someone = partial(factories.someone, clock=lately)


def in_days(days: int) -> date:
    """So many days after today: for tests to ask, as it may be another day than when they were collected."""
    return localdate() + timedelta(days=days)


def invited(username: str, *, days: float = 200) -> Record:
    """The record of a person who never came."""
    return someone(username, joined_at=days_ago(days), last_seen_at=None)


def read(workspace: Workspace, *records: Record, groups: dict[str, list[str]] | None = None) -> list[Account]:
    """Have the portal know these accounts, and groups with their rights, and assess them."""
    instant = lately()

    def know_and_assess() -> None:
        for uid, rights in (groups or {}).items():
            factories.make_group(workspace, uid, permissions=rights)
        Account.objects.bulk_create(account_of(workspace, record, read_at=instant) for record in records)
        assess(workspace=workspace)

    remembered(repr((workspace.pk, instant, records, groups)), know_and_assess, among=OF_ASSESSING)
    names = [record["username"] for record in records]
    known = {account.username: account for account in workspace.accounts.filter(username__in=names).order_by("pk")}
    return [known[name] for name in names]


def sign_in(client: Client, user: User, *, ago: float = 0) -> None:
    """Sign in as the page does: with a record of when the person proved who they are."""
    session = SessionStore()
    session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            AUTHENTICATION_METHODS_SESSION_KEY: [{"method": "password", "at": time() - ago}],
            OF_USER: str(user.pk),
            "began_at": time(),
            "seen_at": time(),
        }
    )
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    update_last_login(User, user)


class Desk:
    """A person at the review page of a workspace."""

    def __init__(self, user: User, workspace: Workspace) -> None:
        self.user, self.workspace = user, workspace
        self.client = Client()
        sign_in(self.client, user)

    def url(self, page: str, query: str = "", **kwargs: Any) -> str:
        return f"{reverse(page, kwargs={'workspace': self.workspace.name, **kwargs})}{query}"

    def see(self, query: str = "", *, htmx: bool = False) -> Any:
        return self.client.get(self.url("review", query), headers=HTMX if htmx else {})

    def names(self, query: str = "") -> list[str]:
        """The usernames the page lists, in its order."""
        answer = self.see(query)
        assert answer.status_code == 200
        return [row.record.username for row in answer.context["table"].page.object_list]

    def counts(self, query: str = "") -> dict[str, int]:
        """The counts on the verdicts' tabs."""
        return {tab.verdict: tab.count for tab in self.see(query).context["tabs"]}

    def decide(self, decision: str, *accounts: Account, htmx: bool = False, follow: bool = False, **fields: Any) -> Any:
        data = {"decision": decision, "account": [account.pk for account in accounts], **fields}
        return self.client.post(self.url("decide"), data, headers=HTMX if htmx else {}, follow=follow)

    def everyone(self, query: str) -> dict[str, Any]:
        """The fields of the form after "select all that match"."""
        context = self.see(f"{query}&scope=all").context
        everyone = context["everyone"]
        return {
            "scope": "all",
            "filter": context["filter"].query,
            "expected": everyone.count,
            "digest": everyone.digest,
        }


def text_of(answer: Any) -> str:
    """The answer's text with its whitespace drawn together."""
    return " ".join(answer.content.decode().split())
