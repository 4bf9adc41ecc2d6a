"""Why an account counts as unused, as one would tell the person: no limits in days, no segment names."""

from __future__ import annotations

from datetime import datetime

from django.contrib.humanize.templatetags.humanize import apnumber
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts_review.wording.durations import span


def reason(*, activity_at: datetime | None, activity_field: str, limit_days: int) -> str:
    """When the person last used the account, and after how long unused accounts are closed."""
    sentences = {
        "last_seen_at": _("You last used it on %(date)s."),
        "last_login_at": _("You last signed in on %(date)s."),
        "joined_at": _("You were invited on %(date)s and have never signed in."),
    }
    rule = _("We close accounts that have not been used for %(time)s.") % {
        "time": span(limit_days, number=lambda count: str(apnumber(count)))
    }
    if activity_at is None:
        return rule
    return f"{sentences[activity_field] % {'date': date_format(localtime(activity_at), 'j F Y')}} {rule}"
