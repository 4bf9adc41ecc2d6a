"""The figures that the breaker looks at: this sync beside the last accepted one, or by itself where it is the first.

What was accepted is what is stored of the accounts, as no other sync changes that: so it is counted from there, at
the same instant and under the same policy as what is new.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from accounts_review.facts import (
    activity_of,
    facts_of,
    facts_of_account,
    lost_activity,
    rights_of_groups,
    signs_of,
    whole_incarnation,
)
from accounts_review.huwise import GroupRecord, decode_user
from accounts_review.models import Account, PolicyVersion, Sync, Workspace
from accounts_review.models.account import STALE, AccountQuerySet
from accounts_review.rules.breaker import BreakerCheck, Figures, checks, first_checks
from accounts_review.rules.dates import is_earlier, valid_instant
from accounts_review.rules.dormancy import Facts, Standing, Verdict, judge, verdict_at
from accounts_review.rules.policy import Policy
from accounts_review.workflow.sync.passes import Passes
from accounts_review.workflow.sync.store import rights_digest

FEW_NAMES = 10_000
"""Up to so many names are looked up; where more have changed, everyone is looked through."""


def checks_of(
    workspace: Workspace, passes: Passes, *, groups: list[GroupRecord], key_owner: str, now: datetime
) -> list[BreakerCheck]:
    """Every rule of the breaker with its numbers; nothing is stored."""
    baseline = workspace.syncs.filter(state=Sync.State.COMPLETE).first()
    if baseline is None:
        return first_checks(signs_of((user for user, _ in passes.fresh.values()), read_at=now))
    return checks(_figures(workspace, passes, groups=groups, key_owner=key_owner, baseline=baseline, now=now))


def _figures(
    workspace: Workspace, passes: Passes, *, groups: list[GroupRecord], key_owner: str, baseline: Sync, now: datetime
) -> Figures:
    accounts = Account.objects.filter(workspace=workspace)
    version, rights = workspace.current_policy, rights_of_groups(groups)
    before = _dormant(workspace, version, now=now)
    same_rights = rights_digest(groups, key_owner) == workspace.rights_digest
    kept = (
        before & passes.unchanged if same_rights else _rejudged(accounts, passes, version.rules, rights, key_owner, now)
    )
    fresh = sum(
        _is_candidate(facts_of(user, rights_by_group=rights, key_owner=key_owner, read_at=now), version.rules, now)
        for user, _ in passes.fresh.values()
    )
    removed_by_us = accounts.filter(gone_at__gte=baseline.started_at).count()
    return Figures(
        population_before=baseline.population - removed_by_us,
        population=len(passes.usernames),
        lost_activity=_lost_activity(workspace, passes, now),
        candidates_before=len(before),
        candidates=len(kept) + fresh,
    )


def _dormant(workspace: Workspace, version: PolicyVersion, *, now: datetime) -> set[int]:
    """Who is dormant by the last accepted sync and the policy in force; an exemption changes nothing about that."""
    listed = Account.objects.filter(workspace=workspace).listed()
    dormant = listed.filter(assessment__standing=Standing.ORDINARY, assessment__dormant_from__lte=now)
    found = set(dormant.values_list("pk", flat=True))
    # Whoever was not judged since, or was cleared by a sync that was not accepted, is judged as they were accepted.
    unsettled = listed.with_basis_under(version).filter(STALE | Q(unconfirmed_activity_at__isnull=False))
    rights = {
        group.uid: None if group.permissions is None else tuple(group.permissions) for group in workspace.groups.all()
    }
    for row in unsettled.iterator(chunk_size=2000):
        row.unconfirmed_activity_at = None
        facts = facts_of_account(row, rights_by_group=rights, key_owner=workspace.key_owner)
        (found.add if _is_candidate(facts, version.rules, now) else found.discard)(row.pk)
    return found


def _rejudged(
    accounts: AccountQuerySet,
    passes: Passes,
    rules: Policy,
    rights: dict[str, tuple[str, ...] | None],
    key_owner: str,
    now: datetime,
) -> set[int]:
    """Who of those whose record is unchanged would be dormant by the rights that were read now."""
    return {
        row.pk
        for row in accounts.iterator(chunk_size=2000)
        if row.pk in passes.unchanged
        and _is_candidate(
            facts_of_account(row, rights_by_group=rights, key_owner=key_owner),
            rules,
            now,
        )
    }


def _is_candidate(facts: Facts, rules: Policy, now: datetime) -> bool:
    found = judge(rules, facts)
    return verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=now) is Verdict.DORMANT


def _lost_activity(workspace: Workspace, passes: Passes, now: datetime) -> int:
    """Accounts whose accepted activity is later than what was read now, or whose dates are gone."""
    accounts = Account.objects.filter(workspace=workspace)
    read = {username: (whole, user) for (username, whole), (user, _) in passes.fresh.items()}
    unlisted = accounts.exclude(absent_since=None, gone_at=None)
    for row in unlisted.only("username", "incarnation", "raw").iterator(chunk_size=2000):
        if row.pk in passes.unchanged:
            read[row.username] = (whole_incarnation(row.incarnation), decode_user(row.raw))
    rows = accounts.exclude(accepted_activity_at=None)
    if len(read) <= FEW_NAMES:
        rows = rows.filter(username__in=read)
    names = ("username", "incarnation", "accepted_activity_at", "absent_since", "gone_at", "raw")
    lost = set()
    for username, incarnation, accepted, absent_since, gone_at, raw in rows.values_list(*names).iterator(
        chunk_size=2000
    ):
        if username not in read:
            continue
        whole, user = read[username]
        if whole == whole_incarnation(incarnation):
            is_lost = lost_activity(user, before=decode_user(raw), read_at=now) is not None
            is_lost = is_lost or is_earlier(activity_of(user, read_at=now), accepted)
        else:
            # Who is given a username joins after its holder before was last active. Otherwise it is the same account
            # still, and its date of joining is not what it was.
            joined = valid_instant(user.joined_at, read_at=now)
            is_lost = absent_since is None and gone_at is None and is_earlier(joined, accepted)
        if is_lost:
            lost.add(username)
    return len(lost)
