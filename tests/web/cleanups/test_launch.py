"""The launch page: what would happen, in words and numbers, and a confirmation that cannot be given by accident."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Account, Assessment, AuditEntry, Cleanup, Workspace
from accounts_review.tasks import jobs
from accounts_review.workflow.review import decide
from tests.factories import make_group
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def shown(site: Site, draft: Cleanup) -> str:
    """What the page says it rests on."""
    return str(site.get("launch", number=draft.number).context["form"].initial["shown"])


def confirm(site: Site, draft: Cleanup, count: str, *, seen: str | None = None) -> object:
    data = {"count": count, "shown": shown(site, draft) if seen is None else seen}
    return site.post("launch", data, number=draft.number)


def test_a_dry_run_says_that_nothing_leaves_the_portal(site: Site) -> None:
    page = text(site.get("launch", number=site.draft("ana", "ben").number))
    assert "Dry run: nothing is sent or removed." in page
    assert "To confirm, type the number of accounts: 2" in page
    assert "Start the dry run with 2 accounts" in page


def test_a_live_one_says_when_the_first_access_can_end(site: Site) -> None:
    site.go_live()
    page = text(site.get("launch", number=site.draft("ana").number))
    assert "Each person is warned. Nobody loses access before" in page
    assert "The notice period is 30 days from each person's e-mail." in page


def test_a_large_one_leaves_in_waves(site: Site, settings: Any) -> None:
    site.go_live()
    settings.NOTICES_PER_HOUR, settings.NOTICE_HOURS = 1, (9, 10)
    draft = site.draft("ana", "ben", "cy")
    page = site.get("launch", number=draft.number)
    waves = page.context["waves"]
    assert [wave.count for wave in waves] == [1, 1, 1]
    assert all(wave.earliest - wave.day == timedelta(days=30) for wave in waves)
    assert "the notices take 3 days" in text(page)
    days = [day for week in page.context["calendar"] for day in week.days]
    # A notice each, and a reminder seven days and a day before.
    assert [day.emails for day in days if day.emails] == [1] * 9
    assert sum(day.removals for day in days) == 3


def test_the_reminders_stand_in_the_calendar_of_a_launch(site: Site) -> None:
    site.adopt(notice=30, reminders=(7, 1))
    site.go_live()
    page = site.get("launch", number=site.draft("ana", "ben").number)
    assert "All notices are sent on" in text(page)
    days = [day for week in page.context["calendar"] for day in week.days]
    warned, *reminded = [day for day in days if day.emails]
    (removed,) = [day for day in days if day.removals]
    assert [day.emails for day in (warned, *reminded)] == [2, 2, 2]
    assert [(removed.date - day.date).days for day in reminded] == [7, 1]


def test_without_notice_the_page_says_how_long_it_waits(site: Site) -> None:
    site.adopt(wait=36)
    site.go_live()
    draft = site.draft("ana")
    assert "No warning is sent. Access ends 36 hours after the launch." in text(site.get("launch", number=draft.number))
    confirm(site, draft, "1")
    page = text(site.get("cleanup", number=draft.number))
    assert "Nobody was warned, so the launch waits; it can be cancelled until then; continues at" in page
    assert "Cancel" in page


def test_without_notice_the_page_says_so_loudly(site: Site) -> None:
    site.go_live()
    site.adopt(notice=0)
    page = text(site.get("launch", number=site.draft("ana").number))
    assert "No warning is sent. Access ends right after the launch." in page


def test_those_beyond_the_limit_are_counted_and_stay(site: Site) -> None:
    site.adopt(per_cleanup=1)
    draft = site.draft("ana", "ben", "cy")
    page = text(site.get("launch", number=draft.number))
    assert "To confirm, type the number of accounts: 1" in page
    assert "2 accounts are over the limit of 1 and stay for the next draft." in page
    confirm(site, draft, "1")
    assert site.workspace.cleanups.get(state="draft").cases.count() == 2


def test_those_who_came_back_are_counted(site: Site) -> None:
    draft = site.draft("ana", "ben")
    Assessment.objects.filter(account__username="ana").update(dormant_from=now().replace(year=now().year + 1))
    assert "1 account is no longer dormant or no longer listed" in text(site.get("launch", number=draft.number))


def test_a_second_person_is_announced(site: Site) -> None:
    site.adopt(two_people=True)
    draft = site.draft("ana")
    assert "The policy requires a second person, and nobody else can confirm." in text(
        site.get("launch", number=draft.number)
    )
    confirm(site, draft, "1")
    draft.refresh_from_db()
    assert draft.state == "awaiting_confirmation"


def test_the_number_launches_and_rings(site: Site) -> None:
    draft = site.draft("ana", "ben")
    answer = site.follow("launch", {"count": "2", "shown": shown(site, draft)}, number=draft.number)
    draft.refresh_from_db()
    assert (draft.state, draft.dry_run, draft.launched_by) == ("running", True, "operator")
    assert "accounts_review.tasks.jobs.revoke_batch" in site.enqueued
    assert answer.redirect_chain == [(site.at("cleanup", number=draft.number), 302)]
    assert f"Clean-up {draft.number} was launched with 2 accounts." in text(answer)


@pytest.mark.matrix(fast=2, reason="each answer is a clean-up of its own")
@pytest.mark.parametrize("typed", ["", "1", "3", "22", "yes", "2 or so", "<b>2</b>"])
def test_anything_else_launches_nothing(site: Site, typed: str) -> None:
    draft = site.draft("ana", "ben")
    answer = site.post("launch", {"count": typed, "shown": shown(site, draft)}, number=draft.number)
    draft.refresh_from_db()
    assert draft.is_draft
    assert site.enqueued == []
    assert "<b>2</b>" not in text(answer)
    assert answer.context["form"].errors["count"]


def test_a_number_may_be_typed_with_a_separator(site: Site) -> None:
    draft = site.draft("ana", "ben")
    confirm(site, draft, " 2 ")
    draft.refresh_from_db()
    assert draft.state == "running"


def test_another_account_in_the_draft_makes_the_page_stale(site: Site) -> None:
    draft = site.draft("ana", "ben")
    seen = shown(site, draft)
    decide.approve(accounts=site.people("cy"), actor=site.person("reviewer"), reason="", now=now())
    answer = site.post("launch", {"count": "2", "shown": seen}, number=draft.number)
    assert answer.status_code == 409
    assert "The draft had 2 accounts; it now has 3." in text(answer)
    draft.refresh_from_db()
    assert draft.is_draft


def test_the_same_number_of_other_accounts_makes_it_stale(site: Site) -> None:
    draft = site.draft("ana", "ben")
    seen, ana = shown(site, draft), Account.objects.get(username="ana")
    decide.withdraw(accounts=[ana], actor=site.person("reviewer"), reason="", now=now())
    decide.approve(accounts=site.people("cy"), actor=site.person("reviewer"), reason="", now=now())
    answer = site.post("launch", {"count": "2", "shown": seen}, number=draft.number)
    assert answer.status_code == 409
    assert "The draft now contains other accounts." in text(answer)


def test_going_live_meanwhile_makes_it_stale(site: Site) -> None:
    draft = site.draft("ana")
    seen = shown(site, draft)
    site.go_live()
    answer = site.post("launch", {"count": "1", "shown": seen}, number=draft.number)
    assert answer.status_code == 409
    assert "The mode changed from dry run to live." in text(answer)


def test_another_policy_makes_it_stale(site: Site) -> None:
    draft = site.draft("ana")
    seen = shown(site, draft)
    site.adopt(notice=0)
    answer = site.post("launch", {"count": "1", "shown": seen}, number=draft.number)
    assert answer.status_code == 409
    assert "The policy changed from version 1 to 2." in text(answer)


@pytest.mark.parametrize("seen", ["", "nonsense", "1/2/3/4/5", "<script>/x/y/z"])
def test_a_page_that_does_not_say_what_it_showed_is_refused(site: Site, seen: str) -> None:
    draft = site.draft("ana")
    answer = site.post("launch", {"count": "1", "shown": seen}, number=draft.number)
    assert answer.status_code == 409
    assert "<script>/x" not in text(answer)


def test_launching_twice_is_once(site: Site) -> None:
    draft = site.draft("ana")
    seen = shown(site, draft)
    for _ in range(2):
        answer = site.follow("launch", {"count": "1", "shown": seen}, number=draft.number)
    assert "has already been launched" in text(answer)
    assert AuditEntry.objects.filter(kind="cleanup.launched").count() == 1


def test_an_empty_draft_has_nothing_to_confirm(site: Site) -> None:
    draft = site.draft("ana")
    account = Account.objects.get(username="ana")
    decide.withdraw(accounts=[account], actor=site.person("reviewer"), reason="", now=now())
    page = site.get("launch", number=draft.number)
    assert "nothing to launch" in text(page)
    assert b'name="count"' not in page.content
    site.post("launch", {"count": "0", "shown": shown(site, draft)}, number=draft.number)
    draft.refresh_from_db()
    assert draft.is_draft


def test_a_launched_one_shows_its_own_page(site: Site) -> None:
    cleanup = site.launched("ana")
    assert site.get("launch", number=cleanup.number)["Location"] == site.at("cleanup", number=cleanup.number)


def awaiting(site: Site, *names: str) -> Cleanup:
    """Launched by the operator under two pairs of eyes; the administrator can confirm."""
    site.adopt(two_people=True, notice=30)
    site.go_live()
    site.person("administrator")
    draft = site.draft(*names)
    confirm(site, draft, str(len(names)))
    draft.refresh_from_db()
    return draft


def test_the_second_person_sees_the_same_page_and_confirms_by_the_same_number(site: Site) -> None:
    cleanup = awaiting(site, "ana", "ben")
    site.sign_in("administrator")
    assert "Review and confirm" in text(site.get("cleanup", number=cleanup.number))
    page = site.get("launch", number=cleanup.number)
    for words in (
        "2</span> accounts will lose access",
        "Nobody loses access before",
        "Checks",
        "Launched by operator",
    ):
        assert words in text(page)
    assert page.context["calendar"]
    site.post("launch", {"count": "3", "shown": shown(site, cleanup)}, number=cleanup.number)
    cleanup.refresh_from_db()
    assert cleanup.state == "awaiting_confirmation"
    answer = site.follow("launch", {"count": "2", "shown": shown(site, cleanup)}, number=cleanup.number)
    cleanup.refresh_from_db()
    assert (cleanup.state, cleanup.confirmed_by) == ("running", "administrator")
    assert "The clean-up is confirmed and has started." in text(answer)
    assert "accounts_review.tasks.jobs.send_emails_job" in site.enqueued
    assert "accounts_review.tasks.jobs.send_alerts_job" in site.enqueued


def test_the_launcher_sees_whom_it_waits_for_and_cannot_confirm(site: Site) -> None:
    cleanup = awaiting(site, "ana")
    for page in ("cleanup", "launch"):
        shown_page = text(site.get(page, number=cleanup.number))
        assert "Waiting for administrator to confirm." in shown_page
        assert "Confirm and start" not in shown_page
    answer = site.follow("launch", {"count": "1", "shown": "x"}, number=cleanup.number)
    cleanup.refresh_from_db()
    assert cleanup.state == "awaiting_confirmation"
    assert answer.status_code in (200, 409)


def test_a_reminder_is_possible_an_hour_after_the_last_mail(site: Site) -> None:
    cleanup = awaiting(site, "ana")
    assert "Remind them" not in text(site.get("cleanup", number=cleanup.number))
    with time_machine.travel(now() + timedelta(hours=1, minutes=1)):
        site.sign_in("operator")
        assert "Remind them" in text(site.get("cleanup", number=cleanup.number))
        site.post("turn", number=cleanup.number, verb="remind")
        assert "They were asked within the last hour." in text(
            site.follow("turn", number=cleanup.number, verb="remind")
        )
    assert AuditEntry.objects.filter(kind="cleanup.reminded").count() == 1


def test_removals_on_a_weekend_do_not_pass_without_comment(site: Site) -> None:
    site.go_live()
    draft = site.draft("ana")
    with time_machine.travel("2026-11-27T10:00:00Z"):
        site.sign_in("operator")
        assert "Some removals can fall on a weekend, the first on Sunday 27 December 2026." in text(
            site.get("launch", number=draft.number)
        )
        site.adopt(notice=30, avoid=["weekends", "2026-12-28"])
        page = site.get("launch", number=draft.number)
    assert "Nobody loses access before Tuesday 29 December 2026." in text(page)
    assert "on a weekend" not in text(page)
    assert 'title="avoided by the policy"' in text(page)


def test_many_groups_are_one_line_with_a_count(site: Site) -> None:
    uids = [f"team-{number}" for number in range(30)]
    for uid in uids:
        make_group(site.workspace, uid, title=f"Team {uid}", created_by="zoe", permissions=[])
    site.adopt()
    zoe = site.people("zoe", groups=[{"uid": uid} for uid in uids])
    draft = site.draft("ana")
    decide.approve(accounts=zoe, actor=site.person("reviewer"), reason="left", now=now())
    page = text(site.get("launch", number=draft.number))
    assert "30 groups would have no members." in page
    assert "Team team-0, Team team-1, Team team-10 and 27 more" in page
    shown = page[page.index("<main") :]
    assert shown.count("<summary") == shown.count('<summary class="breakable"') + 1  # what this page is


def test_whoever_can_confirm_is_asked_by_mail_once_with_the_way_to_the_page(site: Site, mailoutbox: list[Any]) -> None:
    cleanup = awaiting(site, "ana")
    assert "accounts_review.tasks.jobs.send_alerts_job" in site.enqueued
    for _ in range(2):
        jobs.send_alerts_job()
    (asked,) = [mail for mail in mailoutbox if "waits for your confirmation" in mail.subject]
    assert asked.to == ["administrator@portal.example"]
    assert f"/w/main/cleanups/{cleanup.number}/launch/" in asked.body
    assert "1 account would lose access." in asked.body
    assert AuditEntry.objects.filter(kind="cleanup.confirmation_asked").count() == 1
