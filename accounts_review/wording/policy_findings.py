"""What is found about a proposed policy: a sentence for each code, with its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts_review.wording import segments
from accounts_review.wording.numbers import counted
from accounts_review.wording.quotes import quoted

Found = dict[str, Any]

MOST_NAMED = 10

LIMITS: dict[str, Promise] = {
    "per_cleanup": gettext_lazy("A clean-up may remove more accounts: %(after)s; before, %(before)s."),
    "per_hour": gettext_lazy("More accounts may be removed in an hour: %(after)s; before, %(before)s."),
    "pause_at_regret": gettext_lazy(
        "A clean-up pauses only when more of its people come back or object: %(after)s; before, %(before)s."
    ),
    "share_of_population": gettext_lazy(
        "A larger share of all accounts may be removed: %(after)s; before, %(before)s."
    ),
}
"""By limit of a policy; another is told by its name."""

RETENTION: dict[str, Promise] = {
    "months_after_end": gettext_lazy(
        "The data of accounts that are gone is erased sooner, after fewer months: %(after)s; before, %(before)s."
    ),
    "keep_audit_names_months": gettext_lazy(
        "The names of people who left are erased sooner, after fewer months: %(after)s; before, %(before)s."
    ),
}
"""By key of ``[retention]``."""

PROTECTED: dict[str, Promise] = {
    "permissions": gettext_lazy("Protected rights"),
    "groups": gettext_lazy("Protected groups"),
    "usernames": gettext_lazy("Protected usernames"),
    "email_domains": gettext_lazy("Protected e-mail domains"),
}
"""The lists of ``[protect]``."""

MATCHED: dict[str, Promise] = {
    "permissions": gettext_lazy("rights"),
    "groups": gettext_lazy("groups"),
    "account_types": gettext_lazy("account types"),
    "usernames": gettext_lazy("usernames"),
    "emails": gettext_lazy("e-mail addresses"),
    "email_domains": gettext_lazy("e-mail domains"),
}
"""The lists of a segment."""

LOOSER = (
    *("protects_less", "shorter_limit", "shorter_for_some", "shorter_notice", "fewer_reminders", "fewer_avoided"),
    *("one_person", "longer_approval", "higher_limit", "shorter_wait", "shorter_retention", "more_dormant"),
)
"""What is looser than the policy in force; in a live workspace it takes a tick of its own."""

KINDS: dict[Promise, tuple[str, ...]] = {
    gettext_lazy("Names"): ("nobody_read", "unmatched", "unknown_permissions", "empty_segment"),
    gettext_lazy("Risks"): ("short_limit", "short_notice", "empty_protection"),
    gettext_lazy("Looser than the policy in force"): LOOSER,
}
"""What findings are about, by its title: their codes."""


def by_kind(findings: Iterable[Found]) -> list[tuple[str, list[str]]]:
    """Findings in words, under the title of their kind; a kind without any is left out."""
    kinds = [(str(kind), [in_words(one) for one in findings if one["code"] in codes]) for kind, codes in KINDS.items()]
    return [(kind, sentences) for kind, sentences in kinds if sentences]


def in_words(found: Found) -> str:
    """A finding as it was stored, as a sentence in the reader's language."""
    say = SAID.get(found["code"])
    named = {"segment": segments.shown(found["segment"])} if "segment" in found else {}
    return say(counted(found) | named) if say else str(found["code"])


def _unmatched(found: Found) -> str:
    sentence = ngettext(
        "%(where)s: the only account does not match %(names)s.",
        "%(where)s: none of %(total)s accounts matches %(names)s.",
        found["total"],
    )
    return _with_close(sentence, found)


def _unknown_permissions(found: Found) -> str:
    sentence = _("%(where)s: not a known right: %(names)s.")
    if "count" in found:
        sentence = ngettext(
            "%(where)s: not a known right: %(names)s. Held by %(count)s account.",
            "%(where)s: not a known right: %(names)s. Held by %(count)s accounts.",
            found["count"],
        )
    return _with_close(sentence, found)


def _with_close(said: str, found: Found) -> str:
    sentence = said % {
        "where": _where(found),
        "names": _some(found["names"]),
        "total": found.get("total"),
        "count": found.get("count"),
    }
    close = _("Did you mean %(names)s?") % {"names": _some(found["close"])} if found["close"] else ""
    return f"{sentence} {close}".strip()


def _short_limit(found: Found) -> str:
    sentence = ngettext(
        "“%(segment)s” counts as dormant after only %(days)s. %(count)s account would be dormant.",
        "“%(segment)s” counts as dormant after only %(days)s. %(count)s accounts would be dormant.",
        found["count"],
    )
    return sentence % (found | {"days": _days(found["days"])})


def _shorter_limit(found: Found) -> str:
    sentence = ngettext(
        "“%(segment)s” counts as dormant after %(after)s; before, %(before)s. %(count)s account would be dormant.",
        "“%(segment)s” counts as dormant after %(after)s; before, %(before)s. %(count)s accounts would be dormant.",
        found["count"],
    )
    return sentence % (found | _in_days(found))


def _shorter_for_some(found: Found) -> str:
    sentence = ngettext(
        "“%(segment)s” counts as dormant after %(after)s; before, up to %(before)s for some of its accounts. "
        "%(count)s account would be dormant.",
        "“%(segment)s” counts as dormant after %(after)s; before, up to %(before)s for some of its accounts. "
        "%(count)s accounts would be dormant.",
        found["count"],
    )
    return sentence % (found | _in_days(found))


def _short_notice(found: Found) -> str:
    if not found["days"]:
        return _("No warning is sent before access ends.")
    sentence = _("The notice is only %(days)s. A mail server may hold a message for 5 days, so it can arrive too late.")
    return sentence % {"days": _days(found["days"])}


def _empty_protection(found: Found) -> str:
    rights = ngettext(
        "Only the right edit_domain protects; %(count)s account past its limit would be protected.",
        "Only the right edit_domain protects; %(count)s accounts past their limit would be protected.",
        found["count"],
    )
    groups = ngettext(
        "No group protects its members; %(count)s account past its limit would be protected.",
        "No group protects its members; %(count)s accounts past their limit would be protected.",
        found["count"],
    )
    return (rights if found["list"] == "permissions" else groups) % found


def _protects_less(found: Found) -> str:
    sentence = ngettext(
        "%(where)s: %(names)s removed. %(count)s account is protected that way now.",
        "%(where)s: %(names)s removed. %(count)s accounts are protected that way now.",
        found["count"],
    )
    return sentence % (found | {"where": _where(found), "names": _some(found["names"])})


def _more_dormant(found: Found) -> str:
    sentence = ngettext(
        "%(count)s account that is not dormant now would be.",
        "%(count)s accounts that are not dormant now would be.",
        found["count"],
    )
    return sentence % found


def _higher_limit(found: Found) -> str:
    sentence = LIMITS.get(found["limit"], gettext_lazy("The limit %(limit)s is higher: %(after)s; before, %(before)s."))
    is_share = isinstance(found["after"], float)
    values = {name: f"{100 * found[name]:g} %" if is_share else found[name] for name in ("before", "after")}
    return str(sentence) % (found | values)


SAID: dict[str, Callable[[Found], str]] = {
    "nobody_read": lambda found: _("No account has been read yet, so no name in the policy could be checked."),
    "unmatched": _unmatched,
    "unknown_permissions": _unknown_permissions,
    "empty_segment": lambda found: _("The segment “%(segment)s” would hold no account.") % found,
    "short_limit": _short_limit,
    "short_notice": _short_notice,
    "empty_protection": _empty_protection,
    "protects_less": _protects_less,
    "shorter_limit": _shorter_limit,
    "shorter_for_some": _shorter_for_some,
    "shorter_retention": lambda found: str(RETENTION[found["of"]]) % found,
    "shorter_wait": lambda found: (
        _("A launch without notice waits %(after)s hours before its first removal; before, %(before)s.") % found
    ),
    "shorter_notice": lambda found: _("The notice is shorter: %(after)s; before, %(before)s.") % _in_days(found),
    "fewer_reminders": lambda found: _("There are fewer reminders: %(after)s; before, %(before)s.") % found,
    "fewer_avoided": lambda found: (
        _("E-mails and removals can happen again on days that were avoided: %(names)s.")
        % {"names": _some(found["names"])}
    ),
    "one_person": lambda found: _("One person can launch a clean-up; before, a second one had to confirm."),
    "longer_approval": lambda found: _("An approval lasts longer: %(after)s; before, %(before)s.") % _in_days(found),
    "higher_limit": _higher_limit,
    "more_dormant": _more_dormant,
}


def _days(count: int) -> str:
    return ngettext("%(days)s day", "%(days)s days", count) % counted({"days": count})


def _in_days(found: Found) -> dict[str, str]:
    return {name: _days(found[name]) for name in ("before", "after")}


def _where(found: Found) -> str:
    """The list a finding is about, and its segment where it has one."""
    name = found["list"]
    if "segment" not in found:
        return str(PROTECTED.get(name, name))
    return _("segment “%(segment)s”, %(key)s") % {"segment": found["segment"], "key": MATCHED.get(name, name)}


def _some(names: Iterable[str]) -> str:
    named = list(names)
    shown = ", ".join(map(quoted, named[:MOST_NAMED]))
    more = len(named) - MOST_NAMED
    if more < 1:
        return shown
    both = ngettext("%(names)s and %(count)s more", "%(names)s and %(count)s more", more)
    return both % counted({"names": shown, "count": more})
