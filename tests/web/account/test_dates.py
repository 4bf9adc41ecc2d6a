"""Dates that went back, on the account's page: what was known, what is said now, and an administrator accepts it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from accounts_review.models import Account, AuditEntry, Workspace
from accounts_review.workflow.assess.assess import assess
from tests.web.kit import Desk, days_ago, read, someone, text_of

Person = Callable[[str], User]


@pytest.fixture
def account(workspace: Workspace) -> Account:
    """Last seen a thousand days ago, says the newest sync; ten days ago, said the one before."""
    (account,) = read(workspace, someone("ana"))
    account.accepted_activity_at, account.lost_activity_at = days_ago(1000), days_ago(10)
    account.save()
    assess(workspace=workspace)
    return account


def page(desk: Desk, account: Account) -> str:
    return text_of(desk.client.get(desk.url("account", pk=account.pk))).replace("\xa0", " ")


def test_the_page_says_what_was_known_and_what_is_said_now(
    workspace: Workspace, person: Person, account: Account
) -> None:
    shown = page(Desk(person("reviewer"), workspace), account)
    assert "Earlier dates than before" in shown
    assert "its dates are now earlier or missing" in shown
    assert "Only an administrator can accept them." in shown
    assert "Accept these dates" not in shown


def test_an_administrator_accepts_them_with_a_reason(workspace: Workspace, person: Person, account: Account) -> None:
    desk = Desk(person("administrator"), workspace)
    assert "Accept these dates" in page(desk, account)
    url = desk.url("accept_dates", pk=account.pk)
    assert "Give a reason; it is recorded in the audit." in text_of(desk.client.post(url, {"reason": " "}, follow=True))
    answer = text_of(desk.client.post(url, {"reason": "moved to another system"}, follow=True))
    assert "The dates are accepted" in answer
    assert "moved to another system" in answer
    assert "Earlier dates than before" not in answer
    assert Account.objects.with_verdict(now()).get(pk=account.pk).verdict == "dormant"
    assert AuditEntry.objects.get(kind="account.dates_accepted").actor == "administrator"


@pytest.mark.parametrize("role", ["reviewer", "operator", "auditor"])
def test_nobody_else_does(workspace: Workspace, person: Person, account: Account, role: str) -> None:
    desk = Desk(person(role), workspace)
    assert desk.client.post(desk.url("accept_dates", pk=account.pk), {"reason": "x"}).status_code == 403
    account.refresh_from_db()
    assert account.lost_activity_at


def test_activity_that_is_not_confirmed_is_told(workspace: Workspace, person: Person, account: Account) -> None:
    Account.objects.update(unconfirmed_activity_at=days_ago(1))
    assert "counts as active from then until a good sync decides" in page(Desk(person("auditor"), workspace), account)
