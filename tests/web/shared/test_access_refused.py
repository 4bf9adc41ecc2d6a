"""The pages for what went wrong say what to do next."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from cleanup_portal.error_pages import failed


def test_an_unknown_address(client: Client, person: Callable[[str], User]) -> None:
    client.force_login(person("auditor"))
    answer = client.get("/nothing/here/")
    assert answer.status_code == 404
    assert b"Page not found" in answer.content
    assert b"Sign out auditor" in answer.content


def test_a_form_without_its_token(person: Callable[[str], User]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("auditor"))
    answer = client.post("/nothing/")
    assert answer.status_code in (403, 404)
    answer = client.post("/language/", {"language": "fr"})
    assert answer.status_code == 403
    assert b"This form has expired" in answer.content


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_failure_needs_neither_context_nor_database(language: str) -> None:
    from django.utils.translation import override

    with override(language):
        page = render_to_string("500.html")
    assert f'lang="{language}"' in page
    assert "made/portal.css" in page


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (f"{FORM}; charset=utf-16", "decision=approve".encode("utf-16")),
        (f"{FORM}; charset=utf-8", b"&".join(b"a=1" for _ in range(20_001))),
        (FORM, b"a=" + b"x" * 3_000_000),
        ("multipart/form-data", b"--x"),
    ],
    ids=["charset", "fields", "size", "boundary"],
)
def test_what_cannot_be_read_is_told_and_changes_nothing(
    person: Callable[[str], User], content_type: str, body: bytes
) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(person("auditor"))
    client.get("/profile/")
    answer = client.generic("POST", "/language/", body, content_type=content_type)
    assert answer.status_code == 400
    assert b"could not read what was sent" in answer.content
    assert answer["Content-Security-Policy"]


def test_what_breaks_has_a_page_whatever_was_sent(rf: RequestFactory) -> None:
    answer = failed(rf.generic("POST", "/", b"a", content_type=f"{FORM}; charset=utf-16"))
    assert answer.status_code == 500
    assert b"Something went wrong" in answer.content


def test_many_more_accounts_than_a_page_has_are_sent_at_once(person: Callable[[str], User]) -> None:
    client = Client()
    client.force_login(person("auditor"))
    answer = client.post("/language/", {"language": "fr", "account": [str(key) for key in range(5_000)]})
    assert answer.status_code in (204, 302)
