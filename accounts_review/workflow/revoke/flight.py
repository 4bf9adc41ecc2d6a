"""Flight: several cases at once. Looks and DELETEs wait in threads; claims, gates and records take turns in this one.

The threads ask the workspace and nothing else: the database is this thread's alone. A DELETE is handed to its thread
right after its intent has committed. While DELETEs go well, whoever is next is looked at beside them. Once an answer
has left an outcome unknown, none leaves until those on their way have ended; and once the workspace fails, those who
have not passed the gate are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any, Protocol

from structlog.contextvars import bound_contextvars

from accounts_review.huwise import HuwiseError
from accounts_review.models import Case
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.revoke.delete_call import DeleteOutcome
from accounts_review.workflow.revoke.last_look import LastLook

AT_ONCE = 8
"""So many cases a worker keeps in flight: what takes long is the way to the workspace and back. While all goes well,
as many are looked at beside them: at 50 ms this takes a removal from 1.9 to 1.2 times what eight bare threads take."""

MOMENT_SECONDS = 0.02
"""So long the first answer waits for others, so that they are written down together."""

TOGETHER_SECONDS = 0.1
"""So long whoever was looked at waits at the gate for those who are being looked at: the gate asks the database as much
for one as for eight, and those who have passed it together come back together."""

LONGEST_AHEAD_SECONDS = 10.0
"""So long whoever was looked at waits at the gate for room among the DELETEs; then they are put back, before their look
is too old."""

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
    """``most`` cases at once, or while all goes well ``most`` before the gate and as many behind it; ``room`` says how
    many more may be claimed beside those in flight."""

    crew: Crew
    most: int
    room: Callable[[int], int]
    looking: dict[Future[Any], Case] = field(default_factory=dict)
    sending: dict[Future[Any], Case] = field(default_factory=dict)
    answered: list[Answered] = field(default_factory=list)
    """Not written down yet."""
    ready: list[tuple[float, Looked]] = field(default_factory=list)
    """Looked at, and before the gate; each with when it came, the first one first."""
    waiting: list[Case] = field(default_factory=list)
    """Claimed, and kept from the gate until the DELETEs on their way have ended; then they are looked at anew."""
    goes_well: bool = False
    """Whether the newest answers were all of success."""
    rounds: int = 0
    """How often those who wait were looked at anew since anything ended here."""
    is_over: bool = False

    def run(self) -> None:
        """Until nothing more may be claimed, and whatever is on its way has ended; also where this raises."""
        # However it is left, the pool waits for its threads: no DELETE leaves after this has returned.
        # Twice as many threads, so that no DELETE whose intent has committed waits for a look to end.
        with ThreadPoolExecutor(2 * self.most, thread_name_prefix="revoke") as pool:
            try:
                self._claim(pool)
                while self.looking or self.sending or self.waiting:
                    self._go_on(pool)
            finally:
                # However it is left, no answer to a DELETE is lost.
                wait(self.sending)
                self.answered += _taken(self.sending)
                self._record()

    def _go_on(self, pool: ThreadPoolExecutor) -> None:
        self._take_answers()
        if self.answered and self.goes_well:
            # Whoever is next is looked at while these are written down.
            self._claim(pool)
        self._record()
        self._pass(pool)
        self._claim(pool)

    def _claim(self, pool: ThreadPoolExecutor) -> None:
        while not self.is_over and not self.waiting and (room := self._room()) > 0:
            claimed = self.crew.claim_some(room, ahead=len(self.looking) + len(self.ready))
            if not claimed:
                return
            for case in claimed:
                self._look(pool, case)

    def _room(self) -> int:
        before, sent = len(self.looking) + len(self.ready), len(self.sending)
        free = self.most - before if self.goes_well else self.most - before - sent
        return min(free, self.room(before + sent + len(self.answered)))

    def _look(self, pool: ThreadPoolExecutor, case: Case) -> None:
        with bound_contextvars(case=case.pk):
            self.looking[pool.submit(copy_context().run, self.crew.see, case)] = case

    def _take_answers(self) -> None:
        """Wait for answers."""
        asked = {**self.looking, **self.sending}
        came = wait(asked, timeout=TOGETHER_SECONDS if self.ready else None, return_when=FIRST_COMPLETED).done
        for alike in (self.sending, self.looking):
            if not came.isdisjoint(alike):
                wait(alike, timeout=MOMENT_SECONDS)
        self.answered = _taken(self.sending)
        if self.answered:
            self.goes_well = all(outcome.state is CaseState.REVOKED for _, outcome in self.answered)
        looked = [(case, seen) for case, seen in _taken(self.looking) if not self._failed(case, seen)]
        self.ready += [(monotonic(), each) for each in looked]

    def _record(self) -> None:
        """Write down what became of DELETEs; where it is over, nobody follows."""
        answered, self.answered = self.answered, []
        if answered:
            self.rounds = 0
            if not self.crew.record(answered):
                self.is_over = True
        if self.is_over:
            self._put_back()

    def _failed(self, case: Case, seen: LastLook | HuwiseError) -> bool:
        if not isinstance(seen, HuwiseError):
            return False
        if not self.crew.could_not_look(case, seen):
            self.is_over = True
        return True

    def _pass(self, pool: ThreadPoolExecutor) -> None:
        """Let through whom nothing speaks against, as far as there is room for their DELETEs."""
        waited = monotonic() - self.ready[0][0] if self.ready else 0.0
        free = self.most - len(self.sending)
        would_be_more = self.looking or len(self.ready) > free
        if self.ready and not free and waited > LONGEST_AHEAD_SECONDS:
            self.goes_well = False
            self._put_back()
        elif self.ready and free and not (would_be_more and waited < TOGETHER_SECONDS):
            looked, self.ready = [each for _at, each in self.ready[:free]], self.ready[free:]
            passed, waiting = self.crew.pass_gates(looked)
            if len(waiting) < len(looked):
                self.rounds = 0
            self.waiting += waiting
            for case, seen in passed:
                with bound_contextvars(case=case.pk):
                    self.sending[pool.submit(copy_context().run, self.crew.send, case, seen)] = case
        if self.waiting and not (self.looking or self.sending):
            self._look_anew(pool)

    def _look_anew(self, pool: ThreadPoolExecutor) -> None:
        """Ask again for those who wait: at once where something ended here, else later, and not for ever."""
        if self.rounds > ROUNDS:
            self.is_over = True
            self._put_back()
            return
        if self.rounds:
            sleep(PATIENCE_SECONDS)
        self.rounds += 1
        waited, self.waiting = self.waiting, []
        for case in waited:
            self._look(pool, case)

    def _put_back(self) -> None:
        for case in [*(case for _at, (case, _seen) in self.ready), *self.waiting]:
            self.crew.put_back(case)
        self.waiting, self.ready = [], []


def _taken(asked: dict[Future[Any], Case]) -> list[tuple[Case, Any]]:
    """The answers that have come, in the order they were asked for."""
    return [(asked.pop(future), future.result()) for future in list(asked) if future.done()]
