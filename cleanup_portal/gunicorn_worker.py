"""gunicorn's threaded worker, made patient with clients that are slow, or that mean harm.

The stock one gives every connection a thread at once, and waits in it, without an end, for the rest of a request's
head: a handful of half-open connections stop the portal. Leans on private names, so gunicorn is pinned.
"""

from __future__ import annotations

import socket
import struct
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_SECONDS = 10
"""How long the head of a request may take in all."""

SILENT_SECONDS = 10
"""How long a client may send nothing of a request's body, or take nothing of the answer."""

LONGEST_HEAD = 65_536
_END_OF_HEAD = b"\r\n\r\n"


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Keeps a connection in the event loop, without a thread, until the whole head of its request has come."""

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, and wait for its request."""
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
        conn.timeout = time.monotonic() + HEAD_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(client, EVENT_READ, partial(self.on_pending_socket_readable, conn))

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
