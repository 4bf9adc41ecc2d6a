"""The sentences for verdicts and their reasons, in the reader's language, from one place.

The table, the account's page, exports, notices and audit entries all say it with these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.dateformat import DateFormat
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from accounts_review.rules.dates import DateFault
from accounts_review.rules.dormancy import Facts, Reason, Standing, Verdict
from accounts_review.rules.explanation import DateRead, Explanation
from accounts_review.rules.policy import Segment

MOST_NAMED = 5
"""So many names of a policy's list are enough in a sentence."""

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
    "activity_went_back": gettext_lazy(
        "was active on %(subject)s by an earlier sync, and its dates now are earlier than that, or gone"
    ),
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
    "no_account_type": gettext_lazy("has no account type, although the policy asks for it"),
    "no_email": gettext_lazy("has no usable e-mail address and cannot be warned"),
    "unsafe_username": gettext_lazy("username cannot be put safely into an address of the API"),
    "incomplete_extraction": gettext_lazy("was last read by an incomplete sync"),
    "rule_failed": gettext_lazy("could not be judged, because a rule failed"),
}
"""A clause for each code of a :class:`Reason`; those with "via" where a group is what gives the right."""

SHORT_MONTHS = {
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.", "déc."),
}
"""The short months of a language that Django writes wrongly."""

OBJECTIONS = {
    "another_incarnation": gettext_lazy("the username now belongs to another account"),
    "unreadable_record": gettext_lazy("its record could not be read: %(detail)s"),
    "earlier_activity": gettext_lazy("its dates are earlier than when it was approved, or gone: %(detail)s"),
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
    "held": gettext_lazy("everything is held"),
    "checkpoint": gettext_lazy("the database does not agree with its checkpoint"),
    "workspace_in_dry_run": gettext_lazy("the workspace is in dry run"),
    "breaker_tripped": gettext_lazy("a sync looked wrong, and nobody has reset the breaker yet"),
    "not_noticed": gettext_lazy("the warning was not sent"),
    "address_changed": gettext_lazy("the warning went to another address than the account has now"),
    "promise_not_reached": gettext_lazy("the promised date has not come: %(detail)s"),
    "hourly_limit": gettext_lazy("the policy's hourly limit is reached"),
    "stale_look": gettext_lazy("the last look is too old"),
    "no_longer_listed": gettext_lazy("is no longer listed"),
}
"""A clause for each code of the gate's objections; the last is one to a notice only."""

UNSENT = {
    "address_unusable": gettext_lazy("this is not an address that e-mail can be sent to"),
    "no_smtputf8": gettext_lazy(
        "the address has letters before the @ that the mail server cannot write to (it does not offer SMTPUTF8)"
    ),
}
"""A clause for each reason of ours not to hand a letter to the mail server."""

WITHOUT = {
    "right": gettext_lazy("it did not hold %(subject)s directly"),
    "right via": gettext_lazy("it did not hold %(subject)s through group %(via)s"),
    "protected_group": gettext_lazy("it were not in the protected group %(subject)s"),
    "protected_name": gettext_lazy("the policy did not protect usernames like %(subject)s"),
    "protected_domain": gettext_lazy("its address were not in the protected domain %(subject)s"),
    "vendor_staff": gettext_lazy("it did not belong to the vendor's staff"),
    "key_owner": gettext_lazy("this portal used the API key of another account"),
    "rule_failed": gettext_lazy("the rule that failed were mended"),
}
"""A condition for each protection: what would have to be otherwise for it not to protect."""

REMEDIES = {
    "invalid_date": gettext_lazy("have Huwise settle the date in %(subject)s"),
    "no_date": gettext_lazy("have Huwise say when it joined or was seen"),
    "activity_went_back": gettext_lazy("have Huwise settle its dates, or an administrator accept them on its page"),
    "no_joined_at": gettext_lazy("have Huwise settle the missing date of joining"),
    "unknown_rights": gettext_lazy("find out in Huwise why its rights are not told"),
    "unknown_groups": gettext_lazy("find out in Huwise why its groups are not told"),
    "unknown_right": gettext_lazy("take the right %(subject)s away in Huwise, or protect it in the policy"),
    "unknown_right via": gettext_lazy(
        "take the right %(subject)s from the group %(via)s in Huwise, or protect it in the policy"
    ),
    "disputed_right": gettext_lazy("check in Huwise who holds %(subject)s"),
    "unlisted_group": gettext_lazy("find out in Huwise what the group %(subject)s is"),
    "unreadable_group": gettext_lazy("check in Huwise what rights the group %(subject)s gives"),
    "unknown_account_type": gettext_lazy("name the account type %(subject)s in a segment of the policy"),
    "no_account_type": gettext_lazy("find out in Huwise what type of account it is"),
    "no_email": gettext_lazy("have it given an address that can be written to"),
    "unsafe_username": gettext_lazy("leave it to Huwise: this portal cannot address it"),
    "incomplete_extraction": gettext_lazy("wait for a sync that is complete"),
}
"""What a person can do about each doubt; a sync must then read it."""

FAULTS = {
    DateFault.ABSENT: gettext_lazy("empty, so it does not count"),
    DateFault.UNREADABLE: gettext_lazy("cannot be believed, as it is not a date with a time"),
    DateFault.WITHOUT_OFFSET: gettext_lazy("cannot be believed, as it does not say its time zone"),
    DateFault.TOO_EARLY: gettext_lazy("cannot be believed, as it lies before the year 2000"),
    DateFault.IN_THE_FUTURE: gettext_lazy("cannot be believed, as it lies more than a day after it was read"),
}
"""Why a date does not count, as a clause."""


MAIL_STOPS = {
    "unreachable": gettext_lazy("The mail server failed: %(reply)s. Check EMAIL_URL."),
    "broken": gettext_lazy("The mail server broke off the connection. Check EMAIL_URL if this lasts."),
    "sender_refused": gettext_lazy(
        "The mail server does not take our e-mails, whoever they are to: %(reply)s. No address is at fault: everyone "
        "waits. Check the quota, block lists, EMAIL_FROM and EMAIL_URL."
    ),
    "all_refused": gettext_lazy(
        "The mail server refused the e-mails without naming the addresses as the reason: %(reply)s. Everyone waits. "
        "Send a test e-mail to yourself; if that arrives, mark the addresses as undeliverable."
    ),
}
"""Why no e-mails leave, as sentences, by :class:`accounts_review.workflow.notify.smtp.StopCode`."""


def mail_stop(code: str, reply: str = "") -> str:
    """Why no e-mails leave; ``reply`` is what the server said."""
    return str(MAIL_STOPS.get(code, code)) % {"reply": reply.strip().rstrip(".")}


def reason(why: Reason) -> str:
    """One reason of a standing, as a clause without a full stop."""
    return _said_of(why, SENTENCES)


def objection(code: str, detail: str = "", because: Iterable[Mapping[str, str]] = ()) -> str:
    """One objection of the gate or to sending a letter, as a clause; ``because`` are reasons as they are stored."""
    return str((OBJECTIONS | UNSENT).get(code, code)) % {"detail": ", ".join(reasons(because)) or detail}


def reasons(stored: Iterable[Mapping[str, str]]) -> list[str]:
    """The clauses for the reasons as an assessment stores them."""
    return [reason(Reason(**item)) for item in stored]


def in_force(stored: Iterable[Mapping[str, str]], *, verdict: str, exempt_until: datetime | None) -> list[str]:
    """Why an account has its verdict, where that is more than being idle: the exemption first."""
    if verdict not in (Verdict.PROTECTED, Verdict.UNCERTAIN):
        return []
    overlay = [exemption(exempt_until)] if exempt_until and verdict == Verdict.PROTECTED else []
    return overlay + reasons(stored)


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
    return dated(localtime(instant), "j M Y")


def moment(stored: str) -> str:
    """A stored instant by which something becomes possible, to the minute after it."""
    return dated(_next_minute(stored), "j M Y, H:i")


def time_of(stored: str) -> str:
    """The time of a stored instant that is less than a day away, to the minute after it."""
    return dated(_next_minute(stored), "H:i")


def _next_minute(stored: str) -> datetime:
    return localtime(datetime.fromisoformat(stored) + timedelta(seconds=59, microseconds=999_999))


def dated(value: date, layout: str) -> str:
    """A date or an instant laid out in Django's letters, with the months as the reader's language writes them."""
    return _Layout(value).format(layout)


class _Layout(DateFormat):
    """Django's own capitalises every short month, and cuts août to "Aoû"."""

    def M(self) -> str:  # noqa: N802
        months = SHORT_MONTHS.get((get_language() or "")[:2])
        return months[self.n() - 1] if months else super().M()


def verdict(value: str) -> str:
    """A verdict's word."""
    words = {
        Verdict.ACTIVE: _("active"),
        Verdict.DORMANT: _("dormant"),
        Verdict.PROTECTED: _("protected"),
        Verdict.UNCERTAIN: _("uncertain"),
    }
    return words[Verdict(value)]


def course(
    *, standing: str, dormant_from: datetime, has_date: bool, exempt_until: datetime | None, now: datetime
) -> str:
    """Since when and until when a verdict holds, as a clause."""
    then = verdict(Verdict.DORMANT if standing == Standing.ORDINARY else standing)
    if not has_date:
        return _("%(verdict)s, as there is no date to count from") % {"verdict": then}
    said = {"verdict": then, "date": day(dormant_from)}
    if now < dormant_from:
        return _("active until %(date)s; from then on %(verdict)s, if it stays idle") % said
    if exempt_until:
        lapse = _("idle past its limit since %(date)s; exempt until %(until)s, and from then on %(verdict)s")
        return lapse % (said | {"until": day(exempt_until)})
    return _("idle past its limit since %(date)s, and so %(verdict)s") % said


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
    """What became of one date of the record, as a clause that follows its name."""
    if date.counts:
        return _("counts, being the newest sign of life")
    return str(FAULTS[date.fault]) if date.fault else _("does not count, as another is newer")


def otherwise(
    explained: Explanation, *, verdict: str, dormant_from: datetime, exempt_until: datetime | None, seen_after: datetime
) -> list[str]:
    """What would have to be true for another verdict, as sentences."""
    if verdict == Verdict.ACTIVE:
        after = {
            Standing.ORDINARY: _("Dormant, if it stays idle until %(date)s."),
            Standing.PROTECTED: _("Idle but protected, if it stays idle until %(date)s."),
            Standing.UNCERTAIN: _("Uncertain, if it stays idle until %(date)s."),
        }
        return [after[explained.standing] % {"date": day(dormant_from)}]
    said = [_("Active, as soon as a sync reads a sign of life after %(date)s.") % {"date": day(seen_after)}]
    if exempt_until and verdict == Verdict.PROTECTED:
        lapses = _("No longer exempt, when the exemption lapses on %(date)s or is withdrawn.")
        said.append(lapses % {"date": day(exempt_until)})
    if explained.protections:
        without = _(", and if ").join(_said_of(why, WITHOUT) for why in explained.protections)
        unprotected = {
            Standing.ORDINARY: _("Dormant, if %(conditions)s."),
            Standing.UNCERTAIN: _("Uncertain, if %(conditions)s."),
        }
        said.append(unprotected[explained.standing_unprotected] % {"conditions": without})
    if explained.standing == Standing.UNCERTAIN:
        remedies = "; ".join(_said_of(why, REMEDIES) for why in explained.doubts)
        settled = _("Dormant, once a person has settled what is in doubt and a sync has read it: %(remedies)s.")
        said.append(settled % {"remedies": remedies})
    if verdict == Verdict.DORMANT:
        said.append(_("Protected, if it gained a protected right or group, or were exempted."))
    return said


def _said_of(why: Reason, clauses: Mapping[str, Any]) -> str:
    key = f"{why.code} via" if why.via else why.code
    subject = day(datetime.fromisoformat(why.subject)) if why.code == "activity_went_back" else why.subject
    return str(clauses.get(key, why.code)) % {"subject": subject, "via": why.via}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")


def _signs_of_use(facts: Facts) -> str:
    """Why an account does not count as never used."""
    activity = facts.activity
    if activity and activity[1] != "joined_at":
        used = {"last_seen_at": _("it was seen on %(date)s"), "last_login_at": _("it signed in on %(date)s")}
        return used[activity[1]] % {"date": day(activity[0])}
    if any(facts.dates[field] not in (None, "") for field in ("last_seen_at", "last_login_at")):
        return _("it may have been used: a date of use is not empty")
    return _("its date of joining is not known")
