"""Portions: who is to be written to is read so many at a time; what may have changed since is asked before each e-mail.

Reading a case, its account, its clean-up and the policies takes many times longer than the mail server does with the
e-mail. What a portion has read is used for two seconds at most.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, QuerySet

from accounts_review import audit
from accounts_review.models import Account, Case, Cleanup, Hold, Workspace
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.models.workspace import IN_FORCE
from accounts_review.workflow import holds

PORTION = 200
"""At most; of a mail server that is slow, as many as it takes in the time for which a portion is used."""
LONGEST_SECONDS = 2.0
AHEAD_SECONDS = 0.02
"""For so long counts an answer that was asked for ahead."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a case may be written to, for a statement that is made anyway."""

    sql: str
    key: int


@dataclass(slots=True, kw_only=True)
class Portions:
    """The cases of a run, in the order in which they are asked for."""

    workspace: Workspace
    cases: QuerySet[Case]
    """Those who may be written to, whatever the run began with."""
    keys: Sequence[int]
    now: datetime
    guard: holds.Guard
    _read: dict[int, Case] = field(default_factory=dict)
    _read_at: float = 0.0
    _size: int = PORTION
    """Of the last one."""
    _free_ahead: tuple[int, float] = (0, 0.0)
    """Who was found free ahead, and when."""
    _places: dict[int, int] = field(init=False)
    _free: Prepared = field(init=False)

    def __post_init__(self) -> None:
        self._places = {key: place for place, key in enumerate(self.keys)}
        unheld = ~Exists(Hold.objects.open().over(self.workspace))
        free = self.cases.filter(unheld).order_by().select_related(None).values_list("pk")
        self._free = Prepared(lambda key: free.filter(pk=key), key=int)

    def case(self, key: int) -> Case:
        """The case, its account with its verdict, if it is still one of those and may be written to.

        Raises ``Conflict``: somebody may have decided since the run began. Raises ``EverythingHeld``, which ends the
        run.
        """
        if key not in self._read or time.monotonic() - self._read_at > LONGEST_SECONDS:
            self._read_from(self._places[key])
        was_free, has_looked = self._was_free_ahead(key), self.guard.look_again()
        if (has_looked or not was_free) and not self._free.rows(key=key):
            # Held, or no longer one of those: which?
            self.guard.check()
            if not self.cases.filter(pk=key).exists():
                raise audit.Conflict(f"case {key}")
        if key not in self._read:
            raise audit.Conflict(f"case {key}")
        return self._read.pop(key)

    def question_after(self, key: int) -> Question:
        """Whether the next may be written to; after the last, about nobody. The answer goes to :meth:`answered`."""
        place = self._places[key] + 1
        return Question(self._free.sql, self.keys[place] if place < len(self.keys) else 0)

    def answered(self, question: Question, *, is_free: bool) -> None:
        """Take the answer to :meth:`question_after`: it saves asking by itself, if the next is written to at once."""
        self._free_ahead = (question.key, time.monotonic()) if is_free else (0, 0.0)

    def _was_free_ahead(self, key: int) -> bool:
        (who, at), self._free_ahead = self._free_ahead, (0, 0.0)
        return who == key and time.monotonic() - at < AHEAD_SECONDS

    def _read_from(self, place: int) -> None:
        left = len(self._read)
        size = self._size - left if left else 2 * self._size
        keys = self.keys[place : place + min(max(1, size), PORTION)]
        self._read_at = time.monotonic()
        cases = list(self.cases.filter(pk__in=Among(keys)).order_by().select_related(None))
        accounts = Account.objects.filter(pk__in=Among(case.account_id for case in cases)).select_related("assessment")
        account_of = accounts.with_verdict(self.now).defer("raw").in_bulk()
        cleanups = Cleanup.objects.select_related("workspace", "policy")
        cleanup_of = cleanups.in_bulk({case.cleanup_id for case in cases})
        if cleanup_of:
            in_force = self.workspace.policies.get(is_current=True)
            for cleanup in cleanup_of.values():
                setattr(cleanup.workspace, IN_FORCE, in_force)
        for case in cases:
            case.account, case.cleanup = account_of[case.account_id], cleanup_of[case.cleanup_id]
        self._read = {case.pk: case for case in cases}
        self._size = len(cases)


def still(cases: QuerySet[Case], key: int, *, guard: holds.Guard) -> Case:
    """The case, read anew, if it is still one of those and may be written to. Raises as :meth:`Portions.case`."""
    case = cases.filter(pk=key).first()
    if case is None:
        raise audit.Conflict(f"case {key}")
    guard.check()
    return case
