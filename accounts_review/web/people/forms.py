"""Forms of the People pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Role, Workspace, may, workspaces_of
from accounts_review.workflow.people.reach import NONE

PORTAL = "*"
"""As a place: the whole portal. No workspace can have this name."""


class PlaceForm(forms.Form):
    """A form about a role in a place that the person administers."""

    place = forms.ChoiceField(label=_("Where"), widget=forms.Select(attrs={"class": "form-select"}))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names: list[tuple[str, Any]] = [
            (workspace.name, workspace.name) for workspace in workspaces_of(user, "administer")
        ]
        portal = [(PORTAL, _("whole portal, now and in future"))]
        field = self.fields["place"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = names + (portal if may(user, "administer", None) else [])

    @property
    def workspace(self) -> Workspace | None:
        """The workspace that was chosen, or ``None`` for the whole portal."""
        place = self.cleaned_data["place"]
        return None if place == PORTAL else Workspace.objects.get(name=place)


class InviteForm(PlaceForm):
    """Somebody new."""

    login = forms.CharField(label=_("Login"), max_length=150)
    name = forms.CharField(label=_("Name"), max_length=150, required=False)
    email = forms.CharField(label=_("E-mail address"), max_length=254, widget=forms.EmailInput)
    role = forms.ChoiceField(label=_("Role"), choices=Role.Name.choices)

    field_order = ("login", "name", "email", "role", "place")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            is_choice = isinstance(field.widget, forms.Select)
            field.widget.attrs |= {"class": "form-select" if is_choice else "form-control", "autocomplete": "off"}


class RoleForm(PlaceForm):
    """Another role, or none."""

    role = forms.ChoiceField(label=_("Role"), choices=[*Role.Name.choices, (NONE, _("No role"))])


class EmailForm(forms.Form):
    """Another address."""

    email = forms.CharField(label=_("E-mail address"), max_length=254)
