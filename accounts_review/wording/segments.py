"""Segments in words: those of the policy that every workspace starts with have a name in each language."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: dict[str, Promise] = {"never activated": _("never activated"), "everyone else": _("everyone else")}


def shown(name: str) -> str:
    """A segment as people read it; one that somebody named is called just that."""
    return str(NAMES.get(name, name))
