"""What an administrator enters about a workspace. A key goes in and never comes out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Access
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.workflow.connect import Description

SHORTEST_KEY, LONGEST_KEY = 8, 4096
"""A shorter one could not be kept out of the logs; no API key is."""


class PortalForm(forms.Form):
    """A form in the portal's look, with ids that do not meet those of another form on the page."""

    template_name = "accounts_review/workspaces/_fields.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        prefix = type(self).__name__.lower()
        super().__init__(*args, **(kwargs | {"auto_id": f"{prefix}-%s"}))
        for name, field in self.fields.items():
            field.widget.attrs |= {
                "class": "form-select" if isinstance(field, forms.ChoiceField) else "form-control",
                "autocomplete": "new-password" if name == "key" else "off",
            }


class ConnectionForm(PortalForm):
    """Where a workspace is, and the key that reads it."""

    url = forms.CharField(
        label=_("Address"), max_length=500, help_text=_("The workspace itself, such as https://data.example.org.")
    )
    key = forms.CharField(
        label=_("API key"),
        min_length=SHORTEST_KEY,
        max_length=LONGEST_KEY,
        widget=forms.PasswordInput(),
        help_text=_("With edit_domain. It is stored encrypted and never shown again."),
    )
    key_owner = forms.CharField(
        label=_("Owner of the API key"),
        required=False,
        max_length=200,
        help_text=_("The username; only needed if the test cannot find it."),
    )

    @property
    def access(self) -> Access:
        given = self.cleaned_data
        return Access(url=given["url"], api_key=given["key"], key_owner=given["key_owner"])


class DescriptionForm(PortalForm):
    """What people are told of a workspace."""

    title = forms.CharField(
        label=_("Name shown to people"),
        required=False,
        max_length=100,
        show_hidden_initial=True,
        help_text=_("In e-mails and on the answer page. If empty, the address is used."),
    )
    contact = forms.CharField(
        label=_("Contact"),
        required=False,
        max_length=254,
        show_hidden_initial=True,
        help_text=_(
            "Where people can ask questions, usually an e-mail address. If empty, the portal's contact is used."
        ),
    )
    sender = forms.CharField(
        label=_("Sender of e-mails"),
        required=False,
        max_length=254,
        show_hidden_initial=True,
        help_text=_("Such as Open data <data@example.org>. If empty, the portal's sender is used."),
    )
    language = forms.ChoiceField(label=_("Language of e-mails"), choices=settings.LANGUAGES, show_hidden_initial=True)

    @property
    def description(self) -> Description:
        return Description(**{name: self.cleaned_data[name] for name in ("title", "contact", "sender", "language")})


class AddForm(DescriptionForm, ConnectionForm):
    """A new workspace."""

    name = forms.CharField(
        label=_("Short name"),
        max_length=50,
        help_text=_("In the addresses of pages and on the shell: letters, digits, hyphens, underscores."),
    )
    field_order = ("url", "key", "key_owner", "name", "title", "contact", "sender", "language")


class RenameForm(PortalForm):
    """Another short name."""

    name = forms.CharField(label=_("New short name"), max_length=50)


class ReasonForm(PortalForm):
    """Why a workspace is paused, resumed or retired."""

    reason = forms.CharField(label=_("Reason (recorded in the audit)"), max_length=LONGEST_REASON)
