"""The misbehaviour a test can order, and which of it a request meets.

Every kind, with its parameters:

    latency            seconds                  answer late (adds up with other faults)
    status             status, body, headers    answer this instead of doing anything
    quota              limit, reset_in, epoch   the data APIs' 429, until midnight UTC
    redirect           location, status         answer a redirect, 302 by default
    cut_before                                  hang up before doing anything
    cut_after                                   do it, then hang up without an answer
    hang_after         seconds                  do it, wait, then hang up
    truncate           complete                 do it, send half of the body
    empty_list                                  200, ``total_count`` 0, no rows
    null_dates                                  all three dates null
    short_page                                  one row fewer than due
    wrong_total        delta                    ``total_count`` off by so much
    last_admin_status  status                   refuse the last administrator with this

``cut_before``, ``status``, ``quota`` and ``redirect`` prevent the effect; the others
let it happen. The first of a request's faults that hangs up or answers on its own
settles it; the altering ones before it, and all latency, still count. Without
``times`` a fault stays until it is cleared.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Self

from .records import DATE_FIELDS, Record
from .replies import Reply, error

INSTEAD = frozenset({"status", "quota", "redirect", "cut_before"})
ENDINGS = frozenset({"cut_after", "hang_after", "truncate"})
ALTERING = frozenset({"empty_list", "null_dates", "short_page", "wrong_total", "last_admin_status"})
KINDS = INSTEAD | ENDINGS | ALTERING | {"latency"}

REQUIRED: dict[str, tuple[str, ...]] = {
    "latency": ("seconds",),
    "status": ("status",),
    "redirect": ("location",),
    "hang_after": ("seconds",),
    "wrong_total": ("delta",),
    "last_admin_status": ("status",),
}
COMMON = frozenset({"method", "path", "kind", "times", "after"})


@dataclass
class Fault:
    """One order: whom it strikes, how often, and what happens then."""

    kind: str
    method: str = "*"
    path: str = "*"
    times: int | None = None
    after: int = 0
    params: Record = field(default_factory=dict)
    seen: int = 0
    struck: int = 0

    @classmethod
    def of(cls, order: Any) -> Self:
        """Read one fault as ordered over the control plane, or raise `ValueError`."""
        if not isinstance(order, dict) or order.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of: {', '.join(sorted(KINDS))}")
        missing = [p for p in REQUIRED.get(order["kind"], ()) if p not in order]
        if missing:
            raise ValueError(f"{order['kind']} needs: {', '.join(missing)}")
        _check_numbers(order)
        params = {name: order[name] for name in order if name not in COMMON}
        given = {name: order[name] for name in order if name in COMMON}
        return cls(**given, params=params)

    def describe(self) -> Record:
        """Return the order with the number of requests it struck so far."""
        names = ("kind", "method", "path", "times", "after", "struck")
        return {name: getattr(self, name) for name in names} | self.params

    def strikes(self, method: str, path: str) -> bool:
        """Say whether this request is struck; counts it as seen if it matches."""
        if not self._matches(method, path):
            return False
        self.seen += 1
        spent = self.times is not None and self.struck >= self.times
        return self.seen > self.after and not spent

    def _matches(self, method: str, path: str) -> bool:
        wanted = self.path.strip("/")
        return self.method in ("*", method) and fnmatchcase(path.strip("/"), wanted)


def _check_numbers(order: Record) -> None:
    numbers = {n: order.get(n) for n in ("times", "after", "seconds", "status", "delta")}
    wrong = [name for name, value in numbers.items() if value is not None and not isinstance(value, int | float)]
    if wrong:
        raise ValueError(f"not a number: {', '.join(wrong)}")


class Faults:
    """The current list of faults; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def order(self, orders: Any) -> None:
        """Replace the list; if one is wrong, raises and changes nothing."""
        if not isinstance(orders, list):
            raise TypeError("a list of faults is required")
        faults = [Fault.of(order) for order in orders]
        with self._lock:
            self._faults = faults

    def describe(self) -> list[Record]:
        with self._lock:
            return [fault.describe() for fault in self._faults]

    def strike(self, method: str, path: str) -> list[Fault]:
        """Return the faults that this request meets, in order, and count them."""
        with self._lock:
            ripe = [f for f in self._faults if f.strikes(method, path)]
            met = _up_to_the_end(ripe)
            for fault in met:
                fault.struck += 1
            return met


def instead(fault: Fault) -> Reply:
    """Return the answer of a fault that answers in place of the API."""
    if fault.kind == "quota":
        return _quota(fault.params)
    if fault.kind == "redirect":
        location = str(fault.params["location"])
        status = int(fault.params.get("status", 302))
        return Reply(status, {}, headers=(("Location", location),))
    return _status(fault.params)


def alter(reply: Reply, fault: Fault) -> Reply:
    """Return the reply as an altering fault leaves it; others leave it as it is."""
    payload = reply.payload
    if fault.kind not in ALTERING or not isinstance(payload, dict):
        return reply
    if fault.kind == "last_admin_status":
        refused = payload.get("error_code") == "last_domain_administrator"
        status = int(fault.params["status"])
        return Reply(status, payload) if refused else reply
    if fault.kind == "null_dates":
        return Reply(reply.status, _without_dates(payload), headers=reply.headers)
    if "results" not in payload:
        return reply
    return Reply(reply.status, payload | _altered_list(payload, fault))


def _altered_list(payload: Record, fault: Fault) -> Record:
    if fault.kind == "empty_list":
        return {"total_count": 0, "next": None, "previous": None, "results": []}
    if fault.kind == "short_page":
        return {"results": payload["results"][:-1]}
    return {"total_count": payload["total_count"] + int(fault.params["delta"])}


def _up_to_the_end(faults: list[Fault]) -> list[Fault]:
    """Keep faults up to the first that settles the request; latency always."""
    met: list[Fault] = []
    settled = False
    for fault in faults:
        if not settled or fault.kind == "latency":
            met.append(fault)
        settled = settled or fault.kind in INSTEAD | ENDINGS
    return met


def _without_dates(payload: Record) -> Record:
    if "results" in payload:
        rows = payload["results"]
        return payload | {"results": [_without_dates(row) for row in rows]}
    if "username" not in payload:
        return payload
    return payload | dict.fromkeys(DATE_FIELDS)


def _status(params: Record) -> Reply:
    status, body = int(params["status"]), params.get("body")
    headers = {str(k): str(v) for k, v in (params.get("headers") or {}).items()}
    plain = "text/html; charset=utf-8" if isinstance(body, str) else "application/json"
    content_type = headers.pop("Content-Type", plain)
    payload = error(status).payload if body is None else body
    return Reply(status, payload, content_type, tuple(headers.items()))


def _quota(params: Record) -> Reply:
    now = datetime.now(UTC).replace(microsecond=0)
    midnight = now.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    wait = params.get("reset_in")
    reset = midnight if wait is None else now + timedelta(seconds=float(wait))
    limit = int(params.get("limit", 10_000))
    written = str(int(reset.timestamp())) if params.get("epoch") else str(reset)
    body = {
        "errorcode": 10002,
        "reset_time": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "limit_time_unit": "day",
        "call_limit": limit,
        "error": "Too many requests on the domain. Please contact the domain administrator.",
    }
    headers = (
        ("X-RateLimit-Limit", str(limit)),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", written),
    )
    return Reply(429, body, headers=headers)
