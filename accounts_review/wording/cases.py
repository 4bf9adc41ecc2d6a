"""Cases in words: what became of one, what its person answered, and why it moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts_review.models import Case
from accounts_review.rules.lifecycle import CaseState
from accounts_review.wording import findings, instants, objections, reasons, replies, verdicts
from accounts_review.wording.durations import since
from accounts_review.wording.numbers import counted
from accounts_review.wording.quotes import joined

FATES: dict[str, Promise] = {
    CaseState.AWAITING_NOTICE: gettext_lazy("waiting for the notice"),
    CaseState.NOTICED: gettext_lazy("warned on %(warned)s; access is kept at least until %(promised)s"),
    CaseState.DUE: gettext_lazy("waiting for its turn"),
    CaseState.CLAIMED: gettext_lazy("final check under way"),
    CaseState.INTENDED: gettext_lazy("removal under way"),
    CaseState.REVOKED: gettext_lazy("access removed"),
    CaseState.ALREADY_GONE: gettext_lazy("the account was already gone"),
    CaseState.WOULD_REVOKE: gettext_lazy("passed every check; nothing was sent"),
    CaseState.WITHDRAWN: gettext_lazy("withdrawn from the clean-up"),
    CaseState.UNKNOWN: gettext_lazy("no clear answer; checking twice before deciding"),
}
"""A clause for each state of a case that needs no reason of its own."""

BY_HAND = "by_hand"
"""The kind of an outcome that an administrator told."""

ANSWERS: dict[str, Promise] = {
    "keep": gettext_lazy("asked on %(date)s to keep access"),
    "away": gettext_lazy("said on %(date)s: away until %(until)s"),
    "leave": gettext_lazy("said on %(date)s that access is no longer needed"),
}
"""A clause for each answer that a person can give to the notice."""

PROMISES = {"promised", "until", "promise_not_reached"}
"""What is called so is a day that somebody was promised."""


def of_case(case: Case, *, now: datetime) -> str:
    """A case's outcome so far, as a clause."""
    outcome = case.outcome or {}
    if case.state == CaseState.IN_DRAFT:
        return of_evidence(case.evidence, now=now)
    if case.state == CaseState.DUE and outcome.get("why"):
        return _("not yet: %(why)s") % {"why": of_why(outcome["why"])}
    if case.state == CaseState.DUE and outcome.get("error"):
        return _("will be tried again: %(error)s") % outcome
    if case.state == CaseState.AWAITING_NOTICE and outcome.get("tries"):
        why = outcome.get("why", "")
        sentence = ngettext(
            "deferred once by the mail server; trying again: %(why)s",
            "deferred %(tries)s times by the mail server; trying again: %(why)s",
            outcome["tries"],
        )
        clause = replies.of_mail(why, advise=False) if replies.is_reply(why) else of_why(why)
        return sentence % {"tries": outcome["tries"], "why": clause}
    if case.state in (CaseState.SPARED, CaseState.UNDELIVERABLE):
        return of_why(outcome.get("why", ""))
    if case.state == CaseState.REFUSED:
        return replies.of_refusal(outcome)
    if case.state == CaseState.REVOKED and case.bounced_at:
        sentence = _("access removed; the notice bounced on %(date)s, too late")
        return sentence % {"date": instants.day(case.bounced_at)}
    if case.state == CaseState.REVOKED and outcome.get("kind") == BY_HAND:
        return _("access removed; an administrator looked in Huwise")
    if case.state == CaseState.REVOKED and outcome.get("inferred"):
        return _("access removed; confirmed by checking the account again")
    warned = instants.day(case.noticed_at) if case.noticed_at else ""
    promised = instants.promised(case.promised_at) if case.promised_at else ""
    return str(FATES.get(case.state, "")) % {"warned": warned, "promised": promised}


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
    sentence = str(clause) % {"date": instants.day(at), "until": instants.promised(until) if until else ""}
    return ": ".join([sentence, answer["text"]]) if answer.get("text") else sentence


def of_answering(case: Case) -> str:
    """How soon after the last e-mail the person answered, and with which program, where that is known."""
    answer = case.answer or {}
    seconds, agent = answer.get("seconds_after"), answer.get("agent")
    if seconds is None or not agent:
        return ""
    ago = since(case.moved_at, case.moved_at + timedelta(seconds=seconds)) if seconds >= 60 else ""
    ago = ago or ngettext("%(count)s second", "%(count)s seconds", seconds) % counted({"count": seconds})
    return _("%(time)s after the e-mail, with %(agent)s") % {"time": ago, "agent": agent}


def of_why(why: object) -> str:
    """A stored "why": a finding, a list of the gate's objections, or a text."""
    if isinstance(why, dict):
        return findings.in_words(why).said.removesuffix(".") if "code" in why else ""
    if not isinstance(why, list):
        return replies.of_mail(str(why)) if replies.is_reply(why) else reasons.told(str(why))
    return joined(
        objections.objection(
            str(item.get("code", "")),
            spoken(item.get("detail", ""), name=str(item.get("code", ""))),
            item.get("because", ()),
        )
        for item in why
        if isinstance(item, dict)
    )


def spoken(value: object, *, name: str = "") -> str:
    """A value of an entry's data as people say it: a list of objections in words, an instant as its day."""
    if isinstance(value, list | dict):
        return of_why(value)
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-":
        try:
            instant = parse_datetime(value)
        except ValueError:
            return value
        said = instants.promised if name in PROMISES else instants.day
        return said(instant) if instant and instant.tzinfo else value
    if isinstance(value, str) and name == "reason":
        return reasons.told(value)
    return "" if value is None else str(value)
