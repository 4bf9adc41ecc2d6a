"""What may be found about a sync or a connection: a sentence for each code, and what to do about it.

What is found is stored as a code with its numbers, so that everyone reads it in their own language.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts_review.huwise import HuwiseError, Unreachable
from accounts_review.wording import instants, objections
from accounts_review.wording.numbers import counted

Found = dict[str, Any]
"""A finding as it is stored: ``code``, for a connection check ``is_good``, and what its sentence names."""

SAID: dict[str, Promise | str] = {
    # Why a sync was not complete
    "api": gettext_lazy("The workspace's answer could not be used."),
    "count_changed": gettext_lazy("The number of accounts changed from %(before)s to %(after)s while they were read."),
    "unreadable_record": gettext_lazy("The list holds a record that is not an account and cannot be read."),
    "repeated": ngettext_lazy(
        "%(count)s username was listed more than once: %(example)s.",
        "%(count)s usernames were listed more than once, for example %(example)s.",
        "count",
    ),
    "counts_differ": gettext_lazy(
        "%(read)s accounts were read; %(announced)s were announced at the start and %(counted)s at the end."
    ),
    "passes_disagree": ngettext_lazy(
        "A second pass differed from the first in %(count)s account.",
        "A second pass differed from the first in %(count)s accounts.",
        "count",
    ),
    "empty": gettext_lazy("The list is empty; the last one was not."),
    "interrupted": gettext_lazy("It was interrupted: the worker stopped, or time ran out."),
    "stopped": gettext_lazy("%(login)s stopped it."),
    # What is wrong with the key or the API's lists
    "not_compared": gettext_lazy("Who holds %(right)s could not be compared with the workspace's own list."),
    "everyone_holds": gettext_lazy("The API says that everyone holds %(right)s; its filter seems to be broken."),
    "group_repeated": gettext_lazy("The group %(uid)s is listed twice; it grants the rights of both entries."),
    "group_unreadable": ngettext_lazy(
        "%(count)s entry in the list of groups is not a group. Accounts in groups that are not listed are uncertain.",
        "%(count)s entries in the list of groups are not groups. Accounts in groups that are not listed are uncertain.",
        "count",
    ),
    "nameless": ngettext_lazy(
        "%(count)s account has no username and is left for a manual check: %(names)s.",
        "%(count)s accounts have no username and are left for a manual check: %(names)s.",
        "count",
    ),
    # What a connection check looks at
    "host": gettext_lazy("It was last read from %(before)s; HUWISE_URL now names %(host)s."),
    "reach": ngettext_lazy(
        "%(host)s answers and lists %(count)s account.",
        "%(host)s answers and lists %(count)s accounts.",
        "count",
    ),
    "clock": gettext_lazy("Our clock and the API's agree within %(seconds)s seconds."),
    "clock_unsaid": gettext_lazy("The API does not say what time it is."),
    "clock_skewed": gettext_lazy("Our clock and the API's are %(seconds)s seconds apart."),
    "clock_behind": gettext_lazy(
        "This server's clock is behind: the last complete sync ended on %(ended)s. Nobody is warned, and nothing "
        "launched."
    ),
    "owner": gettext_lazy("The key belongs to %(owner)s, who holds edit_domain."),
    "owner_unknown": gettext_lazy("The API does not say who owns the key, so nobody is removed."),
    "owner_unlisted": gettext_lazy("The key's owner %(owner)s is not in the list, so nobody is removed."),
    "owner_unreadable": gettext_lazy("The key's owner %(owner)s is missing from the list or cannot be read."),
    "owner_weak": gettext_lazy(
        "The key belongs to %(owner)s, who does not hold edit_domain: the list may be incomplete."
    ),
    "administrators": ngettext_lazy(
        "%(count)s administrator is in the list.",
        "%(count)s administrators are in the list.",
        "count",
    ),
    "administrators_missing": gettext_lazy("The list has no administrator: the key cannot see everyone."),
    "use": gettext_lazy("The list shows when accounts were used, for %(seen)s of %(listed)s checked."),
    "nobody_seen": gettext_lazy(
        "The list does not show when any account was last used, so no account can be called dormant."
    ),
    "never_used": gettext_lazy(
        "%(never_used)s of the %(listed)s accounts checked were never used: dates seem to be missing."
    ),
    "not_checked": gettext_lazy("The portal could not reach the workspace."),
    # Why a clean-up was stopped
    "paused": "%(reason)s",
    "caller_changed": gettext_lazy("The API key now belongs to %(owner)s; at the last sync it belonged to %(before)s."),
    "unknown_in_a_row": gettext_lazy("Two removals in a row got no clear answer."),
    "unknown_again": gettext_lazy("%(times)s attempts to remove the same account got no clear answer."),
    "pause_at_regret": gettext_lazy(
        "Too many objections, %(count)s of %(people)s people (limit %(share)s %%): %(kept)s want to keep their "
        "account, %(back)s signed in again, %(bounced)s could not be reached."
    ),
    # Why removals wait
    "hourly_limit": gettext_lazy("Hourly limit reached"),
    "launch_waits": gettext_lazy("Nobody was warned, so the launch waits; it can be cancelled until then"),
    "avoided_day": gettext_lazy("The policy avoids this day"),
    "breaker_tripped": gettext_lazy("A sync looked wrong."),
    "key_owner_unknown": gettext_lazy("The owner of the API key is not known."),
    "workspace_in_dry_run": gettext_lazy("This clean-up is live, but the workspace is in dry run."),
    "mail_hours": gettext_lazy("No e-mails are sent at this hour."),
    "mail_limit": gettext_lazy("Hourly limit of e-mails reached"),
    "first_ones": gettext_lazy("The next ones wait until the outcome of the first is known."),
    "held": gettext_lazy("Everything is held."),
    "checkpoint": gettext_lazy("The database does not agree with its checkpoint."),
    "held_back": gettext_lazy("Not yet for %(count)s: %(why)s."),
    # Why nobody can be launched now
    "warns_nobody": gettext_lazy("No mail server is set up, so e-mails reach nobody."),
    "share_too_small": gettext_lazy("The policy's share of the population allows no account."),
    "share_used_up": gettext_lazy(
        "Limit reached: of at most %(share)s accounts, %(taken)s are about to be removed or were in the last 30 days."
    ),
    # Outcomes of a step
    "lease_over": gettext_lazy("Time ran out before anything was sent."),
    "look_too_old": gettext_lazy("The final check had become too old, so nothing was sent."),
    "worker_died": gettext_lazy("The worker stopped before it was done."),
    "answers_awaited": gettext_lazy("One removal got no clear answer; others have to end first."),
    "cancelled": gettext_lazy("The clean-up was cancelled."),
    "notice_came_back": gettext_lazy("The notice bounced."),
}
"""A sentence for each code; of one with a kind of API error, the sentence of :data:`ERRORS` stands in."""

AGAIN = gettext_lazy("People join and leave during a sync: sync again. If it happens again, ask Huwise support.")
SUPPORT = gettext_lazy("Sync again. If it happens again, show this to Huwise support.")

DATES = gettext_lazy(
    "Ask Huwise support why last_seen_at and last_login_at are empty. The first sync waits for an administrator."
)

REMEDIES: dict[str, Promise] = {
    "count_changed": AGAIN,
    "passes_disagree": AGAIN,
    "counts_differ": AGAIN,
    "repeated": SUPPORT,
    "unreadable_record": SUPPORT,
    "everyone_holds": SUPPORT,
    "not_compared": SUPPORT,
    "group_repeated": SUPPORT,
    "group_unreadable": SUPPORT,
    "nameless": gettext_lazy("Give them a username in Huwise, or remove them there."),
    "nobody_seen": DATES,
    "never_used": DATES,
    "empty": gettext_lazy("Check that the key and its owner still hold edit_domain, then sync again."),
    "interrupted": gettext_lazy("Sync again. Nothing was stored halfway."),
    "stopped": gettext_lazy("Sync again when the cause is fixed. Nothing was stored."),
    "host": gettext_lazy(
        "If the same workspace moved there, run `manage.py change_host`. If not, check HUWISE_URL; for another "
        "workspace, set another name in HUWISE_WORKSPACE."
    ),
    "clock_skewed": gettext_lazy("Set this server's clock (NTP)."),
    "clock_behind": gettext_lazy("Set this server's clock (NTP); if it is right, sync again."),
    "owner_unknown": gettext_lazy("Set HUWISE_API_KEY_OWNER to the owner's username."),
    "owner_unlisted": gettext_lazy("Set HUWISE_API_KEY_OWNER to the owner's username as the workspace lists it."),
    "owner_unreadable": gettext_lazy("Make a key whose owner is a member of the workspace and holds edit_domain."),
    "owner_weak": gettext_lazy("Give edit_domain to the owner and to the key."),
    "administrators_missing": gettext_lazy("Make a key with edit_domain, owned by someone who holds it."),
    "not_checked": gettext_lazy("Check HUWISE_URL and HUWISE_API_KEY in the environment of web and worker."),
    "caller_changed": gettext_lazy("Check whose key it is. If the change is right, sync to record the new owner."),
    "unknown_in_a_row": gettext_lazy(
        "Check that the workspace works. Each account is checked twice to find out what happened."
    ),
    "unknown_again": gettext_lazy("Check the account in Huwise, then withdraw it here or try again."),
    "pause_at_regret": gettext_lazy("Check who they are and whether the policy's limit is too short."),
    "held": gettext_lazy("An administrator can release it on the page Hold."),
    "held_back": gettext_lazy("Check these accounts on the clean-up's page."),
    "breaker_tripped": gettext_lazy("An administrator has to use or ignore it first."),
    "key_owner_unknown": gettext_lazy("Set HUWISE_API_KEY_OWNER and sync."),
    "workspace_in_dry_run": gettext_lazy("An administrator can make it live."),
    "mail_hours": gettext_lazy("Sending continues in the hours that are set."),
    "checkpoint": gettext_lazy("An administrator has to check this on the page Hold."),
    "first_ones": gettext_lazy("The account is checked twice before anything else."),
    "notice_came_back": gettext_lazy(
        "Correct the address in Huwise, sync and send the notice again, or withdraw the account from this clean-up."
    ),
    "warns_nobody": gettext_lazy("Set EMAIL_URL to your mail server, or try it as a dry run."),
    "share_too_small": gettext_lazy("Raise limits.share_of_population in the policy."),
    "share_used_up": gettext_lazy(
        "The next launch becomes possible on %(next)s, or earlier if some of them keep their access."
    ),
}
"""What to do about each."""

ERRORS: dict[str, tuple[Promise, Promise]] = {
    "Unreachable": (
        gettext_lazy("The workspace could not be reached."),
        gettext_lazy("Check the workspace's address and the network, then try again."),
    ),
    "Unreachable timeout": (
        gettext_lazy("The workspace did not answer in time."),
        gettext_lazy("Check the workspace's address and the network, then try again."),
    ),
    "Unreachable slow": (
        gettext_lazy("The workspace answered far too slowly."),
        gettext_lazy("Check the workspace's address and the network, then try again."),
    ),
    "Unreachable cut": (
        gettext_lazy("The workspace's answer was cut off."),
        gettext_lazy("Check the workspace's address and the network, then try again."),
    ),
    "Unreachable proxy": (
        gettext_lazy("The proxy blocked the connection to the workspace."),
        gettext_lazy("Check HUWISE_PROXY, and that the proxy allows connections to the workspace."),
    ),
    "Unreachable private": (
        gettext_lazy("The address leads into a private network, so nothing was sent."),
        gettext_lazy("Check the address. If it is right, set HUWISE_PRIVATE_NETWORKS=true for web and worker."),
    ),
    "Unreachable tls": (
        gettext_lazy("The workspace's certificate is not trusted. Nothing was sent."),
        gettext_lazy("Check HUWISE_URL. If the certificate comes from your own authority, set HUWISE_CA_FILE."),
    ),
    "Unreachable tls, not agreed": (
        gettext_lazy("No encrypted connection to the workspace could be agreed on."),
        gettext_lazy("Check HUWISE_URL and its port, and the proxies and firewalls on the way."),
    ),
    "Unauthorized": (
        gettext_lazy("The workspace does not accept the API key."),
        gettext_lazy("Check HUWISE_API_KEY: the key may be revoked, or belong to another workspace."),
    ),
    "Forbidden": (
        gettext_lazy("The API key is not allowed to do this."),
        gettext_lazy("Give edit_domain to the key and to the person who owns it."),
    ),
    "RateLimited": (
        gettext_lazy("The workspace's quota of calls is used up."),
        gettext_lazy("Wait for the next sync; daily quotas reset at midnight UTC."),
    ),
    "ServerFault": (
        gettext_lazy("The workspace reported an error."),
        gettext_lazy("Try again later. If it happens again, send the trace to Huwise support."),
    ),
    "Redirected": (
        gettext_lazy("The workspace redirected to another address; the portal never follows redirects."),
        gettext_lazy("Check that HUWISE_URL is the workspace's exact address."),
    ),
    "UnexpectedAnswer": (
        gettext_lazy("The answer does not match the Huwise API."),
        gettext_lazy("Check that HUWISE_URL is the workspace itself, not a login page or a proxy."),
    ),
}
"""What each kind of error of the API means for people, and what to do; the other kinds are told by their own text.

Of an unreachable workspace, some reasons have a sentence of their own.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding in the reader's language. ``detail`` is what the API or the client said, word for word."""

    code: str
    is_good: bool
    said: str
    remedy: str
    detail: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.said, self.remedy, self.detail and f"({self.detail})")))


def of_error(code: str, error: HuwiseError, **facts: str) -> Found:
    """An error of the API as a finding to be stored; its text holds no secret."""
    kind = type(error).__name__
    if isinstance(error, Unreachable) and f"{kind} {error.sentence}" in ERRORS:
        kind = f"{kind} {error.sentence}"
    detail = error.details() if kind in ERRORS else str(error)
    return {"code": code, "kind": kind, "error": detail} | facts


def in_words(found: Found | str) -> Finding:
    """A stored finding in words. One from before findings had codes is its own sentence."""
    if isinstance(found, str):
        return Finding(code="", is_good=False, said=found, remedy="", detail="")
    code, known = found["code"], defaultdict(str, {"count": 0, **counted(found), **_spoken(found)})
    said, remedy = SAID.get(code), str(REMEDIES.get(code, "")) % known
    lead = str(said % known) if said else str(code)
    if until := found.get("until"):
        at = instants.moment(until) if code in ("launch_waits", "avoided_day") else instants.time_of(until)
        lead = _("%(said)s; continues at %(at)s") % {"said": lead.removesuffix("."), "at": at}
    if kind := found.get("kind"):
        meant, advice = ERRORS.get(kind, (_("The workspace's answer could not be used."), remedy))
        remedy = str(advice)
        lead = str(meant) if code == "api" else f"{lead} {meant}"
    is_good = bool(found.get("is_good"))
    return Finding(code=code, is_good=is_good, said=lead, remedy=remedy, detail=str(found.get("error", "")))


def _spoken(found: Found) -> dict[str, str]:
    """Of a finding's details, those that are themselves codes or instants, in words."""
    spoken = {key: instants.moment(found[key]) for key in ("next", "ended") if key in found}
    return spoken | (
        {"why": objections.objection(found["why"]).removesuffix(": ")} if found["code"] == "held_back" else {}
    )


ANOMALIES: dict[str, Promise] = {
    "activity_lost": ngettext_lazy(
        "%(after)s person appears less active than before",
        "%(after)s people appear less active than before",
        "after",
    ),
    "population_changed": gettext_lazy("the number of accounts went from %(before)s to %(after)s"),
    "nobody_seen": gettext_lazy("the first sync does not show when any of the %(before)s accounts was last used"),
    "never_used": gettext_lazy("in the first sync, %(after)s of %(before)s accounts were never used"),
    "candidates_multiplied": ngettext_lazy(
        "%(after)s account would be dormant; before, %(before)s were",
        "%(after)s accounts would be dormant; before, %(before)s were",
        "after",
    ),
}
"""A clause for each rule of the breaker."""


def of_anomalies(anomalies: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which rules of the breaker tripped, as clauses with their numbers."""
    return [str(ANOMALIES.get(item["code"], item["code"]) % counted(item)) for item in anomalies]
