"""Names between the quotation marks of the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _


def quoted(name: str) -> str:
    """A name that stands in a sentence or a list."""
    return _("“%(name)s”") % {"name": name}
