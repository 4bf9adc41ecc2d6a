"""The forms of the second factor, in the portal's words."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django.forms import Field
from django.utils.translation import gettext as _


class _AsksForCode:
    """What the forms that ask for a code have in common."""

    fields: dict[str, Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = _("Code")
        field.widget.attrs |= {"inputmode": "numeric", "autofocus": True}


class _NamesKey:
    """What the forms that name a security key have in common."""

    fields: dict[str, Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the key")


class SecondStep(_AsksForCode, AuthenticateForm):  # type: ignore[misc]
    """The code that is asked for after the password."""


class Anew(_AsksForCode, ReauthenticateForm):  # type: ignore[misc]
    """The code that is asked for before what could harm many."""


class SetUpApp(_AsksForCode, ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an app."""


class AddKey(_NamesKey, AddWebAuthnForm):  # type: ignore[misc]
    """A new security key and its name."""


class RenameKey(_NamesKey, EditWebAuthnForm):  # type: ignore[misc]
    """Another name for a security key."""
