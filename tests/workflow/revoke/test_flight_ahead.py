"""While all goes well, whoever is next is looked at beside the DELETEs on their way, of which there are no more."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from typing import Any
from unittest.mock import Mock

import pytest

from accounts_review.huwise import Client
from accounts_review.workflow.revoke import flight, worker
from tests.stage import Stage
from tests.workflow.revoke.conftest import NAMES, PATIENCE


@pytest.fixture
def stage(eight: Stage) -> Stage:
    return eight


class Way:
    """The first DELETE is answered at once, all others when the way is opened; notes who was looked at before that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.delete, self.look, self.lock = Client.delete_user, worker.Revoker.see, threading.Condition()
        self.sent, self.inside, self.largest, self.is_open = 0, 0, 0, False
        self.looked: list[str] = []
        monkeypatch.setattr(Client, "delete_user", lambda client, username: self.go(client, username))
        monkeypatch.setattr(worker.Revoker, "see", lambda revoker, case: self.see(revoker, case))

    def go(self, client: Client, username: str) -> Any:
        with self.lock:
            self.sent += 1
            self.inside += 1
            self.largest = max(self.largest, self.inside)
            self.lock.notify_all()
            assert self.sent == 1 or self.lock.wait_for(lambda: self.is_open, PATIENCE)
            self.inside -= 1
        return self.delete(client, username)

    def see(self, revoker: worker.Revoker, case: Any) -> Any:
        seen = self.look(revoker, case)
        with self.lock:
            if not self.is_open:
                self.looked.append(case.account.username)
            self.lock.notify_all()
        return seen

    def open_when(self, condition: Any) -> threading.Thread:
        def wait() -> None:
            with self.lock:
                assert self.lock.wait_for(condition, PATIENCE)
                self.is_open = True
                self.lock.notify_all()

        thread = threading.Thread(target=wait)
        thread.start()
        return thread


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> Way:
    return Way(monkeypatch)


def test_after_a_success_the_next_are_looked_at_beside_eight_deletes(stage: Stage, way: Way) -> None:
    # One of eight has ended, one took its place, and the tenth waits for room.
    opened = way.open_when(lambda: way.sent == 9 and len(way.looked) == 10)
    assert stage.revoke() == {"revoked": 10}
    opened.join()
    assert way.largest == flight.AT_ONCE
    assert Counter(name for name, _, _ in stage.deletes) == Counter(NAMES)


def test_who_waits_for_room_too_long_is_put_back_and_comes_later(
    stage: Stage, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_back, given_up = worker.Revoker.put_back, list[str]()

    def note(revoker: worker.Revoker, case: Any) -> None:
        put_back(revoker, case)
        with way.lock:
            given_up.append(case.account.username)
            way.lock.notify_all()

    monkeypatch.setattr(worker.Revoker, "put_back", note)
    monkeypatch.setattr(flight, "LONGEST_AHEAD_SECONDS", 0.2)
    opened = way.open_when(lambda: given_up)
    assert stage.revoke() == {"revoked": 10, "due": 1}
    opened.join()
    [name] = given_up
    assert stage.entries(name)[-5:] == [
        "case.claimed",
        "case.released",
        "case.claimed",
        "case.intended",
        "case.revoked",
    ]
    assert Counter(name for name, _, _ in stage.deletes) == Counter(NAMES)


def test_only_who_waited_too_long_has_the_others_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    instant = [0.0]
    monkeypatch.setattr(flight, "monotonic", lambda: instant[0])
    crew, pool = Mock(), Mock()
    crew.pass_gates.side_effect = lambda looked: (looked, [])
    pool.submit.side_effect = lambda *_: Future()
    one = flight.Flight(crew=crew, most=1, room=lambda _: 0, sending={Future(): Mock()}, goes_well=True)

    def come(at: float) -> None:
        instant[0], seen = at, Future[Any]()
        seen.set_result(Mock())
        one.looking[seen] = Mock(pk=at)
        one._take_answers()

    def end_a_delete(at: float) -> None:
        instant[0] = at
        one.sending.clear()
        one._pass(pool)

    come(0)
    come(9)
    end_a_delete(9.5)
    instant[0] = 11
    one._pass(pool)
    crew.put_back.assert_not_called()
    instant[0] = 20
    one._pass(pool)
    assert [call.args[0].pk for call in crew.put_back.call_args_list] == [9]
