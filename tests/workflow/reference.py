"""The reference model of the stateful test: what may be removed, assessed again and from other sources than the portal.

The truth about people is read from the pretend workspace itself; decisions, roles, policies and mails are remembered
as they were seen to be given. Nothing here asks the gate, the dormancy rules or the lifecycle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from accounts_review.models import AuditEntry, Case
from huwise_sandbox.records import Record, group_uids
from huwise_sandbox.workspace import SandboxWorkspace

RIGHT = "edit_domain"
LEASE = timedelta(minutes=2)
EXPIRES_AFTER = timedelta(days=120)
FEWEST, AGAINST, SHARE = 3, 0.4, 0.25
"""From how many answers on which share of a clean-up's people pauses it; which share of everybody may be on its way."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a version of the policy says, in short."""

    limit: int = 730
    notice: int = 0
    protects_readers: bool = False
    two_people: bool = False


@dataclass(frozen=True, slots=True)
class Launched:
    """What was frozen when a clean-up was launched."""

    live: bool
    notice: int


@dataclass(slots=True)
class Reference:
    """What an honest clerk, who sees everything and trusts nobody, has written down."""

    truth: SandboxWorkspace
    rules: dict[int, Rules] = field(default_factory=dict)
    current: Rules = field(default_factory=Rules)
    roles: dict[str, str] = field(default_factory=dict)
    """Who may decide now: login -> role; who is demoted or deactivated is not in it."""
    approvals: dict[int, tuple[str, datetime, dict[str, Any]]] = field(default_factory=dict)
    """By case: who approved, when, and a copy of the evidence."""
    exempt_until: dict[int, datetime] = field(default_factory=dict)
    accepted: dict[int, datetime | None] = field(default_factory=dict)
    """By account: the newest activity that a person has accepted, although more was known before."""
    launched: dict[int, Launched] = field(default_factory=dict)
    mails: dict[int, tuple[datetime, str]] = field(default_factory=dict)
    """By case: when the mail server accepted its notice, and for which address."""
    promises: dict[int, datetime] = field(default_factory=dict)
    hastened: set[int] = field(default_factory=set)
    """Cases whose person asked to leave at once."""
    live: bool = True
    tries: Counter[int] = field(default_factory=Counter)
    """By case: DELETEs since a person last resumed its clean-up."""
    put_up_with: Counter[int] = field(default_factory=Counter)
    """By clean-up: how many spoke against it when a person resumed it all the same."""
    held: set[str] = field(default_factory=set)
    """By whom everything is held."""
    used_intents: set[int] = field(default_factory=set)
    sent: int = 0
    violations: list[str] = field(default_factory=list)

    def witness(self, username: str, *, now: datetime) -> None:
        """A DELETE is about to be sent: is it right, and is there an intent of its own?"""
        self.sent += 1
        case = Case.objects.filter(account__username=username).exclude(intended_at=None).latest("intended_at")
        self.violations += [f"DELETE of {username}: {why}" for why in self.against(case, now=now)]
        if case.intended_at is None or now - case.intended_at > LEASE:
            self.violations.append(f"DELETE of {username} when the lease was over")
        intent = AuditEntry.objects.filter(kind="case.intended", account_id=case.account_id).latest("seq").seq
        if intent in self.used_intents or case.state != "intended":
            self.violations.append(f"DELETE of {username} without an intent of its own")
        self.used_intents.add(intent)
        self.tries[case.pk] += 1
        if self.tries[case.pk] > 2:
            self.violations.append(f"a third DELETE of {username} that nobody has looked at")

    def resumed(self, cleanup: int, *, too_many_against: bool) -> None:
        """A person has looked at a clean-up that stood still, and lets it go on."""
        for pk in Case.objects.filter(cleanup=cleanup).values_list("pk", flat=True):
            self.tries.pop(pk, None)
        if too_many_against:
            self.put_up_with[cleanup] = self._against_it(cleanup)[0]

    def _against_it(self, cleanup: int) -> tuple[int, int, int]:
        """How many people of a clean-up speak against it, of how many anything was heard, and how many they are."""
        cases = [case for case in Case.objects.filter(cleanup=cleanup) if case.state != "withdrawn"]
        against = [case for case in cases if speaks_against(case)]
        heard = [case for case in cases if case.answer or speaks_against(case)]
        return len(against), len(heard), len(cases)

    def keep(self, account: int, until: datetime) -> None:
        """Somebody promised that an account stays, at least until then."""
        self.exempt_until[account] = max(until, self.exempt_until.get(account, until))

    def mailed(self, address: str, *, now: datetime) -> None:
        """The mail server accepts a notice: is it one that may be sent?"""
        open_cases = Case.objects.open().filter(account__username=name_of(address))
        for case in open_cases.filter(state="awaiting_notice").select_related("cleanup"):
            self.mails[case.pk] = (now, address)
            if not (self.live and self.launched[case.cleanup_id].live) or case.cleanup.state != "running":
                self.violations.append(f"a notice to {address} for a clean-up that is not running or is a dry run")
            if self.held:
                self.violations.append(f"a notice to {address} while everything is held")
            return
        self.violations.append(f"a notice to {address} that nobody was waiting for")

    def against(self, case: Case, *, now: datetime) -> list[str]:
        """Everything that speaks against removing the account of a case at this moment."""
        record = self.truth.user(case.account.username)
        about_them = [] if record is None else list(self._about_the_person(case, record, now))
        _, _, evidence = self.approvals[case.pk]
        if record and self.mails.get(case.pk, (now, evidence["email"]))[1] != record["email"]:
            about_them.append("another address than was warned, or approved")
        return [*about_them, *self._about_the_decision(case, now), *self._about_the_cleanup(case, now)]

    def _about_the_person(self, case: Case, record: Record, now: datetime) -> Iterator[str]:
        _, _, evidence = self.approvals[case.pk]
        activity = activity_of(record)
        if joined_of(record) != datetime.fromisoformat(evidence["incarnation"]):
            yield "another incarnation than approved"
        if activity > datetime.fromisoformat(evidence["activity_at"]):
            yield "activity later than the evidence"
        approved = datetime.fromisoformat(evidence["activity_at"])
        if activity < min(approved, self.accepted.get(case.account_id) or approved):
            yield "activity earlier than what was approved or accepted"
        rights, groups = self.truth.effective_permissions(record), set(group_uids(record))
        if RIGHT in rights:
            yield "a protected right"
        if not rights <= set(evidence["rights"]) or not groups <= set(evidence["groups"]):
            yield "rights or groups that the approver did not see"
        if "readers" in groups and (self.current.protects_readers or self.rules[evidence["policy"]].protects_readers):
            yield "in a protected group"
        longest = max(self.current.limit, self.rules[evidence["policy"]].limit)
        if activity + timedelta(days=longest) > now:
            yield "not dormant under both policies"

    def _about_the_decision(self, case: Case, now: datetime) -> Iterator[str]:
        login, at, _ = self.approvals[case.pk]
        if login not in self.roles:
            yield "the approver may no longer decide"
        if at + EXPIRES_AFTER <= now:
            yield "the approval expired"
        if self.exempt_until.get(case.account_id, now) > now:
            yield "an exemption in force"

    def _about_the_cleanup(self, case: Case, now: datetime) -> Iterator[str]:
        frozen = self.launched.get(case.cleanup_id)
        if frozen is None or not frozen.live:
            yield "a dry run, or not launched"
            return
        if not self.live:
            yield "the workspace is in dry run"
        if self.held:
            yield "everything is held"
        cleanup = type(case.cleanup).objects.get(pk=case.cleanup_id)
        if cleanup.state != "running":
            yield f"the clean-up is {cleanup.state}"
        against, heard, people = self._against_it(cleanup.pk)
        if heard >= FEWEST and against - self.put_up_with[cleanup.pk] > AGAINST * people:
            yield "too many speak against the clean-up"
        if cleanup.workspace.is_quarantined:
            yield "the breaker has tripped"
        if frozen.notice:
            mailed = self.mails.get(case.pk)
            if mailed is None:
                yield "no notice was sent"
            elif case.pk not in self.hastened and mailed[0] + timedelta(days=frozen.notice) > now:
                yield "the promised date is not reached"


def speaks_against(case: Case) -> bool:
    """Whether the person keeps the account, has signed in again, or could not be reached."""
    why = (case.outcome or {}).get("why")
    is_back = isinstance(why, list) and any(item.get("code") == "newer_activity" for item in why)
    keeps = (case.answer or {}).get("kind") == "keep"
    return keeps or case.state == "undeliverable" or (case.state == "spared" and is_back)


def name_of(address: str) -> str:
    """Whose address it is: what follows a plus is changed, the name before it stays."""
    return address.partition("@")[0].partition("+")[0]


def joined_of(record: Record) -> datetime:
    return datetime.fromisoformat(record["joined_at"])


def activity_of(record: Record) -> datetime:
    """The newest date of a record; those of the test are all valid or absent."""
    dates = (record["joined_at"], record["last_seen_at"], record["last_login_at"])
    return max(datetime.fromisoformat(date) for date in dates if date)
