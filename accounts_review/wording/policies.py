"""A policy in words, and what changes between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts_review.rules.calendar import Avoided
from accounts_review.rules.policy import Policy, PolicyFault, Segment
from accounts_review.wording import instants, segments
from accounts_review.wording.numbers import counted
from accounts_review.wording.quotes import joined, quoted

AT_ONCE = gettext_lazy("At once, also for those in a clean-up; anyone no longer dormant is spared.")
NEXT_LAUNCH = gettext_lazy("For clean-ups launched from now on; those under way keep what they were launched with.")
TAKES_EFFECT: dict[str, Promise] = {
    "segment": AT_ONCE,
    "order": AT_ONCE,
    "protect": AT_ONCE,
    "notice": gettext_lazy("For clean-ups launched from now on; a date that somebody was given stands."),
    "avoid": gettext_lazy("At once; for those under way, beside the days that they were launched with."),
    "wait": NEXT_LAUNCH,
    "two_people": NEXT_LAUNCH,
    "expires": gettext_lazy("For approvals given from now on."),
    "per_cleanup": NEXT_LAUNCH,
    "share": NEXT_LAUNCH,
    "per_hour": gettext_lazy("At once, also for clean-ups under way."),
    "pause_at_regret": gettext_lazy("At once, also for clean-ups under way."),
    "exemption": gettext_lazy("For exemptions given from now on."),
    "retention": gettext_lazy("The next night, also for those who are gone already."),
}
"""From when on a change counts, by the first word of its clause's key."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing a policy says. ``names`` are what a list holds, so that a change can name what is added or dropped."""

    key: str
    text: str
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What a policy said, what it would say, and from when on that counts. "" where it said or would say nothing."""

    before: str
    after: str
    takes_effect: str
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def in_words(policy: Policy) -> list[Clause]:
    """Everything a policy says, each thing in one sentence."""
    return [*_of_segments(policy), *_of_protection(policy), *_of_procedure(policy)]


def changes(before: Policy, after: Policy) -> list[PolicyChange]:
    """What two policies say differently, in the order in which they say it."""
    old, new = {clause.key: clause for clause in in_words(before)}, {clause.key: clause for clause in in_words(after)}
    found = [_change(old.get(key), new.get(key)) for key in (old | new) if old.get(key) != new.get(key)]
    if _order(before, after) != _order(after, before):
        found.append(PolicyChange(_sequence(before), _sequence(after), str(TAKES_EFFECT["order"])))
    return found


def _change(old: Clause | None, new: Clause | None) -> PolicyChange:
    known = new or old
    assert known is not None
    names_before, names_after = (clause.names if clause else frozenset() for clause in (old, new))
    return PolicyChange(
        before=old.text if old else "",
        after=new.text if new else "",
        takes_effect=str(TAKES_EFFECT[known.key.partition(" ")[0]]),
        added=tuple(sorted(names_after - names_before)),
        dropped=tuple(sorted(names_before - names_after)),
    )


def _order(policy: Policy, other: Policy) -> list[str]:
    """The segments that both have, as the first of them has them."""
    theirs = {segment.name for segment in other.segments}
    return [segment.name for segment in policy.segments if segment.name in theirs]


def _sequence(policy: Policy) -> str:
    names = ", ".join(quoted(segments.shown(segment.name)) for segment in policy.segments)
    return _("The first segment that matches counts, in this order: %(names)s.") % {"names": names}


def _of_segments(policy: Policy) -> Iterator[Clause]:
    for segment in policy.segments:
        who = joined(_conditions(segment)) or _("everyone no other segment matches")
        text = ngettext(
            "“%(name)s” (%(who)s) counts as dormant after %(days)s day without activity.",
            "“%(name)s” (%(who)s) counts as dormant after %(days)s days without activity.",
            segment.dormant_after_days,
        )
        sentence = text % counted(
            {"name": segments.shown(segment.name), "who": who, "days": segment.dormant_after_days}
        )
        yield Clause(f"segment {segment.name}", sentence)


def _conditions(segment: Segment) -> Iterator[str]:
    if segment.never_used is not None:
        yield _("never used") if segment.never_used else _("used at least once")
    if segment.account_types:
        yield _("account type %(names)s") % {"names": _any_of(segment.account_types)}
    if segment.groups:
        yield _("in group %(names)s") % {"names": _any_of(segment.groups)}
    if segment.permissions:
        yield _("with right %(names)s") % {"names": _any_of(segment.permissions)}
    if segment.usernames:
        yield _("username %(names)s") % {"names": _any_of(segment.usernames)}
    if segment.emails:
        yield _("address %(names)s") % {"names": _any_of(segment.emails)}
    if segment.email_domains:
        yield _("address at %(names)s") % {"names": _any_of(segment.email_domains)}


def _any_of(names: Iterable[str]) -> str:
    return _(" or ").join(names)


def _of_protection(policy: Policy) -> Iterator[Clause]:
    protect = policy.protect
    lists = {
        "permissions": (_("Protected by their rights: %(names)s."), protect.permissions),
        "groups": (_("Protected by their group: %(names)s."), protect.groups),
        "usernames": (_("Protected by their username: %(names)s."), protect.usernames),
        "email_domains": (_("Protected by the domain of their address: %(names)s."), protect.email_domains),
    }
    for key, (text, names) in lists.items():
        if names:
            yield Clause(f"protect {key}", text % {"names": ", ".join(sorted(names))}, frozenset(names))


def _of_procedure(policy: Policy) -> Iterator[Clause]:
    yield Clause("notice", _notice(policy))
    if policy.notice.avoid:
        days = _avoided(policy.notice.avoided)
        rests = _("No notice or reminder is sent and nobody is removed on: %(days)s.") % {"days": ", ".join(days)}
        yield Clause("avoid", rests, frozenset(days))
    hours = policy.launch.wait_hours
    waits = ngettext(
        "Where nobody is warned, a launch waits %(hours)s hour before its first removal.",
        "Where nobody is warned, a launch waits %(hours)s hours before its first removal.",
        hours,
    )
    yield Clause(
        "wait", waits % counted({"hours": hours}) if hours else _("Where nobody is warned, removals begin at once.")
    )
    expires = policy.approval.expires_after_days
    lapses = ngettext("An approval expires after %(days)s day.", "An approval expires after %(days)s days.", expires)
    yield Clause("expires", lapses % counted({"days": expires}))
    alone = _("One person can launch a clean-up.")
    yield Clause("two_people", _("A second person confirms each launch.") if policy.approval.two_people else alone)
    limits = policy.limits
    per_cleanup = ngettext(
        "At most %(count)s account in a clean-up.", "At most %(count)s accounts in a clean-up.", limits.per_cleanup
    )
    yield Clause("per_cleanup", per_cleanup % counted({"count": limits.per_cleanup}))
    share = _("At most %(share)s %% of all accounts in 30 days.")
    yield Clause("share", share % {"share": f"{100 * limits.share_of_population:g}"})
    per_hour = ngettext("At most %(count)s removal an hour.", "At most %(count)s removals an hour.", limits.per_hour)
    yield Clause("per_hour", per_hour % counted({"count": limits.per_hour}))
    against = _(
        "A clean-up pauses when more than %(share)s %% of its people keep their account, sign in again or cannot be "
        "reached."
    )
    yield Clause("pause_at_regret", against % {"share": f"{100 * limits.pause_at_regret:g}"})
    longest = policy.exemption.longest_days
    spans = ngettext("An exemption lasts at most %(days)s day.", "An exemption lasts at most %(days)s days.", longest)
    yield Clause("exemption", spans % counted({"days": longest}))
    months = policy.retention.months_after_end
    erased = ngettext(
        "The data of an account is erased %(months)s month after the account is gone.",
        "The data of an account is erased %(months)s months after the account is gone.",
        months,
    )
    yield Clause("retention accounts", erased % counted({"months": months}))
    months = policy.retention.keep_audit_names_months
    erased = ngettext(
        "The name of a person of the portal is erased %(months)s month after they left.",
        "The name of a person of the portal is erased %(months)s months after they left.",
        months,
    )
    yield Clause("retention people", erased % counted({"months": months}))


def _avoided(avoid: Avoided) -> list[str]:
    days = [_("weekends")] if avoid.weekends else []
    days += [_("public holidays (%(country)s)") % {"country": country} for country in avoid.countries]
    return days + [instants.dated(day, "j M Y") for day in sorted(avoid.dates)]


def _notice(policy: Policy) -> str:
    days, reminders = policy.notice.days, policy.notice.reminders_days_before
    if not days:
        return _("Nobody is warned.")
    warned = ngettext(
        "People are warned %(days)s day before their access ends",
        "People are warned %(days)s days before their access ends",
        days,
    ) % counted({"days": days})
    if not reminders:
        return _("%(warned)s, without a reminder.") % {"warned": warned}
    each = [ngettext("%(days)s day", "%(days)s days", days) % counted({"days": days}) for days in reminders]
    listed = _(" and ").join(filter(None, (", ".join(each[:-1]), each[-1])))
    return _("%(warned)s, with reminders %(reminders)s before.") % {"warned": warned, "reminders": listed}


def of_fault(fault: PolicyFault) -> str:
    """What is wrong with a policy text, and what to write instead."""
    return _(fault.template) % counted(fault.details)
