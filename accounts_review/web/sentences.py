"""What happened, in sentences: audit entries, and what became of a case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from accounts_review import wording
from accounts_review.lifecycle import CaseState, CleanupState
from accounts_review.models import AuditEntry, Case

ENTRIES: dict[str, Promise] = {
    "account.approved": _l("approved for the next clean-up: %(reason)s"),
    "account.exempted": _l("exempted until %(until)s: %(reason)s"),
    "account.exemption_withdrawn": _l("exemption ended early: %(reason)s"),
    "account.withdrawn": _l("taken out of the clean-up: %(reason)s"),
    "account.restore_failed": _l("could not be invited back: %(error)s"),
    "account.restored": _l("invited back, with the rights recorded at the revocation"),
    "account.restoring": _l("is being invited back"),
    "account.returned": _l("is a member again"),
    "accounts.exported": _l("exported accounts"),
    "audit.exported": _l("exported %(entries)s audit entries"),
    "breaker.reset": _l("reset the breaker: %(reason)s"),
    "case.already_gone": _l("was gone already when it was to be revoked"),
    "case.claimed": _l("taken up for the last look"),
    "case.due": _l("the promised date has come"),
    "case.held": _l("not revoked yet: %(why)s"),
    "case.intended": _l("passed every check; the intent to revoke was committed"),
    "case.launched": _l("sent on its way with the clean-up"),
    "case.noticed": _l("warned by e-mail; access is kept until %(promised)s at least"),
    "case.refused": _l("the workspace refused to revoke it: %(error)s"),
    "case.released": _l("put back in the queue: %(why)s%(error)s"),
    "case.revoked": _l("access revoked"),
    "case.spared": _l("spared: %(why)s"),
    "case.still_there": _l("the revocation had no effect; it is looked at anew"),
    "case.undeliverable": _l("could not be warned: %(why)s"),
    "case.unknown": _l("the outcome of the revocation is unknown: %(why)s%(error)s"),
    "case.would_revoke": _l("passed every check; nothing was sent, as this is a dry run"),
    "cleanup.cancelled": _l("cancelled the clean-up: %(reason)s"),
    "cleanup.closed": _l("the clean-up closed, every case having ended"),
    "cleanup.confirmed": _l("confirmed the clean-up"),
    "cleanup.held_back": _l("%(cases)s accounts beyond the limit were kept for this draft"),
    "cleanup.launched": _l("launched the clean-up with %(cases)s accounts"),
    "cleanup.paused": _l("paused the clean-up: %(reason)s"),
    "cleanup.resumed": _l("resumed the clean-up: %(reason)s"),
    "cleanup.stopped": _l("the clean-up stopped by itself: %(why)s"),
    "digest.sent": _l("told %(recipients)s operators what happened"),
    "policy.adopted": _l("put version %(version)s of the policy in force: %(reason)s"),
    "role.granted": _l("gave %(login)s the role %(role)s"),
    "workspace.mode_set": _l("switched the workspace from %(from)s to %(to)s"),
    "workspace.opened": _l("opened the workspace"),
    "workspace.synced": _l("sync %(state)s: %(read)s accounts read, %(added)s new, %(changed)s changed"),
}
"""A clause for each kind of entry, filled from its data; an entry of another kind shows its kind."""

FATES: dict[str, Promise] = {
    CaseState.AWAITING_NOTICE: _l("waits for its warning mail"),
    CaseState.NOTICED: _l("warned %(warned)s; access is kept until %(promised)s at least"),
    CaseState.DUE: _l("waits for its turn"),
    CaseState.CLAIMED: _l("is being looked at once more"),
    CaseState.INTENDED: _l("the revocation is on its way"),
    CaseState.REVOKED: _l("access removed"),
    CaseState.ALREADY_GONE: _l("the workspace answered that it does not exist"),
    CaseState.WOULD_REVOKE: _l("passed every check; nothing was sent"),
    CaseState.WITHDRAWN: _l("taken out by a person"),
    CaseState.UNKNOWN: _l("no answer that can be relied on; it is read twice, a while apart, before anything else"),
}
"""A clause for each state of a case that needs no reason of its own."""

ANOMALIES: dict[str, Promise] = {
    "activity_lost": _l("%(after)d accounts are said to have been active earlier than was known before"),
    "population_changed": _l("the population went from %(before)d to %(after)d accounts"),
    "candidates_multiplied": _l("%(after)d accounts would be dormant, where it were %(before)d before"),
}
"""A clause for each rule of the breaker."""

ADVICE: tuple[tuple[tuple[str, ...], Promise], ...] = (
    (("401", "403", "API key"), _l("Check the API key and its rights in the workspace, then resume.")),
    (("Redirect", "certificate", "TLS", "now answers as"), _l("Check HUWISE_URL and who runs that host, then resume.")),
    (("unknown",), _l("Check that the workspace is healthy. Unknown outcomes settle by themselves; then resume.")),
)
"""What to do about a clean-up that stopped, by words in the reason."""


def of_entry(entry: AuditEntry) -> str:
    """What an entry says, as a clause; the one who did it and the account are told beside it."""
    clause = ENTRIES.get(entry.kind)
    if clause is None:
        return entry.kind
    said = defaultdict(str, {name: _spoken(value) for name, value in entry.data.items()})
    return (str(clause) % said).strip().removesuffix(":")


def of_case(case: Case, *, now: datetime) -> str:
    """What became of a case so far, as a clause."""
    outcome = case.outcome or {}
    if case.state == CaseState.IN_DRAFT:
        return of_evidence(case.evidence, now=now)
    if case.state == CaseState.DUE and outcome.get("why"):
        return _("not yet: %(why)s") % {"why": of_why(outcome["why"])}
    if case.state in (CaseState.SPARED, CaseState.UNDELIVERABLE):
        return of_why(outcome.get("why", ""))
    if case.state == CaseState.REFUSED:
        return str(outcome.get("error", ""))
    if case.state == CaseState.REVOKED and outcome.get("inferred"):
        return _("access removed, as two readings showed")
    dates = {"warned": case.noticed_at, "promised": case.promised_at}
    return str(FATES.get(case.state, "")) % {name: wording.day(at) if at else "" for name, at in dates.items()}


def of_evidence(evidence: Mapping[str, Any], *, now: datetime) -> str:
    """What the approver saw: the last activity, how long ago it is, and the limit."""
    return wording.idleness(
        activity_at=parse_datetime(evidence["activity_at"] or ""),
        activity_field=evidence["activity_field"],
        limit_days=evidence["limit_days"],
        segment=evidence["segment"],
        now=now,
    )


def of_why(why: object) -> str:
    """A stored "why": a text, or a list of the gate's objections."""
    if not isinstance(why, list):
        return str(why)
    return "; ".join(
        wording.objection(str(item.get("code", "")), _spoken(item.get("detail", "")))
        for item in why
        if isinstance(item, dict)
    )


def of_anomalies(anomalies: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which rules of the breaker tripped, as clauses with their numbers."""
    return [str(ANOMALIES.get(item["code"], item["code"])) % item for item in anomalies]


def advice(stopped_because: str, *, state: str) -> str:
    """What to do next about a clean-up that stands still."""
    if state != CleanupState.PAUSED:
        return ""
    fitting = (text for words, text in ADVICE if any(word in stopped_because for word in words))
    return str(next(fitting, _l("Resume it when the reason is gone, or cancel it.")))


def _spoken(value: object) -> str:
    """A value of an entry's data as people say it: a list of objections in words, an instant as its day."""
    if isinstance(value, list):
        return of_why(value)
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-":
        try:
            instant = parse_datetime(value)
        except ValueError:
            return value
        return wording.day(instant) if instant and instant.tzinfo else value
    return "" if value is None else str(value)
