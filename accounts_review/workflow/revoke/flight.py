"""Flight: several cases at once. Looks and DELETEs wait in threads; claims, gates and records take turns in this one.

The threads ask the workspace and nothing else: the database is this thread's alone. A DELETE is handed to its thread
right after its intent has committed. Once an answer has left an outcome unknown, none is until those on their way have
ended; and once the workspace fails, those who have not passed the gate are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from time import sleep
from typing import Any, Protocol

from structlog.contextvars import bound_contextvars

from accounts_review.huwise import HuwiseError
from accounts_review.models import Case
from accounts_review.workflow.revoke.delete_call import DeleteOutcome
from accounts_review.workflow.revoke.last_look import LastLook

AT_ONCE = 8
"""So many cases a worker keeps in flight: what takes long is the way to the workspace and back."""

PATIENCE_SECONDS = 2.0
"""How long to wait before asking again whether DELETEs of other workers have ended."""

ROUNDS = 5
"""How often to ask that in vain; then the next run asks."""

Looked = tuple[Case, LastLook]
Answered = tuple[Case, DeleteOutcome]


class Crew(Protocol):
    """Who does the work: what reads or writes the database is called in turn, ``see`` and ``send`` in a thread."""

    def claim_some(self, most: int, *, ahead: int) -> Sequence[Case]: ...
    def see(self, case: Case) -> LastLook | HuwiseError: ...
    def pass_gates(self, looked: Sequence[Looked]) -> tuple[list[Looked], list[Case]]: ...
    def send(self, case: Case, seen: LastLook) -> DeleteOutcome: ...
    def record(self, answered: Sequence[Answered]) -> bool: ...
    def could_not_look(self, case: Case, error: HuwiseError) -> bool: ...
    def put_back(self, case: Case) -> None: ...


@dataclass(slots=True, kw_only=True)
class Flight:
    """``most`` cases at once; ``room`` says how many more may be claimed beside those in flight."""

    crew: Crew
    most: int
    room: Callable[[int], int]
    looking: dict[Future[Any], Case] = field(default_factory=dict)
    sending: dict[Future[Any], Case] = field(default_factory=dict)
    waiting: list[Case] = field(default_factory=list)
    """Claimed, and kept from the gate until the DELETEs on their way have ended; then they are looked at anew."""
    rounds: int = 0
    """How often those who wait were looked at anew since anything ended here."""
    is_over: bool = False

    def run(self) -> None:
        """Until nothing more may be claimed, and whatever is on its way has ended; also where this raises."""
        # However it is left, the pool waits for its threads: no DELETE leaves after this has returned.
        with ThreadPoolExecutor(self.most, thread_name_prefix="revoke") as pool:
            self._claim(pool)
            while self.looking or self.sending or self.waiting:
                self._go_on(pool)
                self._claim(pool)

    def _claim(self, pool: ThreadPoolExecutor) -> None:
        while not self.is_over and not self.waiting and (room := self._room()) > 0:
            claimed = self.crew.claim_some(room, ahead=len(self.looking))
            if not claimed:
                return
            for case in claimed:
                self._look(pool, case)

    def _room(self) -> int:
        in_flight = len(self.looking) + len(self.sending)
        return min(self.most - in_flight, self.room(in_flight))

    def _look(self, pool: ThreadPoolExecutor, case: Case) -> None:
        with bound_contextvars(case=case.pk):
            self.looking[pool.submit(copy_context().run, self.crew.see, case)] = case

    def _go_on(self, pool: ThreadPoolExecutor) -> None:
        """Wait for answers; write down what became of DELETEs first, then let through whom nothing speaks against."""
        wait({**self.looking, **self.sending}, return_when=FIRST_COMPLETED)
        if answered := _taken(self.sending):
            self.rounds = 0
            if not self.crew.record(answered):
                self.is_over = True
        looked = [(case, seen) for case, seen in _taken(self.looking) if not self._failed(case, seen)]
        if self.is_over:
            self._put_back([*(case for case, _ in looked), *self.waiting])
            return
        self._pass(pool, looked)
        if self.waiting and not (self.looking or self.sending):
            self._look_anew(pool)

    def _failed(self, case: Case, seen: LastLook | HuwiseError) -> bool:
        if not isinstance(seen, HuwiseError):
            return False
        if not self.crew.could_not_look(case, seen):
            self.is_over = True
        return True

    def _pass(self, pool: ThreadPoolExecutor, looked: Sequence[Looked]) -> None:
        if not looked:
            return
        passed, waiting = self.crew.pass_gates(looked)
        if len(waiting) < len(looked):
            self.rounds = 0
        self.waiting += waiting
        for case, seen in passed:
            with bound_contextvars(case=case.pk):
                self.sending[pool.submit(copy_context().run, self.crew.send, case, seen)] = case

    def _look_anew(self, pool: ThreadPoolExecutor) -> None:
        """Ask again for those who wait: at once where something ended here, else later, and not for ever."""
        if self.rounds > ROUNDS:
            self.is_over = True
            self._put_back(self.waiting)
            return
        if self.rounds:
            sleep(PATIENCE_SECONDS)
        self.rounds += 1
        waited, self.waiting = self.waiting, []
        for case in waited:
            self._look(pool, case)

    def _put_back(self, cases: Sequence[Case]) -> None:
        for case in cases:
            self.crew.put_back(case)
        self.waiting = []


def _taken(asked: dict[Future[Any], Case]) -> list[tuple[Case, Any]]:
    """The answers that have come, in the order they were asked for."""
    return [(asked.pop(future), future.result()) for future in list(asked) if future.done()]
