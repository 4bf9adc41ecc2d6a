"""Holds that come at the worst moment."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

from django.core import mail

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.models import Hold
from accounts_review.workflow import holds
from accounts_review.workflow.notify.send import send_notices
from tests.factories import make_hold
from tests.stage import Stage


def hold_everything(stage: Stage) -> None:
    holds.hold(workspace=None, actor=stage.staff("auditor"), reason="something is wrong", now=stage.clock())


def hold_the_workspace(stage: Stage) -> None:
    holds.hold(workspace=stage.workspace, actor=stage.staff("auditor"), reason="something is wrong", now=stage.clock())


def find_the_database_behind(stage: Stage) -> None:
    """Another host has found that the database is older than its checkpoint."""
    make_hold(Hold.Cause.BEHIND, host="another", at=stage.clock())


def restore_an_older_database(stage: Stage) -> None:
    """This host has seen entries that the database does not have."""
    keeper = checkpoint.Keeper(Path(mkdtemp()), clock=stage.clock)
    keeper._write(audit.Checkpoint(audit.newest_checkpoint().seq + 10, "a" * 64))
    checkpoint.keeper = keeper


def hold_after_the_claim(stage: Stage) -> None:
    stage.launch("marie")
    revoker = stage.revoker()
    case = revoker.claim()
    assert case is not None
    hold_the_workspace(stage)
    revoker.process(case)


def hold_before_the_mail(stage: Stage) -> None:
    stage.launch("marie")
    hold_everything(stage)
    send_notices(workspace=stage.workspace, now=stage.clock())


def somebody_was_written_to(stage: Stage) -> bool:
    return bool(mail.outbox)
