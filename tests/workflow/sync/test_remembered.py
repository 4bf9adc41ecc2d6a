"""What the last sync saw is remembered: only who differs is looked for, and whoever changes, comes or goes is found."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from accounts_review.huwise import Client
from accounts_review.models import Account, SyncedPage, Workspace
from accounts_review.workflow.retention.erase import erase_accounts
from accounts_review.workflow.sync import remembered
from accounts_review.workflow.sync import sync as sync_module
from accounts_review.workflow.sync.known import Known, known_of
from accounts_review.workflow.sync.sync import sync_workspace
from tests.stage import NOW, SetStage, Stage, client_of, days_ago, someone
from tests.workflow.revoke.test_crash import ended_by, in_child
from tests.workflow.sync.test_held_sync import PAGE_FAILS, reset
from tests.workflow.sync.test_sync_interrupted import Interrupted, at_call, interrupt, known

pytestmark = pytest.mark.django_db


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes each time that a sync looks for whom it knows."""
    loaded: list[str] = []

    def note(*given: Workspace) -> Known:
        loaded.append("known")
        return known_of(*given)

    monkeypatch.setattr(sync_module, "known_of", note)
    return loaded


@pytest.fixture
def stage(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch, loads: list[str]) -> Stage:
    """Two pages of people, remembered."""
    # Set as others set it, who get it from memory: without pages.
    stage = set_stage(someone("marie"), someone("omar"))
    monkeypatch.setattr(remembered, "MANY", 2)
    monkeypatch.setattr(Client.users_page, "__kwdefaults__", {"limit": 12})
    stage.sync()
    loads.clear()
    return stage


def test_where_nothing_changed_nobody_is_looked_for(stage: Stage, loads: list[str]) -> None:
    before = known()
    for _ in range(2):
        done = stage.sync()
        assert (done.state, done.problems, done.population) == ("complete", [], 23)
        assert (done.added, done.changed, done.absent) == (0, 0, 0)
        counted = {"pages": 2, "records": 23, "read": 23, "expected": 23}
        assert done.passes == [counted, counted]
    assert (loads, known()) == ([], before)


def test_whoever_was_removed_and_is_listed_all_the_same_is_found(stage: Stage) -> None:
    Account.objects.filter(username="marie").update(gone_at=NOW)
    assert stage.sync().state == "complete"
    assert stage.account("marie").gone_at is None


def test_whoever_left_before_is_still_gone(stage: Stage, loads: list[str]) -> None:
    stage.remove("omar")
    assert stage.sync().absent == 1
    loads.clear()
    stage.sync()
    assert (loads, stage.account("omar").absent_since) == ([], NOW)


def erase(stage: Stage) -> None:
    erase_accounts(list(Account.objects.exclude(absent_since=None)), now=stage.clock())


def show_another_address(stage: Stage) -> None:
    """As a last look does that finds one; the next reading stores the whole record."""
    stage.update("marie", email="marie@elsewhere.example")
    Account.objects.filter(username="marie").update(email="marie@elsewhere.example", digest="")


@pytest.mark.parametrize("changed", [False, True], ids=["nothing changed", "somebody was seen"])
@pytest.mark.parametrize("meanwhile", [erase, show_another_address])
def test_whose_record_is_forgotten_while_a_sync_reads_is_not_taken_for_somebody_unchanged(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Stage], object], changed: bool
) -> None:
    stage.remove("omar")
    stage.sync()
    left = Account.objects.get(username="omar").pk
    if changed:
        stage.update("crowd.0019", last_seen_at=days_ago(1))
    with monkeypatch.context() as patch:
        patch.setattr(Client, "users_page", at_call(1, lambda: meanwhile(stage), Client.users_page))
        done = stage.sync()
    assert (done.state, done.problems) == ("complete", [])
    assert Account.objects.get(pk=left).absent_since is not None


CHANGES: dict[str, Callable[[Stage], object]] = {
    "who is on the last page was seen": lambda stage: stage.update("marie", last_seen_at=days_ago(1)),
    "somebody comes in front of all": lambda stage: stage.site.workspace.put(someone("aaa")),
    "somebody leaves": lambda stage: stage.remove("omar"),
}


@pytest.mark.matrix(fast=3, reason="each change is two syncs of two pages")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("at", [3, 5, 1], ids=["between the passes", "in the second pass", "before"])
def test_a_change_is_found_wherever_it_falls(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, loads: list[str], change: str, at: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Client, "users_page", at_call(at, lambda: CHANGES[change](stage), Client.users_page))
        done = stage.sync()
    assert (done.state, loads) == ("complete", [])
    # Who comes in front of what was read already is read in the next sync, and pushes somebody back to be read twice.
    is_late = at == 5 and "comes" in change
    assert (done.added, done.absent) == ("comes" in change and not is_late, "leaves" in change)
    names = stage.verdicts()
    assert (names["marie"] == "active") == ("seen" in change)
    done = stage.sync()
    assert (done.added, done.changed, done.absent) == (is_late, 0, 0)
    assert loads == ["known"] * is_late, "otherwise it is remembered"
    names = stage.verdicts()
    assert ("aaa" in names, "omar" in names) == ("comes" in change, "leaves" not in change)


def test_all_at_once_is_found_too(stage: Stage, loads: list[str]) -> None:
    for change in CHANGES.values():
        change(stage)
    stage.update("crowd.0003", display_name="Somebody else")
    stage.remove("crowd.0007")
    stage.site.workspace.put(someone("crowd.0011a"))
    done = stage.sync()
    assert (done.state, done.added, done.changed, done.absent, loads) == ("complete", 2, 2, 2, [])
    assert [stage.account(name).absent_since for name in ("omar", "crowd.0007")] == [NOW, NOW]
    assert stage.account("crowd.0003").display_name == "Somebody else"


def come_in_front(stage: Stage) -> None:
    for number in range(3):
        stage.site.workspace.put(someone(f"aaa{number}"))


def change_four(stage: Stage) -> None:
    for number in range(4):
        stage.update(f"crowd.000{number}", display_name="Somebody else")


@pytest.mark.parametrize(("happens", "added", "changed"), [(come_in_front, 3, 0), (change_four, 0, 4)])
def test_where_places_tell_nothing_everybody_is_looked_for(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    loads: list[str],
    happens: Callable[[Stage], object],
    added: int,
    changed: int,
) -> None:
    monkeypatch.setattr(remembered, "NEAR", 1)
    monkeypatch.setattr(remembered, "FEW", 3)
    happens(stage)
    done = stage.sync()
    assert (done.state, done.added, done.changed, done.absent) == ("complete", added, changed, 0)
    assert loads == ["known"]


def test_of_those_who_moved_far_nobody_counts_as_changed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, loads: list[str]
) -> None:
    monkeypatch.setattr(remembered, "NEAR", 1)
    come_in_front(stage)
    done = stage.sync()
    assert (done.state, done.added, done.changed, done.absent, loads) == ("complete", 3, 0, 0, ["known"])


def test_who_is_listed_again_with_the_same_record_is_recognised(stage: Stage, loads: list[str]) -> None:
    record = stage.site.workspace.user("omar")
    assert record
    stage.remove("omar")
    stage.sync()
    stage.site.workspace.put(record)
    loads.clear()
    done = stage.sync()
    assert (done.added, done.changed, loads) == (0, 0, ["known"])
    assert stage.account("omar").absent_since is None


@pytest.mark.matrix(fast=1, reason="each place is two syncs of two pages")
@pytest.mark.parametrize("at", [5, 1, 2, 3, 4])
def test_wherever_it_is_interrupted_nothing_is_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    before = known()
    stage.update("crowd.0003", last_seen_at=days_ago(1))
    with monkeypatch.context() as patch:
        patch.setattr(Client, "users_page", at_call(at, interrupt, Client.users_page))
        with pytest.raises(Interrupted):
            stage.sync()
    assert known() == before
    done = stage.sync()
    assert (done.state, done.changed, done.absent) == ("complete", 1, 0)


@pytest.mark.matrix(fast=1, reason="each place is a process of its own")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", [5, 2])
def test_a_process_that_is_killed_leaves_what_it_found(stage: Stage, at: int) -> None:
    before = known()
    stage.update("crowd.0003", last_seen_at=days_ago(1))

    def read() -> None:
        Client.users_page = at_call(at, lambda: os.kill(os.getpid(), signal.SIGKILL), Client.users_page)  # type: ignore
        with client_of(stage.url) as client:
            sync_workspace(workspace=stage.workspace, client=client, key_owner="", clock=stage.clock)

    assert ended_by(in_child(read)) == signal.SIGKILL
    assert known() == before
    done = stage.sync()
    assert (done.state, done.changed, done.absent) == ("complete", 1, 0)


def test_an_answer_that_fails_is_no_evidence_of_anything(stage: Stage) -> None:
    stage.order(PAGE_FAILS)
    done = stage.sync()
    assert (done.state, done.absent) == ("failed", 0)
    assert [found["code"] for found in done.problems] == ["api"]
    stage.order()
    assert stage.sync().state == "complete"


def test_what_a_person_accepts_is_not_what_the_pages_said(stage: Stage) -> None:
    for name in stage.site.workspace.usernames():
        stage.update(name, joined_at=None, last_seen_at=None, last_login_at=None)
    assert stage.sync().state == "quarantined"
    assert SyncedPage.objects.exists(), "nothing is stored yet"
    reset(stage)
    assert not SyncedPage.objects.exists()
    assert stage.sync().state == "complete"
