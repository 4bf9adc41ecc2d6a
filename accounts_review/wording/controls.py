"""Characters that nobody sees and that turn text around, written as what they are."""

from __future__ import annotations

import re

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Controls of terminals and of the writing direction, and blanks without width; not the joiners, which scripts need."""

_NAMED = re.compile(r"⟨U\+([0-9A-F]{4})⟩")


def with_controls_named(text: str) -> str:
    """A text with its controls as ``⟨U+202E⟩``."""
    return CONTROLS.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def with_controls_back(text: str) -> str:
    """What a text was before its controls were named."""
    return _NAMED.sub(_control, text)


def _control(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if CONTROLS.match(character) else found[0]
