"""What a person says to change the mode or answer the breaker."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import Workspace
from accounts_review.models.audit_entry import LONGEST_REASON


class BreakerForm(forms.Form):
    """What is done with the numbers that tripped the breaker, and why."""

    reason = forms.CharField(max_length=LONGEST_REASON)
    choice = forms.ChoiceField(choices=[("accept", gettext_lazy("use")), ("discard", gettext_lazy("ignore"))])


class ModeForm(forms.Form):
    """Dry run or live. Going live takes the workspace's name, typed."""

    mode = forms.ChoiceField(choices=Workspace.Mode.choices, widget=forms.HiddenInput)
    name = forms.CharField(
        required=False, max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off", "class": "form-control"})
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        self.auto_id = f"id_{workspace.name}_%s"
        self.fields["name"].label = _("To confirm, type the workspace's name: %(name)s") % {"name": workspace.name}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("mode") == Workspace.Mode.LIVE and given.get("name") != self.workspace.name:
            raise ValidationError(_("The name does not match; nothing was changed."))
        return given
