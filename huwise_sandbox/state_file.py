"""Survival of a restart: the whole state in one JSON file, replaced atomically."""

import json
import os
import threading
import time
from pathlib import Path

from .records import Snapshot
from .workspace import SandboxWorkspace

LONG, SHARE = 10_000_000, 10
"""A file of so many characters, as of 20,000 accounts, is not written for each change, but a tenth of the time."""


class StateFile:
    """Keeps one file as new as the workspace; where it is long, as new as it was a moment ago."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._saved = -1
        self._rests_until = 0.0

    def load(self) -> Snapshot | None:
        """Return what was saved, or ``None`` if there is no file yet."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return Snapshot(**json.loads(text))

    def save(self, workspace: SandboxWorkspace, *, at_once: bool = False) -> None:
        """Write the state unless this version, or a newer one, is written already; ``at_once`` even if it rests."""
        began = time.monotonic()
        with self._lock:
            if workspace.version <= self._saved or (began < self._rests_until and not at_once):
                return
            with workspace.lock:
                version, snapshot = workspace.version, workspace.snapshot()
            draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
            text = json.dumps(vars(snapshot), ensure_ascii=False)
            draft.write_text(text, encoding="utf-8")
            draft.replace(self.path)
            self._saved = version
            took = time.monotonic() - began
            self._rests_until = began + SHARE * took if len(text) >= LONG else 0.0
