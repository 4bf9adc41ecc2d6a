"""Fixtures: a mail server that takes and refuses as it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from accounts_review.workflow.notify import portions, taken
from tests.run import unused_port
from tests.workflow.notify.mail_server import Server


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, what a run has read or taken is not too old for it."""
    monkeypatch.setattr(taken, "LONGEST_SECONDS", 1000.0)
    monkeypatch.setattr(portions, "LONGEST_SECONDS", 1000.0)
    monkeypatch.setattr(portions, "AHEAD_SECONDS", 1000.0)


@pytest.fixture
def serve(settings: Any) -> Iterator[Callable[..., Server]]:
    """Starts a mail server, with SMTPUTF8 or without."""
    running: list[Controller] = []

    def start(*, utf8: bool = False) -> Server:
        server = Server()
        controller = Controller(server, hostname="127.0.0.1", port=unused_port(), enable_SMTPUTF8=utf8)
        controller.start()
        running.append(controller)
        settings.EMAIL_BACKEND = "cleanup_portal.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", controller.port, 5
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        return server

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()
