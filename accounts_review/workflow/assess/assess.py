"""Assess: apply the current policy to the accounts as they were read."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet

from accounts_review.models import Account, Assessment, DormancyCount, Exemption, PolicyVersion, Workspace, indexes
from accounts_review.models.account import STALE, AccountQuerySet
from accounts_review.models.keys import Among
from accounts_review.rules.dormancy import Verdict, verdict_of
from accounts_review.workflow.assess.judging import BATCH, Judging, mark_changed, merge, portions
from accounts_review.workflow.assess.processes import in_parts

DENSE = 2
"""Where there are so many keys to one that is asked for, to look at all between takes less than to look each up."""


def assess(*, workspace: Workspace, is_new: bool = False, only: Sequence[int] | None = None) -> int:
    """Judge every account whose assessment does not rest on what is known now; returns how many there were.

    What an assessment rests on beside the policy is its ``basis``: record, groups' rights and the key's owner. Once
    nobody is left, the version says that everybody was judged by it. Nothing depends on the clock, so nothing needs
    assessing again as time passes. ``is_new``: nobody was judged before, but beside the reading. ``only``: by
    their keys, whom alone it can concern since everybody was judged; it counts for nothing where not everybody was.
    """
    version = in_force(workspace).get()
    stale = _stale(version)
    if version.is_judged and only is not None:
        stale = stale.filter(pk__in=Among(only)) if only else stale.none()
    keys = array("q", stale.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=BATCH))
    # Where nobody was judged before, hardly anybody else writes to the table, and none waits for long.
    is_new = is_new or (bool(keys) and not Assessment.objects.exists())
    if keys:
        indexes.put_off(Assessment, coming=len(keys))
        in_parts(keys, lambda part: _judge(version, part, is_new=is_new))
    # Those of the accounts are there, but where the process that had stored them died.
    indexes.make_missing(Account, Assessment, is_new=is_new)
    if version.is_judged and not keys:
        return 0
    if not _is_done(version, keys):
        return max(len(keys), assess(workspace=workspace))
    if keys or is_new:
        DormancyCount.objects.gather(workspace)
    return len(keys)


def _judge(version: PolicyVersion, keys: Sequence[int], *, is_new: bool = False) -> bool:
    """Judge some accounts under a version, as long as it is in force; whether it was until the end."""
    judging = Judging(version.workspace, version.rules)
    for portion in portions(keys):
        judging.stage(portion)
        try:
            is_done = _write(version, is_new=is_new)
        except IntegrityError:
            # Somebody judged them meanwhile.
            is_done = _write(version)
        if not is_done:
            return False
    return True


@transaction.atomic
def _write(version: PolicyVersion, *, is_new: bool = False) -> bool:
    """Write what was staged, as long as the version is in force; whether it was."""
    if not is_in_force(version):
        # The other brought assessments of its own: they must not be overwritten.
        return False
    merge(Assessment, unique=("account_id",), is_new=is_new, policy_id=version.pk)
    mark_changed(version.workspace)
    return True


def _is_done(judged: PolicyVersion, keys: Sequence[int]) -> bool:
    """Whether nobody is left, which is then noted of the version: another came into force, or a process died.

    Where everybody was judged by it before, only those are looked at who were to be judged now.
    """
    with transaction.atomic():
        version = in_force(judged.workspace).select_for_update(no_key=True, of=("self",)).first()
        if version is None:
            return False
        left = _stale(version)
        if version == judged and version.is_judged:
            left = left.filter(_around(keys))
        # As a rule it is nobody: looking for the first one, the database would look each account up by itself.
        if left.count():
            return False
        if not version.is_judged:
            PolicyVersion.objects.filter(pk=version.pk).update(is_judged=True)
    return True


def _around(keys: Sequence[int]) -> Q:
    """A condition for some accounts in the order of their keys; where nearly all are between, for those as well."""
    if keys and keys[-1] - keys[0] < DENSE * len(keys):
        return Q(pk__range=(keys[0], keys[-1]))
    return Q(pk__in=Among(keys))


def tally(*, workspace: Workspace, now: datetime) -> dict[str, int]:
    """How many listed accounts have each verdict at an instant, counted from each day's."""
    found: Counter[str] = Counter()
    for _segment, standing, is_past, count in DormancyCount.objects.by_standing(workspace, at=now):
        found[verdict_of(standing, is_active=not is_past).value] += count
    exempt = Account.objects.filter(workspace=workspace, pk__in=Exemption.objects.in_force(now).values("account"))
    past = exempt.reviewable().filter(assessment__dormant_from__lte=now).order_by()
    for standing, count in past.values_list("assessment__standing").annotate(Count("pk")):
        found[verdict_of(standing, is_active=False).value] -= count
        found[Verdict.PROTECTED.value] += count
    return dict(+found)


def is_owed(*, workspace: Workspace) -> bool:
    """Whether accounts are left that the policy in force has not judged as they are now."""
    version = in_force(workspace).first()
    return version is not None and _stale(version).exists()


def in_force(workspace: Workspace) -> QuerySet[PolicyVersion]:
    """The policy by which a workspace judges, with the workspace."""
    # Both are asked for anew: the policy and the rights may have changed since the workspace was looked up.
    return PolicyVersion.objects.select_related("workspace").filter(workspace=workspace, is_current=True)


def _stale(version: PolicyVersion) -> AccountQuerySet:
    return Account.objects.filter(workspace=version.workspace).with_basis_under(version).filter(STALE)


def is_in_force(version: PolicyVersion) -> bool:
    """Whether it still is; and if so, it stays so until the transaction ends."""
    return PolicyVersion.objects.select_for_update(no_key=True).filter(pk=version.pk, is_current=True).exists()
