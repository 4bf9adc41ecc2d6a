"""Odd entries of the API's lists: each is told, and the rest goes on."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from accounts_review.huwise import Client
from accounts_review.models import Account, AuditEntry, Group, Sync, Workspace
from accounts_review.wording import findings
from accounts_review.workflow.assess import assess
from accounts_review.workflow.sync.sync import sync_workspace
from huwise_sandbox.records import Record
from tests.stage import KEY, NOW, SERVICE_USER, service_user, someone

TEAM: Record = {"uid": "team", "title": "Team", "permissions": ["edit_page"]}


def read(workspace: Workspace, *, users: list[Any], groups: list[Any]) -> Sync:
    """Read a workspace of these records and of the robot whose key is used."""
    lists = {"users": [service_user(), *users], "groups": groups, "apikeys": [{"user": {"username": SERVICE_USER}}]}

    def answer(request: httpx.Request) -> httpx.Response:
        rows = lists[request.url.path.strip("/").rpartition("/")[2]]
        if "all_permissions" in request.url.params:
            rows = [service_user()]
        results = [] if request.url.params.get("limit") == "0" else rows
        return httpx.Response(200, content=json.dumps({"total_count": len(rows), "results": results}))

    client = Client(url="http://127.0.0.1:8", api_key=KEY, transport=httpx.MockTransport(answer), attempts=1)
    with client:
        done = sync_workspace(workspace=workspace, client=client, key_owner="", clock=lambda: NOW)
    workspace.refresh_from_db()
    assess.assess(workspace=workspace)
    return done


def said(done: Sync) -> list[str]:
    return [findings.in_words(found).said for found in done.health]


def verdict(username: str) -> str:
    return Account.objects.with_verdict(NOW).get(username=username).verdict


@pytest.mark.parametrize(
    ("second", "rights"),
    [
        (TEAM, ["edit_page"]),
        (TEAM | {"permissions": ["edit_domain"]}, ["edit_domain", "edit_page"]),
        (TEAM | {"permissions": []}, ["edit_page"]),
        (TEAM | {"permissions": None}, None),
    ],
    ids=["the same", "another right", "no right", "not to be read"],
)
def test_a_group_listed_twice_grants_what_both_entries_say(
    workspace: Workspace, second: Record, rights: list[str] | None
) -> None:
    for _ in range(2):
        done = read(workspace, users=[someone("marie", groups=[{"uid": "team"}])], groups=[TEAM, second])
        assert (done.state, done.problems) == ("complete", [])
        assert said(done) == ["The group team is listed twice; it grants the rights of both entries."]
        assert Group.objects.get().permissions == rights
        assert verdict("marie") == ("uncertain" if rights is None else "protected")


@pytest.mark.parametrize("entry", [[], "team", 7, None, f"Authorization: Apikey {KEY}"])
def test_an_entry_that_is_no_group_is_told_and_leaves_its_members_uncertain(workspace: Workspace, entry: Any) -> None:
    users = [someone("marie"), someone("omar", groups=[{"uid": "team"}]), someone("zoe", groups=[{"uid": "lost"}])]
    for _ in range(2):
        done = read(workspace, users=users, groups=[TEAM | {"permissions": []}, entry])
        assert (done.state, done.problems) == ("complete", [])
        assert said(done) == [
            "1 entry in the list of groups is not a group. Accounts in groups that are not listed are uncertain."
        ]
        assert [verdict(name) for name in ("marie", "omar", "zoe")] == ["dormant", "dormant", "uncertain"]


@pytest.mark.parametrize("names", [("mar\x00ie", "mar\ud800ie"), ("\x00", "\ufffd"), ("\udc00", "\udc01")], ids=ascii)
def test_usernames_that_only_differ_in_what_cannot_be_stored_are_two(
    workspace: Workspace, names: tuple[str, str]
) -> None:
    """Else the workspace would count one more than was ever read, and no sync would be complete."""
    users = [someone("omar"), *(someone("x") | {"username": name} for name in names)]
    for _ in range(2):
        done = read(workspace, users=users, groups=[])
        assert (done.state, done.problems, done.read) == ("complete", [], 4)
        assert (done.added, done.absent) in ((4, 0), (0, 0))
    odd = Account.objects.filter(username__contains="\ufffd").with_verdict(NOW)
    assert [account.verdict for account in odd] == ["uncertain", "uncertain"]
    assert verdict("omar") == "dormant"


def test_accounts_without_a_username_are_named_and_the_rest_goes_on(workspace: Workspace) -> None:
    nameless = [someone("a") | {"username": None, "email": f"{name}@ville.example"} for name in ("zoe", "ali")]
    alike = [someone("b") | {"username": ""}] * 2
    users = [someone("marie"), *nameless, *alike, someone("c") | {"username": 7, "email": None, "display_name": "C"}]
    for _ in range(3):
        done = read(workspace, users=users, groups=[])
        assert (done.state, done.problems, done.read) == ("complete", [], 7)
        names = "C, ali@ville.example, b@ville.example, b@ville.example, zoe@ville.example"
        assert said(done) == [f"5 accounts have no username and are left for a manual check: {names}."]
        assert verdict("marie") == "dormant"
    assert {name: verdict(name) for name in ("— zoe@ville.example", "— ali@ville.example", "— C")} == {
        "— zoe@ville.example": "uncertain",
        "— ali@ville.example": "uncertain",
        "— C": "uncertain",
    }
    assert done.added == 0
    assert read(workspace, users=users[:1], groups=[]).absent == 4


def test_the_chain_of_the_audit_names_nobody_whom_a_sync_found_odd(workspace: Workspace) -> None:
    """Nothing can be erased from it: names stand beside it."""
    users = [someone("marie"), someone("a") | {"username": None, "email": "zoe@ville.example"}]
    done = read(workspace, users=users, groups=[])
    entry = AuditEntry.objects.filter(kind="workspace.synced")[0]
    assert "zoe" not in str(entry.data)
    assert entry.details["health"] == done.health


def test_a_name_that_is_missing_for_everybody_is_a_population_gone(workspace: Workspace) -> None:
    people = [someone(f"p{number}") for number in range(10)]
    assert read(workspace, users=people, groups=[]).state == "complete"
    nameless = [person | {"username": None} for person in people]
    done = read(workspace, users=nameless, groups=[])
    assert [anomaly["code"] for anomaly in done.anomalies] == ["population_changed"]
    assert verdict("p1") == "dormant"
