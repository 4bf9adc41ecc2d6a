"""The sentences for verdicts and their reasons, in the reader's language, from one place.

The table, the account's page, exports, notices and audit entries all say it with these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts_review.dormancy import Reason, Verdict

SENTENCES = {
    "right": gettext_lazy("holds the protected right %(subject)s"),
    "right via": gettext_lazy("holds the protected right %(subject)s through group %(via)s"),
    "protected_group": gettext_lazy("is in the protected group %(subject)s"),
    "protected_name": gettext_lazy("username is protected by the pattern %(subject)s"),
    "protected_domain": gettext_lazy("address is in the protected domain %(subject)s"),
    "vendor_staff": gettext_lazy("belongs to the vendor's staff"),
    "key_owner": gettext_lazy("owns the API key that this portal uses"),
    "invalid_date": gettext_lazy("the date in %(subject)s cannot be believed"),
    "no_date": gettext_lazy("has no valid date at all"),
    "no_joined_at": gettext_lazy("has no date of joining, so a re-used username could not be told apart"),
    "unknown_rights": gettext_lazy("the list of rights is missing"),
    "unknown_groups": gettext_lazy("the list of groups is missing"),
    "unknown_right": gettext_lazy("has the unknown right %(subject)s"),
    "unknown_right via": gettext_lazy("has the unknown right %(subject)s through group %(via)s"),
    "disputed_right": gettext_lazy(
        "the workspace's list of who holds %(subject)s does not agree with the account's rights"
    ),
    "unlisted_group": gettext_lazy("is in the group %(subject)s, which the workspace does not list"),
    "unreadable_group": gettext_lazy("is in the group %(subject)s, whose rights cannot be read"),
    "unknown_account_type": gettext_lazy("is of the unknown account type %(subject)s"),
    "no_email": gettext_lazy("has no usable e-mail address and cannot be warned"),
    "unsafe_username": gettext_lazy("username cannot be put safely into an address of the API"),
    "incomplete_extraction": gettext_lazy("was last read by an incomplete sync"),
    "rule_failed": gettext_lazy("could not be judged, because a rule failed"),
}
"""A clause for each code of a :class:`Reason`; those with "via" where a group is what gives the right."""

OBJECTIONS = {
    "another_incarnation": gettext_lazy("the username now belongs to another account"),
    "newer_activity": gettext_lazy("was active after the approval: %(detail)s"),
    "new_rights": gettext_lazy("has gained rights: %(detail)s"),
    "new_groups": gettext_lazy("has joined groups: %(detail)s"),
    "verdict_active": gettext_lazy("no longer counts as dormant"),
    "verdict_protected": gettext_lazy("is now protected: %(detail)s"),
    "verdict_uncertain": gettext_lazy("is now uncertain: %(detail)s"),
    "exempt": gettext_lazy("is exempt"),
    "approver_may_no_longer": gettext_lazy("the person who approved it may no longer do so"),
    "approval_expired": gettext_lazy("the approval expired: %(detail)s"),
    "key_owner_unknown": gettext_lazy("the owner of our API key is not known"),
    "cleanup_not_running": gettext_lazy("the clean-up is not running"),
    "breaker_tripped": gettext_lazy("a sync looked wrong, and nobody has reset the breaker yet"),
    "not_noticed": gettext_lazy("the warning was not sent"),
    "promise_not_reached": gettext_lazy("the promised date has not come: %(detail)s"),
    "hourly_limit": gettext_lazy("the policy's hourly limit is reached"),
    "stale_look": gettext_lazy("the last look is too old"),
}
"""A clause for each code of the gate's objections."""


def reason(why: Reason) -> str:
    """One reason of a standing, as a clause without a full stop."""
    key = f"{why.code} via" if why.via else why.code
    return str(SENTENCES.get(key, why.code)) % {"subject": why.subject, "via": why.via}


def objection(code: str, detail: str = "") -> str:
    """One objection of the gate, as a clause without a full stop."""
    return str(OBJECTIONS.get(code, code)) % {"detail": detail}


def reasons(stored: Iterable[Mapping[str, str]]) -> list[str]:
    """The clauses for the reasons as an assessment stores them."""
    return [reason(Reason(**item)) for item in stored]


def idleness(*, activity_at: datetime | None, activity_field: str, limit_days: int, segment: str, now: datetime) -> str:
    """When the account was last active, how long ago that is, and the limit that counts for it."""
    within = ngettext("limit %(limit)d day (%(segment)s)", "limit %(limit)d days (%(segment)s)", limit_days)
    limit = within % {"limit": limit_days, "segment": segment}
    if activity_at is None:
        return "; ".join([_("no valid date"), limit])
    days = max(0, (now - activity_at).days)
    ago = ngettext("%(days)d day ago", "%(days)d days ago", days) % {"days": days}
    sentences = {
        "last_seen_at": _("last seen %(date)s, %(ago)s"),
        "last_login_at": _("last signed in %(date)s, %(ago)s"),
        "joined_at": _("joined %(date)s, %(ago)s, and not seen since"),
    }
    said = sentences[activity_field] % {"date": day(activity_at), "ago": ago}
    return "; ".join([said, limit])


def exemption(until: datetime) -> str:
    """An exemption in force, as a clause."""
    return _("exempt until %(date)s") % {"date": day(until)}


def day(instant: datetime) -> str:
    """The day of an instant in the reader's language and time zone."""
    return date_format(localtime(instant), "j M Y")


def verdict(value: str) -> str:
    """A verdict's word."""
    words = {
        Verdict.ACTIVE: _("active"),
        Verdict.DORMANT: _("dormant"),
        Verdict.PROTECTED: _("protected"),
        Verdict.UNCERTAIN: _("uncertain"),
    }
    return words[Verdict(value)]
