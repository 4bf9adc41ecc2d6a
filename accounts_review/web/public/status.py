"""Where a person's case stands, as far as it concerns them: one of a few sentences on the answer page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.dateparse import parse_datetime

from accounts_review.models import Case, Exemption
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow import answer
from accounts_review.workflow.notify import due


class Stand(StrEnum):
    """What there is to tell the person."""

    ASKED = "asked"
    LEAVING = "leaving"
    """They asked to be removed, and can still change their mind."""
    KEPT = "kept"
    AWAY = "away"
    BACK = "back"
    CALLED_OFF = "called_off"
    UNCERTAIN = "uncertain"
    """They keep it by what was decided since a removal was asked for, and nobody has looked whether it had effect."""
    UNDER_WAY = "under_way"
    REMOVED = "removed"
    GONE = "gone"
    """The access ended without us."""
    FAILED = "failed"
    """The data portal refused the removal."""


_STANDS: Mapping[str, Stand] = {
    CaseState.INTENDED: Stand.UNDER_WAY,
    CaseState.UNKNOWN: Stand.UNDER_WAY,
    CaseState.REVOKED: Stand.REMOVED,
    CaseState.ALREADY_GONE: Stand.GONE,
    CaseState.REFUSED: Stand.FAILED,
    CaseState.IN_DRAFT: Stand.CALLED_OFF,
    CaseState.WITHDRAWN: Stand.CALLED_OFF,
    CaseState.WOULD_REVOKE: Stand.CALLED_OFF,
}
_SPARED: Mapping[str, Stand] = {
    "newer_activity": Stand.BACK,
    "no_longer_listed": Stand.GONE,
    "another_incarnation": Stand.GONE,
}
"""By the first objection that spared somebody; for any other the removal was called off."""
_STILL_THERE = frozenset({Stand.KEPT, Stand.AWAY, Stand.BACK, Stand.CALLED_OFF, Stand.FAILED})
"""The page says that they have their access, which a sync or a look may know better by now."""
_CALLED_OFF = frozenset({Stand.KEPT, Stand.AWAY, Stand.CALLED_OFF})
_ANSWERED: Mapping[str, Stand] = {"keep": Stand.KEPT, "away": Stand.AWAY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the answer page tells a person, and what they can still do there."""

    case: Case
    stand: Stand
    kept_until: datetime | None
    can_answer: bool
    can_leave: bool
    can_change: bool

    @property
    def answered_at(self) -> datetime | None:
        return parse_datetime((self.case.answer or {}).get("at", ""))

    @property
    def removed_at(self) -> datetime | None:
        """When their access was removed; where that came out later, when we had asked for it."""
        return self.case.moved_at if self.case.state == CaseState.REVOKED else self.case.intended_at

    @property
    def is_back(self) -> bool:
        """Whether somebody who was removed is a member again, or was invited."""
        return bool(self.case.restored_by) or self.case.returned_at is not None


def status_of(case: Case, *, now: datetime) -> Status:
    """Where a case stands at an instant, as its person is told."""
    stand = _stand(case)
    standing = Exemption.objects.in_force(now).filter(account=case.account_id).first()
    return Status(
        case=case,
        stand=stand,
        kept_until=standing.until if standing else None,
        can_answer=not answer.is_settled(case),
        can_leave=answer.may_leave(case),
        can_change=stand not in (Stand.GONE, Stand.REMOVED) and answer.still_counts(case, now=now),
    )


def _stand(case: Case) -> Stand:
    found = _stand_of_case(case)
    if found in _STILL_THERE and not due.is_member(case):
        return Stand.REMOVED if due.was_removed_after_all(case) else Stand.GONE
    return Stand.UNCERTAIN if found in _CALLED_OFF and due.may_be_gone(case) else found


def _stand_of_case(case: Case) -> Stand:
    kind = (case.answer or {}).get("kind", "")
    if case.state == CaseState.SPARED:
        why = (case.outcome or {}).get("why")
        code = str(why[0].get("code")) if isinstance(why, list) and why else ""
        return _SPARED.get(code) or _ANSWERED.get(kind, Stand.CALLED_OFF)
    return _STANDS.get(case.state) or (Stand.LEAVING if kind == "leave" else Stand.ASKED)
