"""Waiting: whose notice is still owed, and why none leaves now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Case, Cleanup, Workspace
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.wording.findings import Found
from accounts_review.workflow import clock, open_days
from accounts_review.workflow.notify.pace import Pace


def awaiting_notice(workspace: Workspace) -> QuerySet[Case]:
    """The cases whose notice is owed, wherever their clean-up stands."""
    return Case.objects.filter(
        cleanup__workspace=workspace, cleanup__dry_run=False, state=CaseState.AWAITING_NOTICE
    ).exclude(cleanup__state=CleanupState.CANCELLED)


def sent_within_the_hour(workspace: Workspace, *, kinds: Collection[Event], now: datetime) -> list[datetime]:
    """When e-mails of such kinds left that count in the limit per hour still, the oldest first."""
    # By an index of e-mails alone, and without the names: there may be a million of before.
    recent = AuditEntry._base_manager.filter(kind__in=map(str, kinds), at__gt=now - timedelta(hours=1))
    return list(recent.filter(workspace__in=workspace.names).order_by("at").values_list("at", flat=True))


def no_notices(cleanup: Cleanup, *, pace: Pace, now: datetime) -> list[Found]:
    """Why none of a clean-up's notices can leave now, as findings."""
    if cleanup.state == CleanupState.PAUSED:
        return [cleanup.stopped_because or {"code": "paused"}]
    if not cleanup.workspace.is_live:
        return [{"code": "workspace_in_dry_run"}]
    if found := clock.behind(cleanup.workspace, now=now):
        return [found]
    if until := open_days.closed_until(cleanup, now=now):
        return [{"code": "avoided_day", "until": until.isoformat()}]
    if not pace.is_open(now):
        return [{"code": "mail_hours"}]
    sent = sent_within_the_hour(cleanup.workspace, kinds=(Event.CASE_NOTICED,), now=now)
    if not 0 < pace.per_hour <= len(sent):
        return []
    return [{"code": "mail_limit", "until": (sent[-pace.per_hour] + timedelta(hours=1)).isoformat()}]
