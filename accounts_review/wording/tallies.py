"""Words that stand behind a number of accounts: a language such as French bends them with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.utils.translation import npgettext

from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.lifecycle import CaseState

TALLIES: Mapping[str, Callable[[int], str]] = {
    Verdict.DORMANT: lambda count: npgettext("so many accounts", "dormant", "dormant", count),
    Verdict.UNCERTAIN: lambda count: npgettext("so many accounts", "uncertain", "uncertain", count),
    Verdict.PROTECTED: lambda count: npgettext("so many accounts", "protected", "protected", count),
    Verdict.ACTIVE: lambda count: npgettext("so many accounts", "active", "active", count),
    CaseState.IN_DRAFT: lambda count: npgettext("so many accounts", "in draft", "in draft", count),
    CaseState.AWAITING_NOTICE: lambda count: npgettext("so many accounts", "awaiting notice", "awaiting notice", count),
    CaseState.NOTICED: lambda count: npgettext("so many accounts", "warned", "warned", count),
    CaseState.DUE: lambda count: npgettext("so many accounts", "due", "due", count),
    CaseState.CLAIMED: lambda count: npgettext("so many accounts", "in final check", "in final check", count),
    CaseState.INTENDED: lambda count: npgettext("so many accounts", "being revoked", "being revoked", count),
    CaseState.REVOKED: lambda count: npgettext("so many accounts", "revoked", "revoked", count),
    CaseState.ALREADY_GONE: lambda count: npgettext("so many accounts", "already gone", "already gone", count),
    CaseState.SPARED: lambda count: npgettext("so many accounts", "spared", "spared", count),
    CaseState.REFUSED: lambda count: npgettext("so many accounts", "refused", "refused", count),
    CaseState.UNKNOWN: lambda count: npgettext("so many accounts", "outcome unknown", "outcome unknown", count),
    CaseState.WOULD_REVOKE: lambda count: npgettext("so many accounts", "would be revoked", "would be revoked", count),
    CaseState.UNDELIVERABLE: lambda count: npgettext("so many accounts", "undeliverable", "undeliverable", count),
    CaseState.WITHDRAWN: lambda count: npgettext("so many accounts", "withdrawn", "withdrawn", count),
}


def tally(kind: str, count: int) -> str:
    """What so many accounts are, by a verdict or by the state of a case."""
    return TALLIES[kind](count)
