"""The text of a policy, and why it changes."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from accounts_review.models.audit_entry import LONGEST_REASON


class PolicyForm(forms.Form):
    """A policy text and the version it was written over. Why it changes is asked once it comes into force."""

    text = forms.CharField(
        label=gettext_lazy("Text (TOML)"),
        max_length=200_000,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 24, "spellcheck": "false", "autocapitalize": "off", "class": "form-control policy-text"}
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason for the change"),
        max_length=LONGEST_REASON,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    over = forms.IntegerField(widget=forms.HiddenInput)

    def clean_text(self) -> str:
        return _as_written(self.cleaned_data["text"])

    def draft(self) -> str:
        """The text as it was sent, whatever else is missing."""
        return _as_written(str(self.data.get("text", "")))


def _as_written(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
