"""The brake: what pauses a clean-up automatically, until a person resumes it.

One thing that does: too many of its people object. Those count who answered that they keep their
account, who signed in again (before or after they were removed), and who could not be reached. A dry run tells nobody
and removes nobody, so nobody can speak against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db.models import Case as Either
from django.db.models import CharField, Count, Q, Value, When

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Case, Cleanup, Workspace
from accounts_review.models.cleanup import HEARD
from accounts_review.models.prepared import Prepared
from accounts_review.rules.lifecycle import CaseState, CleanupState

log = structlog.get_logger(__name__)

FEWEST = 10
"""So many people must have been heard of before their share says anything."""

TOO_MANY_AGAINST = "pause_at_regret"
"""The code of this stop."""

SAYS = Either(
    When(answer__kind="keep", then=Value("kept")),
    When(
        Q(state=CaseState.SPARED, outcome__why__contains=[{"code": "newer_activity"}])
        | Q(returned_at__isnull=False)
        | ~Q(restored_by=""),
        then=Value("back"),
    ),
    When(state=CaseState.UNDELIVERABLE, then=Value("bounced")),
    When(answer__isnull=False, then=Value("answered")),
    default=Value("nothing"),
    output_field=CharField(),
)
"""What was heard of the person of a case; each counts once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """How many of a clean-up's people speak against it, and how; ``answered`` otherwise, or not heard of at all."""

    kept: int = 0
    back: int = 0
    bounced: int = 0
    answered: int = 0
    nothing: int = 0

    @property
    def count(self) -> int:
        return self.kept + self.back + self.bounced

    @property
    def people(self) -> int:
        return self.count + self.answered + self.nothing

    def exceeds(self, share: float, *, accepted: int) -> bool:
        """Whether more than the share speak against it, beyond as many as a person has accepted already."""
        return self.count + self.answered >= FEWEST and self.count - accepted > share * self.people


def feedback_of(cleanup: Cleanup) -> Feedback:
    """What a clean-up's people say, but for those whom somebody took out of it."""
    cases = cleanup.cases.exclude(state=CaseState.WITHDRAWN).order_by()
    heard = dict(cases.filter(HEARD).values_list(SAYS).annotate(Count("pk")))
    return Feedback(**heard | {"nothing": cases.count() - sum(heard.values()) + heard.get("nothing", 0)})


def brake(cleanup: Cleanup, *, now: datetime) -> bool:
    """Pause a running live clean-up that too many speak against; whether it was paused."""
    if cleanup.dry_run or cleanup.state != CleanupState.RUNNING:
        return False
    if len(_FIRST_HEARD.rows(cleanup=cleanup.pk)) < FEWEST:
        return False
    feedback, share = feedback_of(cleanup), cleanup.workspace.current_policy.rules.limits.pause_at_regret
    if not feedback.exceeds(share, accepted=cleanup.against_accepted):
        return False
    figures = {"kept": feedback.kept, "back": feedback.back, "bounced": feedback.bounced}
    why = {"code": TOO_MANY_AGAINST, "count": feedback.count, "people": feedback.people, "share": f"{100 * share:g}"}
    return stop(cleanup, why | figures, now=now)


_FIRST_HEARD = Prepared(
    lambda cleanup: Case.objects.filter(HEARD, cleanup=cleanup).order_by().values_list("pk")[:FEWEST], cleanup=int
)
"""Asked at each claim."""


def brake_all(workspace: Workspace, *, now: datetime) -> None:
    """Pause every clean-up of a workspace that too many speak against."""
    for cleanup in workspace.cleanups.filter(state=CleanupState.RUNNING, dry_run=False):
        brake(cleanup, now=now)


def stop(cleanup: Cleanup, why: Mapping[str, Any], *, now: datetime) -> bool:
    """Pause a running clean-up for a reason, a code with its details; whether it was running."""
    kind, data = Event.CLEANUP_STOPPED, {"why": why}
    try:
        audit.transition(
            [cleanup], CleanupState.PAUSED, kind=kind, actor="portal", now=now, data=data, stopped_because=why
        )
    except (audit.Conflict, ValueError):
        log.info("clean-up was stopped already", cleanup=cleanup.pk)
        return False
    return True
