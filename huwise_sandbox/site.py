"""One request from fault to answer, without any sockets."""

import time
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote

from .api import BASE, AutomationApi
from .control import PREFIX, ControlPlane
from .faults import ENDINGS, INSTEAD, Fault, Faults, alter, instead
from .journal import DeleteEntry, Journal
from .paging import Paging
from .records import Snapshot
from .replies import NO_CONTENT, Reply, error
from .request import RawRequest, segments
from .state_file import StateFile
from .workspace import SandboxWorkspace


class Ending(Enum):
    """How an answer reaches the client, or does not."""

    SENT = "sent"
    CUT = "cut"
    HALF = "half"
    HALF_AS_IF_WHOLE = "half as if whole"


@dataclass(frozen=True)
class Outcome:
    """What to do on the socket: send ``reply`` in this way, or hang up."""

    reply: Reply
    ending: Ending = Ending.SENT
    wait: float = 0


class SandboxSite:
    """A workspace with everything around it that answers requests."""

    def __init__(self, snapshot: Snapshot, state_file: StateFile | None = None) -> None:
        self.workspace = SandboxWorkspace(snapshot)
        self.faults = Faults()
        self.journal = Journal()
        self.paging = Paging(self.workspace)
        self.api = AutomationApi(self.workspace, self.paging)
        self.control = ControlPlane(self.workspace, self.faults, self.journal, self.paging)
        self._state_file = state_file

    def answer(self, request: RawRequest) -> Outcome:
        """Serve one request; its effect is saved before this returns."""
        outcome = self._route(request)
        self.save()
        return outcome

    def save(self, *, at_once: bool = False) -> None:
        """Write the state file, if there is one and it is not up to date."""
        if self._state_file:
            self._state_file.save(self.workspace, at_once=at_once)

    def _route(self, request: RawRequest) -> Outcome:
        if _below(PREFIX, request):
            return Outcome(self.control.answer(request))
        if _below(BASE, request):
            return self._answer_api(request)
        return Outcome(error(404))

    def _answer_api(self, request: RawRequest) -> Outcome:
        below = request.path.removeprefix(BASE)
        met = self.faults.strike(request.method, unquote(below))
        entry = self.journal.received(request.method, segments(below))
        time.sleep(sum(float(f.params["seconds"]) for f in met if f.kind == "latency"))
        outcome = self._through_faults(request, met)
        if entry:
            _close(entry, outcome)
        return outcome

    def _through_faults(self, request: RawRequest, met: list[Fault]) -> Outcome:
        for fault in met:
            if fault.kind == "cut_before":
                return Outcome(error(500), Ending.CUT)
            if fault.kind in INSTEAD:
                return Outcome(instead(fault))
        reply = self.api.answer(request)
        outcome = Outcome(reply)
        for fault in met:
            reply = alter(reply, fault)
            outcome = _ended(reply, fault) if fault.kind in ENDINGS else Outcome(reply)
        return outcome


def _ended(reply: Reply, fault: Fault) -> Outcome:
    if fault.kind == "truncate":
        whole = fault.params.get("complete")
        return Outcome(reply, Ending.HALF_AS_IF_WHOLE if whole else Ending.HALF)
    return Outcome(reply, Ending.CUT, wait=float(fault.params.get("seconds", 0)))


def _close(entry: DeleteEntry, outcome: Outcome) -> None:
    entry.removed = outcome.reply.status == NO_CONTENT
    entry.status = "cut" if outcome.ending is Ending.CUT else outcome.reply.status


def _below(prefix: str, request: RawRequest) -> bool:
    return request.path == prefix or request.path.startswith(f"{prefix}/")
