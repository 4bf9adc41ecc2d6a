"""Forms to launch, pause, resume or cancel a clean-up, and to act on its cases."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.web.cleanups.next_steps import ACTS
from accounts_review.web.review.forms import KeysField
from accounts_review.wording.numbers import counted


class LaunchForm(forms.Form):
    """A typed confirmation: the number of accounts that the page has shown. ``shown`` says what that page rested on."""

    shown = forms.CharField(widget=forms.HiddenInput)
    count = forms.CharField(
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "off", "size": 8, "class": "form-control"}
        ),
        max_length=20,
    )

    def __init__(self, *args: Any, expected: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        label = _("To confirm, type the number of accounts: %(count)s")
        self.fields["count"].label = label % counted({"count": expected})

    def clean_count(self) -> str:
        typed = str(self.cleaned_data["count"])
        if "".join(filter(str.isalnum, typed)) != str(self.expected):
            raise ValidationError(
                _("You typed “%(typed)s”; this page is about %(count)s accounts."),
                params=counted({"typed": typed, "count": self.expected}),
            )
        return typed


class TurnForm(forms.Form):
    """Why a clean-up is paused, resumed or cancelled; recorded in the audit."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=LONGEST_REASON)


class CasesForm(forms.Form):
    """What is done with cases of a clean-up, why, and with which: those ticked, named, or all of a next step."""

    act = forms.ChoiceField(choices=[(act, act) for act in ACTS])
    case = KeysField(required=False)
    who = forms.CharField(max_length=50_000, required=False)
    all = forms.ChoiceField(choices=[(name, name) for name in ("undeliverable", "refused", "again")], required=False)
    reason = forms.CharField(max_length=LONGEST_REASON, required=False)
    step = forms.CharField(max_length=20, required=False)
    """The next step that it stands in, where it does."""

    def clean_who(self) -> set[str]:
        """Usernames or addresses, however they are separated."""
        return {word.strip("<>\"'").casefold() for word in re.split(r"[\s,;]+", self.cleaned_data["who"])} - {""}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("act") in ("bounced", "withdraw", "gone", "there") and not given.get("reason"):
            raise ValidationError(_("Give a reason; it is recorded in the audit."))
        if not (given.get("all") or given.get("case") or given.get("who")):
            raise ValidationError(_("Select at least one account first."))
        return given
