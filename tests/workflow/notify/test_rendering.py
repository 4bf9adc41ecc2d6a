"""E-mails are drawn once for all readers of a language; what is a reader's own is put in as it is."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.template.loader import render_to_string
from django.utils.translation import override

from accounts_review.workflow.notify import rendering
from accounts_review.workflow.notify.rendering import rendered

HOST = {"host": "data.example.org", "promised": "Monday 1 June 2026", "contact": "help@example.org", "language": "en"}
READERS: list[dict[str, Any]] = [
    {"username": "ana", "name": "Ana Silva", "why": "You last signed in on 6 May 2023.", "link": "https://p/answer/1"},
    {"username": "<b>bob</b>", "name": "", "why": "It's unused & old.", "link": "https://p/answer/2?a=1&b=2"},
    {"username": "{{ name }} %(name)s \\1", "name": '"name" {link}', "why": "link", "link": "username"},
]
PARTS = ("notice/subject.txt", "notice/content.txt", "notice/body.html", "closing/body.html", "hello.txt")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_everybody_gets_what_would_be_drawn_for_them_alone(language: str) -> None:
    with override(language):
        for part in PARTS:
            for reader in READERS:
                said = HOST | reader
                assert rendered(f"emails/{part}", said) == render_to_string(f"emails/{part}", said)


def test_for_readers_alike_a_template_is_drawn_once() -> None:
    rendering._drawn.cache_clear()
    with patch.object(rendering, "render_to_string", return_value="") as draw:
        for number in range(5):
            rendered("emails/notice/body.html", HOST | {"username": f"n{number}", "name": f"N {number}"})
    assert draw.call_count == 1
