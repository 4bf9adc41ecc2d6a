"""What the tests of e-mails do alike."""

from __future__ import annotations

from typing import Any

from accounts_review.models import Workspace
from accounts_review.workflow.notify.send import Notices, send_notices
from tests.stage import Stage


def send(stage: Stage, **options: Any) -> Notices:
    """Send the notices that are due now."""
    return send_notices(workspace=stage.workspace, now=stage.clock(), **options)


def stopped(stage: Stage) -> str:
    """The code of what stopped the e-mails of the workspace, or ""."""
    return str((Workspace.objects.get(pk=stage.workspace.pk).mail_stopped or {}).get("code", ""))
