"""Rendering: a template is drawn once for all readers of a language, and each reader's own words are put in.

Drawing four templates takes longer than the mail server does with the e-mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import conditional_escape
from django.utils.translation import get_language

OF_READER = ("username", "name", "why", "link", "content")
"""What differs from reader to reader. Templates print these, or ask whether there are any; they apply no filter."""
# Characters of no language: what is written by others is made printable before, and so has none of them.
_PLACE = "\ue000{}\ue001"
_PLACES = re.compile("\ue000(.+?)\ue001")


def rendered(template: str, said: Mapping[str, Any]) -> str:
    """A template filled with what is said, in the language that is active; values are escaped in HTML alone."""
    own = {name: said[name] for name in OF_READER if said.get(name)}
    shared = dict(said) | {name: _PLACE.format(name) for name in own}
    pieces = list(_drawn(template, get_language(), tuple(sorted(shared.items()))))
    escape = conditional_escape if template.endswith(".html") else str
    words = {name: str(escape(word)) for name, word in own.items()}
    pieces[1::2] = (words[name] for name in pieces[1::2])
    return "".join(pieces)


@lru_cache(maxsize=64)
def _drawn(template: str, language: str | None, said: tuple[tuple[str, Any], ...]) -> list[str]:
    """The text in pieces, and between any two the name of what is put there."""
    return _PLACES.split(render_to_string(template, dict(said)))
