"""Who may do what, in which workspace."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from accounts_review.models import (
    ROLES,
    Role,
    Workspace,
    may,
    may_somewhere,
    people_who_may,
    permit,
    permit_somewhere,
    workspaces_of,
)
from tests.factories import give_role, make_workspace

ACTS = ["read", "decide", "operate", "administer"]
Person = Callable[[str], User]


@pytest.fixture
def other(workspace: Workspace) -> Workspace:
    return make_workspace("other")


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
@pytest.mark.parametrize("act", ACTS)
def test_a_role_may_what_the_design_says(workspace: Workspace, person: Person, role: str, act: str) -> None:
    expected = act in ROLES.get(role, ())
    for where in (workspace, None):
        assert may(person(role), act, where) == expected
        if expected:
            permit(person(role), act, where)
        else:
            refusal = f"{role} may not do this; it takes one of the roles: .*administrator"
            with pytest.raises(PermissionDenied, match=refusal):
                permit(person(role), act, where)


def test_each_role_holds_what_the_one_before_it_holds() -> None:
    held = [set(acts) for acts in ROLES.values()]
    assert all(before < after for before, after in pairwise(held))
    assert list(ROLES) == Role.Name.values


@pytest.mark.parametrize("act", ACTS)
def test_a_role_in_one_workspace_says_nothing_about_another(
    workspace: Workspace, other: Workspace, person: Person, act: str
) -> None:
    boss = person("nobody")
    give_role(boss, "administrator", workspace)
    assert may(boss, act, workspace)
    assert not may(boss, act, other)
    assert not may(boss, act, None)
    assert list(workspaces_of(boss)) == [workspace]
    assert may_somewhere(boss, act)


def test_a_role_in_the_whole_portal_holds_in_every_workspace_present_and_future(
    workspace: Workspace, person: Person
) -> None:
    boss = person("administrator")
    later = make_workspace("later")
    assert may(boss, "administer", later)
    assert may(boss, "administer", None)
    assert list(workspaces_of(boss, "administer")) == [later, workspace]


def test_whoever_may_in_every_workspace_there_is_may_for_the_portal(workspace: Workspace, person: Person) -> None:
    boss = person("nobody")
    give_role(boss, "administrator", workspace)
    assert may(boss, "administer", None)
    other = make_workspace("other")
    assert not may(boss, "administer", None)
    give_role(boss, "reviewer", other)
    assert may(boss, "decide", None)
    assert not may(boss, "operate", None)


def test_the_greater_of_two_roles_counts(workspace: Workspace, other: Workspace, person: Person) -> None:
    both = person("auditor")
    give_role(both, "operator", workspace)
    assert may(both, "operate", workspace)
    assert may(both, "read", other)
    assert not may(both, "decide", other)


def test_without_any_workspace_only_a_role_in_the_portal_counts(person: Person) -> None:
    assert may(person("administrator"), "administer", None)
    assert not may(person("nobody"), "read", None)


def test_a_superuser_may_everything_and_whoever_left_nothing(workspace: Workspace, person: Person) -> None:
    chief = User.objects.create_superuser("chief")
    assert may(chief, "administer", workspace)
    assert may(chief, "administer", None)
    for user in (chief, person("administrator")):
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert not may(user, "read", workspace), "the database is asked, not what was read before"
        assert not may(user, "read", None)
        assert not may_somewhere(user)
        assert not workspaces_of(user)


def test_somebody_who_did_not_sign_in_may_nothing(workspace: Workspace) -> None:
    assert not may(AnonymousUser(), "read", workspace)
    assert not may_somewhere(AnonymousUser())
    assert not workspaces_of(AnonymousUser())


def test_somewhere_asks_for_the_act_as_well(workspace: Workspace, person: Person) -> None:
    permit_somewhere(person("operator"), "operate")
    with pytest.raises(PermissionDenied, match="operator may not do this"):
        permit_somewhere(person("operator"), "administer")


def test_those_who_may_are_named(workspace: Workspace, other: Workspace, person: Person) -> None:
    here, there = person("nobody"), User.objects.create(username="there")
    give_role(here, "operator", workspace)
    give_role(there, "operator", other)
    give_role(person("reviewer"), "reviewer")
    assert set(people_who_may("operate", workspace)) == {here}
    assert set(people_who_may("operate", other)) == {there}
    assert not people_who_may("operate", None)


@pytest.mark.parametrize("where", ["main", None])
def test_a_person_has_one_role_in_one_place(workspace: Workspace, person: Person, where: str | None) -> None:
    place = workspace if where else None
    user = person("nobody")
    Role.objects.create(person=user, workspace=place, name="auditor")
    with pytest.raises(IntegrityError, match="one_role_a_workspace"), transaction.atomic():
        Role.objects.create(person=user, workspace=place, name="reviewer")
