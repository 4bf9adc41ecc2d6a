"""Fields as the browsers have them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from html import escape
from typing import Any

from django import forms
from django.forms.renderers import BaseRenderer, TemplatesSetting
from django.forms.utils import flatatt
from django.utils.formats import localize
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

INPUTS = {
    f"django/forms/widgets/{name}.html"
    for name in ("checkbox", "date", "email", "hidden", "input", "number", "password", "text")
}
"""Django's templates for a field that is one ``<input>``."""
SELECT = "django/forms/widgets/select.html"


class FieldRenderer(TemplatesSetting):
    """Draws fields as Django does, but writes the simple ones, of which a page can have hundreds.

    Their template includes another that includes a third: 120 microseconds a field in place of 8, and for a choice
    as much again for each option.
    """

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> SafeString:
        widget = context.get("widget", {})
        if template_name == SELECT:
            return _select(widget)
        if template_name not in INPUTS:
            return mark_safe(super().render(template_name, context, request))  # noqa: S308 (of a template)
        given = {"type": widget["type"], "name": widget["name"]}
        if widget["value"] is not None:
            given["value"] = widget["value"]
        return mark_safe(f"<input{''.join(map(_attribute, given.items()))}{_attributes(widget['attrs'])}>")  # noqa: S308


def _select(widget: dict[str, Any]) -> SafeString:
    groups = (
        (f'\n  <optgroup label="{_text(name)}">{options}\n  </optgroup>' if name else options)
        for name, options in ((name, "".join(map(_option, options))) for name, options, _index in widget["optgroups"])
    )
    head = f"<select{_attribute(('name', widget['name']))}{_attributes(widget['attrs'])}>"
    return mark_safe(f"{head}{''.join(groups)}\n</select>")  # noqa: S308 (escaped where it is written)


def _option(option: dict[str, Any]) -> str:
    given = _attribute(("value", str(option["value"]))) + _attributes(option["attrs"])
    return f"\n  <option{given}>{_text(option['label'])}</option>\n"


def _text(value: Any) -> str:
    return conditional_escape(localize(value))


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
