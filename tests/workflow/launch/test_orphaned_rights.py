"""OrphanedRights: what would be left without anybody, as far as rights and groups show it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.models import Account, Assessment, Group, Workspace
from accounts_review.workflow.launch.orphaned_rights import Orphan, RightsHolder, made_by, orphans, orphans_of
from tests.factories import make_case
from tests.web.kit import read, someone


def names(found: list[Orphan]) -> dict[str, list[str]]:
    return {orphan.name: [account.username for account in orphan.last] for orphan in found}


def test_what_nobody_keeps_is_orphaned() -> None:
    ana, ben = Account(username="ana"), Account(username="ben")
    leaving = [RightsHolder(ana, {"a", "b"}, {"press"}), RightsHolder(ben, {"b"}, {"press", "team"})]
    found = orphans(leaving, rights_kept={"a"}, groups_kept={"team"})
    assert [(orphan.is_group, orphan.name) for orphan in found] == [(False, "b"), (True, "press")]
    assert names(found) == {"b": ["ana", "ben"], "press": ["ana", "ben"]}


def test_nobody_leaving_orphans_nothing() -> None:
    assert orphans([], rights_kept=set(), groups_kept=set()) == []


@pytest.fixture
def people(workspace: Workspace) -> dict[str, Account]:
    rights = {"press": ["explore_monitoring"], "team": ["edit_reuse"]}
    made = read(
        workspace,
        someone("ana", groups=[{"uid": "press"}]),
        someone("ben", permissions=["submit_private_form"]),
        someone("cy"),
        groups=rights,
    )
    return {account.username: account for account in made}


def test_the_last_member_and_the_last_holder(workspace: Workspace, people: dict[str, Account]) -> None:
    found = names(orphans_of(workspace, [account.pk for account in people.values()]))
    assert found == {"explore_monitoring": ["ana"], "submit_private_form": ["ben"], "press": ["ana"]}


@pytest.mark.parametrize(
    ("successor", "left"),
    [
        ({"groups": [{"uid": "press"}]}, {"submit_private_form"}),
        ({"permissions": ["explore_monitoring"]}, {"submit_private_form", "press"}),
        ({"permissions": ["explore_monitoring", "submit_private_form"]}, {"press"}),
        ({"display_name": '"submit_private_form"'}, {"explore_monitoring", "submit_private_form", "press"}),
        ({}, {"explore_monitoring", "submit_private_form", "press"}),
    ],
)
def test_whoever_stays_succeeds(
    workspace: Workspace, people: dict[str, Account], successor: dict[str, Any], left: set[str]
) -> None:
    read(workspace, someone("zoe", idle=1, **successor))
    assert set(names(orphans_of(workspace, [account.pk for account in people.values()]))) == left


def test_a_right_through_another_group_is_kept(workspace: Workspace, people: dict[str, Account]) -> None:
    read(workspace, someone("zoe", idle=1, groups=[{"uid": "watch"}]), groups={"watch": ["explore_monitoring"]})
    assert set(names(orphans_of(workspace, [people["ana"].pk]))) == {"press"}


def test_who_is_gone_or_leaves_too_is_no_successor(workspace: Workspace, people: dict[str, Account]) -> None:
    (zoe,) = read(workspace, someone("zoe", groups=[{"uid": "press"}]))
    assert names(orphans_of(workspace, [people["ana"].pk])) == {}
    cleanup = workspace.cleanups.create(number=1, state="running", created_at=zoe.read_at)
    case = make_case(cleanup, zoe, state="noticed")
    assert set(names(orphans_of(workspace, [people["ana"].pk]))) == {"explore_monitoring", "press"}
    case.delete()
    Account.objects.filter(pk=zoe.pk).update(absent_since=zoe.read_at)
    assert set(names(orphans_of(workspace, [people["ana"].pk]))) == {"explore_monitoring", "press"}


def test_protected_people_keep_what_they_have(workspace: Workspace, people: dict[str, Account]) -> None:
    read(workspace, someone("zoe", permissions=["edit_domain", "explore_monitoring"], groups=[{"uid": "press"}]))
    assert Assessment.objects.get(account__username="zoe").standing == "protected"
    assert names(orphans_of(workspace, [people["ana"].pk])) == {}


@pytest.mark.parametrize("known", [{"rights": None}, None], ids=["the record does not tell", "not judged"])
def test_whoevers_rights_are_not_known_keeps_their_groups_only(
    workspace: Workspace, people: dict[str, Account], known: dict[str, Any] | None
) -> None:
    read(workspace, someone("zoe", idle=1, groups=[{"uid": "press"}]))
    zoe = Assessment.objects.filter(account__username="zoe")
    zoe.update(**known) if known else zoe.delete()
    assert set(names(orphans_of(workspace, [people["ana"].pk]))) == {"explore_monitoring"}


def test_who_made_a_group_that_stays_is_told(workspace: Workspace, people: dict[str, Account]) -> None:
    Group.objects.filter(uid="team").update(created_by="cy")
    Group.objects.filter(uid="press").update(created_by="somebody.gone")
    assert [
        (account.username, [str(group) for group in groups])
        for account, groups in made_by(workspace, [account.pk for account in people.values()])
    ] == [("cy", ["Title of team"])]
