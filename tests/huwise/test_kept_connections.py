"""One connection after another request: whose answer an answer is, and for how long a connection is kept."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from httpcore import HTTP11Connection
from httpcore._backends.sync import TLSinTLSStream

from accounts_review.huwise import Client, Unreachable, deadline
from tests.huwise.network import make_authority

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
GONE = b"HTTP/1.1 204 No Content\r\n\r\n"
NOBODY = b'HTTP/1.1 404 Not Found\r\nContent-Length: 27\r\n\r\n{"error_code": "not_found"}'
FAULT = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is kept however slow this machine is."""
    monkeypatch.setattr(deadline, "IDLE_SECONDS", 60.0)


@contextmanager
def answering(first: bytes, after: bytes, *, hangs_up: bool = False) -> Iterator[tuple[str, list[str]]]:
    """A server that gives the one answer to the first request, the other to all that follow, and tells what it met.

    It may hang up after each without a word.
    """
    asked: list[str] = []
    talks: list[threading.Thread] = []

    def talk(peer: socket.socket) -> None:
        with suppress(OSError), peer:
            asked.append("connected")
            while line := peer.recv(65536):
                asked.append(line.split(b" ")[0].decode())
                peer.sendall(first if len(asked) == 2 else after)
                if hangs_up:
                    break
        if hangs_up:
            asked.append("hung up")

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                talks.append(threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True))
                talks[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve, args=(listener,), daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)
        # The client, which has gone by now, may have been quicker than who hears it.
        for each in (serving, *talks):
            each.join(60)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("left", "after"),
    [(GONE, FAULT), (GONE[:-2] + b"X-Rest: ", FAULT), (GONE[:-2], b"\r\n" + FAULT), (GONE[:4], GONE[4:])],
    ids=["whole", "a half that swallows the answer", "a half whose rest comes later", "a few bytes"],
)
def test_a_success_that_nobody_asked_for_is_none_of_the_next_delete(left: bytes, after: bytes) -> None:
    with answering(OK + left, after=after) as (url, asked), Client(url=url, api_key="k") as client:
        client.user("marie")
        with pytest.raises(Unreachable) as raised:
            client.delete_user("marie")
    assert (raised.value.kind, raised.value.sent) == ("cut", True)
    assert asked == ["connected", "GET", "DELETE"]


@pytest.mark.usefixtures("patience")
def test_nobody_is_gone_by_an_answer_that_nobody_asked_for() -> None:
    """A GET is asked once more, elsewhere."""
    with answering(OK + NOBODY, after=OK) as (url, asked), Client(url=url, api_key="k", backoff=0.0) as client:
        assert client.user("marie") == client.user("omar") == b"{}"
    assert sorted(asked) == ["GET"] * 3 + ["connected"] * 2


@pytest.mark.usefixtures("patience")
def test_a_removal_leaves_its_connection_to_the_next_request() -> None:
    with answering(GONE, after=GONE) as (url, asked), Client(url=url, api_key="k") as client:
        for name in ("marie", "omar"):
            client.delete_user(name)
    assert asked == ["connected", "DELETE", "DELETE"]


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    "first",
    [GONE + b"{}", GONE + b"0\r\n\r\n", GONE + GONE, GONE[:-2] + b"X-Long: ".ljust(4067, b"x") + b"\r\n\r\n{}"],
    ids=["a body", "an empty chunk", "another answer", "a body behind a long head"],
)
def test_a_removal_with_something_behind_its_answer_does_not_spoil_the_next_one(first: bytes) -> None:
    """A 204 has no body, and yet some servers send one: it is left with its connection."""
    with answering(first, after=GONE) as (url, asked), Client(url=url, api_key="k") as client:
        for name in ("marie", "omar"):
            client.delete_user(name)
    assert asked == ["connected", "DELETE"] * 2


def test_a_connection_that_was_idle_for_a_while_is_not_used_again() -> None:
    """The other side may be about to close it, and then nobody knows what became of a DELETE."""
    with answering(GONE, after=GONE) as (url, asked), Client(url=url, api_key="k") as client:
        client.delete_user("marie")
        time.sleep(deadline.IDLE_SECONDS + 0.1)
        client.delete_user("omar")
    assert asked == ["connected", "DELETE"] * 2


@pytest.mark.usefixtures("patience")
def test_a_connection_that_ends_while_it_is_given_to_a_removal_takes_none_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is looked at once more at the last moment: before anything is written, another one will do."""
    monkeypatch.setattr(HTTP11Connection, "has_expired", lambda _: False)
    with answering(GONE, after=GONE, hangs_up=True) as (url, asked), Client(url=url, api_key="k") as client:
        for name in ("marie", "omar"):
            client.delete_user(name)
            while asked[-1] != "hung up":
                time.sleep(0.001)
    assert asked == ["connected", "DELETE", "hung up"] * 2


def test_what_came_early_through_an_encrypted_proxy_is_seen_before_anything_is_asked(tmp_path: Path) -> None:
    """There, what the workspace sent is taken from the socket before it is read; a success in it was taken for ours."""
    authority = make_authority(tmp_path)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(authority.of_server)

    def answer() -> None:
        with suppress(OSError), theirs.wrap_socket(there, server_side=True) as served:
            served.sendall(OK)
            served.sendall(GONE)
            both.set()
            served.recv(1)

    both = threading.Event()
    here, there = socket.socketpair()
    threading.Thread(target=answer, daemon=True).start()
    with here, there:
        ours = ssl.create_default_context(cadata=authority.pem)
        stream = deadline._Stream(TLSinTLSStream(here, ours, "localhost", timeout=30))
        assert both.wait(30)
        assert stream.read(65536) == OK
        assert stream.get_extra_info("is_readable")
        assert stream.read(65536) == GONE
        assert not stream.get_extra_info("is_readable")
