"""Accounts held for a decision: nobody else decides on them until it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from accounts_review.models import Account, Case, PolicyVersion, Workspace, permit
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.models.workspace import IN_FORCE
from accounts_review.workflow.review.conflicts import decided_since, said_of
from accounts_review.workflow.review.refusals import Apart, sift

_ASKED = (
    *("workspace", "username", "incarnation", "email", "groups", "digest", "read_at", "absent_since", "gone_at"),
    *("assessment__policy", "assessment__segment", "assessment__limit_days", "assessment__activity_at"),
    *("assessment__activity_field", "assessment__dormant_from", "assessment__standing", "assessment__reasons"),
    *("assessment__rights",),
)
"""What decisions ask of an account: the rest is most of what a row holds."""
_HOLD_ACCOUNTS = Prepared(
    lambda keys: (
        Account.objects.filter(pk__in=Among(keys)).order_by("pk").select_for_update(no_key=True).values_list("pk")
    ),
    keys=list,
)
_HOLD_CASES = Prepared(
    lambda keys: Case.objects.filter(account__in=Among(keys)).open().select_for_update(no_key=True).values_list("pk"),
    keys=list,
)
_FRESH = Prepared(
    lambda keys, now: (
        Account.objects.filter(pk__in=Among(keys)).order_by("pk").assessed().with_verdict(now).only(*_ASKED)
    ),
    keys=list,
    now=datetime,
)


def held(
    accounts: Sequence[Account],
    *,
    actor: User,
    now: datetime,
    seen: int | None,
    apart: Apart | None,
    with_draft: bool = False,
) -> list[Account]:
    """The accounts as they are now, held with their cases until the transaction ends, so that deciders take turns.

    ``with_draft`` holds their workspaces before the cases, as whoever launches a draft does. Raises
    ``PermissionDenied`` and :class:`DecisionRefused`.
    """
    ids = [account.pk for account in accounts]
    workspaces = Workspace.objects.in_bulk({account.workspace_id for account in accounts})
    for workspace in workspaces.values():
        permit(actor, "decide", workspace)
    _HOLD_ACCOUNTS.rows(keys=ids)
    if with_draft:
        list(Workspace.objects.filter(pk__in=[*workspaces]).order_by("pk").select_for_update(no_key=True))
    _HOLD_CASES.rows(keys=ids)
    in_force: dict[int, PolicyVersion] = {}
    for version in PolicyVersion.objects.filter(workspace__in=workspaces, is_current=True):
        in_force[version.workspace_id], version.workspace = version, workspaces[version.workspace_id]
        # What else is asked of the policy is answered by the version that the judgements rest on.
        setattr(version.workspace, IN_FORCE, version)
    fresh: dict[int, Account] = {account.pk: account for account in _FRESH.objects(keys=ids, now=now)}
    # Each is shared by many: with every account, they would be most of what is read.
    policies = {version.pk: version for version in in_force.values()}
    others = {account.assessment.policy_id for account in fresh.values()} - policies.keys()
    policies |= PolicyVersion.objects.in_bulk(others)
    for account in fresh.values():
        account.workspace = workspaces[account.workspace_id]
        found = account.assessment
        found.policy = policies[found.policy_id]
        found.policy = found.judged_by(in_force[account.workspace_id])
    sift(accounts, lambda account: "" if account.pk in fresh else _("it has not been assessed yet"), apart)
    if seen is None:
        return list(fresh.values())
    since = decided_since(seen, workspaces=workspaces.values(), besides=actor, accounts=ids)
    return sift(fresh.values(), lambda account: said_of(since[account.pk]) if account.pk in since else "", apart)
