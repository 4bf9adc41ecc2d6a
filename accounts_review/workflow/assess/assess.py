"""Assess: apply the current policy to the accounts as they were read."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts_review.models import Account, Assessment, DormancyCount, PolicyVersion, Workspace
from accounts_review.models.account import STALE, AccountQuerySet
from accounts_review.workflow.assess.judging import BATCH, Judging, batches, merge


def assess(*, workspace: Workspace) -> int:
    """Judge every account whose assessment does not rest on what is known now; returns how many there were.

    What an assessment rests on is its ``basis``: policy version, record, groups' rights and the key's owner.
    Nothing depends on the clock, so nothing needs assessing again as time passes.
    """
    version = workspace.current_policy
    judging, judged = Judging(workspace, version.rules), 0
    beside = f"{version.pk}:{workspace.rights_digest}"
    stale = _stale(workspace, version).order_by("pk").values_list("pk", flat=True)
    for keys in batches(stale.iterator(chunk_size=BATCH)):
        judging.stage(keys, beside=beside)
        with transaction.atomic():
            if not _is_in_force(version):
                # Another came into force meanwhile, with assessments of its own: they must not be overwritten.
                return judged + assess(workspace=workspace)
            merge(Assessment, unique=("account_id",), policy_id=version.pk)
        judged += len(keys)
    if judged:
        DormancyCount.objects.gather(workspace)
    return judged


def tally(*, workspace: Workspace, now: datetime) -> dict[str, int]:
    """How many listed accounts have each verdict at an instant."""
    return Account.objects.filter(workspace=workspace).listed().assessed().with_verdict(now).verdict_counts()


def is_owed(*, workspace: Workspace) -> bool:
    """Whether accounts are left that the policy in force has not judged as they are now."""
    version = workspace.policies.filter(is_current=True).first()
    return version is not None and _stale(workspace, version).exists()


def _stale(workspace: Workspace, version: PolicyVersion) -> AccountQuerySet:
    return (
        Account.objects.filter(workspace=workspace).with_basis(f"{version.pk}:{workspace.rights_digest}").filter(STALE)
    )


def _is_in_force(version: PolicyVersion) -> bool:
    """Whether it still is; and if so, it stays so until the transaction ends."""
    return PolicyVersion.objects.select_for_update(no_key=True).filter(pk=version.pk, is_current=True).exists()
