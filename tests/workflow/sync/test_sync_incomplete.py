"""An incomplete sync adds no candidate and loses no account; it may only clear people (law 3)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db import connection, connections

from accounts_review.huwise import Client
from accounts_review.models import Account, AuditEntry, Sync, Workspace
from accounts_review.wording import findings
from accounts_review.workflow.assess import assess
from accounts_review.workflow.check_connection import LARGEST_SKEW
from accounts_review.workflow.sync import sync as sync_module
from accounts_review.workflow.sync.lock import AlreadyRunning
from accounts_review.workflow.sync.sync import sync_workspace
from huwise_sandbox import records
from huwise_sandbox.records import Record
from tests.factories import make_sync
from tests.stage import KEY, NOW, SERVICE_USER, SetStage, Stage, days_ago, service_user, someone

USERS: dict[str, Any] = {"path": "/users"}

ON_ONE_PAGE = {
    "half a page": (USERS | {"kind": "truncate"}, "answer was cut off"),
    "half a page as if whole": (USERS | {"kind": "truncate", "complete": True}, "not JSON"),
    "fails for ever": (USERS | {"kind": "status", "status": 500}, "The workspace reported an error"),
    "fails when counted": (USERS | {"kind": "status", "status": 503, "after": 1}, "The workspace reported an error"),
    "refuses the key": ({"kind": "status", "status": 401}, "API key"),
    "sends us away": ({"kind": "redirect", "location": "https://login.example/"}, "another address"),
    "a login page": ({"kind": "status", "status": 200, "body": "<h1>Sign in</h1>"}, "does not match the Huwise API"),
    "hangs up": (USERS | {"kind": "cut_before"}, "answer was cut off"),
    "empty after a full one": (USERS | {"kind": "empty_list"}, "list is empty; the last one was not"),
    "one row short": (USERS | {"kind": "short_page"}, "22 accounts were read; 23 were announced at the start"),
    "counts one too many": (USERS | {"kind": "wrong_total", "delta": 1}, "were announced at the start"),
    "counts one too few": (USERS | {"kind": "wrong_total", "delta": -1}, "were announced at the start"),
    "count changes at the end": (USERS | {"kind": "wrong_total", "delta": 3, "after": 1}, "26 at the end"),
    "groups fail": ({"path": "/groups", "kind": "status", "status": 500}, "reading groups"),
    "groups cut off": ({"path": "/groups", "kind": "short_page"}, "counts 1"),
    "key unreadable": ({"path": "/apikeys", "kind": "status", "status": 500}, "owns our API key"),
}


def said(sync: Sync) -> str:
    """Its problems in words."""
    return "\n".join(str(findings.in_words(problem)) for problem in sync.problems)


def newcomer() -> Record:
    return someone("newcomer", idle=2000)


@pytest.mark.matrix(fast=4, reason="each fault is two syncs")
@pytest.mark.parametrize(("fault", "problem"), ON_ONE_PAGE.values(), ids=ON_ONE_PAGE)
def test_an_incomplete_reading_adds_nobody_loses_nobody_and_says_why(
    set_stage: SetStage, fault: Record, problem: str
) -> None:
    stage = set_stage(someone("marie"), someone("omar"), groups=[records.group("team", "Team", ["edit_domain"])])
    before = stage.verdicts()
    rights = Workspace.objects.get().rights_digest
    stage.remove("omar")
    stage.site.workspace.put(newcomer())
    stage.order(fault)
    done = stage.sync()
    assert done.state in ("incomplete", "failed")
    assert problem in said(done)
    after = stage.verdicts()
    assert after.pop("newcomer", "uncertain") == "uncertain"
    assert after == before
    assert not Account.objects.exclude(absent_since=None).exists()
    assert Workspace.objects.get().rights_digest == rights

    stage.order()
    assert stage.sync().state == "complete"
    assert stage.verdicts()["newcomer"] == "dormant"
    assert "omar" not in stage.verdicts()


@pytest.mark.parametrize("change", [{"delete": 1, "add": 1}, {"delete": 1}], ids=str)
def test_a_population_that_never_holds_still_gives_no_candidate(set_stage: SetStage, change: Record) -> None:
    stage = set_stage(others=1200)
    stage.site.workspace.put(someone("zz.newcomer", idle=2000))
    stage.site.paging.order(change)
    done = stage.sync()
    assert done.state == "incomplete"
    assert "A second pass differed from the first" in said(done)
    assert len(done.passes) == 7, "the light pass, and five more"
    assert stage.verdicts()["zz.newcomer"] == "uncertain"
    assert not Account.objects.exclude(absent_since=None).exists()


def test_a_page_that_fails_after_others_keeps_what_was_read(set_stage: SetStage) -> None:
    stage = set_stage(someone("aaron"), others=1200, synced=False)
    stage.order(USERS | {"kind": "status", "status": 500, "after": 1})
    done = stage.sync()
    assert (done.state, done.read, done.expected, done.pages) == ("incomplete", 1000, 1202, 1)
    assert stage.verdicts()["aaron"] == "uncertain"
    assert Account.objects.filter(incomplete=True).count() == 1000


def test_an_incomplete_reading_clears_whoever_was_seen_again(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"))
    stage.update("marie", last_seen_at=days_ago(1))
    stage.order(USERS | {"kind": "wrong_total", "delta": 1})
    assert stage.sync().state == "incomplete"
    assert (stage.verdicts()["marie"], stage.verdicts()["omar"]) == ("active", "dormant")


def test_an_incomplete_reading_changes_nothing_of_what_is_known(set_stage: SetStage) -> None:
    """Dates that go backwards in a broken answer make a candidate of nobody, and hide nothing."""
    stage = set_stage(someone("marie", idle=10))
    stage.update("marie", joined_at=days_ago(375), last_seen_at=None, email="else@ville.example")
    stage.order(USERS | {"kind": "wrong_total", "delta": 1})
    stage.sync()
    assert stage.verdicts()["marie"] == "active"
    assert stage.account("marie").email == "marie@ville.example"
    stage.order()
    assert stage.sync().state == "complete"
    assert stage.account("marie").email == "else@ville.example"


def serve(pages: Callable[[int], Sequence[Record]], total: int) -> Client:
    """A client of a workspace that answers what no well-behaved server would."""

    def answer(request: httpx.Request) -> httpx.Response:
        path, offset = request.url.path, int(request.url.params.get("offset", 0))
        if path.endswith("/apikeys/"):
            rows: Sequence[Record] = [{"user": {"username": SERVICE_USER}}]
            return httpx.Response(200, json={"total_count": 1, "results": rows})
        if path.endswith("/groups/"):
            return httpx.Response(200, json={"total_count": 0, "results": []})
        rows = [] if request.url.params.get("limit") == "0" else pages(offset)
        # Python's own writer, because a hostile workspace may send lone surrogates.
        return httpx.Response(200, content=json.dumps({"total_count": total, "results": rows}).encode())

    return Client(url="http://127.0.0.1:8", api_key=KEY, transport=httpx.MockTransport(answer), attempts=1, backoff=0.0)


def read(workspace: Workspace, client: Client) -> Sync:
    with client:
        done = sync_workspace(workspace=workspace, client=client, key_owner="", clock=lambda: NOW)
    workspace.refresh_from_db()
    assess.assess(workspace=workspace)
    return done


def test_somebody_listed_twice_makes_the_reading_incomplete(workspace: Workspace) -> None:
    twice = [someone("marie"), someone("omar"), someone("marie", display_name="other")]
    done = read(workspace, serve(lambda offset: twice, total=3))
    assert done.state == "incomplete"
    assert done.problems[0] == {"code": "repeated", "count": 1, "example": "marie"}
    entry = AuditEntry.objects.filter(kind="workspace.synced")[0]
    assert "marie" not in str(entry.data), "from the chain nothing can be erased"
    assert entry.details["problems"] == done.problems


@pytest.mark.parametrize("twice", ["marie", "omar"])
def test_of_a_known_one_listed_twice_among_new_ones_the_right_one_is_named(workspace: Workspace, twice: str) -> None:
    known = [someone("marie"), someone("omar")]
    assert read(workspace, serve(lambda offset: known, total=2)).state == "complete"
    listed = [someone("ada"), someone("ben"), *known, someone(twice)]
    done = read(workspace, serve(lambda offset: listed, total=5))
    assert done.problems[0] == {"code": "repeated", "count": 1, "example": twice}


def test_a_former_incarnation_beside_the_present_one_is_no_second_person(workspace: Workspace) -> None:
    """Both records are known, and as many are read as there are said to be: but one name stands there twice."""
    former, present = someone("marie", joined_at=days_ago(3000)), someone("marie", joined_at=days_ago(1500))
    crowd = [someone(f"crowd.{number}") for number in range(20)]
    assert read(workspace, serve(lambda offset: [*crowd, former], total=21)).state == "complete"
    assert read(workspace, serve(lambda offset: [*crowd, present], total=21)).state == "complete"
    done = read(workspace, serve(lambda offset: [*crowd, former, present], total=22))
    assert done.state == "incomplete"
    assert done.problems[0] == {"code": "repeated", "count": 1, "example": "marie"}


def test_a_server_that_gives_smaller_pages_than_asked_for_is_read_to_the_end(workspace: Workspace) -> None:
    people = sorted([service_user(), *(someone(f"p{n}") for n in range(7))], key=lambda record: record["username"])
    done = read(workspace, serve(lambda offset: people[offset : offset + 3], total=8))
    assert (done.state, done.read, done.pages) == ("complete", 8, 3)


def test_a_server_that_stops_giving_rows_ends_the_reading(workspace: Workspace) -> None:
    done = read(workspace, serve(lambda offset: [someone("marie")] if offset == 0 else [], total=9))
    assert (done.state, done.read, done.expected) == ("incomplete", 1, 9)


HOSTILE = {
    "nul in the username": {"username": "mar\x00ie"},
    "lone surrogate in the username": {"username": "mar\ud800ie"},
    "a username without end": {"username": "m" * 10_000, "joined_at": None},
    "no username": {"username": None},
    "a number for a username": {"username": 7},
    "a list for a username": {"username": ["marie"]},
    "numbers for dates": {"joined_at": 1, "last_seen_at": 2, "last_login_at": 3.5},
    "objects for dates": {"joined_at": {}, "last_seen_at": [], "last_login_at": True},
    "dates before all time": {"joined_at": "0001-01-01T00:00:00+00:00", "last_seen_at": "1970-01-01T00:00:00Z"},
    "text for lists": {"permissions": "edit_domain", "groups": "team"},
    "numbers in lists": {"permissions": [1], "groups": [2]},
    "an address that is none": {"email": {"a": 1}},
    "surrogate in a group": {"groups": [{"uid": "\udfff"}]},
}


@pytest.mark.parametrize("fields", HOSTILE.values(), ids=HOSTILE)
def test_hostile_records_are_stored_as_uncertain_accounts(workspace: Workspace, fields: dict[str, Any]) -> None:
    victim = someone("zz") | {"username": "marie"} | fields
    done = read(workspace, serve(lambda offset: [service_user(), victim], total=2))
    assert done.state == "complete"
    verdicts = Account.objects.assessed().with_verdict(NOW).exclude(username=SERVICE_USER).verdicts()
    assert list(verdicts.values()) == ["uncertain"]


def test_texts_that_postgresql_refuses_are_stored_with_a_mark_in_their_place(workspace: Workspace) -> None:
    victim = someone("marie", display_name="nul \x00", first_name="\ud800", last_name="\udc00 \x07")
    read(workspace, serve(lambda offset: [service_user(), victim], total=2))
    account = Account.objects.get(username="marie")
    assert (account.display_name, account.first_name, account.last_name) == ("nul \ufffd", "\ufffd", "\ufffd \x07")


def test_control_characters_that_are_not_even_escaped_are_stored(workspace: Workspace) -> None:
    victim = json.dumps(someone("marie", display_name="nul HERE")).replace("HERE", "\x00")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/users/"):
            return httpx.Response(200, content=f'{{"total_count": 1, "results": [{victim}]}}'.encode())
        return httpx.Response(200, json={"total_count": 0, "results": []})

    client = Client(url="http://127.0.0.1:8", api_key=KEY, transport=httpx.MockTransport(answer), attempts=1)
    assert read(workspace, client).state == "complete"
    assert Account.objects.get(username="marie").display_name == "nul \ufffd"


def test_a_record_that_is_no_object_makes_the_reading_incomplete(workspace: Workspace) -> None:
    rows: list[Any] = [service_user(), "marie", 1, None, "zoé"]
    done = read(workspace, serve(lambda offset: rows, total=5))
    assert done.state == "incomplete"
    assert done.problems.count({"code": "unreadable_record"}) == 1, "however many there are"


def test_a_sync_that_was_killed_does_not_block_the_next(set_stage: SetStage) -> None:
    stage: Stage = set_stage(synced=False)
    killed = make_sync(stage.workspace)
    assert stage.sync().state == "complete"
    killed.refresh_from_db()
    assert (killed.state, killed.finished_at, killed.problems) == ("failed", NOW, [{"code": "interrupted"}])


@pytest.mark.django_db(transaction=True)
def test_of_two_syncs_at_once_the_second_is_refused(set_stage: SetStage) -> None:
    stage: Stage = set_stage()
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [0x73796E63, stage.workspace.pk])
        with pytest.raises(AlreadyRunning):
            stage.sync()
        assert Sync.objects.count() == 1
        with other.cursor() as cursor:
            # Closing alone would free it a moment later.
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        other.close()
    assert stage.sync().state == "complete"
    assert connection.connection


@pytest.mark.django_db(transaction=True)
def test_a_sync_that_fails_frees_the_workspace(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage: Stage = set_stage()

    def full_disk(*args: object, **kwargs: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sync_module, "_store", full_disk)
        with pytest.raises(OSError, match="no space"):
            stage.sync()
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [0x73796E63, stage.workspace.pk])
            assert cursor.fetchone() == (True,)
    finally:
        other.close()


@pytest.mark.parametrize("years", [3, -3])
def test_a_reading_by_a_clock_far_from_the_workspaces_own_adds_nobody_and_says_what_to_do(
    set_stage: SetStage, years: int
) -> None:
    """By a clock that is years ahead, everybody is dormant."""
    stage = set_stage()
    stage.site.workspace.put(newcomer())
    ours = datetime.now(UTC) + timedelta(days=365 * years)
    done = sync_workspace(
        workspace=stage.workspace, client=stage.client, key_owner="", clock=lambda: ours, largest_skew=LARGEST_SKEW
    )
    assert done.state == "incomplete"
    assert re.search(r"clock and the API's are [\d,]+ seconds apart. Set this server's clock", said(done))
    assert stage.verdicts().get("newcomer", "uncertain") == "uncertain"
    done = sync_workspace(
        workspace=stage.workspace,
        client=stage.client,
        key_owner="",
        clock=lambda: datetime.now(UTC),
        largest_skew=LARGEST_SKEW,
    )
    assert done.state == "complete"
    assert stage.workspace.syncs.first() == done, "the newest is the one that began last, whatever it is dated"
