"""What the database refuses however it is asked, and who may do what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts_review.models import (
    ROLES,
    Account,
    Cleanup,
    PolicyVersion,
    Workspace,
    ensure_roles,
    may,
    permit,
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


def test_a_workspace_is_read_by_one_extraction_at_a_time(workspace: Workspace) -> None:
    make_sync(workspace)
    with pytest.raises(IntegrityError, match="one_extraction_at_a_time"), transaction.atomic():
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


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
@pytest.mark.parametrize("permission", ["read", "decide", "operate", "administer"])
def test_a_role_may_what_the_design_says(person: Callable[[str], User], role: str, permission: str) -> None:
    expected = permission in ROLES.get(role, ())
    assert may(person(role), permission) == expected
    if expected:
        permit(person(role), permission)
    else:
        with pytest.raises(
            PermissionDenied, match=f"{role} may not do this; it takes one of the roles: .*administrator"
        ):
            permit(person(role), permission)


def test_each_role_holds_what_the_one_before_it_holds() -> None:
    held = [set(codenames) for codenames in ROLES.values()]
    assert all(before < after for before, after in pairwise(held))


def test_a_superuser_may_everything_and_whoever_left_nothing(person: Callable[[str], User]) -> None:
    chief = User.objects.create_superuser("chief")
    assert may(chief, "administer")
    for user in (chief, person("administrator")):
        user.is_active = False
        user.save()
        assert not may(User.objects.get(pk=user.pk), "read")


def test_somebody_who_did_not_sign_in_may_nothing() -> None:
    anonymous: User = AnonymousUser()  # type: ignore[assignment]
    assert not may(anonymous, "read")


def test_roles_are_put_right_after_a_migration(person: Callable[[str], User]) -> None:
    auditor = person("auditor")
    auditor.groups.get().permissions.clear()
    assert not may(User.objects.get(pk=auditor.pk), "read")
    ensure_roles()
    assert may(User.objects.get(pk=auditor.pk), "read")
