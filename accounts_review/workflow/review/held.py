"""Accounts held for a decision: nobody else decides on them until it is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from accounts_review.models import Account, Assessment, Case, PolicyVersion, Workspace, permit
from accounts_review.models.copying import alike, as_read
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.models.workspace import IN_FORCE
from accounts_review.workflow.review.conflicts import decided_since, said_of
from accounts_review.workflow.review.refusals import Apart, sift

_ACCOUNT = (
    *("id", "workspace_id", "username", "incarnation", "email", "groups", "digest", "read_at"),
    *("absent_since", "gone_at"),
)
_COLUMNS = (*_ACCOUNT, "verdict", "exempt_until", "case_state", "snoozed_by")
_ASSESSMENT = (
    *("account_id", "policy_id", "segment", "limit_days", "activity_at", "activity_field", "dormant_from"),
    *("standing", "reasons", "rights"),
)
"""What decisions ask of an account and of its judgement: the rest is most of what a row holds."""
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
        Account.objects.filter(pk__in=Among(keys))
        .order_by("pk")
        .assessed()
        .with_verdict(now)
        .values_list(*_COLUMNS, *(f"assessment__{name}" for name in _ASSESSMENT))
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
    fresh = {account.pk: account for account in _fresh(ids, in_force, now=now)}
    sift(accounts, lambda account: "" if account.pk in fresh else _("it has not been assessed yet"), apart)
    since = {}
    if seen is not None:
        since = decided_since(seen, workspaces=workspaces.values(), besides=actor, accounts=ids)
    if not since:
        return list(fresh.values())
    return sift(fresh.values(), lambda account: said_of(since[account.pk]) if account.pk in since else "", apart)


def _fresh(ids: list[int], in_force: Mapping[int, PolicyVersion], *, now: datetime) -> Iterator[Account]:
    """The accounts with their judgements; to have Django make them took a tenth of a decision on very many."""
    rows = _FRESH.rows(keys=ids, now=now)
    judgements = [dict(zip(_ASSESSMENT, row[len(_COLUMNS) :], strict=True)) for row in rows]
    # Each version is shared by many: with every account, they would be most of what is read.
    versions = {version.pk: version for version in in_force.values()}
    versions |= PolicyVersion.objects.in_bulk({columns["policy_id"] for columns in judgements} - versions.keys())
    relied_on = {
        version.pk: Assessment(policy=version).judged_by(in_force[version.workspace_id])
        for version in versions.values()
    }
    account, assessment = as_read(Account, _ACCOUNT), as_read(Assessment, _ASSESSMENT)
    for row, columns in zip(rows, judgements, strict=True):
        policy = relied_on[columns["policy_id"]]
        columns |= {"policy_id": policy.pk, "reasons": msgspec.json.decode(columns["reasons"])}
        found = alike(assessment, {"policy": policy}, **columns)
        known = dict(zip(_COLUMNS, row, strict=False))
        yield alike(account, {"workspace": in_force[known["workspace_id"]].workspace, "assessment": found}, **known)
