"""Rendering: a template is drawn once for all readers of a language, and each reader's own words are put in.

Drawing four templates takes longer than the mail server does with the e-mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any

from django.template.loader import render_to_string
from django.utils.translation import get_language

OF_READER = ("username", "name", "why", "link", "content")
"""What differs from reader to reader. Templates print these, or ask whether there are any; they apply no filter."""
# Characters of no language: what is written by others is made printable before, and so has none of them.
_PLACE_OF = {name: f"\ue000{name}\ue001" for name in OF_READER}
_PLACES = re.compile("\ue000(.+?)\ue001")


def rendered(template: str, said: Mapping[str, Any], *, language: str | None = None) -> str:
    """A template filled with what is said, in the language that is active; values are escaped in HTML alone.

    Who knows that language names it: to find it out takes as long as all the rest.
    """
    own = {name: str(said[name]) for name in OF_READER if said.get(name)}
    shared = {**said, **{name: _PLACE_OF[name] for name in own}}
    pieces = list(_drawn(template, language or get_language(), tuple(shared.items())))
    words = {name: escape(word) for name, word in own.items()} if template.endswith(".html") else own
    pieces[1::2] = [words[name] for name in pieces[1::2]]
    return "".join(pieces)


@lru_cache(maxsize=64)
def _drawn(template: str, language: str | None, said: tuple[tuple[str, Any], ...]) -> list[str]:
    """The text in pieces, and between any two the name of what is put there."""
    return _PLACES.split(render_to_string(template, dict(said)))
