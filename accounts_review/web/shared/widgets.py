"""Fields as the browsers have them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from html import escape
from typing import Any

from django import forms
from django.forms.renderers import BaseRenderer, TemplatesSetting
from django.forms.utils import flatatt
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

INPUTS = {
    f"django/forms/widgets/{name}.html"
    for name in ("checkbox", "date", "email", "hidden", "input", "number", "password", "text")
}
"""Django's templates for a field that is one ``<input>``."""


class FieldRenderer(TemplatesSetting):
    """Draws fields as Django does, but writes the simple ones, of which a page can have hundreds.

    Their template includes another that includes a third: 120 microseconds a field in place of 8.
    """

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> SafeString:
        if template_name not in INPUTS:
            return mark_safe(super().render(template_name, context, request))  # noqa: S308 (of a template)
        widget = context["widget"]
        given = {"type": widget["type"], "name": widget["name"]}
        if widget["value"] is not None:
            given["value"] = widget["value"]
        return mark_safe(f"<input{''.join(map(_attribute, given.items()))}{_attributes(widget['attrs'])}>")  # noqa: S308


def _attributes(given: dict[str, Any]) -> str:
    return "".join(_attribute(pair) for pair in given.items() if pair[1] is not False)


def _attribute(pair: tuple[str, Any]) -> str:
    name, value = pair
    return f" {conditional_escape(name)}" + ("" if value is True else f'="{conditional_escape(str(value))}"')


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
        given = flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name}))
        options = options_written(self.choices, chosen=self.format_value(value))
        return mark_safe(f"<select{given}>{options}</select>")  # noqa: S308 (escaped there)


def options_written(choices: Iterable[tuple[Any, Any]], *, chosen: Collection[str] = ()) -> SafeString:
    """Options to choose from, or to be offered by a ``<datalist>``."""
    options = (
        f'<option value="{escape(key)}"{" selected" if key in chosen else ""}>{escape(label)}</option>'
        for key, label in ((str(key), str(label)) for key, label in choices)
    )
    return mark_safe("".join(options))  # noqa: S308 (escaped above)
