"""Whom the portal takes for the client: by the position in ``X-Forwarded-For``, never by what a client claims."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from cleanup_portal.proxy import client_address


@pytest.mark.parametrize(
    ("forwarded", "proxies", "client"),
    [
        ("192.0.2.7", 1, "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7", 1, "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7, 10.0.0.1", 2, "192.0.2.7"),
        ("192.0.2.7:4711", 1, "192.0.2.7"),
        ("2001:db8::1", 1, "2001:db8::1"),
        ("[2001:db8::1]:4711", 1, "2001:db8::1"),
        ("192.0.2.7", 0, ""),
        ("192.0.2.7", 2, ""),
        ("", 1, ""),
        ("unknown", 1, ""),
        ("192.0.2.7, <script>", 1, ""),
    ],
)
def test_the_client_is_as_far_from_the_right_as_there_are_proxies(forwarded: str, proxies: int, client: str) -> None:
    assert client_address(forwarded, proxies=proxies) == client


@pytest.fixture
def attempts(db: None, settings: Settings) -> Iterator[None]:
    settings.CACHES = settings.CACHES | {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    User.objects.create_user("ada", password="a long enough password")
    yield
    cache.clear()


def sign_in(client: Client, login: str, password: str, *, came_from: str) -> bool:
    client.post("/accounts/login/", {"login": login, "password": password}, headers={"x-forwarded-for": came_from})
    return "_auth_user_id" in client.session


@pytest.mark.parametrize(("proxies", "path"), [(1, "{}"), (2, "{}, 10.0.0.2")])
def test_wrong_passwords_of_one_client_lock_out_nobody_else(
    attempts: None, settings: Settings, proxies: int, path: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    for number in range(12):
        # Claiming another address each time helps nobody, either.
        sign_in(Client(), f"nobody{number}", "wrong", came_from=f"198.51.100.{number}, " + path.format("192.0.2.66"))
    assert not sign_in(Client(), "ada", "a long enough password", came_from=path.format("192.0.2.66"))
    assert sign_in(Client(), "ada", "a long enough password", came_from=path.format("192.0.2.7"))


def test_without_a_proxy_no_header_is_believed(attempts: None, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 0
    for number in range(12):
        sign_in(Client(), f"nobody{number}", "wrong", came_from=f"198.51.100.{number}")
    assert not sign_in(Client(), "ada", "a long enough password", came_from="192.0.2.7")


@pytest.mark.parametrize("header", ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "x-client-ip"])
@pytest.mark.django_db
def test_the_log_names_the_client_and_believes_no_claim(client: Client, settings: Settings, header: str) -> None:
    settings.TRUSTED_PROXIES = 1
    claims = {"x-forwarded-for": "192.0.2.7"} if header != "x-forwarded-for" else {}
    claims[header] = "198.51.100.1, 192.0.2.7" if header == "x-forwarded-for" else "198.51.100.1"
    seen: list[str] = []

    def note(sender: object, **kwargs: object) -> None:
        seen.append(structlog.contextvars.get_contextvars()["ip"])

    from django_structlog.signals import bind_extra_request_metadata

    bind_extra_request_metadata.connect(note)
    try:
        client.get("/accounts/login/", headers=claims)
    finally:
        bind_extra_request_metadata.disconnect(note)
    assert seen == ["192.0.2.7"]


ROOT = Path(__file__).parent.parent.parent
PUBLIC = """
import django
from django.conf import settings
django.setup()
from django.test import Client
client = Client()
for host, page in (
    ("cleanup.example.org", "/accounts/login/"),
    ("localhost", "/accounts/login/"),
    ("127.0.0.1:8000", "/accounts/login/"),
    ("localhost", "/no/such/page/"),
    ("127.0.0.1:8000", "/health/nothing/"),
):
    headers = {"host": host, "x-forwarded-proto": "https"}
    print(host, page, client.get(page, headers=headers).status_code)
print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.SECOND_FACTOR_FROM)
"""


def test_a_public_portal_answers_to_its_own_names_alone(tmp_path: Path) -> None:
    given = {
        "ALLOWED_HOSTS": "cleanup.example.org",
        "PUBLIC_URL": "https://cleanup.example.org",
        "SECRET_KEY": "k" * 60,
        "EMAIL_URL": "smtp://mail.example.org:25",
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "BEHIND_PROXY": "1",
        "DJANGO_SETTINGS_MODULE": "cleanup_portal.settings",
    }
    asked = subprocess.run(
        [sys.executable, "-c", PUBLIC], env=os.environ | given, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert asked.stdout.splitlines() == [
        "cleanup.example.org /accounts/login/ 200",
        "localhost /accounts/login/ 400",
        "127.0.0.1:8000 /accounts/login/ 400",
        "localhost /no/such/page/ 400",
        "127.0.0.1:8000 /health/nothing/ 404",
        "__Host-sessionid __Host-csrftoken operator",
    ]
