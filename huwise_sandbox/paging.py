"""A workspace that changes while a client is paging through it."""

import threading
from typing import Any

from .listing import PageBounds, Selection
from .records import Record, user
from .workspace import ADMINISTRATOR, SandboxWorkspace


class Paging:
    """Between two pages of the users' list, removes and adds users as ordered.

    It removes from what was served already and adds at the end, which is the cruellest:
    everything after shifts, one person falls through the gap, and where as many are
    added as removed ``total_count`` never betrays it.
    """

    def __init__(self, workspace: SandboxWorkspace) -> None:
        self.workspace = workspace
        self._lock = threading.Lock()
        self._order: Record | None = None
        self._added = 0

    def order(self, order: Any) -> None:
        """Set ``{"delete": n, "add": n, "times": n or null}``; null turns it off."""
        if order is not None and not isinstance(order, dict):
            raise ValueError("mutate_while_paging must be an object or null")
        full = {"delete": 0, "add": 0, "times": None} | (order or {})
        if set(full) != {"delete", "add", "times"}:
            raise ValueError("mutate_while_paging knows delete, add and times")
        with self._lock:
            self._order = full if order else None

    def describe(self) -> Record:
        with self._lock:
            return {"mutate_while_paging": self._order and dict(self._order)}

    def before_page(self, selection: Selection, page: PageBounds) -> None:
        """Change the workspace if this is a later page of a listing."""
        if page.offset == 0 or page.limit == 0:
            return
        with self._lock:
            order = self._order
            if order is None or order["times"] == 0:
                return
            if order["times"] is not None:
                order["times"] -= 1
        self._remove(order["delete"], selection, page)
        self._add(order["add"])

    def _remove(self, count: int, selection: Selection, page: PageBounds) -> None:
        with self.workspace.lock:
            served = self.workspace.users(selection)[: page.offset]
            ordinary = [r for r in served if not self._is_administrator(r)]
            for record in ordinary[:count]:
                self.workspace.remove(record["username"], guarded=False)

    def _add(self, count: int) -> None:
        for _ in range(count):
            self._added += 1
            username = f"zz.latecomer{self._added:04d}"
            self.workspace.put(user(username, f"{username}@example.org"))

    def _is_administrator(self, record: Record) -> bool:
        return ADMINISTRATOR in self.workspace.effective_permissions(record)
