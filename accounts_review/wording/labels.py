"""A label and what stands behind it."""

from __future__ import annotations

from django.utils.translation import gettext as _


def labelled(label: object, said: object) -> str:
    """ "label: said", or in French "label : said"; what is said alone where the label is empty."""
    return _("%(label)s: %(said)s") % {"label": label, "said": said} if str(label) else str(said)
