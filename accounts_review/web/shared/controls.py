"""Characters that nobody sees and that turn text around are shown as what they are, on every page.

A name from outside may hold an override of the writing direction; one of them would reverse what follows on the page.
What people edit is left as it is: else saving a text would change it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Controls of terminals and of the writing direction, and blanks without width; not the joiners, which scripts need."""

EDITED = re.compile(r'(<textarea\b.*?</textarea>|\bvalue="[^"]*"|<script\b.*?</script>)', re.DOTALL | re.IGNORECASE)


class VisibleControlsMiddleware:
    """Shows such characters in every page by their number."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        page = response.content.decode(response.charset)
        if CONTROLS.search(page):
            response.content = visible(page)
        return response


def visible(page: str) -> str:
    """A page with its controls as ``⟨U+202E⟩``, but for what people edit."""
    parts = EDITED.split(page)
    return "".join(part if number % 2 else CONTROLS.sub(_named, part) for number, part in enumerate(parts))


def _named(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"
