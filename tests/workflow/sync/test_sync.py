"""Sync: everything is read, only what changed is stored, and absence from a list proves nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts_review.models import Account, AuditEntry, Group, Sync
from accounts_review.wording.findings import in_words
from accounts_review.workflow.assess import assess
from accounts_review.workflow.check_connection import check_connection
from accounts_review.workflow.sync.sync import WrongHost, _check_host, sync_workspace
from huwise_sandbox import records
from tests.stage import NOW, SERVICE_USER, SetStage, days_ago, site_of, someone


def test_a_sync_stores_every_account_once_with_what_it_says(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", first_name="Marie", last_name="Curie", groups=[{"uid": "b"}, {"uid": "a"}]))
    account = stage.account("marie")
    assert (account.email, account.full_name, account.groups) == ("marie@ville.example", "Marie Curie", ["a", "b"])
    assert (account.read_at, account.incomplete, account.absent_since, account.gone_at) == (NOW, False, None, None)
    assert account.incarnation == days_ago(1365)
    assert Account.objects.count() == 22


def test_a_sync_says_what_it_did(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"))
    stage.update("marie", last_seen_at=days_ago(0))
    stage.remove("omar")
    stage.site.workspace.put(someone("zoé"))
    done = stage.sync()
    said = {name: getattr(done, name) for name in ("state", "read", "expected", "added", "changed", "absent")}
    assert said == {"state": "complete", "read": 23, "expected": 23, "added": 1, "changed": 1, "absent": 1}
    assert (done.pages, done.problems, done.finished_at) == (1, [], NOW)
    entry = AuditEntry.objects.filter(kind="workspace.synced").latest("seq")
    assert entry.data == said | {"pages": 1, "problems": [], "anomalies": [], "health": []}
    assert done.passes == [{"pages": 1, "records": 23, "read": 23, "expected": 23}]
    assert done.touched == {
        "added": [stage.account("zoé").pk],
        "changed": [stage.account("marie").pk],
        "absent": [stage.account("omar").pk],
    }


@pytest.mark.parametrize("size", [999, 1000, 1001, 2300])
def test_every_page_is_read(set_stage: SetStage, size: int) -> None:
    stage = set_stage(others=size - 1)
    done = Sync.objects.get()
    assert (done.state, done.read, done.pages) == ("complete", size, -(-size // 1000))
    assert set(Account.objects.values_list("username", flat=True)) == stage.site.workspace.usernames()


def test_what_did_not_change_is_not_rewritten(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"))
    version = "SELECT username, xmin::text FROM accounts_review_account"
    with connection.cursor() as cursor:
        cursor.execute(version)
        before = dict(cursor.fetchall())
        stage.update("marie", last_seen_at=days_ago(1))
        stage.clock.advance(days=1)
        done = stage.sync()
        cursor.execute(version)
        after = dict(cursor.fetchall())
    assert (done.added, done.changed) == (0, 1)
    assert {name for name in after if after[name] != before[name]} == {"marie"}
    assert stage.account("omar").read_at == NOW
    assert stage.account("marie").read_at == NOW + timedelta(days=1)


def test_somebody_no_longer_listed_is_marked_and_comes_back(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    record = stage.site.workspace.user("marie")
    assert record
    stage.remove("marie")
    stage.clock.advance(days=1)
    assert stage.sync().absent == 1
    assert stage.account("marie").absent_since == NOW + timedelta(days=1)
    assert "marie" not in stage.verdicts()

    stage.clock.advance(days=1)
    assert stage.sync().absent == 0, "who is missing already is not counted again"
    assert stage.account("marie").absent_since == NOW + timedelta(days=1)

    stage.site.workspace.put(record)
    stage.sync()
    assert stage.account("marie").absent_since is None
    assert stage.verdicts()["marie"] == "dormant"
    assert Account.objects.filter(username="marie").count() == 1


def test_somebody_who_comes_back_changed_is_listed_again(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    stage.remove("marie")
    stage.sync()
    stage.site.workspace.put(someone("marie", display_name="Marie again"))
    stage.sync()
    account = stage.account("marie")
    assert (account.display_name, account.absent_since) == ("Marie again", None)


def test_a_username_used_again_is_another_account(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    before = stage.account("marie")
    stage.remove("marie")
    stage.site.workspace.put(someone("marie", joined_at=days_ago(2), last_seen_at=None))
    stage.sync()
    after = stage.account("marie")
    assert after.pk != before.pk
    assert stage.verdicts()["marie"] == "active"
    before.refresh_from_db()
    assert before.absent_since == NOW
    assert Account.objects.filter(username="marie").listed().get() == after


def test_an_old_account_is_not_taken_for_listed_because_another_joined_when_it_did(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    before = stage.account("marie")
    stage.remove("marie")
    stage.site.workspace.put(someone("marie", joined_at=days_ago(2), last_seen_at=None))
    stage.site.workspace.put(someone("omar"))
    assert stage.account("marie").incarnation == days_ago(1365)
    stage.sync()
    assert stage.account("omar").incarnation == before.incarnation
    before.refresh_from_db()
    assert before.absent_since == NOW


def test_the_same_moment_written_in_another_way_is_the_same_account(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", joined_at="2022-01-01T12:00:00+00:00"))
    stage.update("marie", joined_at="2022-01-01T13:00:00+01:00")
    stage.sync()
    assert Account.objects.filter(username="marie").count() == 1


def test_somebody_removed_by_the_portal_and_invited_again_is_listed(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    Account.objects.filter(username="marie").update(gone_at=NOW)
    stage.sync()
    assert stage.account("marie").gone_at is None


def test_groups_follow_the_workspace(set_stage: SetStage) -> None:
    kept, dropped = records.group("kept", "Kept", ["edit_page"]), records.group("dropped", "Dropped", [])
    stage = set_stage(groups=[kept, dropped])
    groups = stage.site.workspace._groups
    del groups["dropped"]
    groups["kept"] = kept | {"title": "Renamed", "permissions": ["edit_domain", "edit_page"]}
    groups["new"] = records.group("new", "New", []) | {"permissions": None}
    stage.sync()
    assert list(Group.objects.values_list("uid", "title", "permissions")) == [
        ("kept", "Renamed", ["edit_domain", "edit_page"]),
        ("new", "New", None),
    ]


def test_the_owner_of_the_key_is_kept(set_stage: SetStage) -> None:
    assert set_stage().workspace.key_owner == SERVICE_USER


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 200, "body": {"total_count": 0, "results": []}}])
def test_the_configured_owner_stands_in_where_the_api_does_not_tell(
    set_stage: SetStage, fault: dict[str, object]
) -> None:
    stage = set_stage(synced=False)
    stage.order({"kind": "status", "path": "/apikeys"} | fault)
    sync_workspace(workspace=stage.workspace, client=stage.client, key_owner=SERVICE_USER, clock=stage.clock)
    stage.workspace.refresh_from_db()
    assert stage.workspace.key_owner == SERVICE_USER
    assert Sync.objects.get().state == "complete"


@pytest.mark.parametrize("named", ["The.Robot", "THE.ROBOT", " the.robot"])
def test_the_owner_is_known_and_protected_whatever_the_capitals(set_stage: SetStage, named: str) -> None:
    stage = set_stage(someone("The.Robot"), synced=False)
    stage.order({"kind": "status", "path": "/apikeys", "status": 403})
    sync_workspace(workspace=stage.workspace, client=stage.client, key_owner=named, clock=stage.clock)
    stage.workspace.refresh_from_db()
    assess.assess(workspace=stage.workspace)
    assert stage.workspace.key_owner == "The.Robot"
    assert stage.verdicts()["The.Robot"] == "protected"


def test_an_owner_who_is_not_in_the_list_is_not_known(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), synced=False)
    keys = stage.site.workspace._keys
    keys[0] = keys[0] | {"user": {"username": "the.robot"}}
    regular = stage.site.workspace.effective_permissions
    stage.site.workspace.effective_permissions = lambda record: regular(record) | {"edit_domain"}  # type: ignore[method-assign]
    sync = stage.sync()
    assert (sync.state, stage.workspace.key_owner) == ("complete", "")
    assert {"code": "owner_unlisted", "owner": "the.robot"} in sync.health
    assert "the.robot is not in the list" in str(in_words(sync.health[0]))
    assert stage.verdicts()["marie"] == "dormant"
    stage.launch("marie")
    assert stage.revoke() == {}
    assert (stage.deletes, stage.case("marie").state) == ([], "due")


def test_another_host_is_refused_and_nothing_is_read(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    stage.workspace.host = "data.example.org"
    with pytest.raises(WrongHost, match=r"data\.example\.org.*127\.0\.0\.1"):
        sync_workspace(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    assert Sync.objects.count() == 1
    stage.workspace.refresh_from_db()
    assert stage.workspace.host == stage.client.host


def test_a_loopback_workspace_may_change_its_port(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    type(stage.workspace).objects.update(host="127.0.0.1:1")
    stage.workspace.refresh_from_db()
    assert stage.sync().state == "complete"
    assert stage.workspace.host == stage.client.host


@pytest.mark.parametrize("host", ["data.example.org:8443", "data.example.org"])
def test_no_other_host_may_change_its_port(set_stage: SetStage, host: str) -> None:
    stage = set_stage(someone("marie"))
    stage.workspace.host = "data.example.org:443"
    with pytest.raises(WrongHost):
        _check_host(stage.workspace, host)


def test_an_address_at_which_nobody_was_ever_read_may_be_mended(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), synced=False)
    type(stage.workspace).objects.update(host="data.exmaple.org")
    stage.workspace.refresh_from_db()
    check = check_connection(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    assert "host" not in [found["code"] for found in check.findings]
    assert stage.sync().state == "complete"
    assert stage.workspace.host == stage.client.host


def test_the_sandbox_of_these_tests_is_what_it_seems() -> None:
    """A population of which the portal misses nobody proves nothing if it is empty."""
    assert site_of([someone("marie")]).workspace.usernames() == {SERVICE_USER, "marie"}


def test_a_sync_of_few_that_finds_nothing_new_asks_little(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"))
    with CaptureQueriesContext(connection) as asked:
        assert stage.sync().state == "complete"
    # Two of them are the stage's own: whether anybody is left to judge.
    assert len(asked) <= 52
