"""Fields as the browsers have them."""

from __future__ import annotations

from typing import Any

from django import forms


class DayInput(forms.DateInput):
    """A browser's own date field: it shows its day only where the value is written as ISO 8601 has it."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class LongSelect(forms.Select):
    """A choice of hundreds, drawn as a whole."""

    template_name = "accounts_review/shared/_select.html"
