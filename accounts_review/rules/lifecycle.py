"""The states of a case and of a clean-up, and the transitions allowed between them.

Pure. :func:`accounts_review.audit.transition` checks every transition against these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class CaseState(StrEnum):
    """Where one account stands in one clean-up."""

    IN_DRAFT = "in_draft"
    AWAITING_NOTICE = "awaiting_notice"
    NOTICED = "noticed"
    DUE = "due"
    CLAIMED = "claimed"
    INTENDED = "intended"
    REVOKED = "revoked"
    ALREADY_GONE = "already_gone"
    SPARED = "spared"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WOULD_REVOKE = "would_revoke"
    UNDELIVERABLE = "undeliverable"
    WITHDRAWN = "withdrawn"


class CleanupState(StrEnum):
    """Where a clean-up stands."""

    DRAFT = "draft"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"
    CANCELLED = "cancelled"


CASE_TRANSITIONS: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.IN_DRAFT: frozenset({CaseState.AWAITING_NOTICE, CaseState.DUE, CaseState.WITHDRAWN}),
    CaseState.AWAITING_NOTICE: frozenset(
        {CaseState.NOTICED, CaseState.UNDELIVERABLE, CaseState.SPARED, CaseState.WITHDRAWN}
    ),
    CaseState.NOTICED: frozenset(
        {
            CaseState.DUE,
            CaseState.UNDELIVERABLE,
            CaseState.SPARED,
            CaseState.WITHDRAWN,
            CaseState.AWAITING_NOTICE,  # The address has changed.
        }
    ),
    CaseState.UNDELIVERABLE: frozenset({CaseState.AWAITING_NOTICE, CaseState.SPARED, CaseState.WITHDRAWN}),
    CaseState.DUE: frozenset(
        {
            CaseState.CLAIMED,
            CaseState.SPARED,
            CaseState.WITHDRAWN,
            CaseState.UNDELIVERABLE,
            CaseState.AWAITING_NOTICE,  # The address has changed.
        }
    ),
    CaseState.CLAIMED: frozenset(
        {
            CaseState.INTENDED,
            CaseState.DUE,
            CaseState.SPARED,
            CaseState.ALREADY_GONE,
            CaseState.REVOKED,  # Gone, and a DELETE of this very case had been sent before.
            CaseState.WOULD_REVOKE,
            CaseState.UNDELIVERABLE,  # The notice bounced during the last look.
        }
    ),
    CaseState.INTENDED: frozenset(
        {
            CaseState.REVOKED,
            CaseState.REFUSED,
            CaseState.UNKNOWN,
            CaseState.DUE,  # The workspace turned the key or us away: the case is due again once that is mended.
        }
    ),
    CaseState.UNKNOWN: frozenset({CaseState.REVOKED, CaseState.ALREADY_GONE, CaseState.DUE, CaseState.SPARED}),
    CaseState.REVOKED: frozenset(),
    CaseState.ALREADY_GONE: frozenset(),
    CaseState.SPARED: frozenset(),
    CaseState.REFUSED: frozenset(),
    CaseState.WOULD_REVOKE: frozenset(),
    CaseState.WITHDRAWN: frozenset(),
}

CLEANUP_TRANSITIONS: Mapping[CleanupState, frozenset[CleanupState]] = {
    CleanupState.DRAFT: frozenset({CleanupState.AWAITING_CONFIRMATION, CleanupState.RUNNING, CleanupState.CANCELLED}),
    CleanupState.AWAITING_CONFIRMATION: frozenset({CleanupState.RUNNING, CleanupState.CANCELLED}),
    CleanupState.RUNNING: frozenset({CleanupState.PAUSED, CleanupState.CLOSED, CleanupState.CANCELLED}),
    CleanupState.PAUSED: frozenset({CleanupState.RUNNING, CleanupState.CANCELLED}),
    CleanupState.CLOSED: frozenset(),
    CleanupState.CANCELLED: frozenset(),
}

ENDED = frozenset(state for state, targets in CASE_TRANSITIONS.items() if not targets)
"""States a case never leaves."""

IN_FLIGHT = frozenset({CaseState.CLAIMED, CaseState.INTENDED, CaseState.UNKNOWN})
"""States in which a DELETE may be on its way, or its outcome is being settled."""

WITHDRAWABLE = frozenset(state for state, targets in CASE_TRANSITIONS.items() if CaseState.WITHDRAWN in targets)
"""States from which a person can still take an account out of a clean-up."""


class IllegalTransition(ValueError):
    """A transition that the tables above do not allow; nothing was changed."""

    def __init__(self, *, subject: object, origin: str, target: str) -> None:
        self.subject, self.origin = subject, origin
        super().__init__(f"{subject} cannot go from '{origin}' to '{target}'; reload it and look at its state.")
