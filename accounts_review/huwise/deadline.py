"""One deadline for a whole answer: a server that sends a byte now and then never runs into a time-out of its own.

httpx bounds each wait for the network, and so nothing of an answer that dribbles in, be it headers or body. Here each
wait is cut to what is left of the exchange's time. Who watches each wait also sees an answer that nobody waited for.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

import httpcore
import httpx

from accounts_review.huwise.private import ANYWHERE, Reach

IDLE_SECONDS = 1.0
"""So long a connection is kept for the next request. Servers close them after two seconds or more; a DELETE that meets
that very moment has an unknown outcome."""

MOST_HEARD = 4096
"""So much of an answer is remembered as it came: its head, as a rule."""

_until: ContextVar[float | None] = ContextVar("until", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever is sent and read here through :func:`transport` has to be over in time, or raises a time-out."""
    token = _until.set(monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def is_over() -> bool:
    """Whether the time of the exchange under way is used up."""
    until = _until.get()
    return until is not None and monotonic() >= until


def transport(
    *, verify: ssl.SSLContext | bool = True, proxy: httpx.Proxy | None = None, reach: Reach = ANYWHERE
) -> httpx.HTTPTransport:
    """httpx's own, on a network that keeps the deadline, and goes only where ``reach`` allows."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=IDLE_SECONDS)
    made = httpx.HTTPTransport(verify=verify, trust_env=False, proxy=proxy, limits=limits)
    # httpx passes no backend on to httpcore, whose own option it is.
    made._pool._network_backend = _Network(reach)
    return made


def came_unasked(response: httpx.Response) -> bool:
    """Whether an answer, or its beginning, had been read before its request was written: it is what was left of another
    one's. What came since then does not begin with its status, nor with that of an interim answer."""
    stream = response.extensions.get("network_stream")
    status_line = rb"HTTP/1\.\d (?:1\d\d|%d)\b" % response.status_code
    return isinstance(stream, _Stream) and not re.match(status_line, stream.heard)


def ends_with_head(response: httpx.Response) -> bool:
    """Whether nothing came behind the head of an answer, so far: it would be read as the beginning of the next one."""
    stream = response.extensions.get("network_stream")
    if not isinstance(stream, _Stream):
        return True
    heard = len(stream.heard)
    return heard < MOST_HEARD and stream.heard.find(b"\r\n\r\n") == heard - 4


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    until = _until.get()
    if until is None:
        return timeout
    left = until - monotonic()
    if left <= 0:
        raise error("the whole answer took too long")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self.heard = bytearray()
        """What was read first since something was written."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        read = self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        self.heard += read[: MOST_HEARD - len(self.heard)]
        return read

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self.heard and self.get_extra_info("is_readable"):
            # It has ended since it was chosen, or says something unasked. Nothing is written, and another one is taken.
            raise httpcore.ConnectionNotAvailable
        self.heard.clear()
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        # TLS within TLS takes more from the socket than is asked for.
        taken = getattr(self._stream, "_incoming", None) if info == "is_readable" else None
        return bool(taken and taken.pending) or self._stream.get_extra_info(info)


class _Network(httpcore.SyncBackend):
    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        if self._reach != ANYWHERE:
            host = self._reach.resolve(host, port)
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options))
