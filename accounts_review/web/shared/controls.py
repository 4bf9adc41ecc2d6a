"""Characters that nobody sees and that turn text around are shown as what they are, on every page.

A name from outside may hold an override of the writing direction; one of them would reverse what follows on the page.
What people edit is left as it is: else saving a text would change it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts_review.wording.controls import CONTROLS, with_controls_named

EDITED = re.compile(r'(<textarea\b.*?</textarea>|\bvalue="[^"]*"|<script\b.*?</script>)', re.DOTALL | re.IGNORECASE)
PLAIN = bytes((*b"\t\n\r", *range(ord(" "), 0x7F)))
"""Bytes that are none, nor part of one: without them, looking through a page of 130 kB takes 0.1 in place of 0.7 ms."""


class VisibleControlsMiddleware:
    """Shows such characters in every page by their number."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        odd = response.content.translate(None, PLAIN).decode(response.charset)
        if CONTROLS.search(odd):
            response.content = visible(response.content.decode(response.charset))
        return response


def visible(page: str) -> str:
    """A page with its controls as ``⟨U+202E⟩``, but for what people edit."""
    parts = EDITED.split(page)
    return "".join(part if number % 2 else with_controls_named(part) for number, part in enumerate(parts))
