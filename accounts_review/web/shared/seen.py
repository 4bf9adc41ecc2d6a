"""Forms that carry what they showed, so that people who have the same page open lose nothing to each other."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms
from django.utils.translation import gettext as _


def changes(form: forms.Form, *, current: Mapping[str, str]) -> dict[str, str]:
    """What somebody changed in a valid form whose fields have ``show_hidden_initial``; the rest is as others left it.

    A field that somebody else has set to something else meanwhile gets an error, which says what is there now; sent
    again, it counts. What came without its page, and so was shown nothing, counts as it is.
    """
    changed = dict[str, str]()
    for name, given in list(form.cleaned_data.items()):
        carried, now = form.add_initial_prefix(name), _plain(current[name])
        shown = _plain(form.data.get(carried, now))
        if carried in form.data and given == shown:
            continue
        if shown != now != given:
            form.data = dict(form.data.items()) | {carried: now}
            form.add_error(
                name, _("Somebody else changed this meanwhile: “%(now)s”. Nothing was saved.") % {"now": now}
            )
        changed[name] = given
    return {} if form.errors else changed


def _plain(text: str) -> str:
    """A text as the field had it before a browser sent it."""
    return text.replace("\r\n", "\n").strip()
