"""Verdicts and states of cases as tags, for rows that are written in Python: each is drawn once a language."""

from __future__ import annotations

from functools import lru_cache

from django.template.loader import render_to_string
from django.utils.translation import get_language


def verdict(value: str) -> str:
    """A verdict as colour, shape and word."""
    return _drawn("_verdict", "verdict", value, get_language())


def case_state(value: str) -> str:
    """The state of a case as colour, shape and word."""
    return _drawn("_case_state_tag", "state", value, get_language())


@lru_cache(maxsize=100)
def _drawn(template: str, name: str, value: str, _language: str | None) -> str:
    return render_to_string(f"accounts_review/shared/{template}.html", {name: value}).strip()
