"""The answer page: no login, nothing by opening it, one of three answers by a button, and nothing for strangers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localdate, localtime, now

from accounts_review.models import Account, AuditEntry, Case, Exemption, Workspace
from accounts_review.workflow.notify import emails
from cleanup_portal.logs import LogFormatter
from tests.factories import make_case, make_cleanup, make_sync
from tests.stage import someone
from tests.web.kit import in_days, read
from tests.web.records_kit import Site, text


@pytest.fixture
def case(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Case:
    """Ana was warned an hour ago; the browser is nobody's."""
    site = Site(client, workspace, person)
    site.adopt(notice=30)
    site.go_live()
    site.launched("ana.idle")
    site.put("ana.idle", "noticed", noticed_at=now(), promised_at=now() + timedelta(days=30))
    return Case.objects.select_related("account", "cleanup__workspace").get()


@pytest.fixture
def url(case: Case) -> str:
    return reverse("answer", kwargs={"token": emails.token_of(case)})


def state(case: Case) -> str:
    return Case.objects.get(pk=case.pk).state


def test_opening_it_needs_no_login_and_changes_nothing(client: Client, case: Case, url: str) -> None:
    before = AuditEntry.objects.count()
    for ask in (client.get, client.head, client.options):
        assert ask(url).status_code in (200, 405)
    assert (state(case), AuditEntry.objects.count()) == ("noticed", before)


def test_the_page_says_what_is_about_to_happen_and_names_three_answers(client: Client, case: Case, url: str) -> None:
    answer = client.get(url)
    page = text(answer)
    for words in (
        "ana.idle",
        "main",
        "Keep my access",
        "I am away until",
        "Remove my access now",
        "unless you sign in",
    ):
        assert words in page
    assert "Sign out" not in page
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_keep(client: Client, case: Case, url: str) -> None:
    answer = client.post(url, {"kind": "keep", "text": "I run the bus feed"})
    assert answer.status_code == 200
    assert "You keep your access" in text(answer)
    assert state(case) == "spared"
    assert Exemption.objects.get().reason == "asked to keep it: I run the bus feed"


def test_away_until_the_day_given(client: Client, case: Case, url: str) -> None:
    day = in_days(60)
    assert "You keep it until" in text(client.post(url, {"kind": "away", "until": day.isoformat()}))
    assert state(case) == "spared"
    assert localdate(Exemption.objects.get().until) == day


@pytest.mark.parametrize("until", ["", "soon", 0, 366])
def test_away_takes_a_day_within_a_year(client: Client, case: Case, url: str, until: str | int) -> None:
    day = in_days(until).isoformat() if isinstance(until, int) else until
    answer = client.post(url, {"kind": "away", "until": day})
    assert answer.status_code == 200
    assert 'role="alert"' in text(answer)
    assert state(case) == "noticed"


def test_leave_takes_a_tick_and_makes_the_case_due(client: Client, case: Case, url: str) -> None:
    assert "Tick the box" in text(client.post(url, {"kind": "leave"}))
    assert state(case) == "noticed"
    assert "will be removed" in text(client.post(url, {"kind": "leave", "sure": "on"}))
    assert state(case) == "due"
    page = text(client.get(url))
    assert "you can still keep it" in page
    assert "Remove my access now" not in page


@pytest.mark.parametrize("data", [{}, {"kind": "everything"}, {"kind": "keep", "text": "x" * 501}])
def test_what_is_no_answer_is_shown_again(client: Client, case: Case, url: str, data: dict[str, str]) -> None:
    assert 'role="alert"' in text(client.post(url, data))
    assert state(case) == "noticed"


@pytest.mark.matrix(fast=3, reason="each end is a clean-up of its own")
@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"state": "intended"}, "Your access is being removed"),
        ({"state": "unknown"}, "Your access is being removed"),
        ({"state": "revoked"}, "was removed on {today:%-d %B %Y}. To get it back, write to"),
        ({"state": "revoked", "restored_by": "oscar"}, "You have been invited back since"),
        ({"state": "already_gone"}, "Your access had already ended"),
        ({"state": "spared", "outcome": {"why": [{"code": "newer_activity"}]}}, "You have signed in again"),
        ({"state": "spared", "outcome": {"why": [{"code": "new_rights"}]}}, "The removal was called off"),
        ({"state": "spared", "outcome": {"why": [{"code": "no_longer_listed"}]}}, "Your access had already ended"),
        ({"state": "withdrawn"}, "The removal was called off"),
        ({"state": "refused"}, "it did not work"),
    ],
)
def test_however_it_ended_the_person_reads_their_own_sentence(
    client: Client, case: Case, url: str, columns: dict[str, Any], sentence: str
) -> None:
    Case.objects.update(**columns, moved_at=now())
    for answer in (client.get(url), client.post(url, {"kind": "keep"}), client.post(url, {"kind": "leave"})):
        assert answer.status_code == 200
        assert sentence.format(today=in_days(0)) in text(answer)
        assert "ana.idle" in text(answer)
    assert state(case) == columns["state"]


@pytest.mark.parametrize("state", ["withdrawn", "spared", "refused"])
def test_nobody_reads_that_they_keep_what_a_sync_found_gone(client: Client, case: Case, url: str, state: str) -> None:
    Case.objects.filter(pk=case.pk).update(state=state)
    Account.objects.filter(pk=case.account_id).update(absent_since=now())

    page = text(client.get(url))
    assert "Your access had already ended" in page
    assert "Change your answer" not in page


def test_whoever_is_a_member_again_does_not_read_that_it_ended(client: Client, case: Case, url: str) -> None:
    Case.objects.filter(pk=case.pk).update(state="withdrawn")
    Account.objects.filter(pk=case.account_id).update(absent_since=now())
    read(case.cleanup.workspace, someone(case.account.username, idle=0, joined_at=now().isoformat()))

    assert "You keep your access" in text(client.get(url))


@pytest.mark.parametrize("state", ["withdrawn", "due"])
def test_after_a_removal_that_was_turned_away_nobody_reads_that_they_keep_it_before_somebody_has_looked(
    client: Client, case: Case, url: str, state: str
) -> None:
    asked_at = now() - timedelta(minutes=5)
    Case.objects.filter(pk=case.pk).update(state=state, intended_at=asked_at)
    page = text(client.post(url, {"kind": "keep"}, follow=True))
    assert "The removal was called off" in page
    assert "You keep" not in page

    assert "we will check whether you still have your access, and e-mail you" in page

    workspace = case.cleanup.workspace
    make_sync(workspace=workspace, at=now(), state="complete", finished_at=now())
    assert "You keep" in text(client.get(url))


def test_a_removal_that_was_turned_away_and_done_all_the_same_is_called_one(
    client: Client, case: Case, url: str
) -> None:
    asked_at = now() - timedelta(days=3)
    Case.objects.filter(pk=case.pk).update(state="withdrawn", intended_at=asked_at)
    Account.objects.filter(pk=case.account_id).update(absent_since=now())
    page = text(client.get(url))
    assert "Your access was removed" in page
    assert f"was removed on {localtime(asked_at):%-d %B %Y}" in page


def test_who_kept_it_reads_until_when_and_can_change_it(client: Client, case: Case, url: str) -> None:
    client.post(url, {"kind": "keep", "text": "I run the bus feed"})
    page = text(client.get(url))
    assert f"On {in_days(0):%-d %B %Y} you asked to keep" in page
    assert f"You keep it until <strong>{in_days(365):%-d %B %Y}" in page
    day = in_days(60)
    changed = text(client.post(url, {"kind": "away", "until": day.isoformat()}))
    assert f"You keep it until <strong>{day:%-d %B %Y}" in changed
    assert localdate(Exemption.objects.get(withdrawn_at=None).until) == day
    assert "asked to keep" in text(client.post(url, {"kind": "keep"}))
    assert state(case) == "spared"
    assert AuditEntry.objects.filter(kind="account.answered").count() == 3


def test_an_answer_that_counts_no_more_cannot_be_changed(client: Client, case: Case, url: str) -> None:
    client.post(url, {"kind": "keep"})
    Exemption.objects.update(withdrawn_at=now())
    before = AuditEntry.objects.count()
    page = text(client.post(url, {"kind": "away", "until": in_days(60).isoformat()}))
    assert "You still have it" in page
    assert "Change your answer" not in page
    assert AuditEntry.objects.count() == before


def test_who_asked_to_leave_reads_when_and_can_still_keep_it(client: Client, case: Case, url: str) -> None:
    client.post(url, {"kind": "leave", "sure": "on"})
    page = text(client.get(url))
    assert f"On {in_days(0):%-d %B %Y} at" in page
    assert "you asked us to remove the access" in page
    assert "you can still keep it" in page
    client.post(url, {"kind": "keep"})
    assert state(case) == "spared"


def test_leave_stands_folded_below_keep(client: Client, case: Case, url: str) -> None:
    page = text(client.get(url))
    assert page.index("Keep my access") < page.index("<details") < page.index("Remove my access now")
    assert '<details class="answer-folded mb-3" open' in text(client.post(url, {"kind": "leave"}))


def test_an_old_link_leads_to_what_the_person_was_warned_of_last(
    client: Client, case: Case, url: str, workspace: Workspace
) -> None:
    Case.objects.update(state="withdrawn")
    again = make_case(
        make_cleanup(workspace, 7, state="running", dry_run=False),
        case.account,
        state="awaiting_notice",
        evidence=case.evidence,
    )
    assert "called off" in text(client.get(url))
    Case.objects.filter(pk=again.pk).update(state="noticed", noticed_at=now(), promised_at=now() + timedelta(days=9))
    assert "Do you still need your access?" in text(client.get(url))
    client.post(url, {"kind": "keep"})
    assert (state(case), state(again)) == ("withdrawn", "spared")


@pytest.mark.parametrize("spoil", [lambda t: t[:-2], lambda t: t + "x", lambda t: "x", lambda t: "x" * 4000])
def test_a_broken_link_tells_nothing(client: Client, case: Case, spoil: Any) -> None:
    url = reverse("answer", kwargs={"token": spoil(emails.token_of(case))})
    for answer in (client.get(url), client.post(url, {"kind": "keep"})):
        assert answer.status_code == 404
        assert "This link does not work" in text(answer)
        assert "ana.idle" not in text(answer)
    assert state(case) == "noticed"


@pytest.mark.parametrize("spoil", ["{}.", "{})", "{}%0a", "{}a/b/", "/answer/{}", "/answer/"])
def test_a_link_with_more_behind_it_says_so_to_whoever_cannot_sign_in(client: Client, url: str, spoil: str) -> None:
    answer = client.get(spoil.format(url) if spoil.startswith("{") else spoil.format(url.removeprefix("/answer")))
    assert answer.status_code == 404
    assert "This link does not work" in text(answer)
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_a_link_without_its_last_slash_works(client: Client, url: str) -> None:
    assert "Do you still need your access?" in text(client.get(url.rstrip("/"), follow=True))


def test_it_needs_no_cookie_and_sets_none(case: Case, url: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    page = strict.get(url)
    assert (page.cookies, "csrfmiddlewaretoken" in text(page)) == ({}, False)
    answer = strict.post(url, {"kind": "keep"})
    assert (answer.status_code, answer.cookies) == (200, {})
    assert state(case) == "spared"


def test_it_speaks_the_language_of_the_workspace_until_another_is_chosen(client: Client, case: Case, url: str) -> None:
    Workspace.objects.update(language="fr")
    answer = client.get(url, headers={"Accept-Language": "en"})
    assert '<html lang="fr">' in text(answer)
    assert answer["Content-Language"] == "fr"
    assert 'href="?language=en"' in text(answer)
    english = client.get(f"{url}?language=en")
    assert '<html lang="en">' in text(english)
    assert '<html lang="en">' in text(client.post(f"{url}?language=en", {"kind": "away"}))
    assert '<html lang="fr">' in text(client.get(f"{url}?language=xx"))


def test_however_often_it_is_tried_keeping_works(client: Client, case: Case, url: str) -> None:
    assert {client.post(url, {"kind": "away"}).status_code for _ in range(25)} == {200}
    assert "You keep your access" in text(client.post(url, {"kind": "keep"}))
    assert state(case) == "spared"


def test_the_program_that_answers_is_kept(client: Client, case: Case, url: str) -> None:
    client.post(url, {"kind": "keep"}, headers={"User-Agent": "Gateway/1\x00" + "x" * 900})
    kept = Case.objects.get().answer or {}
    assert kept["agent"].startswith("Gateway/1")
    assert len(kept["agent"]) <= 200
    assert kept["seconds_after"] < 60


def test_a_link_outlives_a_new_key_that_names_the_former_one(client: Client, url: str, settings: Any) -> None:
    former = settings.SECRET_KEY
    settings.SECRET_KEY = "another-long-and-random-key-of-this-portal"
    assert client.get(url).status_code == 404
    settings.SECRET_KEY_FALLBACKS = [former]
    assert client.get(url).status_code == 200
    assert "You keep your access" in text(client.post(url, {"kind": "keep"}))


def test_hostile_text_is_only_text(client: Client, case: Case, url: str) -> None:
    client.post(url, {"kind": "keep", "text": "<img src=x onerror=alert(1)>"})
    assert Case.objects.get().answer["text"] == "<img src=x onerror=alert(1)>"  # type: ignore[index]


def test_the_reviewer_sees_the_answer(
    client: Client, case: Case, url: str, workspace: Workspace, person: Callable[[str], User]
) -> None:
    client.post(url, {"kind": "keep", "text": "I run the bus feed"})
    site = Site(client, workspace, person).sign_in("reviewer")
    assert "asked to keep it: I run the bus feed" in text(site.get("cleanup", number=case.cleanup.number))


@pytest.mark.parametrize("before", ["", "/", "./", "a/"])
def test_no_log_line_holds_the_token(url: str, before: str) -> None:
    token = url.split("/")[2]
    asked = f"/answer/{before}{token}/"
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Gone: %s", (asked,), None)
    line = LogFormatter(form="console").format(record)
    assert token not in line
    assert "/answer/…/" in line
