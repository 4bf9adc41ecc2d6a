"""What happened, in sentences: audit entries, and what became of a case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import AuditEntry, Case
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.wording import verdicts

ENTRIES: dict[str, Promise] = {
    "account.approved": gettext_lazy("approved for the next clean-up: %(reason)s"),
    "account.exempted": gettext_lazy("exempted until %(until)s: %(reason)s"),
    "account.exempted service": gettext_lazy(
        "kept as a service account until %(until)s; %(owner)s answers for it: %(reason)s"
    ),
    "account.exemption_withdrawn": gettext_lazy("exemption ended early: %(reason)s"),
    "account.withdrawn": gettext_lazy("taken out of the clean-up: %(reason)s"),
    "account.dates_accepted": gettext_lazy("accepted its dates, although they are earlier than before: %(reason)s"),
    "account.snoozed": gettext_lazy("set aside for later: %(reason)s"),
    "account.unsnoozed": gettext_lazy("taken up again: %(reason)s"),
    "account.owner_told": gettext_lazy("told %(owner)s that the exemption ends on %(until)s"),
    "account.restore_failed": gettext_lazy("could not be invited back: %(error)s"),
    "account.restored": gettext_lazy("invited back, with the rights recorded at the revocation"),
    "account.restoring": gettext_lazy("is being invited back"),
    "account.returned": gettext_lazy("is a member again"),
    "accounts.exported": gettext_lazy("exported %(count)s accounts"),
    "audit.exported": gettext_lazy("exported %(entries)s audit entries"),
    "breaker.reset": gettext_lazy("reset the breaker: %(reason)s"),
    "case.already_gone": gettext_lazy("was gone already when it was to be revoked"),
    "case.bounced": gettext_lazy("the notice came back while the revocation was under way: %(why)s"),
    "case.claimed": gettext_lazy("taken up for the last look"),
    "case.due": gettext_lazy("the promised date has come"),
    "case.held_for_a_day": gettext_lazy("held back for more than a day: %(why)s"),
    "case.held": gettext_lazy("not revoked yet: %(why)s"),
    "case.intended": gettext_lazy("passed every check; the intent to revoke was committed"),
    "case.launched": gettext_lazy("sent on its way with the clean-up"),
    "account.answer_refused": gettext_lazy("answered too often within an hour; the answer was not taken"),
    "account.answered": gettext_lazy("the person answered the notice"),
    "account.answered away": gettext_lazy("the person answered the notice: away until %(until)s"),
    "account.answered keep": gettext_lazy("the person answered the notice, and keeps the access: %(text)s"),
    "account.answered leave": gettext_lazy("the person answered the notice, and wants the access removed now"),
    "case.closing_refused": gettext_lazy("the mail about the end could not be delivered: %(why)s"),
    "case.closing_told": gettext_lazy("told by e-mail that the access was removed"),
    "case.notice_retried": gettext_lazy("the warning is to be sent again"),
    "case.reminded": gettext_lazy("reminded by e-mail"),
    "case.reminder_refused": gettext_lazy("a reminder could not be delivered: %(why)s"),
    "letter.tested": gettext_lazy("a letter was sent as a test"),
    "workspace.language_set": gettext_lazy("the language of letters was changed"),
    "case.noticed": gettext_lazy("warned by e-mail; access is kept until %(promised)s at least"),
    "case.refused": gettext_lazy("the workspace refused to revoke it: %(error)s"),
    "case.released": gettext_lazy("put back in the queue: %(why)s%(error)s"),
    "case.revoked": gettext_lazy("access revoked"),
    "case.spared": gettext_lazy("spared: %(why)s"),
    "case.still_there": gettext_lazy("the revocation had no effect; it is looked at anew"),
    "case.undeliverable": gettext_lazy("could not be warned: %(why)s"),
    "case.unknown": gettext_lazy("the outcome of the revocation is unknown: %(why)s%(error)s"),
    "case.would_revoke": gettext_lazy("passed every check; nothing was sent, as this is a dry run"),
    "cleanup.cancelled": gettext_lazy("cancelled the clean-up: %(reason)s"),
    "cleanup.closed": gettext_lazy("the clean-up closed, every case having ended"),
    "cleanup.confirmed": gettext_lazy("confirmed the clean-up"),
    "cleanup.held_back": gettext_lazy("%(cases)s accounts beyond the limit were kept for this draft"),
    "cleanup.launched": gettext_lazy("launched the clean-up with %(cases)s accounts"),
    "cleanup.paused": gettext_lazy("paused the clean-up: %(reason)s"),
    "cleanup.resumed": gettext_lazy("resumed the clean-up: %(reason)s"),
    "cleanup.stopped": gettext_lazy("the clean-up stopped by itself: %(why)s"),
    "cleanup.exported": gettext_lazy("exported %(count)s cases of the clean-up"),
    "decisions.imported": gettext_lazy(
        "imported %(file)s: %(approve)s approved, %(exempt)s exempted, %(withdraw)s withdrawn, %(refused)s left out"
    ),
    "digest.sent": gettext_lazy("told %(recipients)s operators what happened"),
    "policy.adopted": gettext_lazy("put version %(version)s of the policy in force: %(reason)s"),
    "role.granted": gettext_lazy("gave %(login)s the role %(role)s"),
    "workspace.mode_set": gettext_lazy("switched the workspace from %(from)s to %(to)s"),
    "workspace.opened": gettext_lazy("opened the workspace"),
    "workspace.sync_stopped": gettext_lazy("stopped the sync that was running"),
    "workspace.synced": gettext_lazy("sync %(state)s: %(read)s accounts read, %(added)s new, %(changed)s changed"),
}
"""A clause for each kind of entry, filled from its data; an entry of another kind shows its kind."""

SUBJECTS: dict[str, Promise] = {
    "account.": gettext_lazy("decisions and answers"),
    "case.": gettext_lazy("steps of a case"),
    "cleanup.": gettext_lazy("clean-ups"),
    "workspace.": gettext_lazy("the workspace"),
    "breaker.": gettext_lazy("the breaker"),
    "policy.": gettext_lazy("the policy"),
    "role.": gettext_lazy("roles"),
    "accounts.": gettext_lazy("exports of accounts"),
    "decisions.": gettext_lazy("imports of decisions"),
    "audit.": gettext_lazy("exports of the audit"),
    "letter.": gettext_lazy("test letters"),
    "digest.": gettext_lazy("mails to operators"),
}
"""What the kinds that begin alike are about."""

FATES: dict[str, Promise] = {
    CaseState.AWAITING_NOTICE: gettext_lazy("waits for its warning mail"),
    CaseState.NOTICED: gettext_lazy("warned %(warned)s; access is kept until %(promised)s at least"),
    CaseState.DUE: gettext_lazy("waits for its turn"),
    CaseState.CLAIMED: gettext_lazy("is being looked at once more"),
    CaseState.INTENDED: gettext_lazy("the revocation is on its way"),
    CaseState.REVOKED: gettext_lazy("access removed"),
    CaseState.ALREADY_GONE: gettext_lazy("the workspace answered that it does not exist"),
    CaseState.WOULD_REVOKE: gettext_lazy("passed every check; nothing was sent"),
    CaseState.WITHDRAWN: gettext_lazy("taken out by a person"),
    CaseState.UNKNOWN: gettext_lazy(
        "no answer that can be relied on; it is read twice, a while apart, before anything else"
    ),
}
"""A clause for each state of a case that needs no reason of its own."""

ANSWERS: dict[str, Promise] = {
    "keep": gettext_lazy("answered on %(date)s to keep it"),
    "away": gettext_lazy("answered on %(date)s to be away until %(until)s"),
    "leave": gettext_lazy("answered on %(date)s not to need it any more"),
}
"""A clause for each answer that a person can give to the notice."""

ANOMALIES: dict[str, Promise] = {
    "activity_lost": gettext_lazy("%(after)d people appear less active than before"),
    "population_changed": gettext_lazy("the population went from %(before)d to %(after)d accounts"),
    "nobody_seen": gettext_lazy("the first sync shows of none of the %(before)d accounts when it was last used"),
    "never_used": gettext_lazy("by the first sync, %(after)d of %(before)d accounts were never used"),
    "candidates_multiplied": gettext_lazy("%(after)d accounts would be dormant; before, %(before)d were"),
}
"""A clause for each rule of the breaker."""

ADVICE: tuple[tuple[tuple[str, ...], Promise], ...] = (
    (("401", "403", "API key"), gettext_lazy("Check the API key and its rights in the workspace, then resume.")),
    (
        ("Redirect", "certificate", "TLS", "now answers as"),
        gettext_lazy("Check HUWISE_URL and who runs that host, then resume."),
    ),
    (
        ("unknown",),
        gettext_lazy("Check that the workspace is healthy. Unknown outcomes settle by themselves; then resume."),
    ),
)
"""What to do about a clean-up that stopped, by words in the reason."""


def of_act(entry: AuditEntry) -> str:
    """What somebody did, as a clause; who it was and the account are told beside it."""
    variant = "service" if entry.data.get("service_account") else entry.data.get("kind")
    clause = ENTRIES.get(f"{entry.kind} {variant}") or ENTRIES.get(entry.kind)
    if clause is None:
        return entry.kind
    said = defaultdict(str, {name: _spoken(value) for name, value in entry.data.items()})
    return (str(clause) % said).strip().removesuffix(":")


def of_entry(entry: AuditEntry) -> str:
    """The act of an entry, with the evidence that it was taken on."""
    told = of_act(entry)
    if entry.kind == "account.approved" and "segment" in entry.data:
        evidence = of_evidence(entry.data, now=entry.at)
        told = _("%(said)s. The evidence: %(evidence)s") % {"said": told, "evidence": evidence}
    return told


def of_case(case: Case, *, now: datetime) -> str:
    """What became of a case so far, as a clause."""
    outcome = case.outcome or {}
    if case.state == CaseState.IN_DRAFT:
        return of_evidence(case.evidence, now=now)
    if case.state == CaseState.DUE and outcome.get("why"):
        return _("not yet: %(why)s") % {"why": of_why(outcome["why"])}
    if case.state == CaseState.AWAITING_NOTICE and outcome.get("tries"):
        return _("put off %(tries)s times by the mail server, and tried again: %(why)s") % outcome
    if case.state in (CaseState.SPARED, CaseState.UNDELIVERABLE):
        return of_why(outcome.get("why", ""))
    if case.state == CaseState.REFUSED:
        return str(outcome.get("error", ""))
    if case.state == CaseState.REVOKED and outcome.get("inferred"):
        return _("access removed, as two readings showed")
    dates = {"warned": case.noticed_at, "promised": case.promised_at}
    return str(FATES.get(case.state, "")) % {name: verdicts.day(at) if at else "" for name, at in dates.items()}


def of_evidence(evidence: Mapping[str, Any], *, now: datetime) -> str:
    """What the approver saw: the last activity, how long ago it is, and the limit."""
    return verdicts.idleness(
        activity_at=parse_datetime(evidence["activity_at"] or ""),
        activity_field=evidence["activity_field"],
        limit_days=evidence["limit_days"],
        segment=evidence["segment"],
        now=now,
    )


def of_answer(case: Case) -> str:
    """What the person answered the notice, as a clause; "" where they did not."""
    answer = case.answer or {}
    at, until = (parse_datetime(answer.get(name) or "") for name in ("at", "until"))
    clause = ANSWERS.get(answer.get("kind", ""))
    if clause is None or at is None:
        return ""
    said = str(clause) % {"date": verdicts.day(at), "until": verdicts.day(until) if until else ""}
    return ": ".join([said, answer["text"]]) if answer.get("text") else said


def of_why(why: object) -> str:
    """A stored "why": a text, or a list of the gate's objections."""
    if not isinstance(why, list):
        return str(why)
    return "; ".join(
        verdicts.objection(str(item.get("code", "")), _spoken(item.get("detail", "")), item.get("because", ()))
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
    return str(next(fitting, gettext_lazy("Resume it when the reason is gone, or cancel it.")))


def _spoken(value: object) -> str:
    """A value of an entry's data as people say it: a list of objections in words, an instant as its day."""
    if isinstance(value, list):
        return of_why(value)
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-":
        try:
            instant = parse_datetime(value)
        except ValueError:
            return value
        return verdicts.day(instant) if instant and instant.tzinfo else value
    return "" if value is None else str(value)
