"""A whole answer has one deadline: what dribbles in, headers or body, holds nobody up for longer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic

import pytest

from accounts_review.huwise import Client, HuwiseError, Unreachable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Long: "
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nX-Long: "
BODY = b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"total_count":'
ERROR = b"HTTP/1.1 500 Oops\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def dribbling(beginning: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that begins its answer, and then sends a byte now and then; and the requests that it got."""
    asked: list[bytes] = []
    over = threading.Event()

    def dribble(peer: socket.socket) -> None:
        with suppress(OSError), peer:
            asked.append(peer.recv(4096))
            peer.sendall(beginning)
            while not over.wait(0.05):
                peer.sendall(b" ")

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while not over.is_set():
                threading.Thread(target=dribble, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)


ACTS: dict[str, tuple[bytes, Callable[[Client], object]]] = {
    "headers of a list": (HEAD, lambda client: client.users_count()),
    "body of a list": (BODY, lambda client: client.users_count()),
    "headers of a record": (HEAD, lambda client: client.user("marie")),
    "headers of a DELETE": (NO_CONTENT, lambda client: client.delete_user("marie")),
    "status of a DELETE": (b"HTTP/1.1 2", lambda client: client.delete_user("marie")),
}


@pytest.mark.parametrize(("beginning", "act"), ACTS.values(), ids=ACTS)
def test_an_answer_that_dribbles_in_ends_in_time_and_is_not_asked_for_again(
    beginning: bytes, act: Callable[[Client], object]
) -> None:
    with dribbling(beginning) as (url, asked), Client(url=url, api_key="k", patience=0.4) as client:
        began = monotonic()
        with pytest.raises(Unreachable) as raised:
            act(client)
        assert monotonic() - began < 20
    assert (raised.value.kind, raised.value.sent) == ("slow", True)
    assert "far too slowly" in str(raised.value)
    assert len(asked) == 1


def test_an_error_that_dribbles_in_is_told_by_its_status() -> None:
    with dribbling(ERROR) as (url, _), Client(url=url, api_key="k", attempts=1, patience=0.4) as client:
        with pytest.raises(HuwiseError) as raised:
            client.delete_user("marie")
        assert raised.value.status == 500


def test_the_next_request_has_its_own_time() -> None:
    """A deadline that is over belongs to the exchange before."""
    with dribbling(HEAD) as (url, asked), Client(url=url, api_key="k", patience=0.4) as client:
        for _ in range(2):
            with pytest.raises(Unreachable):
                client.users_count()
    assert len(asked) == 2
