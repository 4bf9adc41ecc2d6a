"""Names as people write them: compared without regard to capitals, spelling variants and spaces around them.

Pure: no Django, no clock, no input or output. A policy that protects ``svc-*`` means ``SVC-Backup`` as well (law 2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from unicodedata import category, normalize

LONGEST = 1000
"""Longer texts are nobody's name; they are never held against a pattern."""
FEW = 20

WILDCARD = re.compile(r"[*?\[]")


def is_shared(names: Sequence[str]) -> bool:
    """Whether others may have the same names: what rests on more or longer ones is not worth the memory."""
    return len(names) <= FEW and sum(map(len, names)) <= LONGEST


def folded(name: str) -> str:
    """A name in the one spelling that all its variants share.

    The Turkish i's count as i: what upper and lower case make of them depends on who writes. Characters that nobody
    sees, such as those a copied text brings along, do not count.
    """
    if name.isascii():
        return name.strip().lower()
    return _known(name) if len(name) <= LONGEST else _fold(name)


def _fold(name: str) -> str:
    visible = "".join(character for character in name if category(character) != "Cf")
    bare = normalize("NFKC", normalize("NFKC", visible).casefold()).strip()
    return bare.replace("i\u0307", "i").replace("\u0131", "i")


_known = lru_cache(maxsize=4096)(_fold)


def as_listed(name: str, listed: Iterable[str]) -> str:
    """The name as a list has it; "" where it has it not. The same spelling goes before another."""
    alike = {other for other in listed if folded(other) == folded(name)} if name else set()
    return name if name in alike else min(alike, default="")


def has_controls(text: str, *, but: str = "") -> bool:
    """Whether a text has characters that nobody sees, ``but`` for some; spaces are seen, whatever their width.

    Python calls no space but one printable; French puts others before its punctuation.
    """
    return not all(char.isprintable() or category(char) == "Zs" or char in but for char in text)


def has_wildcard(name: str) -> bool:
    return WILDCARD.search(name) is not None


def is_broken(glob: str) -> bool:
    """Whether a set of characters in a glob is never closed, is empty, or runs from a later to an earlier one."""
    position, text = 0, folded(glob)
    while (start := text.find("[", position)) >= 0:
        first = start + 2 if text.startswith("!", start + 1) else start + 1
        end = text.find("]", first + 1)
        if end < 0 or any(low > high for low, high in re.findall("(.)-(.)", text[first:end])):
            return True
        position = end + 1
    return False


class Names:
    """Names as a list has them; ``in`` finds whichever way one is written."""

    def __init__(self, written: Iterable[str]) -> None:
        self._folded = frozenset(map(folded, written))

    def __contains__(self, name: str) -> bool:
        return folded(name) in self._folded

    def meets(self, names: Iterable[str]) -> bool:
        """Whether any of the names is among these."""
        return not self._folded.isdisjoint(map(folded, names))


class Globs:
    """Globs as a list has them (``*``, ``?``, ``[abc]``, ``[!abc]``), made ready once for many names.

    Plain names, however many, cost one look-up. Patterns are first tried all at once. Python translates a glob into
    an expression that never goes back over what it has passed, so no name takes long.
    """

    def __init__(self, written: Iterable[str]) -> None:
        self._plain: dict[str, str] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}
        for glob in written:
            if has_wildcard(folded(glob)):
                self._patterns[glob] = re.compile(translate(folded(glob)))
            else:
                self._plain.setdefault(folded(glob), glob)
        self._any = re.compile("|".join(pattern.pattern for pattern in self._patterns.values()) or r"(?!)")

    def matching(self, name: str) -> list[str]:
        """All globs that a name matches, as they are written. Raises ``ValueError`` for what is too long for a name."""
        if not (self._plain or self._patterns):
            return []
        if len(name) > LONGEST:
            raise ValueError(f"a name of {len(name):,} characters")
        own = folded(name)
        plain = [self._plain[own]] if own in self._plain else []
        if not self._any.match(own):
            return plain
        return plain + [glob for glob, pattern in self._patterns.items() if pattern.match(own)]

    def meet(self, name: str) -> bool:
        """Whether a name matches any of the globs; what is too long for a name matches none."""
        return len(name) <= LONGEST and bool(self.matching(name))
