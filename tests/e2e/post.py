"""The post in end-to-end tests: a real mail server, and what can be read of its e-mails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.db import connection
from pytest_django.live_server_helper import LiveServer

from tests.run import unused_port
from tests.workflow.notify.mail_server import Server


@pytest.fixture
def post_office(
    live_server: LiveServer, transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A mail server, and links that lead to the portal under test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    server = Server()
    controller = Controller(server, hostname="127.0.0.1", port=unused_port())
    controller.start()
    settings.EMAIL_BACKEND = "cleanup_portal.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", controller.port, 5
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.PUBLIC_URL = live_server.url
    yield server
    controller.stop()


def mail_to(post_office: Server, name: str) -> Message:
    """The newest e-mail to somebody."""
    return [mail for mail in post_office.accepted if str(mail["To"]).startswith(f"{name}@")][-1]


def part(mail: Message, kind: str) -> str:
    found = next(each for each in mail.walk() if each.get_content_type() == kind)
    return bytes(found.get_payload(decode=True)).decode()


def link_of(post_office: Server, name: str) -> str:
    found = re.search(r"http\S+/answer/\S+", part(mail_to(post_office, name), "text/plain"))
    assert found
    return found[0]
