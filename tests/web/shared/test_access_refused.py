"""The pages for what went wrong say what to do next."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client


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
