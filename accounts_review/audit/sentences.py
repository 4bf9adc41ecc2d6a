"""Audit entries in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts_review.audit.events import DECISIONS, Event, named
from accounts_review.audit.words import Icon, Topic
from accounts_review.models import AuditEntry, Sync, Workspace
from accounts_review.wording import numbers, roles
from accounts_review.wording.cases import of_evidence, spoken

MODES = {mode.value: mode.label for mode in Workspace.Mode}
STATES = {state.value: state.label for state in Sync.State}
CODES = {Event.WORKSPACE_MODE_SET: {"from": MODES, "to": MODES}, Event.WORKSPACE_SYNCED: {"state": STATES}}
"""Details that are codes, with what each stands for."""


class _Spoken(dict[str, Any]):
    """Details in words, each only when a clause asks for it: those of an approval hold all its evidence."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__()
        self.told = told

    def __missing__(self, name: str) -> Any:
        value = self.told.get(name, "")
        return numbers.shown(name, value) if isinstance(value, int) else spoken(value, name=name)


def of_act(entry: AuditEntry) -> str:
    """What somebody did, as a clause; who it was and the account are told beside it."""
    told = entry.details
    try:
        words = named(entry.kind).words
    except ValueError:
        return entry.kind
    variant = "service" if told.get("service_account") else str(told.get("kind") or told.get("cause") or "")
    values = _Spoken(told)
    if named(entry.kind).group in (Topic.PERSON, Topic.ROLE):
        values.update({name: roles.said(str(values[name])) for name in ("before", "role") if values[name]})
    for name, labels in CODES.get(named(entry.kind), {}).items():
        code = str(values[name])
        values[name] = str(labels.get(code, code)).lower()
    try:
        return (words.variants.get(variant, words.clause) % values).strip().removesuffix(":")
    except TypeError:  # What should be counted is no number.
        return str(words.label)


def of_entry(entry: AuditEntry) -> str:
    """The act of an entry, with the evidence that it was taken on."""
    return with_evidence(entry, of_act(entry))


def with_evidence(entry: AuditEntry, told: str) -> str:
    """The act of an entry, which is ``told`` so, with the evidence that it was taken on."""
    if entry.kind == Event.ACCOUNT_APPROVED and "segment" in entry.data:
        evidence = of_evidence(entry.data, now=entry.at)
        told = _("%(said)s. Evidence: %(evidence)s") % {"said": told, "evidence": evidence}
    return told


def name_of(entry: AuditEntry) -> str:
    """What an entry is called, such as "Notice sent"; one of a kind that this version does not know, its code."""
    try:
        return str(named(entry.kind).words.label)
    except ValueError:
        return entry.kind


def icon_of(entry: AuditEntry) -> str:
    """The heroicon of an entry."""
    try:
        return named(entry.kind).icon
    except ValueError:
        return Icon.ACT


def is_weighed(entry: AuditEntry) -> bool:
    """Whether an entry is about an account and a judgement of it, so that what was known then has a page."""
    return entry.account_id is not None and entry.kind in (*DECISIONS, Event.CASE_INTENDED)
