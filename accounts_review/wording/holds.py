"""Why everything is held, in sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import Hold

CAUSES: dict[str, Promise] = {
    Hold.Cause.BEHIND: gettext_lazy(
        "The database is older than its checkpoint: it ends at entry %(newest)s, the checkpoint is at %(number)s."
    ),
    Hold.Cause.REWRITTEN: gettext_lazy(
        "The database is not the one the checkpoint belongs to: entry %(number)s is different."
    ),
    Hold.Cause.MISSING: gettext_lazy("This host has no checkpoint and cannot tell whether the database is the newest."),
    Hold.Cause.UNREADABLE: gettext_lazy("The checkpoint is damaged or was changed by hand."),
    Hold.Cause.FLAWED: gettext_lazy("The audit failed verification: %(first)s. Run audit_verify for details."),
    Hold.Cause.NOT_KEPT: gettext_lazy("The checkpoint cannot be written: %(error)s."),
}
"""A sentence for each thing that may be wrong with a checkpoint."""


def of_cause(cause: str, details: Mapping[str, Any]) -> str:
    """What is wrong with a checkpoint."""
    return str(CAUSES[cause]) % defaultdict(str, details)


def of_hold(hold: Hold) -> str:
    """Who holds what, and why."""
    if hold.cause == Hold.Cause.PAUSED:
        values = {"login": hold.by, "workspace": hold.workspace, "reason": hold.reason}
        return _("%(login)s paused the workspace %(workspace)s: %(reason)s") % values
    if not hold.is_by_person:
        return f"{of_cause(hold.cause, hold.details)} ({hold.details.get('host', hold.host)})"
    values = {"login": hold.by, "workspace": hold.workspace, "reason": hold.reason}
    if hold.workspace:
        return _("%(login)s holds the workspace %(workspace)s: %(reason)s") % values
    return _("%(login)s holds the whole portal: %(reason)s") % values
