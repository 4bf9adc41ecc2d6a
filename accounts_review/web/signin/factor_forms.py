"""The forms of the second factor, in the portal's words."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django.forms import Form
from django.utils.translation import gettext as _


class SecondStep(AuthenticateForm):  # type: ignore[misc]
    """The code that is asked for after the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _ask_for_code(self)


class Anew(ReauthenticateForm):  # type: ignore[misc]
    """The code that is asked for before what could harm many."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _ask_for_code(self)


class SetUpApp(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _ask_for_code(self)


class AddKey(AddWebAuthnForm):  # type: ignore[misc]
    """A new security key and its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the key")


class RenameKey(EditWebAuthnForm):  # type: ignore[misc]
    """Another name for a security key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the key")


def _ask_for_code(form: Form) -> None:
    field = form.fields["code"]
    field.label = _("Code")
    field.widget.attrs |= {"inputmode": "numeric", "autofocus": True}
