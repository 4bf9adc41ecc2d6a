"""Words for templates: ``{% load portal %}``. Built in beside Django's own, so that ``date`` is this one everywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.forms import BoundField
from django.utils.dateparse import parse_datetime
from django.utils.formats import get_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts_review.audit import sentences
from accounts_review.models.cleanup import CASE_LABELS, CLEANUP_LABELS
from accounts_review.rules.policy import PolicyFault
from accounts_review.wording import (
    durations,
    findings,
    instants,
    labels,
    policies,
    replies,
    segments,
    tallies,
    verdicts,
)
from accounts_review.wording import reasons as why

register = template.Library()
register.filter(sentences.is_weighed)
register.simple_tag(labels.colon)


@register.filter
def as_control(field: BoundField) -> SafeString:
    """A field of any form, those of libraries too, in the portal's look: its label stands above it, not in it."""
    field.field.widget.attrs.pop("placeholder", None)
    look = {"checkbox": "form-check-input", "radioselect": "", "select": "form-select"}
    control = field.as_widget(attrs={"class": look.get(field.widget_type, "form-control")})
    return control + field.as_hidden(only_initial=True) if field.field.show_hidden_initial else control


@register.filter
def verdict_word(value: str) -> str:
    """A verdict in the reader's language."""
    return verdicts.verdict(value)


@register.filter
def tally(kind: str, count: int) -> str:
    """What so many accounts are, by a verdict or by the state of a case."""
    return tallies.tally(kind, count)


@register.filter
def fault_words(fault: PolicyFault) -> str:
    """What is wrong with a policy text, in the reader's language."""
    return policies.of_fault(fault)


@register.filter
def segment_word(name: str) -> str:
    """A segment in the reader's language."""
    return segments.shown(name)


@register.filter
def since(instant: datetime | None, now: datetime) -> str:
    """How long something has been so."""
    return durations.since(instant, now) if instant else ""


@register.filter
def case_word(value: str) -> str:
    """A case's state in the reader's language."""
    return str(CASE_LABELS.get(value, value))  # type: ignore[call-overload]


@register.filter
def cleanup_word(value: str) -> str:
    """A clean-up's state in the reader's language."""
    return str(CLEANUP_LABELS.get(value, value))  # type: ignore[call-overload]


@register.filter
def reasons(stored: Iterable[Mapping[str, str]]) -> list[str]:
    """The clauses for stored reasons."""
    return verdicts.reasons(stored)


@register.filter
def reason_words(reason: str) -> str:
    """Why somebody, or the portal itself, decided something."""
    return why.told(reason)


@register.filter
def server_words(outcome: Mapping[str, object] | None) -> str:
    """What a server said word for word, where the outcome of a case keeps it."""
    return replies.words_of(outcome)


@register.filter
def instant(stored: object) -> datetime | None:
    """The instant that a record keeps as text, or ``None`` where it keeps none."""
    try:
        return parse_datetime(stored) if isinstance(stored, str) else None
    except ValueError:
        return None


@register.filter
def exactly(instant: datetime | None) -> str:
    """The exact instant with its offset, for titles and machines."""
    return localtime(instant).isoformat(sep=" ", timespec="seconds") if instant else ""


@register.filter
def portal_day(instant: datetime | None) -> dt.date | None:
    """The day that somebody was promised, which is no other one in the reader's own time zone."""
    return instants.portal_day(instant) if instant else None


@register.filter(expects_localtime=True, is_safe=False)
def date(value: dt.date | None, layout: str = "DATE_FORMAT") -> str:
    """Django's filter, with the months as the reader's language writes them."""
    return instants.dated(value, get_format(layout)) if value else ""


@register.filter
def signed(change: int) -> str:
    """A difference with its sign, and a true minus."""
    return f"+{intcomma(change)}" if change > 0 else f"−{intcomma(-change)}" if change else "±0"


@register.filter
def took(duration: timedelta | None) -> str:
    """How long something took."""
    if duration is None:
        return ""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": seconds}
    return _("%(seconds)d s") % {"seconds": seconds} if seconds else _("under 1 s")


@register.filter
def in_words(found: findings.Found | str) -> findings.Finding:
    """A stored finding in the reader's language."""
    return findings.in_words(found)
