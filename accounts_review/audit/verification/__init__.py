"""Proving the audit: the chain, checkpoints, triggers and roles, actors, and the states it tells of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from accounts_review.audit.checkpoint import Checkpoint
from accounts_review.audit.verification.accounts import check_accounts
from accounts_review.audit.verification.actors import check_actors
from accounts_review.audit.verification.chain import against, verify_chain
from accounts_review.audit.verification.checkpoints import check_checkpoints
from accounts_review.audit.verification.flaws import Flaw, Progress
from accounts_review.audit.verification.guards import check_guards
from accounts_review.audit.verification.replay import check_states

__all__ = ["Flaw", "Report", "against", "verify", "verify_everything"]


@dataclass(frozen=True, slots=True)
class Report:
    """How many entries hold from the first on, and what is wrong; nothing is, where there are no flaws.

    ``misdated`` names each entry that is dated before the one before it: that a clock was wrong is to be told, and
    breaks no chain.
    """

    entries: int
    flaws: list[Flaw]
    misdated: list[Flaw]


def verify(kept: Checkpoint | None = None) -> tuple[int, Flaw | None]:
    """Read the chain alone: how many entries hold, and the first flaw; also against a checkpoint."""
    proven = verify_chain([kept] if kept else [])
    return proven.entries, proven.flaw


def verify_everything(
    *, now: datetime, checkpoints: Sequence[Checkpoint] = (), progress: Progress = lambda done: None
) -> Report:
    """Prove the whole audit; ``checkpoints`` are those somebody kept elsewhere."""
    proven = verify_chain(checkpoints, progress=progress)
    flaws = [proven.flaw] if proven.flaw else []
    checks: list[Callable[[], list[Flaw]]] = [
        lambda: check_checkpoints(now=now, is_given=bool(checkpoints)),
        check_guards,
        check_actors,
        check_states,
        check_accounts,
    ]
    for check in checks:
        try:
            flaws += check()
        except (ValueError, RecursionError, msgspec.MsgspecError):
            # Details that no program can read are in an entry that is named already.
            if not flaws:
                raise
    return Report(proven.entries, flaws, proven.misdated)
