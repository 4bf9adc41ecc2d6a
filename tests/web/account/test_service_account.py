"""Service accounts: marked on their page, confirmed every year, ended; what cannot be marked is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from accounts_review.models import Account, Workspace
from tests.factories import make_account, make_workspace
from tests.web.kit import Desk, read, someone, text_of


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    return Desk(person("reviewer"), workspace)


def test_a_robot_is_marked_with_an_owner_and_kept_for_a_year(desk: Desk) -> None:
    (account,) = read(desk.workspace, someone("svc.etl"))

    answer = mark(desk, account, owner_email="ines@ville.example", reason="Feeds the air quality data")

    said = text_of(answer)
    assert answer.redirect_chain == [(desk.url("account", pk=account.pk), 302)]
    assert "Kept as a service account until" in said
    assert '<dd class="breakable"> ines@ville.example </dd>' in said
    assert "service account </span>" in said
    assert "Confirm for another year" in said
    assert 'value="exempt"' not in said
    assert "Kept as a service account until" in said
    held = account.exemptions.get()
    assert (held.is_service_account, held.owner_email) == (True, "ines@ville.example")
    assert timedelta(days=363) < held.until - now() <= timedelta(days=365)
    assert account_with_verdict(account).verdict == "protected"


def test_a_robot_is_confirmed_anew_and_can_end(desk: Desk) -> None:
    (account,) = read(desk.workspace, someone("svc.etl"))
    given = {"owner_email": "ines@ville.example", "reason": "Feeds the air quality data"}
    mark(desk, account, **given)
    account.exemptions.update(until=now() - timedelta(days=1))

    assert "overdue since" in text_of(desk.client.get(desk.url("account", pk=account.pk)))
    assert "Confirm for another year" in text_of(mark(desk, account, **given))
    assert account.exemptions.filter(withdrawn_at=None, until__gt=now()).count() == 1

    ended = mark(desk, account, act="end", reason="Switched off")
    assert "It no longer counts as a service account." in text_of(ended)
    assert account_with_verdict(account).verdict == "dormant"


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"reason": "robot"}, 422, "Give the owner&#x27;s address"),
        ({"reason": "robot", "owner_email": "nobody"}, 422, "Owner&#x27;s e-mail address: Enter a valid"),
        ({"owner_email": "ines@ville.example"}, 422, "What it does: This field is required"),
        ({"act": "end", "reason": "robot"}, 409, "there is nothing to withdraw"),
        ({"act": "marry", "reason": "robot"}, 422, "Select a valid choice"),
    ],
)
def test_what_cannot_be_marked_changes_nothing_and_says_why(
    desk: Desk, fields: dict[str, str], status: int, words: str
) -> None:
    (account,) = read(desk.workspace, someone("svc.etl"))

    answer = mark(desk, account, **fields)

    assert answer.status_code == status
    assert words in text_of(answer)
    assert not account.exemptions.exists()


def test_a_robot_of_another_workspace_is_not_found(desk: Desk) -> None:
    other = make_workspace()
    theirs = make_account(other, "theirs")

    assert mark(desk, theirs, owner_email="a@b.example", reason="mine").status_code == 404


def mark(desk: Desk, account: Account, *, act: str = "confirm", **fields: str) -> Any:
    return desk.client.post(desk.url("service_account", pk=account.pk), {"act": act, **fields}, follow=True)


def account_with_verdict(account: Account) -> Account:
    return Account.objects.with_verdict(now()).get(pk=account.pk)
