"""Clients that are slow, half-open or worse hold no thread, and everybody else is served."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Event

import pytest

from accounts_review.management.supervisor import free_port

ROOT = Path(__file__).parent.parent.parent
HEAD = (
    b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    # With a cookie, the body is read to see whether its token fits.
    b"Cookie: csrftoken=" + b"a" * 32 + b"\r\n"
)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow(reason="waits until clients that fell silent are given up"),
]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The web server as everywhere, but with one thread in all: whoever holds it stops the portal."""
    with served(tmp_path_factory.mktemp("web"), processes=1) as port:
        yield port


@contextmanager
def served(folder: Path, *, processes: int) -> Iterator[int]:
    """The web server as everywhere, but with one thread a process."""
    free = free_port(8850)
    env = os.environ | {"DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:cleanup_portal.gunicorn_settings"]
    options = ["--bind", f"127.0.0.1:{free}", "--workers", str(processes), "--threads", "1"]
    with subprocess.Popen([*command, *options], cwd=ROOT, env=env) as process:
        try:
            wait_for(free)
            yield free
        finally:
            process.terminate()
        assert process.wait(60) == 0


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            return answers(port)
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def answers(port: int) -> None:
    """Ask for the health page. Raises where no answer comes within a minute."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=60) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("sent", "clients"),
    [
        pytest.param(b"", 40, id="nothing"),
        pytest.param(HEAD, 40, id="half a head"),
        pytest.param(HEAD + b"Content-Length: 100\r\n\r\nlogin=", 2, id="half a body"),
    ],
)
def test_whoever_sends_and_then_falls_silent_stops_nobody(port: int, sent: bytes, clients: int) -> None:
    with ExitStack() as stack:
        for _ in range(clients):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(sent)
        answers(port)


def test_whoever_does_not_hang_up_after_the_last_answer_stops_nobody(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answers(port)


def test_whoever_falls_silent_within_the_head_of_a_later_request_stops_nobody(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            client.sendall(b"GET /health/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
            client.sendall(HEAD)
        answers(port)


def test_an_answer_arrives_whole_beside_a_body_that_nobody_read(port: int) -> None:
    body = b"x" * 3_000_000
    head = b"POST /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    head, _, text = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4")
    assert b"Content-Length: %d" % len(text) in head


def test_a_head_that_comes_in_pieces_is_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        for piece in (b"GET /hea", b"lth/ HTTP/1.1\r\nHost: local", b"host\r\nConnection: close\r\n", b"\r\n"):
            client.sendall(piece)
            # The server is given the time to look at each piece for itself.
            answers(port)
        assert client.recv(12) == b"HTTP/1.1 200"


def test_a_head_without_an_end_is_given_up(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(HEAD)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_a_client_that_hangs_up_within_a_head_stops_nobody(port: int) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(HEAD)
    answers(port)


def test_a_connection_serves_more_than_one_request(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(3):
        connection.request("GET", "/health/")
        response = connection.getresponse()
        assert response.status == 200
        response.read()
    connection.close()


def test_nobody_waits_for_a_busy_process_while_another_is_free(tmp_path: Path) -> None:
    """A byte a second keeps one of the two busy until all others have their answers."""
    is_over = Event()

    def send(client: socket.socket) -> None:
        while not is_over.wait(1):
            client.sendall(b"x")

    with (
        served(tmp_path, processes=2) as port,
        socket.create_connection(("127.0.0.1", port), timeout=60) as slow,
        ThreadPoolExecutor() as pool,
    ):
        slow.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 100"
        sending = pool.submit(send, slow)
        try:
            for _ in range(20):
                answers(port)
        finally:
            is_over.set()
        sending.result()
