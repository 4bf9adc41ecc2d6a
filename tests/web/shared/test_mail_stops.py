"""Where no e-mails leave, every page says so until they do again; and mails about logins break no page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Case, Workspace
from tests.web.records_kit import Site, text

PAGES = ("overview", "review", "cleanups", "policy", "audit", "emails")


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


def stop(reply: str = "550 5.4.5 Daily user sending limit exceeded") -> None:
    Workspace.objects.update(mail_stopped={"code": "sender_refused", "reply": reply, "at": now().isoformat()})


def test_every_page_says_that_no_mails_leave_and_why(site: Site) -> None:
    stop()
    pages = [site.get(page) for page in PAGES] + [site.client.get(path) for path in ("/workspaces/", "/schedule/")]
    for page in pages:
        assert "No e-mails have been sent for main since" in text(page)
        assert "Daily user sending limit exceeded" in text(page)


def test_it_is_gone_when_mails_leave_again(site: Site) -> None:
    assert not [page for page in PAGES if "No e-mails have been sent for" in text(site.get(page))]


def test_what_the_server_said_is_only_text(site: Site) -> None:
    stop("<img src=x onerror=alert(1)>")
    assert "<img src=x" not in text(site.get("overview"))


def test_a_removal_whose_warning_came_back_is_told_until_the_person_is_back(site: Site) -> None:
    site.synced()
    site.launched("ana")
    site.put("ana", "revoked", bounced_at=now(), snapshot={"user": "{}"})
    Case.objects.get().account.__class__.objects.filter(username="ana").update(gone_at=now())
    Case.objects.get().cleanup.__class__.objects.update(dry_run=False)
    needs = [need for need in site.get("overview").context["needs"] if "although the notice bounced" in need.text]
    assert [need.text for need in needs] == ["1 person in clean-up 1 was removed although the notice bounced."]
    assert "ana" in text(site.client.get(needs[0].url))
    page = text(site.get("case", number=1, pk=Case.objects.get().pk))
    assert "too late" in page
    site.put("ana", "revoked", returned_at=now())
    assert not [need for need in site.get("overview").context["needs"] if "although the notice bounced" in need.text]


def test_warnings_that_are_put_off_for_days_are_told(site: Site) -> None:
    site.synced()
    site.launched("ana")
    since = (now() - timedelta(days=6)).isoformat()
    site.put("ana", "awaiting_notice", outcome={"why": "451 later", "tries": 4, "since": since})
    assert any("for more than five days" in need.text for need in site.get("overview").context["needs"])


def test_links_that_no_longer_work_are_told(site: Site) -> None:
    site.synced()
    site.launched("ana")
    site.put("ana", "noticed", link_key="of another key")
    assert any("SECRET_KEY_FALLBACKS" in need.text for need in site.get("overview").context["needs"])


def test_answers_that_look_like_a_machines_are_flagged(site: Site) -> None:
    site.synced()
    site.launched("ana", "ben", "cy")
    given = {"kind": "keep", "text": "", "until": None, "agent": "Gateway/1", "seconds_after": 4}
    for name in ("ana", "ben", "cy"):
        site.put(name, "spared", answer=given | {"at": now().isoformat()}, outcome={"why": "asked to keep it"})
    assert any("look automatic" in need.text for need in site.get("overview").context["needs"])
    assert "3 answers look automatic" in text(site.get("cleanup", number=1))
    page = text(site.get("case", number=1, pk=Case.objects.latest("pk").pk))
    assert "4 seconds after the e-mail, with Gateway/1" in page


def test_where_no_mail_server_is_set_up_nothing_is_said_of_one(site: Site) -> None:
    Workspace.objects.update(mail_stopped={"code": "unread", "reply": "", "at": now().isoformat()})
    page = text(site.get("overview"))
    assert "Set EMAIL_URL to your mail server." in page
    assert "Restart the portal then; the waiting e-mails are sent." in page
    assert "as soon as the server accepts them" not in page
    assert "Send a test e-mail" not in page
