"""An answer that was there before it was asked for is to nobody's question: a workspace or a proxy is out of step."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from accounts_review.huwise import Client, Unreachable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
GONE = b"HTTP/1.1 204 No Content\r\n\r\n"
NOBODY = b'HTTP/1.1 404 Not Found\r\nContent-Length: 27\r\n\r\n{"error_code": "not_found"}'
FAULT = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def answering(first: bytes, after: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that gives the one answer to the first request, and the other to all that follow."""
    asked: list[str] = []

    def talk(peer: socket.socket) -> None:
        with suppress(OSError), peer:
            while line := peer.recv(65536):
                asked.append(line.split(b" ")[0].decode())
                peer.sendall(first if len(asked) == 1 else after)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)


def test_a_success_that_nobody_asked_for_is_none_of_the_next_delete() -> None:
    with answering(OK + GONE, after=FAULT) as (url, asked), Client(url=url, api_key="k") as client:
        client.user("marie")
        with pytest.raises(Unreachable) as raised:
            client.delete_user("marie")
    assert (raised.value.kind, raised.value.sent) == ("cut", True)
    assert asked == ["GET", "DELETE"]


def test_nobody_is_gone_by_an_answer_that_nobody_asked_for() -> None:
    """A GET is asked once more, elsewhere."""
    with answering(OK + NOBODY, after=OK) as (url, asked), Client(url=url, api_key="k", backoff=0.0) as client:
        assert client.user("marie") == client.user("omar") == b"{}"
    assert asked == ["GET"] * 3
