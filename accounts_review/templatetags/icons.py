"""Heroicons, each put together once: ``{% load heroicons %}`` loads these in place of the library's own."""

from __future__ import annotations

from functools import lru_cache

from django import template
from heroicons.templatetags import heroicons

register = template.Library()


@register.simple_tag
def heroicon_mini(name: str, **attrs: str) -> str:
    """An icon of 20 pixels."""
    return _written("mini", name, tuple(attrs.items()))


@register.simple_tag
def heroicon_outline(name: str, **attrs: str) -> str:
    """An icon of 24 pixels, in lines."""
    return _written("outline", name, tuple(attrs.items()))


@lru_cache(maxsize=500)
def _written(style: str, name: str, attrs: tuple[tuple[str, str], ...]) -> str:
    written: str = getattr(heroicons, f"heroicon_{style}")(name, **dict(attrs))
    return written
