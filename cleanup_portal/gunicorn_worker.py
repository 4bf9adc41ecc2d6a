"""gunicorn's threaded worker, made patient with clients that are slow, or that mean harm, and fair to the others.

The stock one gives every connection a thread at once, and waits in it, without an end, for the rest of a request's
head: a handful of half-open connections stop the portal. It waits in its event loop until a client hangs up after the
last answer: so do a handful that never do. And it takes every connection it can get, and keeps it: of fifty people, 45
may wait for one process while the other has five. Leans on private names, so gunicorn is pinned.
"""

from __future__ import annotations

import socket
import struct
import time
from bisect import insort
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from operator import attrgetter
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_SECONDS = 10
"""How long the head of a request may take in all."""

SILENT_SECONDS = 10
"""How long a client may send nothing of a request's body, or take nothing of the answer."""

HANGING_UP_SECONDS = 2
"""How long a client may take to hang up after its last answer; whatever it still sends until then is thrown away."""

LONGEST_HEAD = 65_536
_END_OF_HEAD = b"\r\n\r\n"


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Keeps a connection in the event loop, without a thread, until the whole head of its request has come, and again
    until the client hangs up.

    Takes no new connection while every thread is busy, and keeps none for its next request while requests wait for a
    thread: so whichever process is free first takes whoever has waited longest.
    """

    busy = 0
    """Requests that run, or wait for a thread of this process."""

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001
        """Take new connections, or none."""
        super().set_accept_enabled(enabled and self.busy < self.cfg.threads)

    def enqueue_req(self, conn: Any) -> None:
        """Have a thread answer the connection's request."""
        self._count(1)
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, future: Future[Any]) -> None:
        """Keep the connection for its next request, or see that it ends."""
        self._count(-1)
        if self.cfg.is_ssl or future.cancelled() or future.exception() or future.result():
            super().finish_request(conn, future)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.settimeout(0)
            self._wait_for(conn, self.on_hanging_up, HANGING_UP_SECONDS)
        # The client has hung up, or an answer broke off, and the connection with it.
        except (OSError, ValueError):
            self.nr_conns -= 1
            conn.close()

    def on_hanging_up(self, conn: Any, client: socket.socket) -> None:
        """Throw away what still comes after the last answer: left unread, it would keep the answer from arriving."""
        try:
            rest = client.recv(LONGEST_HEAD)
        except BlockingIOError:
            return
        except OSError:
            rest = b""
        if not rest:
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self.nr_conns -= 1
            conn.close()

    def _count(self, requests: int) -> None:
        self.busy += requests
        self.max_keepalived = 0 if self.busy > self.cfg.threads else self.worker_connections - self.cfg.threads
        # The loop takes new connections again by itself, as long as it is not stopping.
        if self.busy >= self.cfg.threads:
            self.set_accept_enabled(enabled=False)

    def _wait_for(self, conn: Any, act: Callable[[Any, socket.socket], None], seconds: float) -> None:
        """Have the event loop act when the client sends something, and close the connection after so long."""
        conn.timeout = time.monotonic() + seconds
        self.poller.register(conn.sock, EVENT_READ, partial(act, conn))
        # They are closed in this order, and may wait for different times.
        insort(self.pending_conns, conn, key=attrgetter("timeout"))

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, and wait for its request."""
        # The loop may have been told of it before the last thread was taken.
        if not self._accepting:
            return
        if self.cfg.is_ssl:
            super().accept(listener)
            return
        try:
            client, address = listener.accept()
        except OSError:
            return
        limit = struct.pack("ll", SILENT_SECONDS, 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self.nr_conns += 1
        conn = TConn(self.cfg, client, address, listener.getsockname())
        self._wait_for(conn, self.on_pending_socket_readable, HEAD_SECONDS)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Wait for the whole head of a connection's next request as for that of its first."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        conn.seen = 0
        self._wait_for(conn, self.on_pending_socket_readable, HEAD_SECONDS)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Give the connection a thread if its request's head is there; else sleep until there is more of it."""
        seen = getattr(conn, "seen", 0)
        try:
            head = client.recv(LONGEST_HEAD, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            head = b""
        # Readable without anything new: the client has hung up.
        is_partial = seen < len(head) < LONGEST_HEAD and _END_OF_HEAD not in head
        conn.seen = len(head)
        # Wakes up for one byte more, and only then.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, conn.seen + 1 if is_partial else 1)
        if not is_partial:
            super().on_pending_socket_readable(conn, client)
