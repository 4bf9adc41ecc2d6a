"""What the filters of all record pages share."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet


class RecordFilter(django_filters.FilterSet):  # type: ignore[misc]
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
