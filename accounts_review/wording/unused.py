"""Why an account counts as unused, as one would tell the person: no limits in days, no segment names."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

from django.contrib.humanize.templatetags.humanize import apnumber
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts_review.wording.durations import span
from accounts_review.wording.instants import dated


def reason(*, activity_at: datetime | None, activity_field: str, limit_days: int) -> str:
    """When the person last used the account, and after how long unused accounts are closed."""
    day = localtime(activity_at).date() if activity_at else None
    return _reason(day, activity_field, limit_days, get_language())


@lru_cache(maxsize=1_000)
def _reason(day: date | None, activity_field: str, limit_days: int, _language: str | None) -> str:
    """Days recur: very many may be written to at once."""
    if day is None:
        return _rule(limit_days, _language)
    sentences = {
        "last_seen_at": _("You last used it on %(date)s."),
        "last_login_at": _("You last signed in on %(date)s."),
        "joined_at": _("You were invited on %(date)s and have never signed in."),
    }
    return f"{sentences[activity_field] % {'date': dated(day, 'j F Y')}} {_rule(limit_days, _language)}"


@lru_cache(maxsize=100)
def _rule(limit_days: int, _language: str | None) -> str:
    return _("We close accounts that have not been used for %(time)s.") % {
        "time": span(limit_days, number=lambda count: str(apnumber(count)))
    }
