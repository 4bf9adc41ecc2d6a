"""One DELETE, and what its answer means: only 204 is success (law 7), only a refusal in the API's own words is one.

What says neither is unknown, also that there is no such user: the account was there a moment ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts_review.huwise import (
    Client,
    Forbidden,
    HuwiseError,
    NotFound,
    Redirected,
    Refused,
    Unauthorized,
    Unreachable,
    UnsafeUsername,
    stops_cleanup,
)
from accounts_review.rules.lifecycle import CaseState
from accounts_review.wording import findings


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """Where a case goes after its DELETE, what is kept of the answer, how the workspace failed, if it did, and whether
    the whole clean-up stops for it."""

    state: CaseState
    record: dict[str, Any]
    failure: findings.Found | None = None
    stops: bool = False


def outcome_of(client: Client, username: str) -> DeleteOutcome:
    """Send the one DELETE and classify the answer; never raises what the API can cause."""
    try:
        answer = client.delete_user(username)
    except HuwiseError as error:
        record = {
            "status": error.status,
            "error_code": error.error_code,
            "trace_id": error.trace_id,
            "error": str(error),
        }
        if isinstance(error, NotFound):
            record["found"] = False
        state = _state_after(error)
        failure = failure_of(error) if state in (CaseState.DUE, CaseState.UNKNOWN) else None
        return DeleteOutcome(state, record, failure, stops=stops_cleanup(error))
    return DeleteOutcome(CaseState.REVOKED, {"status": answer.status, "trace_id": answer.trace_id})


def failure_of(error: HuwiseError) -> findings.Found:
    """What an error of the API means for the clean-up, to be stored."""
    return findings.of_error("api", error)


def _state_after(error: HuwiseError) -> CaseState:
    match error:
        case Refused(error_code=code) if code:
            return CaseState.REFUSED
        case UnsafeUsername():
            return CaseState.REFUSED
        case Unauthorized() | Forbidden() | Redirected() | Unreachable(kind="tls", sent=False):
            # Access was refused, which says nothing about this account.
            return CaseState.DUE
        case _:
            return CaseState.UNKNOWN
