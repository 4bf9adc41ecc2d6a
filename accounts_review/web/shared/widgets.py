"""Fields as the browsers have them."""

from __future__ import annotations

from html import escape
from typing import Any

from django import forms
from django.forms.renderers import BaseRenderer
from django.forms.utils import flatatt
from django.utils.safestring import SafeString, mark_safe


class DayInput(forms.DateInput):
    """A browser's own date field: it shows its day only where the value is written as ISO 8601 has it."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class LongSelect(forms.Select):
    """A plain choice of hundreds, without groups of options: Django draws a template for each option."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: BaseRenderer | None = None
    ) -> SafeString:
        chosen = self.format_value(value)
        options = (
            f'<option value="{escape(key)}"{" selected" if key in chosen else ""}>{escape(label)}</option>'
            for key, label in ((str(key), str(label)) for key, label in self.choices)
        )
        given = flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name}))
        return mark_safe(f"<select{given}>{''.join(options)}</select>")  # noqa: S308 (escaped above)
