"""Survival of a restart: the whole state in one JSON file, replaced atomically."""

import json
import os
import threading
from pathlib import Path

from .records import Snapshot
from .workspace import SandboxWorkspace


class StateFile:
    """Keeps one file as new as the workspace."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._saved = -1

    def load(self) -> Snapshot | None:
        """Return what was saved, or ``None`` if there is no file yet."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return Snapshot(**json.loads(text))

    def save(self, workspace: SandboxWorkspace) -> None:
        """Write the state unless this version, or a newer one, is written already."""
        with self._lock:
            with workspace.lock:
                version, snapshot = workspace.version, workspace.snapshot()
            if version <= self._saved:
                return
            draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
            text = json.dumps(vars(snapshot), ensure_ascii=False)
            draft.write_text(text, encoding="utf-8")
            draft.replace(self.path)
            self._saved = version
