"""Assess: apply the current policy to the accounts as they were read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import islice

from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from accounts_review.dormancy import judge, segment_of
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
    rules = version.rules
    rights = {
        group.uid: None if group.permissions is None else tuple(group.permissions) for group in workspace.groups.all()
    }
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
    facts = facts_of(
        decode_user(account.raw),
        rights_by_group=rights,
        key_owner=workspace.key_owner,
        read_at=account.read_at,
        incomplete=account.incomplete,
    )
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
