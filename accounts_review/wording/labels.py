"""A label and what stands behind it."""

from __future__ import annotations

from django.utils.translation import pgettext


def labelled(label: object, said: object) -> str:
    """ "label: said", or in French "label : said"; what is said alone where the label is empty."""
    return f"{label}{colon()}{said}" if str(label) else str(said)


def colon() -> str:
    """What stands between a label and what it says."""
    return pgettext("after a label", ": ")
