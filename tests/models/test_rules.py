"""What the database refuses however it is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts_review.models import (
    Account,
    Cleanup,
    PolicyVersion,
    Workspace,
)
from tests.factories import make_account, make_cleanup, make_exemption, make_sync
from tests.stage import NOW


@pytest.fixture
def account(workspace: Workspace) -> Account:
    return make_account(workspace, "marie")


def test_a_workspace_has_one_open_draft(workspace: Workspace) -> None:
    make_cleanup(workspace, number=1)
    with pytest.raises(IntegrityError, match="one_draft"), transaction.atomic():
        make_cleanup(workspace, number=2)
    Cleanup.objects.update(state="running")
    make_cleanup(workspace, number=2)
    with pytest.raises(IntegrityError, match="cleanup_number_once"), transaction.atomic():
        make_cleanup(workspace, number=2, state="closed")


def test_a_workspace_has_one_policy_in_force(workspace: Workspace) -> None:
    with pytest.raises(IntegrityError, match="one_current_policy"), transaction.atomic():
        PolicyVersion.objects.create(workspace=workspace, number=2, text="", activated_at=NOW)


def test_a_workspace_is_read_by_one_sync_at_a_time(workspace: Workspace) -> None:
    make_sync(workspace)
    with pytest.raises(IntegrityError, match="one_sync_at_a_time"), transaction.atomic():
        make_sync(workspace)


def test_an_account_has_one_standing_exemption(account: Account) -> None:
    until = NOW + timedelta(days=1)
    make_exemption(account, until=until, reason="x")
    with pytest.raises(IntegrityError, match="one_standing_exemption"), transaction.atomic():
        make_exemption(account, until=until, reason="y")


def test_what_decisions_rest_on_cannot_be_deleted(account: Account) -> None:
    make_exemption(account, until=NOW, reason="x")
    with pytest.raises(ProtectedError):
        account.delete()
    with pytest.raises(ProtectedError):
        account.workspace.delete()
