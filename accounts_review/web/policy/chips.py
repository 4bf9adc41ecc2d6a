"""A list of names as chips: each can be taken out, and more are typed behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts_review.rules.names import LONGEST

MORE = "-more"
"""Ends the name of the field that names are typed into."""


class ChipsInput(forms.Widget):
    """A box for each name, ticked, and a field for more.

    ``choices`` are the names to offer, with what to call them; the page has them once, in a list ``listed_in``.
    """

    def __init__(self, choices: Mapping[str, str] | None = None, *, listed_in: str = "") -> None:
        super().__init__()
        self.choices, self.listed_in = choices or {}, listed_in

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        typed = re.split(r"[,\n]", data.get(f"{name}{MORE}", ""))
        return unique([*data.getlist(name), *typed])

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        # A list of which every name was taken out sends nothing.
        return False

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        # Written here, as are :func:`fields_written`: a policy can have 600 such lists.
        given = attrs or {}
        disabled = " disabled" if given.get("disabled") else ""
        boxes = "\n".join(
            f'<label class="chip-box"><input type="checkbox" class="form-check-input" name="{name}" '
            f'value="{escape(each)}" checked{disabled}> '
            f'<span class="breakable">{escape(self.choices.get(each, each))}</span></label>'
            for each in map(str, value or ())
        )
        listed = f' list="{self.listed_in}"' if self.listed_in else ""
        hint = _("Add, then Enter")
        more = (
            f'<input type="text" class="form-control form-control-sm chips-more" id="{given.get("id", name)}" '
            f'name="{name}{MORE}"{listed} autocomplete="off" placeholder="{escape(hint)}">'
        )
        return mark_safe(f'<div class="chips" data-chips="{name}">\n{boxes}{"" if disabled else more}\n</div>')  # noqa: S308


class ChipsField(forms.Field):
    """A list of names; none is fine."""

    widget = ChipsInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def clean(self, value: Any) -> list[str]:
        for name in value or ():
            if len(name) > LONGEST or not name.isprintable():
                raise ValidationError(
                    _("“%(name)s” is not a valid name: it is too long or contains characters that cannot be shown.")
                    % {"name": name[:40]}
                )
        return list(value or ())

    def has_changed(self, initial: Any, data: Any) -> bool:
        return sorted(initial or ()) != sorted(data or ())


def fields_written(lists: Iterable[forms.BoundField]) -> SafeString:
    """Lists of names with their labels, as ``_field.html`` has any other field."""
    return mark_safe("\n".join(map(_field, lists)))  # noqa: S308 (escaped below)


def _field(given: forms.BoundField) -> str:
    label = f'<label class="form-label" for="{given.id_for_label}">{escape(str(given.label))}</label>'
    faults = render_to_string("accounts_review/shared/_errors.html", {"field": given}) if given.errors else ""
    return f'<div class="policy-field">\n{label}\n{given}\n{faults}</div>'


def unique(names: Iterable[str]) -> list[str]:
    """The names without blanks around them, each once."""
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))
