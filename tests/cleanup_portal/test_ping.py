"""The sign of life that the worker gives after each sweep."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pytest_django import Settings

from accounts_review.management.supervisor import free_port
from accounts_review.models import Run
from accounts_review.tasks import jobs

pytestmark = pytest.mark.django_db


class Listener(BaseHTTPRequestHandler):
    status = 200
    heard: list[str] = []

    def do_GET(self) -> None:
        self.heard.append(self.path)
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def listener(settings: Settings) -> Iterator[type[Listener]]:
    Listener.heard, Listener.status = [], 200
    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        settings.PING_URL = f"http://127.0.0.1:{server.server_port}/ping/secret-token"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Listener
        server.shutdown()


def test_each_sweep_is_followed_by_a_ping(listener: type[Listener]) -> None:
    jobs.sweep()
    jobs.sweep()
    assert listener.heard == ["/ping/secret-token"] * 2


def test_a_sweep_that_fails_gives_no_sign_of_life(listener: type[Listener], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "watch", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        jobs.sweep()
    assert listener.heard == []


def test_a_listener_that_refuses_or_is_gone_changes_nothing_and_its_address_stays_out_of_the_log(
    listener: type[Listener], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    listener.status = 404
    jobs.sweep()
    settings.PING_URL = f"http://127.0.0.1:{free_port(9700)}/ping/secret-token"
    jobs.sweep()
    assert not Run.objects.failed().exists()
    assert "ping failed" in caplog.text
    assert "secret-token" not in caplog.text
