"""Forms that carry what they showed, so that people who have the same page open lose nothing to each other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import TypeVar

from django import forms
from django.utils.translation import gettext as _

LONGEST_QUOTED = 150
"""Characters of what somebody else wrote."""

Form = TypeVar("Form", bound=forms.Form)


def changes(form: forms.Form, *, current: Mapping[str, str]) -> dict[str, str]:
    """What somebody changed in a valid form whose fields have ``show_hidden_initial``; the rest is as others left it.

    A field that somebody else has set to something else meanwhile gets an error, which says what is there now; sent
    again, it counts. What came without its page, and so was shown nothing, counts as it is. Whoever asks holds what is
    ``current``, so that nobody changes it before the answer is stored: see :func:`workspaces.held`.
    """
    changed = dict[str, str]()
    for name, given in list(form.cleaned_data.items()):
        carried, now = form.add_initial_prefix(name), _plain(current[name])
        shown = _plain(form.data.get(carried, now))
        if carried in form.data and given == shown:
            continue
        if shown != now != given:
            form.data = dict(form.data.items()) | {carried: now}
            form.add_error(name, _meanwhile(shown, now))
        changed[name] = given
    return {} if form.errors else changed


def as_refused(form: Form, *, current: Mapping[str, str]) -> Form:
    """A form that goes back to whoever sent it, where it came without its page: it carries what is there now.

    Otherwise Django would have it carry what was typed, which would count for nothing when it is sent again.
    """
    carried = {form.add_initial_prefix(name): text for name, text in current.items()}
    form.data = carried | dict(form.data.items())
    return form


def what_differs(before: str, after: str) -> str:
    """The words of a text that were not in it before, without those around them that were; "" where there are none."""
    old, new = before.split(), after.split()
    start = sum(1 for _same in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    ends = zip(reversed(old[start:]), reversed(new[start:]), strict=False)
    end = len(new) - sum(1 for _same in takewhile(lambda pair: pair[0] == pair[1], ends))
    words = " ".join(new[start:end])
    if not words:
        return ""
    is_cut = len(words) > LONGEST_QUOTED
    quoted = words[:LONGEST_QUOTED].rpartition(" ")[0] or words[:LONGEST_QUOTED] if is_cut else words
    return f"{'… ' if start else ''}{quoted}{' …' if is_cut or end < len(new) else ''}"


def _meanwhile(shown: str, now: str) -> str:
    """What somebody else made of a field: all of it where that is short, otherwise what differs."""
    is_short = len(now) <= LONGEST_QUOTED and "\n" not in now
    if quoted := now if is_short else what_differs(shown, now):
        return _("Somebody else changed this meanwhile: “%(now)s”. Nothing was saved.") % {"now": quoted}
    gone = {"gone": what_differs(now, shown)}
    return _("Somebody else removed this meanwhile: “%(gone)s”. Nothing was saved.") % gone


def _plain(text: str) -> str:
    """A text as the field had it before a browser sent it."""
    return text.replace("\r\n", "\n").strip()
