"""Assess: apply the current policy to the accounts as they were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import islice

from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from accounts_review.dormancy import Facts, Verdict, judge, segment_of, verdict_at
from accounts_review.huwise import decode_user
from accounts_review.huwise.facts import facts_of
from accounts_review.models import Account, Assessment, PolicyVersion, Workspace
from accounts_review.policy import Policy

BATCH = 2000


def assess(*, workspace: Workspace) -> int:
    """Judge every account whose assessment does not rest on what is known now; returns how many there were.

    What an assessment rests on is its ``basis``: policy version, record, groups' rights and the key's owner.
    Nothing depends on the clock, so nothing needs judging anew as time passes.
    """
    version = workspace.current_policy
    rules, rights = version.rules, _rights_by_group(workspace)
    judged = 0
    for batch in _batches(_stale(workspace, version)):
        Assessment.objects.bulk_create(
            [_assessment(account, workspace, version, rules, rights) for account in batch],
            update_conflicts=True,
            unique_fields=["account"],
            update_fields=[f.name for f in Assessment._meta.concrete_fields if not f.primary_key],
        )
        judged += len(batch)
    return judged


def tally(*, workspace: Workspace, now: datetime) -> dict[str, int]:
    """How many listed accounts have each verdict at an instant."""
    return Account.objects.filter(workspace=workspace).listed().assessed().with_verdict(now).verdict_counts()


def preview(*, workspace: Workspace, rules: Policy, now: datetime) -> dict[tuple[str, str], int]:
    """How many listed accounts other rules would move from one verdict to another; nothing is stored."""
    rights, moved = _rights_by_group(workspace), Counter[tuple[str, str]]()
    listed = Account.objects.filter(workspace=workspace).listed().assessed().with_verdict(now)
    for account in listed.order_by("pk").iterator(chunk_size=BATCH):
        found = judge(rules, _facts(account, workspace, rights))
        verdict = verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=now)
        if account.exempt_until and verdict is not Verdict.ACTIVE:
            verdict = Verdict.PROTECTED
        if verdict != account.verdict:
            moved[account.verdict, verdict.value] += 1
    return dict(moved.most_common())


def _rights_by_group(workspace: Workspace) -> dict[str, tuple[str, ...] | None]:
    return {g.uid: None if g.permissions is None else tuple(g.permissions) for g in workspace.groups.all()}


def _stale(workspace: Workspace, version: PolicyVersion) -> Iterator[Account]:
    basis = Concat(Value(f"{version.pk}:{workspace.rights_digest}:"), "digest")
    accounts = Account.objects.filter(workspace=workspace).alias(basis=basis)
    stale = accounts.filter(
        Q(assessment=None) | ~Q(assessment__basis=F("basis")) | ~Q(assessment__incomplete=F("incomplete"))
    )
    return stale.order_by("pk").iterator(chunk_size=BATCH)


def _batches(accounts: Iterator[Account]) -> Iterator[list[Account]]:
    while batch := list(islice(accounts, BATCH)):
        yield batch


def _assessment(
    account: Account,
    workspace: Workspace,
    version: PolicyVersion,
    rules: Policy,
    rights: dict[str, tuple[str, ...] | None],
) -> Assessment:
    facts = _facts(account, workspace, rights)
    found = judge(rules, facts)
    return Assessment(
        account=account,
        policy=version,
        segment=found.segment,
        activity_at=found.activity_at,
        activity_field=found.activity_field,
        dormant_from=found.dormant_from,
        limit_days=segment_of(rules, facts).dormant_after_days,
        standing=found.standing.value,
        reasons=[asdict(reason) for reason in found.reasons],
        basis=f"{version.pk}:{workspace.rights_digest}:{account.digest}",
        incomplete=account.incomplete,
    )


def _facts(account: Account, workspace: Workspace, rights: dict[str, tuple[str, ...] | None]) -> Facts:
    return facts_of(
        decode_user(account.raw),
        rights_by_group=rights,
        key_owner=workspace.key_owner,
        read_at=account.read_at,
        incomplete=account.incomplete,
        disputed=account.disputed,
    )
