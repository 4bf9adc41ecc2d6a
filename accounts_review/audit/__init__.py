"""The audit: state changes, and the chain of entries that logs them.

A case or clean-up changes state in :func:`transition` only; every other act of consequence is recorded by
:func:`log`. Both write in the caller's transaction, so that the act and its entry commit together (law 9).
"""

from accounts_review.audit.chain import NewEntry, append, newest_checkpoint, wait_for_turn
from accounts_review.audit.checkpoint import Checkpoint
from accounts_review.audit.log import everywhere, log
from accounts_review.audit.transitions import Conflict, transition
from accounts_review.audit.verification import Flaw, Report, against, verify, verify_everything

__all__ = [
    "Checkpoint",
    "Conflict",
    "Flaw",
    "NewEntry",
    "Report",
    "against",
    "append",
    "everywhere",
    "log",
    "newest_checkpoint",
    "transition",
    "verify",
    "verify_everything",
    "wait_for_turn",
]
