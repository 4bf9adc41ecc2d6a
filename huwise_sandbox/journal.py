"""What was asked of us: requests by method, and every DELETE of a user in order."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass

from . import clock
from .records import Record, instant


@dataclass
class DeleteEntry:
    """One DELETE of a user: ``status`` is null while it is still being served.

    ``status`` is what was sent, or ``"cut"``; ``removed`` says whether the account
    went, which a cut connection does not tell.
    """

    username: str
    at: str
    status: int | str | None = None
    removed: bool = False


class Journal:
    """Counts and remembers; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._methods: Counter[str] = Counter()
        self._deletions: list[DeleteEntry] = []

    def received(self, method: str, path: tuple[str, ...]) -> DeleteEntry | None:
        """Note a request; returns the open entry if it deletes a user."""
        with self._lock:
            self._methods[method] += 1
            if method != "DELETE" or not _one_user(path):
                return None
            entry = DeleteEntry(path[1], instant(clock.now()))
            self._deletions.append(entry)
            return entry

    def describe(self) -> Record:
        with self._lock:
            return {
                "requests": dict(self._methods),
                "deletes": [asdict(deletion) for deletion in self._deletions],
            }


def _one_user(path: tuple[str, ...]) -> bool:
    """Say whether a path is that of one user, its last slash forgotten or not.

    ``/users//`` counts: a DELETE sent to nobody is a mistake that must be seen.
    """
    with_slash = len(path) == 3 and path[2] == ""
    without = len(path) == 2 and path[1] != ""
    return path[0] == "users" and (with_slash or without)
