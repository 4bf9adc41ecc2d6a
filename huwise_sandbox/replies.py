"""What goes back over the wire, errors included.

The *form* of an error (``error_code``, ``message``, sometimes ``detail`` and
``trace_id``) is the vendor's. Of the codes, only ``bad_request``, ``validation_error``,
``not_found`` and ``internal_error`` are documented; the others here are invented.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
NO_CONTENT = 204


@dataclass(frozen=True)
class Reply:
    """An answer, before it is turned into bytes; faults may still alter it."""

    status: int
    payload: Any = None
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> bytes:
        """Return the bytes: a text payload as it is unless JSON, all else as JSON."""
        if self.status == NO_CONTENT:
            return b""
        if self.content_type != JSON and isinstance(self.payload, str):
            return self.payload.encode()
        return json.dumps(self.payload, ensure_ascii=False).encode()


class Refusal(Exception):
    """Raised anywhere below a route to answer with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.payload)
        self.reply = reply


DEFAULT_ERRORS = {
    400: (
        "bad_request",
        "Bad request: the server did not understand the request parameters.",
    ),
    401: ("authentication_failed", "Authentication credentials were not accepted."),
    403: ("permission_denied", "You do not have permission to perform this action."),
    404: ("not_found", "Not found."),
    405: ("method_not_allowed", "This method is not allowed here."),
    409: ("conflict", "The request conflicts with the state of the workspace."),
    429: ("too_many_requests", "Too many requests."),
    500: ("internal_error", "A server error occurred."),
    503: ("service_unavailable", "The service is temporarily unavailable."),
}


def error(status: int, code: str = "", message: str = "", **extra: Any) -> Reply:
    """Return an error in the vendor's form; a 500 carries a ``trace_id``."""
    alike = 400 if status < 500 else 500
    fallback = DEFAULT_ERRORS.get(status, DEFAULT_ERRORS[alike])
    payload = {"error_code": code or fallback[0], "message": message or fallback[1]}
    if status == 500:
        extra = {"trace_id": str(uuid.uuid4())} | extra
    return Reply(status, payload | extra)


def invalid(**detail: list[str]) -> Reply:
    """Return the validation error that blames the given fields."""
    return error(400, "validation_error", "Invalid input", detail=detail)


def last_administrator() -> Reply:
    """Return the refusal to remove the only domain administrator.

    Neither code nor status is documented, only that the call fails and says so: both
    are invented. The fault ``last_admin_status`` tries another status.
    """
    return error(
        400,
        "last_domain_administrator",
        "Removing the only domain administrator is not allowed.",
    )
