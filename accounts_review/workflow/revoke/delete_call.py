"""One DELETE, and what its answer means: only 204 is success (law 7)."""

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
)
from accounts_review.rules.lifecycle import CaseState


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a case goes after its DELETE, what is kept of the answer, and whether the whole clean-up stops."""

    state: CaseState
    record: dict[str, Any]
    stops: bool = False


def outcome_of(client: Client, username: str) -> Outcome:
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
        return Outcome(_state_after(error), record, stops_cleanup(error))
    return Outcome(CaseState.REVOKED, {"status": answer.status, "trace_id": answer.trace_id})


def stops_cleanup(error: HuwiseError) -> bool:
    """Whether an error says that the key, the host or the way there is not what it was."""
    tls = isinstance(error, Unreachable) and error.kind == "tls"
    return tls or isinstance(error, Unauthorized | Forbidden | Redirected)


def _state_after(error: HuwiseError) -> CaseState:
    match error:
        case NotFound():
            return CaseState.ALREADY_GONE
        case Refused() | Unauthorized() | Forbidden() | UnsafeUsername():
            return CaseState.REFUSED
        case _:
            return CaseState.UNKNOWN
