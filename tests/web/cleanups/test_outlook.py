"""The wait: a running clean-up says when its next e-mails leave, when the last do, and when the last are removed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import Hold, Workspace
from accounts_review.tasks import actions
from accounts_review.tasks.schedule import ensure_schedule
from accounts_review.workflow import holds
from tests.factories import put_in_force
from tests.stage import policy_text
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
        assert "Next e-mails by 10:" in text(page)
        assert "The last notices leave on Monday 30 November 2026." in text(page)
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


def test_an_open_page_reads_it_anew_when_a_case_has_moved(site: Site) -> None:
    cleanup = site.launched("ana")
    before = site.get("cleanup", number=cleanup.number).content.decode()
    assert re.search(r'<div id="schedule"[^>]*hx-trigger="cases-moved from:body"', before)
    site.put("ana", "noticed", noticed_at=FRIDAY, promised_at=FRIDAY + timedelta(days=31))
    url = site.at("cleanup", number=cleanup.number)
    part = site.client.get(url, headers={"HX-Request": "true", "HX-Target": "schedule"})
    assert "Last removals on" in text(part)
    assert "Next e-mails by" not in text(part)
    assert 'id="schedule"' in part.content.decode()
    assert "<h1>" not in part.content.decode()


def test_an_open_page_offers_what_the_first_warning_makes_possible(site: Site) -> None:
    cleanup = site.launched("ana", "ben")
    waits = r'<div class="turns[^>]*id="turns"[^>]*hx-trigger="cases-moved from:body"'
    before = site.get("cleanup", number=cleanup.number).content.decode()
    assert re.search(waits, before)
    assert "Report bounced e-mails" not in before
    site.put("ana", "noticed", noticed_at=FRIDAY, promised_at=FRIDAY + timedelta(days=31))
    url = site.at("cleanup", number=cleanup.number)
    part = site.client.get(url, headers={"HX-Request": "true", "HX-Target": "turns"}).content.decode()
    assert "Report bounced e-mails" in part
    assert "Everyone who was warned is told by e-mail" in part
    assert not re.search(waits, part), "there is nothing more to come"
    assert "<h1>" not in part


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


def test_what_left_within_the_hour_and_what_waits_ahead_put_the_next_mails_off(
    site: Site, settings: Any, mailoutbox: list[Any]
) -> None:
    cleanup = site.launched("ana", "ben", "cy")
    settings.NOTICE_HOURS = (9, 18)
    actions.warn(site.workspace)
    outlook = site.get("cleanup", number=cleanup.number).context["outlook"]
    # Both places of the hour are taken until 11:03; the worker comes every ten minutes.
    assert FRIDAY + timedelta(hours=1) <= outlook.next_warnings_at <= FRIDAY + timedelta(hours=1, minutes=10)
    settings.NOTICES_PER_HOUR = 0
    outlook = site.get("cleanup", number=cleanup.number).context["outlook"]
    assert outlook.next_warnings_at <= FRIDAY + timedelta(minutes=10)
    assert outlook.last_warnings == FRIDAY.date()


def test_reminders_stand_on_the_days_on_which_they_leave(site: Site, settings: Any) -> None:
    text = policy_text(notice=30, avoid=["weekends"], reminders=(9, 1))
    put_in_force(site.workspace, text, now=FRIDAY)
    cleanup = site.launched("ana")
    monday = datetime(2026, 12, 28, 10, 3, tzinfo=UTC)
    site.put("ana", "noticed", noticed_at=FRIDAY, promised_at=monday)
    days = {
        day.date.isoformat(): day.emails
        for week in site.get("cleanup", number=cleanup.number).context["outlook"].calendar
        for day in week.days
        if day.emails
    }
    assert days == {"2026-12-18": 1, "2026-12-25": 1}


def test_nothing_is_foretold_while_everything_is_held_or_in_dry_run(site: Site) -> None:
    cleanup = site.launched("ana")
    holds.hold(workspace=site.workspace, actor=site.person("operator"), reason="wait", now=FRIDAY)
    assert site.get("cleanup", number=cleanup.number).context["outlook"] is None
    Hold.objects.all().delete()
    Workspace.objects.update(mode=Workspace.Mode.DRY_RUN)
    assert site.get("cleanup", number=cleanup.number).context["outlook"] is None
