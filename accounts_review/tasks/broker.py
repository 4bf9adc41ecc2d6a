"""The queue's broker: django-q2's own, but told by PostgreSQL when there is work, instead of asking twice a second."""

from __future__ import annotations

from time import monotonic
from typing import Any

from django.db import connection
from django_q.brokers.orm import ORM

CHANNEL = "portal_queue"
LONGEST_SECONDS = 5.0
"""So often it looks unasked: where nobody can be told, behind a pooler for one, work begins so much later."""

MOMENT_SECONDS = 0.5
"""How long to listen before the caller gets to see whether it is to stop."""

LOOKS = 3
"""So often in a row it looks once it was told: another host's clock may be a little ahead."""


class Broker(ORM):  # type: ignore[misc]
    """Leans on ``poll`` being 0: what it waits for is a message, or the time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listening: Any = None
        self._looks, self._looked = 0, 0.0

    def enqueue(self, task: Any) -> Any:
        """Joins the caller's transaction, and so does the message."""
        key = super().enqueue(task)
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
        return key

    def dequeue(self) -> Any:
        if self._is_told():
            self._looks = LOOKS
        if self._looks <= 0 and monotonic() - self._looked < LONGEST_SECONDS:
            return None
        self._looks, self._looked = self._looks - 1, monotonic()
        tasks = super().dequeue()
        if tasks:
            self._looks = LOOKS
        return tasks

    def _is_told(self) -> bool:
        """Listen for a moment, unless there was work just now; over a new connection anything may have been missed."""
        connection.ensure_connection()
        listening: Any = connection.connection
        if listening is not self._listening:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._listening = listening
            return True
        wait = 0 if self._looks == LOOKS else MOMENT_SECONDS
        return any(True for _ in listening.notifies(timeout=wait, stop_after=1))
