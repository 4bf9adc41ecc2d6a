"""Explanations in words: why an account does not match, and what would have to be true for another verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.rules.dates import DateFault
from accounts_review.rules.dormancy import Standing, Verdict
from accounts_review.rules.explanation import DateRead, Explanation
from accounts_review.rules.facts import Facts
from accounts_review.rules.policy import Segment
from accounts_review.wording.instants import day, promised
from accounts_review.wording.quotes import joined
from accounts_review.wording.verdicts import MOST_NAMED, clause_of

WITHOUT = {
    "right": gettext_lazy("it did not hold %(subject)s directly"),
    "right via": gettext_lazy("it did not hold %(subject)s through group %(via)s"),
    "protected_group": gettext_lazy("it was not in the protected group %(subject)s"),
    "protected_name": gettext_lazy("the policy did not protect usernames like %(subject)s"),
    "protected_domain": gettext_lazy("its address was not in the protected domain %(subject)s"),
    "vendor_staff": gettext_lazy("it did not belong to the vendor's staff"),
    "key_owner": gettext_lazy("this portal used the API key of another account"),
    "rule_failed": gettext_lazy("the failed rule was fixed"),
}
"""A condition for each protection: what would have to be otherwise for it not to protect."""

REMEDIES = {
    "invalid_date": gettext_lazy("ask Huwise to correct the date in %(subject)s"),
    "no_date": gettext_lazy("ask Huwise when it joined or was last seen"),
    "activity_went_back": gettext_lazy(
        "ask Huwise to correct its dates, or have an administrator accept them on its page"
    ),
    "no_joined_at": gettext_lazy("ask Huwise to add the missing joining date"),
    "unknown_rights": gettext_lazy("check in Huwise why its rights are missing"),
    "unknown_groups": gettext_lazy("check in Huwise why its groups are missing"),
    "unknown_right": gettext_lazy("remove the right %(subject)s in Huwise, or protect it in the policy"),
    "unknown_right via": gettext_lazy(
        "remove the right %(subject)s from the group %(via)s in Huwise, or protect it in the policy"
    ),
    "disputed_right": gettext_lazy("check in Huwise who holds %(subject)s"),
    "unlisted_group": gettext_lazy("check in Huwise what the group %(subject)s is"),
    "unreadable_group": gettext_lazy("check in Huwise what rights the group %(subject)s gives"),
    "unknown_account_type": gettext_lazy("add the account type %(subject)s to a segment of the policy"),
    "no_account_type": gettext_lazy("check in Huwise what type of account it is"),
    "no_email": gettext_lazy("add a usable e-mail address"),
    "unsafe_username": gettext_lazy("remove it in Huwise by hand: its username cannot stand in an API address"),
    "incomplete_extraction": gettext_lazy("wait for a complete sync"),
}
"""What a person can do about each doubt; a sync must then read it."""

FAULTS = {
    DateFault.ABSENT: gettext_lazy("empty, not counted"),
    DateFault.UNREADABLE: gettext_lazy("not counted: it is not a date with a time"),
    DateFault.WITHOUT_OFFSET: gettext_lazy("not counted: it has no time zone"),
    DateFault.TOO_EARLY: gettext_lazy("not counted: it is before the year 2000"),
    DateFault.IN_THE_FUTURE: gettext_lazy("not counted: it is more than a day in the future"),
}
"""Why a date does not count, as a clause."""


def unmet(condition: str, segment: Segment, facts: Facts) -> str:
    """Why an account does not meet a condition of a segment, as a clause."""
    named = {
        "account_types": _("its account type is %(own)s, not %(names)s"),
        "groups": _("it is in none of these groups: %(names)s"),
        "permissions": _("it holds none of these rights: %(names)s"),
        "usernames": _("its username matches none of these: %(names)s"),
        "emails": _("its address matches none of these: %(names)s"),
        "email_domains": _("its address is in none of these domains: %(names)s"),
    }
    if condition in named:
        names = _some(getattr(segment, condition))
        return named[condition] % {"names": names, "own": facts.account_type or "—"}
    return _("it was never used") if facts.never_used else _signs_of_use(facts)


def date_read(date: DateRead) -> str:
    """How one date of the record was used, as a clause that follows its name."""
    if date.counts:
        return _("counts: it is the newest activity")
    return str(FAULTS[date.fault]) if date.fault else _("not counted: another is newer")


def otherwise(
    explained: Explanation, *, verdict: str, dormant_from: datetime, exempt_until: datetime | None, seen_after: datetime
) -> list[str]:
    """What would have to be true for another verdict, as sentences."""
    if verdict == Verdict.ACTIVE:
        after = {
            Standing.ORDINARY: _("Dormant, if it stays idle until %(date)s."),
            Standing.PROTECTED: _("Protected, if it stays idle until %(date)s."),
            Standing.UNCERTAIN: _("Uncertain, if it stays idle until %(date)s."),
        }
        return [after[explained.standing] % {"date": day(dormant_from)}]
    said = [_("Active, as soon as a sync reads activity after %(date)s.") % {"date": day(seen_after)}]
    if exempt_until and verdict == Verdict.PROTECTED:
        lapses = _("No longer exempt, when the exemption ends on %(date)s or is withdrawn.")
        said.append(lapses % {"date": promised(exempt_until)})
    if explained.protections:
        without = _(", and if ").join(clause_of(why, WITHOUT) for why in explained.protections)
        unprotected = {
            Standing.ORDINARY: _("Dormant, if %(conditions)s."),
            Standing.UNCERTAIN: _("Uncertain, if %(conditions)s."),
        }
        said.append(unprotected[explained.standing_unprotected] % {"conditions": without})
    if explained.standing == Standing.UNCERTAIN:
        remedies = joined(clause_of(why, REMEDIES) for why in explained.doubts)
        settled = _("Dormant, after a manual check and a new sync: %(remedies)s.")
        said.append(settled % {"remedies": remedies})
    if verdict == Verdict.DORMANT:
        said.append(_("Protected, if it gained a protected right or group, or was exempted."))
    return said


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")


def _signs_of_use(facts: Facts) -> str:
    """Why an account does not count as never used."""
    activity = facts.activity
    if activity and activity[1] != "joined_at":
        used = {"last_seen_at": _("it was seen on %(date)s"), "last_login_at": _("it signed in on %(date)s")}
        return used[activity[1]] % {"date": day(activity[0])}
    if any(facts.dates[field] not in (None, "") for field in ("last_seen_at", "last_login_at")):
        return _("it may have been used: one of its activity dates is not empty")
    return _("its joining date is not known")
