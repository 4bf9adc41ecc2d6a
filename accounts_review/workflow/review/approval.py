"""Approval: who approved an account on which evidence, and whether that holds for the next clean-up too."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from accounts_review.models import Account, Case, may
from accounts_review.rules.addresses import same_mailbox
from accounts_review.rules.lifecycle import CaseState


def approval_kept(ended: Case, saw: dict[str, Any], *, actor: User, now: datetime) -> dict[str, Any]:
    """The approval of a case that ended, with its evidence, where it stands for another; else nothing."""
    if not _still_stands(ended, saw, now=now):
        return {}
    names = ("approved_by_id", "approved_by_login", "approved_at", "reason", "evidence")
    kept: dict[str, Any] = {name: getattr(ended, name) for name in names}
    return kept | {"put_by_login": "" if ended.approved_by == actor else actor.get_username()}


def _still_stands(ended: Case, saw: dict[str, Any], *, now: datetime) -> bool:
    """Whether the approval of a case that changed nothing holds for another one, to the end of its notice."""
    if ended.state not in (CaseState.WOULD_REVOKE, CaseState.REFUSED):
        return False
    workspace = ended.account.workspace
    days = workspace.policies.get(number=ended.evidence["policy"]).rules.approval.expires_after_days
    days -= workspace.current_policy.rules.notice.days
    is_same = all(ended.evidence[name] == saw[name] for name in ("incarnation", "activity_at", "rights", "groups"))
    is_same = is_same and same_mailbox(ended.evidence.get("email", ""), saw["email"])
    approver = ended.approved_by
    holds = approver is not None and may(approver, "decide", workspace) and now < ended.approved_at + timedelta(days)
    return is_same and holds


def said_of_approval(case: Case) -> dict[str, Any]:
    """What the audit keeps of the approval of a case."""
    again = {"kind": "again", "approved_by": case.approved_by_login} if case.put_by_login else {}
    return {"reason": case.reason, **again, **case.evidence}


def evidence_of(account: Account) -> dict[str, Any]:
    """What an approver sees, kept with the approval: the last look is held against it."""
    found = account.assessment
    return {
        "policy": found.policy.number,
        "segment": found.segment,
        "limit_days": found.limit_days,
        "activity_at": found.activity_at.isoformat() if found.activity_at else None,
        "activity_field": found.activity_field,
        "dormant_from": found.dormant_from.isoformat(),
        "rights": found.rights or [],
        "groups": account.groups,
        "incarnation": account.incarnation,
        "email": account.email,
        "digest": account.digest,
        "read_at": account.read_at.isoformat(),
    }
