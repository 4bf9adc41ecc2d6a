"""The last look: read the account and its groups once more, and gather the gate's terms around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Func, IntegerField, Q, QuerySet
from msgspec import structs

from accounts_review.audit.events import Event
from accounts_review.facts import facts_of, incarnation_of, lost_activity, whole_incarnation
from accounts_review.huwise import Client, NotFound, UnexpectedAnswer, UserRecord, decode_user
from accounts_review.huwise.records import storable
from accounts_review.models import (
    Account,
    AuditEntry,
    Case,
    Cleanup,
    Exemption,
    PolicyVersion,
    Workspace,
    may,
)
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.models.workspace import IN_FORCE
from accounts_review.rules.addresses import same_mailbox, usable_in_url
from accounts_review.rules.dates import valid_instant
from accounts_review.rules.facts import Facts
from accounts_review.rules.gate import Evidence, Moment, Terms
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.rules.policy import Policy
from accounts_review.workflow import holds, open_days
from accounts_review.workflow.revoke.groups import Groups

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLook:
    """What was seen. ``record`` is kept with the case, ``snapshot`` is what it takes to invite the person back."""

    at: datetime
    gone: bool
    record: dict[str, Any]
    facts: Facts | None = None
    incarnation: str = ""
    """Which account of that username it is; "" where the record is of another, or does not say when it joined."""
    snapshot: dict[str, Any] | None = None


def look(case: Case, *, client: Client | Groups, clock: Callable[[], datetime]) -> LastLook:
    """Read the account with its groups. Raises what the client raises, but for an account that is gone.

    Looks that follow one another closely share a reading of the groups, where they are given the same :class:`Groups`.
    """
    groups = client if isinstance(client, Groups) else Groups(client, clock)
    started = clock()
    try:
        raw = _read(case, groups.client)
    except NotFound as answer:
        record = {"at": started.isoformat(), "found": False, "status": answer.status, "error_code": answer.error_code}
        return LastLook(at=started, gone=True, record=record)
    user = decode_user(raw)
    # What the record says of its groups is not enough: a sync believes /groups/ as well, and so does the gate.
    rights, asked = groups.rights() if user.groups else ({}, started)
    at = min(started, asked)
    key_owner = case.cleanup.workspace.key_owner
    facts = facts_of(user, rights_by_group=rights, key_owner=key_owner, read_at=at)
    activity = facts.activity
    return LastLook(
        at=at,
        gone=False,
        facts=facts,
        incarnation=_incarnation(user, case, read_at=started),
        record={
            "at": started.isoformat(),
            "found": True,
            "activity_at": activity[0].isoformat() if activity else None,
            "activity_field": activity[1] if activity else "",
            "rights": sorted(facts.rights),
            "groups": list(facts.groups or ()),
            "incarnation": incarnation_of(user),
        },
        # As text: a hostile record may hold escapes that a JSON column refuses.
        snapshot={"read_at": started.isoformat(), "user": storable(raw.decode(errors="replace"))},
    )


def _read(case: Case, client: Client) -> bytes:
    """The record of the account. Raises what the client raises.

    Where not even our key's owner is found, that somebody is not says nothing of them, and is ``UnexpectedAnswer``.
    """
    name, owner = case.account.username, case.cleanup.workspace.key_owner
    try:
        return client.user(name)
    except NotFound:
        if owner == name or not usable_in_url(owner):
            raise
    try:
        client.user(owner)
    except NotFound as answer:
        raise UnexpectedAnswer(
            doing=answer.doing, status=answer.status, message="it finds no account, not even that of our key's owner"
        ) from answer
    # Once more: the answer before may have been the last one of an outage.
    return client.user(name)


def store_address(account: Account, email: str) -> None:
    """Keep an address that was read now: e-mails go to the newest one. The next sync reads the whole record again."""
    if email and not same_mailbox(account.email, email):
        Account.objects.filter(pk=account.pk).update(email=email, digest="")
        account.email = email


def _incarnation(user: UserRecord, case: Case, *, read_at: datetime) -> str:
    is_readable = user.username == case.account.username and valid_instant(user.joined_at, read_at=read_at)
    return whole_incarnation(incarnation_of(user)) if is_readable else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What every gate of a clean-up asks alike, read once in a transaction."""

    cleanup: Cleanup
    current: PolicyVersion
    moment: Moment
    policies: dict[int, Policy]
    """By number, those that were asked for so far."""
    exempt: frozenset[int]
    """The accounts of these cases that an exemption keeps now."""
    in_doubt: bool
    """Whether an outcome is unknown, and DELETEs that had left before it still wait for their answers."""
    approvers: dict[int, bool]
    """Who may still decide, of those who were asked about so far."""

    def policy(self, number: int) -> Policy:
        if number not in self.policies:
            version = PolicyVersion.objects.get(workspace=self.cleanup.workspace, number=number)
            self.policies[number] = version.rules
        return self.policies[number]

    def may_decide(self, person_id: int | None) -> bool:
        if person_id is None:
            return False
        if person_id not in self.approvers:
            self.approvers[person_id] = may(User(pk=person_id), "decide", self.cleanup.workspace)
        return self.approvers[person_id]


def basis_of(cleanup_id: int, *, now: datetime, accounts: list[int] | None = None) -> Basis:
    """What holds for the cases of a clean-up, with these accounts, read now."""
    [cleanup] = _CLEANUP.objects(key=cleanup_id)
    current = cleanup.workspace.current_policy
    # Asked for again and again below, of this very object.
    setattr(cleanup.workspace, IN_FORCE, current)
    known = {version.number: version.rules for version in (cleanup.policy, current) if version}
    return Basis(
        exempt=frozenset(key for (key,) in (_EXEMPT.rows(accounts=accounts, now=now) if accounts else ())),
        in_doubt=in_doubt(cleanup, now=now),
        cleanup=cleanup,
        current=current,
        moment=moment_of(cleanup, now=now, current=current),
        policies=known,
        approvers={},
    )


_CLEANUP = Prepared(lambda key: Cleanup.objects.select_related("workspace", "policy").filter(pk=key), key=int)
_EXEMPT = Prepared(
    lambda accounts, now: (
        Exemption.objects.in_force(now).filter(account__in=Among(accounts)).order_by().values_list("account")
    ),
    accounts=list,
    now=datetime,
)


def in_doubt(cleanup: Cleanup, *, now: datetime) -> bool:
    """Whether an outcome of a clean-up is unknown, and DELETEs that had left before still wait for their answers."""
    unknown = _NEWEST_UNKNOWN.rows(cleanup=cleanup.pk)
    if not unknown:
        return False
    waits = Q(state=CaseState.INTENDED, intended_at__lte=unknown[0][0], lease_until__gt=now)
    return cleanup.cases.filter(waits).exists()


_NEWEST_UNKNOWN = Prepared(
    lambda cleanup: (
        Case.objects.filter(cleanup=cleanup, state=CaseState.UNKNOWN).order_by("-moved_at").values_list("moved_at")[:1]
    ),
    cleanup=int,
)


def terms_of(case: Case, seen: LastLook, *, clock: Callable[[], datetime], basis: Basis) -> Terms:
    """What the gate asks about, read in the transaction that holds the case and its account."""
    assert seen.facts is not None
    assert seen.snapshot is not None
    now = clock()
    cleanup, evidence, account = basis.cleanup, case.evidence, case.account
    reviewed = basis.policy(evidence["policy"])
    frozen = cleanup.policy.rules if cleanup.policy else reviewed
    lost = lost_activity(
        decode_user(seen.snapshot["user"]),
        before=decode_user(account.raw),
        lost=account.lost_activity_at,
        read_at=seen.at,
    )
    return Terms(
        now=now,
        facts=structs.replace(seen.facts, disputed=tuple(account.disputed), lost_activity_at=lost),
        incarnation=seen.incarnation,
        evidence=Evidence(
            incarnation=whole_incarnation(evidence["incarnation"]),
            activity_at=datetime.fromisoformat(evidence["activity_at"]) if evidence["activity_at"] else None,
            rights=frozenset(evidence["rights"]),
            groups=frozenset(evidence["groups"]),
            email=evidence.get("email", ""),
        ),
        reviewed_policy=reviewed,
        current_policy=basis.current.rules,
        approver_may=basis.may_decide(case.approved_by_id),
        approved_at=case.approved_at,
        accepted_activity_at=account.accepted_activity_at,
        is_exempt=case.account_id in basis.exempt,
        gives_notice=frozen.notice.days > 0,
        notice_promised=not cleanup.dry_run and frozen.notice.days > 0,
        noticed_at=case.noticed_at,
        warned_to=case.warned_to,
        promised_at=case.promised_at,
        **{field.name: getattr(basis.moment, field.name) for field in fields(Moment)},
    )


def moment_of(cleanup: Cleanup, *, now: datetime, current: PolicyVersion | None = None) -> Moment:
    """What holds every case of a clean-up alike; its workspace is asked as it is now.

    ``current`` is the policy in force, where clean-up and workspace have just been read with it.
    """
    workspace = cleanup.workspace if current else Workspace.objects.get(pk=cleanup.workspace_id)
    current = current or workspace.current_policy
    # A dry run revokes nothing, so it neither uses up the hourly limit nor waits for it.
    left = 1 if cleanup.dry_run else budget_left(workspace, now=now, policy=current)
    return Moment(
        is_held=holds.over(workspace) is not None,
        database_trusted=holds.is_trusted(),
        key_owner_known=bool(workspace.key_owner),
        breaker_tripped=workspace.is_quarantined,
        cleanup_running=cleanup.state == CleanupState.RUNNING,
        mode_allows=bool(cleanup.dry_run) or workspace.is_live,
        budget_left=left,
        waits_until=waits_until(cleanup, now=now),
        avoided_until=open_days.closed_until(cleanup, now=now),
        budget_returns_at=budget_returns_at(workspace, now=now) if left < 1 else None,
    )


def waits_until(cleanup: Cleanup, *, now: datetime) -> datetime | None:
    """Until when a live launch without notice waits, by the policy it was launched with; ``None`` once over."""
    if cleanup.dry_run or cleanup.policy is None or cleanup.launched_at is None:
        return None
    rules = cleanup.policy.rules
    end = cleanup.launched_at + timedelta(hours=rules.launch.wait_hours)
    return end if not rules.notice.days and now < end else None


def budget_left(workspace: Workspace, *, now: datetime, policy: PolicyVersion | None = None) -> int:
    """How many intents the hourly limit of the policy in force still allows; one counts whatever became of it."""
    policy = policy or workspace.current_policy
    since = now - HOUR
    ((spent,),) = _counted(tuple(workspace.names)).rows(since=since)
    return policy.rules.limits.per_hour - int(spent)


def budget_returns_at(workspace: Workspace, *, now: datetime) -> datetime | None:
    """When the hourly limit allows an intent again, where it allows none now."""
    allowed = workspace.current_policy.rules.limits.per_hour
    intents = _intents(workspace.names, since=now - HOUR)
    spent = intents.order_by("-at").values_list("at", flat=True)[allowed - 1 : allowed].first()
    return spent + HOUR if spent else None


def _intents(names: Sequence[str], *, since: datetime) -> QuerySet[AuditEntry]:
    """Those of the last hour, whom an index of their own knows: there may be a million before."""
    return AuditEntry._base_manager.filter(kind=Event.CASE_INTENDED.value, at__gt=since, workspace__in=names)


@lru_cache
def _counted(names: tuple[str, ...]) -> Prepared:
    """How many there are, as a query that is put into SQL once: every claim asks, and every gate."""
    count = Func(function="COUNT", template="COUNT(*)", output_field=IntegerField())
    return Prepared(
        lambda since: _intents(names, since=since).order_by().annotate(count=count).values_list("count"), since=datetime
    )
