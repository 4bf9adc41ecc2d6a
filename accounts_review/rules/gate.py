"""The gate: may this DELETE be sent, now? Terms in, objections out; none means yes.

Pure: no Django, no clock, no input or output. :mod:`accounts_review.workflow.revoke.worker` gathers the terms, the last
look among them, inside the transaction that would commit the intent (laws 5 and 6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from accounts_review.rules.addresses import same_mailbox
from accounts_review.rules.dates import is_earlier, whole_second
from accounts_review.rules.dormancy import Reason, Verdict, judge, verdict_at
from accounts_review.rules.facts import Facts
from accounts_review.rules.policy import Policy

LONGEST_LOOK = timedelta(seconds=30)

ABOUT_THE_ACCOUNT = frozenset({"unreadable_record", "earlier_activity", "another_address", "verdict_uncertain"})
"""Objections that hold one account alone, for what it shows: they may last, so a person is told after a day."""


class Effect(StrEnum):
    """What an objection does to the case."""

    SPARE = "spare"
    """The account keeps its access; the case ends."""
    HOLD = "hold"
    """Not now: the case stays due."""


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason not to send, and what it means for the case."""

    code: str
    effect: Effect
    detail: str = ""
    because: tuple[Reason, ...] = ()
    """Where the verdict is another now: why."""
    until: datetime | None = None
    """When it ends by itself, where it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the approver saw of the account."""

    incarnation: str
    activity_at: datetime | None
    rights: frozenset[str]
    groups: frozenset[str]
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What concerns every case of a clean-up alike, as it is now."""

    is_held: bool
    database_trusted: bool
    key_owner_known: bool
    breaker_tripped: bool
    cleanup_running: bool
    mode_allows: bool
    """Whether the workspace is live, or the clean-up is a dry run."""
    budget_left: int
    budget_returns_at: datetime | None = None
    waits_until: datetime | None = None
    """Until when a launch that gave nobody notice still waits."""
    avoided_until: datetime | None = None
    """When the next day begins that the policy does not avoid, where it avoids this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(Moment):
    """Everything the gate asks about, as it is at ``now``. ``facts`` are those of the last look."""

    now: datetime
    facts: Facts
    incarnation: str
    evidence: Evidence
    reviewed_policy: Policy
    current_policy: Policy
    approver_may: bool
    approved_at: datetime
    accepted_activity_at: datetime | None
    """What the last accepted sync said, which may be earlier than the evidence where a person has accepted that."""
    is_exempt: bool
    key_owner_known: bool
    gives_notice: bool
    """Whether the clean-up warns people, at the address they have by then; in a dry run nobody is."""
    notice_promised: bool
    noticed_at: datetime | None
    warned_to: str
    """The address that the notice went to."""
    promised_at: datetime | None


def objections(terms: Terms) -> list[Objection]:
    """All reasons against sending the DELETE, those that spare the account first."""
    found = [*_about_the_account(terms), *_about_the_decision(terms), *_about_the_moment(terms)]
    return sorted(found, key=lambda objection: objection.effect is Effect.HOLD)


def standstill(moment: Moment) -> list[Objection]:
    """The reasons for which no case of a clean-up can go on now, whoever it is about."""
    found = []
    if moment.is_held:
        found.append(Objection("held", Effect.HOLD))
    if not moment.database_trusted:
        found.append(Objection("checkpoint", Effect.HOLD))
    if not moment.key_owner_known:
        found.append(Objection("key_owner_unknown", Effect.HOLD))
    if moment.breaker_tripped:
        found.append(Objection("breaker_tripped", Effect.HOLD))
    if not moment.cleanup_running:
        found.append(Objection("cleanup_not_running", Effect.HOLD))
    if not moment.mode_allows:
        found.append(Objection("workspace_in_dry_run", Effect.HOLD))
    if moment.waits_until is not None:
        found.append(Objection("launch_waits", Effect.HOLD, until=moment.waits_until))
    if moment.avoided_until is not None:
        found.append(Objection("avoided_day", Effect.HOLD, until=moment.avoided_until))
    if moment.budget_left < 1:
        found.append(Objection("hourly_limit", Effect.HOLD, until=moment.budget_returns_at))
    return found


def _about_the_account(terms: Terms) -> Iterator[Objection]:
    if not terms.incarnation:
        yield Objection("unreadable_record", Effect.HOLD)
        return
    if terms.incarnation != terms.evidence.incarnation:
        yield Objection("another_incarnation", Effect.SPARE, terms.incarnation)
        return
    activity = terms.facts.activity
    seen, approved = activity[0] if activity else None, terms.evidence.activity_at
    if approved is None or (seen is not None and whole_second(seen) > whole_second(approved)):
        yield Objection("newer_activity", Effect.SPARE, seen.isoformat() if seen else "")
    elif is_earlier(seen, min(approved, terms.accepted_activity_at or approved)):
        yield Objection("earlier_activity", Effect.HOLD, seen.isoformat() if seen else "")
    if new_rights := sorted(set(terms.facts.rights) - terms.evidence.rights):
        yield Objection("new_rights", Effect.SPARE, ", ".join(new_rights))
    if new_groups := sorted(set(terms.facts.groups or ()) - terms.evidence.groups):
        yield Objection("new_groups", Effect.SPARE, ", ".join(new_groups))
    email = terms.facts.email
    if not terms.gives_notice and email and not same_mailbox(terms.evidence.email, email):
        # Who is warned at the new address has had their say; here it may be somebody else's account by now.
        yield Objection("another_address", Effect.HOLD)
    for policy in (terms.current_policy, terms.reviewed_policy):
        assessment = judge(policy, terms.facts)
        verdict = verdict_at(standing=assessment.standing, dormant_from=assessment.dormant_from, now=terms.now)
        if verdict is not Verdict.DORMANT:
            idle = verdict in (Verdict.PROTECTED, Verdict.UNCERTAIN)
            # What is missing is no evidence, neither for the person nor against them.
            effect = Effect.HOLD if verdict is Verdict.UNCERTAIN else Effect.SPARE
            yield Objection(f"verdict_{verdict}", effect, because=assessment.reasons if idle else ())
            return


def _about_the_decision(terms: Terms) -> Iterator[Objection]:
    if terms.is_exempt:
        yield Objection("exempt", Effect.SPARE)
    if not terms.approver_may:
        yield Objection("approver_may_no_longer", Effect.SPARE)
    lapses = terms.approved_at + timedelta(days=terms.reviewed_policy.approval.expires_after_days)
    if terms.now >= lapses:
        yield Objection("approval_expired", Effect.SPARE, lapses.isoformat())


def _about_the_moment(terms: Terms) -> Iterator[Objection]:
    yield from standstill(terms)
    if terms.notice_promised and (terms.noticed_at is None or terms.promised_at is None):
        yield Objection("not_noticed", Effect.HOLD)
    elif terms.notice_promised and terms.facts.email and not same_mailbox(terms.warned_to, terms.facts.email):
        yield Objection("address_changed", Effect.HOLD)
    if terms.promised_at is not None and terms.now < terms.promised_at:
        yield Objection("promise_not_reached", Effect.HOLD, terms.promised_at.isoformat())
    if not timedelta(0) <= terms.now - terms.facts.read_at <= LONGEST_LOOK:
        yield Objection("stale_look", Effect.HOLD)
