"""The wait: a running clean-up says when its next e-mails leave, when the last do, and when the last are removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import Workspace
from accounts_review.tasks import actions
from accounts_review.tasks.schedule import ensure_schedule
from tests.web.records_kit import Site, text

FRIDAY = datetime(2026, 11, 27, 10, 3, tzinfo=UTC)


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User], settings: Any) -> Any:
    """On a Friday morning; two warnings an hour leave between nine and eleven."""
    settings.NOTICES_PER_HOUR, settings.NOTICE_HOURS = 2, (9, 11)
    with time_machine.travel(FRIDAY, tick=False):
        site = Site(client, workspace, person).sign_in("operator")
        site.adopt(notice=30, avoid=["weekends"])
        site.go_live()
        ensure_schedule()
        yield site


def test_before_the_mails_it_says_when_they_leave_and_when_all_is_over(site: Site) -> None:
    cleanup = site.launched("ana", "ben", "cy")
    for page in (site.get("cleanup", number=cleanup.number), site.get("cleanups")):
        assert "Next e-mails at 10:" in text(page)
        assert "The last warnings leave on Monday 30 November 2026." in text(page)
        assert "Last removals on Wednesday 30 December 2026." in text(page)


def test_the_calendar_counts_mails_and_removals_by_day(site: Site, mailoutbox: list[Any]) -> None:
    cleanup = site.launched("ana", "ben", "cy")
    actions.warn(site.workspace)
    assert len(mailoutbox) == 2
    outlook = site.get("cleanup", number=cleanup.number).context["outlook"]
    days = {day.date.isoformat(): day for week in outlook.calendar for day in week.days}
    assert sum(day.emails for day in days.values()) == 1
    assert sum(day.removals for day in days.values()) == 3
    assert days["2026-12-28"].removals >= 2  # Thirty days later it is a Sunday.


def test_once_all_are_warned_only_the_dates_are_left(site: Site) -> None:
    cleanup = site.launched("ana")
    site.put("ana", "noticed", noticed_at=FRIDAY, promised_at=FRIDAY + timedelta(days=31))
    page = text(site.get("cleanup", number=cleanup.number))
    assert "Last removals on Monday 28 December 2026." in page
    assert "Next e-mails" not in page


def test_a_dry_run_a_pause_and_an_end_have_nothing_ahead(site: Site) -> None:
    cleanup = site.launched("ana")
    site.post("turn", {"reason": "wait"}, number=cleanup.number, verb="pause")
    assert site.get("cleanup", number=cleanup.number).context["outlook"] is None


@pytest.mark.parametrize("verb", ["cancel", "resume"])
def test_what_has_mails_go_on_wakes_the_mails(site: Site, verb: str) -> None:
    cleanup = site.launched("ana")
    if verb == "resume":
        site.post("turn", {"reason": "wait"}, number=cleanup.number, verb="pause")
    assert "accounts_review.tasks.jobs.send_emails_job" not in site.enqueued
    site.post("turn", {"reason": "go"}, number=cleanup.number, verb=verb)
    assert "accounts_review.tasks.jobs.send_emails_job" in site.enqueued
