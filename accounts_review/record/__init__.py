"""The one door for state changes, and the audit chain it writes.

A case or clean-up changes state in :func:`move` only; every other act of consequence is recorded by
:func:`note`. Both write in the caller's transaction, so that the act and its entry commit together (law 9).
"""

from accounts_review.record.chain import Entry, Flaw, Kept, append, head, verify, wait_for_turn
from accounts_review.record.door import Conflict, move, note

__all__ = ["Conflict", "Entry", "Flaw", "Kept", "append", "head", "move", "note", "verify", "wait_for_turn"]
