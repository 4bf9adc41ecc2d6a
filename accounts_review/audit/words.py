"""What is told of an event: its group, its icon and its clauses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


class Icon(StrEnum):
    """The heroicons of the timeline."""

    ACT = "cog-6-tooth"
    ANSWER = "chat-bubble-left"
    BACK = "arrow-uturn-left"
    DECISION = "scale"
    HOLD = "hand-raised"
    MAIL = "envelope"
    REVOKED = "no-symbol"
    SPARED = "shield-check"


class Topic(StrEnum):
    """What events are about: the first part of their code."""

    label: Promise

    ACCOUNT = "account", _("decisions and answers")
    CASE = "case", _("steps of a case")
    CLEANUP = "cleanup", _("clean-ups")
    WORKSPACE = "workspace", _("the workspace")
    HOLD = "hold", _("holds")
    CHECKPOINT = "checkpoint", _("checkpoints")
    BREAKER = "breaker", _("the breaker")
    POLICY = "policy", _("the policy")
    PERSON = "person", _("people")
    ROLE = "role", _("roles")
    ACCOUNTS = "accounts", _("exports of accounts")
    DECISIONS = "decisions", _("imported and bulk decisions")
    AUDIT = "audit", _("exports of the audit")
    MAIL = "mail", _("the mail server")
    EMAIL = "email", _("test e-mails")
    SIGNIN = "signin", _("signing in")
    ALERT = "alert", _("e-mails to administrators")
    DIGEST = "digest", _("e-mails to operators")

    def __new__(cls, code: str, label: Promise) -> Self:
        member = str.__new__(cls, code)
        member._value_, member.label = code, label
        return member


@dataclass(frozen=True, slots=True)
class Headline:
    """A clause of the operators' digest, about one entry or with the ``count`` of them; 0 presses most."""

    urgency: int
    clause: StrPromise


@dataclass(frozen=True, slots=True)
class Words:
    """How an event is told: its code, its name, a clause filled from the entry's details, and its icon.

    ``variants`` are clauses for a value of the detail ``kind`` or ``cause`` (or ``service``: a service account).
    ``decision`` is the clause that tells another reviewer who decided what, ``news`` what the operators' digest says.
    ``alert``: it could harm many, so all administrators are told at once.
    ``address_failed``: an e-mail came back, and what the server said of it names the address.
    """

    code: str
    label: StrPromise
    clause: StrPromise
    icon: Icon | None = None
    decision: StrPromise | None = None
    variants: Mapping[str, StrPromise] = field(default_factory=dict)
    news: Headline | None = None
    address_failed: bool = False
    alert: bool = False
