"""What can go wrong with e-mails."""

from __future__ import annotations

from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any
from unittest.mock import patch

from django.core.mail.backends.locmem import EmailBackend

from accounts_review.models import Case
from accounts_review.workflow import advance
from accounts_review.workflow.notify import bounces
from accounts_review.workflow.notify.send import send_notices
from tests.stage import NOW, Stage


def bounced_before_the_date(stage: Stage) -> None:
    stage.launch("marie")
    send_notices(workspace=stage.workspace, now=NOW)
    bounces.mark_bounced(message_id="", recipient="marie@ville.example", why="no such user", now=NOW)
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()


def warned_again_under_a_shorter_notice(stage: Stage) -> None:
    stage.launch("marie")
    send_notices(workspace=stage.workspace, now=NOW)
    given: dict[str, Any] = {"actor": stage.staff("operator"), "now": NOW}
    bounces.mark_undeliverable(case=stage.case("marie"), why="bounced", **given)
    Case.objects.update(promised_at=NOW + timedelta(days=45))
    bounces.retry_notice(case=stage.case("marie"), **given)
    send_notices(workspace=stage.workspace, now=NOW)
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()


def quota_is_used_up(stage: Stage) -> None:
    stage.launch("marie", "omar", "zoe")
    full = SMTPRecipientsRefused({"": (550, b"5.4.5 Daily user sending limit exceeded")})
    with patch.object(EmailBackend, "send_messages", side_effect=full):
        send_notices(workspace=stage.workspace, now=NOW)


def somebody_is_undeliverable(stage: Stage) -> bool:
    return Case.objects.filter(state="undeliverable").exists()


def address_outside_ascii(stage: Stage) -> None:
    """A server without SMTPUTF8, by which the e-mail would go to an address nobody has."""
    stage.update("marie", email="márie@ville.example")
    stage.sync()
    stage.launch("marie")
    plain = type("Plain", (), {"ehlo_or_helo_if_needed": lambda self: None, "has_extn": lambda self, name: False})
    with patch.object(EmailBackend, "connection", plain(), create=True):
        send_notices(workspace=stage.workspace, now=NOW)
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
