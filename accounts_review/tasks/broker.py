"""The queue's broker: django-q2's own, but told by PostgreSQL when there is work, instead of asking twice a second.

Whether a task may be taken goes by the database's clock: those of several hosts need not agree.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from django.db import Error, connection, transaction
from django.db.models.functions import Now
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from psycopg import OperationalError

CHANNEL = "portal_queue"
LONGEST_SECONDS = 5.0
"""So often it looks unasked: where nobody can be told, behind a pooler for one, work begins so much later."""

MOMENT_SECONDS = 0.5
"""How long to listen before the caller gets to see whether it is to stop."""

_TAKE = f"""
UPDATE {OrmQ._meta.db_table} SET lock = statement_timestamp() + %s * interval '1 second'
WHERE id = (
  SELECT id FROM {OrmQ._meta.db_table} WHERE key = %s AND lock <= statement_timestamp()
  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, payload
"""  # noqa: S608 (no value in it)


class Broker(ORM):  # type: ignore[misc]
    """Leans on ``poll`` being 0 and ``bulk`` 1: what it waits for is a message, or the time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listening: Any = None
        self._may_be_more, self._looked = False, 0.0

    def enqueue(self, task: Any) -> Any:
        """Joins the caller's transaction, and so does the message."""
        with transaction.atomic(savepoint=False), connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
            return OrmQ.objects.create(key=self.list_key, payload=task, lock=Now()).pk

    def dequeue(self) -> Any:
        connection.ensure_connection()
        try:
            return self._look()
        except (Error, OperationalError):
            if connection.is_usable():
                raise
            # It was lost: the next look is over a new one, and finds what there is.
            connection.close()
            return None

    def _look(self) -> Any:
        is_told = self._is_told()
        if not (is_told or self._may_be_more) and monotonic() - self._looked < LONGEST_SECONDS:
            return None
        self._looked = monotonic()
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, [Conf.RETRY, self.list_key])
            tasks = cursor.fetchall()
        self._may_be_more = bool(tasks)
        return tasks

    def _is_told(self) -> bool:
        """Listen for a moment, unless there was work just now; over a new connection anything may have been missed."""
        listening: Any = connection.connection
        if listening is not self._listening:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._listening = listening
            return True
        wait = 0 if self._may_be_more else MOMENT_SECONDS
        return any(True for _ in listening.notifies(timeout=wait, stop_after=1))
