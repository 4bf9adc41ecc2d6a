"""What the filters of all record pages share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet


class _FilterForm(forms.Form):
    """A form of some fields, which are its own."""

    def __init__(self, fields: Mapping[str, forms.Field], *args: Any, **kwargs: Any) -> None:
        self.base_fields = _Own(fields)  # type: ignore[misc]  # of this form alone
        super().__init__(*args, **kwargs)


class _Own(dict[str, forms.Field]):
    """Fields of which there is one form."""

    def __deepcopy__(self, memo: object) -> _Own:
        return self


class _OfClass(OrderedDict[str, Any]):
    """The filters of a class, each copied as far as a request changes it."""

    def __deepcopy__(self, memo: object) -> OrderedDict[str, Any]:
        return OrderedDict((name, _copied(each)) for name, each in self.items())


def _copied(each: Any) -> Any:
    made = copy(each)
    made.extra = dict(each.extra)
    if each.method:
        # What calls it knows whose it is.
        made.method = each.method
    return made


class Filters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters whose form has the very fields that were made for it: to copy them took 0.4 ms of a review page.

    Nor is a class made for the form, or what a filter is made of copied to its depths.
    """

    @classmethod
    def get_filters(cls) -> _OfClass:
        return _OfClass(super().get_filters())

    def get_form_class(self) -> Callable[..., forms.Form]:
        return partial(_FilterForm, {name: each.field for name, each in self.filters.items()})


class RecordFilter(Filters):
    """A filter that shows nothing where it is not valid, rather than everything."""

    @property
    def form(self) -> forms.Form:
        """The form of the filters; its fields look like all the others."""
        form: forms.Form = super().form
        for field in form.fields.values():
            is_choice = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if is_choice else "form-control"
        return form

    @property
    def qs(self) -> QuerySet[Any]:
        found: QuerySet[Any] = super().qs if self.is_valid() else self.queryset.none()
        return found
