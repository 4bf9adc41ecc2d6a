"""The sockets: HTTP/1.1 with keep-alive, one thread a connection."""

import errno
import logging
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from . import clock
from .replies import NO_CONTENT, Reply, error
from .request import RawRequest
from .site import Ending, Outcome, SandboxSite

log = logging.getLogger(__name__)

PORTS_TO_TRY = 100
MAX_BODY = 32 * 1024 * 1024


class SandboxServer(ThreadingHTTPServer):
    """A running sandbox; ``with`` starts it in a thread and stops it.

    A port that is taken gives way to the next free one; port 0 is any free one.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, site: SandboxSite, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.site = site
        self._connections: set[socket.socket] = set()
        self._thread: threading.Thread | None = None
        self._is_over = False
        if ":" in host:
            self.address_family = socket.AF_INET6
        for candidate in _candidates(port):
            try:
                super().__init__((host, candidate), SandboxHandler)
                return
            except OSError as failure:
                if failure.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, f"no free port from {port} on")

    @property
    def url(self) -> str:
        """Return the address of the workspace, without a path."""
        host, port = self.server_address[:2]
        name = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{name}:{port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        if self._thread:
            host, port = self.server_address[:2]
            with suppress(OSError), socket.create_connection((str(host), port), timeout=1):
                pass  # Wakes the thread that waits for connections.
            self._thread.join()
        self.server_close()
        for connection in list(self._connections):
            _hang_up(connection)

    def _serve(self) -> None:
        # Not ``serve_forever``, which looks up now and then whether to go on, and lets the end wait for that.
        while not self._is_over:
            self.handle_request()

    def server_bind(self) -> None:
        # The parent's version asks the name service who we are, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            log.exception("a connection failed")


class SandboxHandler(BaseHTTPRequestHandler):
    """Turns bytes into a `RawRequest` and an `Outcome` into bytes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: SandboxServer

    def serve(self) -> None:
        """Answer one request of any method."""
        try:
            outcome = self._outcome()
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            outcome = Outcome(error(500))
        time.sleep(outcome.wait)
        if outcome.ending is Ending.CUT:
            self._hang_up()
        else:
            self._send(outcome)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not even HTTP, in JSON like everything else."""
        self.close_connection = True
        self._send(Outcome(error(code, message=message or explain or "")))

    def log_message(self, *_: Any) -> None:
        """Say nothing: the journal remembers what matters."""

    def _outcome(self) -> Outcome:
        length = self.headers.get("Content-Length", "0")
        chunked = "Transfer-Encoding" in self.headers
        if chunked or not length.isdigit() or int(length) > MAX_BODY:
            # Where the body ends is unknown, so nothing after it can be understood.
            self.close_connection = True
            return Outcome(error(HTTPStatus.LENGTH_REQUIRED))
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = headers.get("host") or self.server.url.partition("//")[2]
        request = RawRequest(self.command, self.path, host, headers, body)
        return self.server.site.answer(request)

    def _send(self, outcome: Outcome) -> None:
        body = outcome.reply.body()
        half = body[: len(body) // 2]
        if outcome.ending is Ending.HALF_AS_IF_WHOLE:
            body = half
        head = self._head(outcome.reply, len(body))
        if outcome.ending is Ending.HALF:
            self.wfile.write(head + half)
            self._hang_up()
        else:
            # In one piece: a head on its own would wait for an acknowledgement.
            self.wfile.write(head + (b"" if self.command == "HEAD" else body))

    def _head(self, reply: Reply, length: int) -> bytes:
        lines = [
            f"{self.protocol_version} {reply.status} {_phrase(reply.status)}",
            f"Date: {self.date_time_string(int(clock.now().timestamp()))}",
            "Server: huwise-sandbox",
        ]
        if reply.status != NO_CONTENT:
            lines += [
                f"Content-Type: {reply.content_type}",
                f"Content-Length: {length}",
            ]
        if reply.status == HTTPStatus.UNAUTHORIZED:
            lines.append("WWW-Authenticate: Apikey")
        if self.close_connection:
            lines.append("Connection: close")
        lines += [f"{name}: {value}" for name, value in reply.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def _hang_up(self) -> None:
        self.close_connection = True
        _hang_up(self.connection)


def _candidates(port: int) -> Iterable[int]:
    return (0,) if port == 0 else range(port, min(port + PORTS_TO_TRY, 65536))


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # The client was faster.
        connection.shutdown(socket.SHUT_RDWR)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
