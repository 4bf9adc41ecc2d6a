"""Repetition: which failures of a GET are worth another attempt, and how that is noted."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from .errors import RateLimited, ServerFault, UnexpectedAnswer, Unreachable

LONGEST_WAIT_SECONDS = 30.0

log = structlog.get_logger(__name__)


def _note_repetition(details: RetryDetails) -> None:
    """Below what is logged as a rule: what fails in the end is told by its own error, once."""
    waits = {"retry_num": details.retry_num, "wait_for": round(details.wait_for, 2)}
    log.info("stamina.retry_scheduled", caused_by=repr(details.caused_by), **waits)


set_on_retry_hooks([_note_repetition])


def worth_repeating(failure: Exception) -> bool | float:
    """Whether a GET is worth another attempt, and after how many seconds where the workspace says so."""
    match failure:
        case RateLimited(retry_at=datetime() as allowed):
            wait = (allowed - datetime.now(UTC)).total_seconds()
            # A quota that lasts until midnight is for the caller to sit out.
            return wait <= LONGEST_WAIT_SECONDS and (wait if wait > 0 else True)
        case Unreachable(kind=kind):
            # An answer that dribbles in takes a minute each time, and would again.
            return kind not in ("tls", "slow", "private")
        case UnexpectedAnswer(truncated=truncated):
            return truncated
        case _:
            return isinstance(failure, RateLimited | ServerFault)
