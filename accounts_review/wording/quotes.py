"""Punctuation of the reader's language: marks around a name, and what stands between clauses."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _


def quoted(name: str) -> str:
    """A name that stands in a sentence or a list."""
    return _("“%(name)s”") % {"name": name}


def joined(clauses: Iterable[str]) -> str:
    """Clauses as one, each after a semicolon, which French sets apart."""
    return _("; ").join(clauses)
