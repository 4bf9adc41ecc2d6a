"""People and workers at the same moment: real transactions in threads, on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection, transaction

from accounts_review import audit
from accounts_review.audit import events
from accounts_review.models import Account, Assessment, Workspace
from accounts_review.workflow import answer
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke import last_look, worker
from accounts_review.workflow.sync import accept, store
from accounts_review.workflow.sync.sync import sync_workspace
from tests.factories import make_sync
from tests.stage import NOW, SetStage, Stage, client_of, policy_text, someone

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[[Callable[[], Any]], "Future[Any]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Runs an act in a thread, with a connection of its own."""

    def in_thread(act: Callable[[], Any]) -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        yield lambda act: pool.submit(in_thread, act)


def until_somebody_waits(*, seconds: float = 2) -> None:
    """Go on when the other party has come to a lock that is held here: the race is on."""
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
            if cursor.rowcount:
                return
        sleep(0.01)


def test_an_exemption_given_just_before_the_gate_is_never_overlooked(
    set_stage: SetStage, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reviewer looked before the worker claimed the case, and commits after the worker's last look."""
    stage = set_stage(someone("marie"), launched=("marie",))
    has_looked, take_out = Event(), decide._take_out

    def slowly(*args: Any, **kwargs: Any) -> None:
        has_looked.set()
        until_somebody_waits()
        take_out(*args, **kwargs)

    monkeypatch.setattr(decide, "_take_out", slowly)
    accounts, reviewer, until = stage.accounts("marie"), stage.staff("reviewer"), NOW + timedelta(days=30)
    decision = start(lambda: decide.exempt(accounts=accounts, actor=reviewer, reason="leave", until=until, now=NOW))
    has_looked.wait(60)
    stage.revoke()
    decision.result()
    stage.revoke()
    assert stage.deletes == []
    assert stage.states() == {"marie": "withdrawn"}


def test_an_exemption_that_comes_too_late_is_told_so(
    set_stage: SetStage, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better a refusal than a promise that the account is safe while its DELETE is on the way."""
    stage = set_stage(someone("marie"), launched=("marie",))
    in_gate, terms_of = Event(), last_look.terms_of

    def slowly(*args: Any, **kwargs: Any) -> Any:
        terms = terms_of(*args, **kwargs)
        in_gate.set()
        until_somebody_waits()
        return terms

    monkeypatch.setattr(worker, "terms_of", slowly)
    accounts, reviewer, until = stage.accounts("marie"), stage.staff("reviewer"), NOW + timedelta(days=30)
    revocation = start(stage.revoke)
    in_gate.wait(60)
    with pytest.raises(decide.DecisionRefused, match=r"marie: .*under way|no longer lists"):
        decide.exempt(accounts=accounts, actor=reviewer, reason="leave", until=until, now=NOW)
    assert revocation.result() == {"revoked": 1}


def test_workers_share_the_hourly_limit(set_stage: SetStage, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [someone(f"person.{n}") for n in range(5)]
    stage = set_stage(*people, policy=policy_text(per_hour=2), launched=[person["username"] for person in people])
    stage.revoke(limit=1)
    at_the_gate, budget_left = Barrier(2), last_look.budget_left

    def together(label: str) -> None:
        if label == "s4":
            at_the_gate.wait(60)

    def slowly(*args: Any, **kwargs: Any) -> int:
        left = budget_left(*args, **kwargs)
        until_somebody_waits()
        return left

    claims = [(stage.revoker(), case) for case in (stage.revoker().claim(), stage.revoker().claim()) if case]
    monkeypatch.setattr(worker, "crashpoint", together)
    monkeypatch.setattr(last_look, "budget_left", slowly)
    for work in [start(lambda r=revoker, c=case: r.process(c)) for revoker, case in claims]:  # type: ignore[misc]
        work.result()
    assert len(stage.deletes) == 2
    assert sorted(stage.states().values()) == ["due", "due", "due", "revoked", "revoked"]


def test_many_workers_send_one_delete_each(set_stage: SetStage, start: Start) -> None:
    people = [someone(f"person.{n:02d}") for n in range(12)]
    stage = set_stage(*people, launched=[person["username"] for person in people])
    for _ in range(3):
        for work in [start(stage.revoke) for _ in range(4)]:
            work.result()
    assert set(stage.states().values()) == {"revoked"}
    assert sorted(name for name, _, _ in stage.deletes) == sorted(person["username"] for person in people)
    assert stage.cleanup().state == "closed"
    assert audit.verify()[1] is None


def test_an_approval_never_slips_into_a_cleanup_that_is_being_launched(
    set_stage: SetStage, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(someone("marie"), someone("omar"))
    (first,) = stage.approve("marie")
    has_draft, draft_of = Event(), decide.draft_of

    def slowly(*args: Any, **kwargs: Any) -> Any:
        draft = draft_of(*args, **kwargs)
        has_draft.set()
        until_somebody_waits()
        return draft

    monkeypatch.setattr(decide, "draft_of", slowly)
    omar, reviewer = stage.accounts("omar"), stage.staff("reviewer")
    approval = start(lambda: decide.approve(accounts=omar, actor=reviewer, reason="unused", now=NOW))
    has_draft.wait(60)
    launch.launch(cleanup=first.cleanup, actor=stage.staff("operator"), now=NOW)
    approval.result()
    assert stage.states() == {"marie": "due", "omar": "due"}


def test_a_sync_and_a_revocation_of_the_same_account_do_not_block_each_other(
    set_stage: SetStage, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds its rows before it takes its place at the end of the audit."""
    stage = set_stage(someone("marie"), launched=("marie",))
    stage.update("marie", display_name="changed")
    stored, mark_gone = Event(), worker.Revoker._mark_gone

    def store_and_wait(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        stored.set()
        until_somebody_waits()
        return result

    def wait_and_mark(self: worker.Revoker, case: Any) -> None:
        stored.wait(60)
        mark_gone(self, case)

    real = store.store
    monkeypatch.setattr(accept, "store", store_and_wait)
    monkeypatch.setattr(worker.Revoker, "_mark_gone", wait_and_mark)

    def settled_late(label: str) -> None:
        if label == "s6":
            sync.append(start(stage_sync))

    def stage_sync() -> Any:
        with client_of(stage.url) as client:
            workspace = Workspace.objects.get(pk=stage.workspace.pk)
            return sync_workspace(workspace=workspace, client=client, key_owner="", clock=stage.clock)

    sync: list[Future[Any]] = []
    monkeypatch.setattr(worker, "crashpoint", settled_late)
    assert stage.revoke() == {"revoked": 1}
    assert sync[0].result().state == "complete"
    assert Account.objects.get(username="marie").gone_at == NOW
    assert audit.verify()[1] is None


def test_deciders_and_the_gate_take_account_and_case_in_the_same_order(set_stage: SetStage, start: Start) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))
    stage.remove("marie")
    account, holds = stage.account("marie"), Event()

    def decide() -> None:
        with transaction.atomic():
            list(Account.objects.filter(pk=account.pk).select_for_update())
            holds.set()
            until_somebody_waits()
            list(account.cases.select_for_update())

    decision = start(decide)
    holds.wait(60)
    assert stage.revoke() == {"already_gone": 1}
    decision.result()


def test_who_writes_an_entry_waits_for_nobody_who_waits_to_write_one(set_stage: SetStage, start: Start) -> None:
    """An entry refers to its workspace, whose row the other holds."""
    stage = set_stage(someone("marie"))
    cleanup, operator = stage.launch("marie"), stage.staff("operator")
    with transaction.atomic():
        audit.wait_for_turn()
        pause = start(lambda: launch.pause(cleanup=cleanup, actor=operator, reason="x", now=NOW))
        until_somebody_waits()
        audit.log([stage.workspace], kind=events.Event.CLEANUP_REMINDED, actor="operator", now=NOW)
    pause.result(60)
    assert stage.cleanup().state == "paused"


def test_deciders_and_workers_never_deadlock(set_stage: SetStage, start: Start) -> None:
    people = [someone(f"person.{n:02d}") for n in range(8)]
    stage = set_stage(*people)
    names = [person["username"] for person in people]
    stage.launch(*names)
    operator, reviewer = stage.staff("operator"), stage.staff("reviewer")
    cleanup = stage.cleanup()

    def decide_often(name: str) -> None:
        for _ in range(4):
            account = stage.accounts(name)
            try:
                decide.exempt(accounts=account, actor=reviewer, reason="x", until=NOW + timedelta(days=1), now=NOW)
                decide.withdraw(accounts=account, actor=reviewer, reason="x", now=NOW)
            except decide.DecisionRefused:
                continue

    def turn() -> None:
        for _ in range(6):
            for act in (launch.pause, launch.resume):
                try:
                    act(cleanup=cleanup, actor=operator, reason="x", now=NOW)
                except ValueError:
                    continue

    acts: list[Callable[[], Any]] = [stage.revoke, stage.revoke, turn]
    acts += [lambda name=name: decide_often(name) for name in names[:3]]  # type: ignore[misc]
    for work in [start(act) for act in acts]:
        work.result()
    assert audit.verify()[1] is None
    assert Stage.states(stage).keys() == set(names)


def test_whoever_pauses_waits_for_nobody_who_writes_down_something_of_the_workspace(
    set_stage: SetStage, start: Start
) -> None:
    """Both come to the end of the record: one that held the workspace against the other would wait for ever."""
    stage = set_stage(someone("marie"))
    cleanup, operator = stage.launch("marie"), stage.staff("operator")
    with transaction.atomic():
        audit.wait_for_turn()
        pause = start(lambda: launch.pause(cleanup=cleanup, actor=operator, reason="x", now=NOW))
        until_somebody_waits()
        make_sync(stage.workspace)
    pause.result()
    assert stage.cleanup().state == "paused"


def test_a_sync_and_a_decision_on_many_accounts_wait_for_each_other(
    set_stage: SetStage, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync writes the second account first, because it is absent; the decision holds the first one by then."""
    stage = set_stage(someone("marie"), someone("omar"))
    marie, omar = stage.accounts("marie", "omar")
    stage.remove("omar")
    stage.update("marie", last_seen_at=NOW.isoformat())
    holds_one, mark_absent = Event(), store._mark_absent

    def once_the_decision_holds_one(*args: Any, **kwargs: Any) -> Any:
        absent = mark_absent(*args, **kwargs)
        holds_one.wait(60)
        return absent

    def decide() -> None:
        with transaction.atomic():
            for account in sorted((marie, omar), key=lambda account: account.pk):
                Account.objects.select_for_update().get(pk=account.pk)
                holds_one.set()
                until_somebody_waits()

    monkeypatch.setattr(store, "_mark_absent", once_the_decision_holds_one)
    sync = start(stage.sync)
    decision = start(decide)
    assert (decision.result(60), sync.result(60).problems) == (None, [])
    assert stage.account("omar").absent_since


def test_an_answer_during_the_last_look_still_spares(set_stage: SetStage) -> None:
    """No DELETE is under way yet: the gate finds that the case is no longer the worker's."""
    stage = set_stage(someone("marie"), launched=("marie",))
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    answer.answer(case=case, said=answer.Said(kind=answer.AnswerKind.KEEP), now=stage.clock())
    assert revoker.process(case)
    assert (stage.deletes, stage.states()) == ([], {"marie": "spared"})


def test_nobody_waits_for_a_gate_that_waits_to_write_a_judgement(set_stage: SetStage, start: Start) -> None:
    """A policy that comes into force keeps judgements from being written to for seconds."""
    stage = set_stage(someone("marie"), launched=("marie",))
    stage.remove("marie")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {Assessment._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
        revoking = start(stage.revoke)
        until_somebody_waits()
        Workspace.objects.select_for_update(nowait=True).get(pk=stage.workspace.pk)
        audit.wait_for_turn()
    revoking.result(60)
    assert stage.states() == {"marie": "already_gone"}
