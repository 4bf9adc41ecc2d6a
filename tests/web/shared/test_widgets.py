"""Fields that are written and not drawn by a template are the fields that Django would draw."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django import forms
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from accounts_review.web.shared.widgets import DayInput, FieldRenderer

HOSTILE = "\"><script>'&\u202e"


@pytest.mark.parametrize(
    "widget",
    [
        forms.TextInput({"class": HOSTILE, "placeholder": gettext_lazy("Search"), "required": True, "hidden": False}),
        forms.TextInput({"data-safe": mark_safe("a&amp;b"), "maxlength": 200}),
        forms.TextInput({HOSTILE: None}),
        forms.HiddenInput(),
        forms.NumberInput({"min": 1}),
        forms.EmailInput(),
        forms.PasswordInput(render_value=True),
        forms.CheckboxInput(),
        DayInput(),
        forms.Textarea(),
        forms.Select(choices=[("", "any"), (HOSTILE, HOSTILE)]),
        forms.Select({"class": HOSTILE, "required": True}, [(1234567, 1234567), (True, mark_safe("a&amp;b"))]),
        forms.Select(choices=[(None, "any"), (HOSTILE, [("", "all"), (0, gettext_lazy("Search"))]), ("", [])]),
        forms.NullBooleanSelect(),
    ],
    ids=lambda widget: type(widget).__name__,
)
@pytest.mark.parametrize("value", [None, "", 0, 1234567, True, HOSTILE, date(2026, 2, 1), mark_safe("a&amp;b")])
def test_a_field_is_as_django_draws_it(widget: forms.Widget, value: Any) -> None:
    drawn = widget.render(HOSTILE, value, {"id": "field"}, renderer=TemplatesSetting())
    assert widget.render(HOSTILE, value, {"id": "field"}, renderer=FieldRenderer()) == drawn
