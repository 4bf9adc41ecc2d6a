"""The e-mails page: how they read, a test to oneself, and their language."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from accounts_review.models import AuditEntry, Workspace
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person)


def test_each_email_is_shown_as_people_see_it_and_as_text(site: Site) -> None:
    answer = site.sign_in("auditor").get("emails")
    page = text(answer)
    for words in ("ends soon unless you use it", "Reminder: your access", "has been removed", "camille.example"):
        assert words in page
    assert page.index("<iframe") < page.index("<pre")
    assert "style=" not in answer.content.decode()


def test_each_control_says_of_which_email_it_is(site: Site) -> None:
    page = text(site.sign_in("administrator").get("emails"))
    for title in ("Notice", "Reminder", "Removal e-mail", "You keep your access"):
        for control in ("Subject", "Text", "Save", "Back to the portal’s text", "As plain text"):
            assert f'{control}<span class="visually-hidden">: {title}</span>' in page


def test_the_html_part_can_be_downloaded(site: Site) -> None:
    answer = site.sign_in("auditor").get("emails", {"download": "notice"})
    assert answer["Content-Disposition"] == 'attachment; filename="notice-en.html"'
    assert answer.content.startswith(b"<!DOCTYPE html>")
    assert "style-src 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("kind", ["notice", "reminder", "closing"])
def test_a_test_goes_to_oneself_and_is_recorded(site: Site, kind: str) -> None:
    answer = site.sign_in("operator").follow("emails", {"kind": kind})
    assert "Sent to operator@portal.example." in text(answer)
    assert [message.to for message in mail.outbox] == [["operator@portal.example"]]
    assert mail.outbox[0].subject.startswith("[Test]")
    assert AuditEntry.objects.get(kind="email.tested").data == {"kind": kind}


def test_without_an_address_no_test_is_offered_or_sent(site: Site) -> None:
    User.objects.filter(pk=site.person("operator").pk).update(email="")
    site.sign_in("operator")
    assert "no e-mail address" in text(site.get("emails"))
    assert "no e-mail address" in text(site.follow("emails", {"kind": "notice"}))
    assert mail.outbox == []


@pytest.mark.parametrize("data", [{}, {"kind": "../layout"}, {"kind": "digest"}])
def test_only_the_three_emails_can_be_asked_for(site: Site, data: dict[str, str]) -> None:
    site.sign_in("operator")
    assert site.post("emails", data).status_code == 404
    assert site.get("emails", {"download": data.get("kind", "x")}).status_code == 404


def test_reviewers_send_no_tests(site: Site) -> None:
    site.sign_in("reviewer")
    assert "Send a test" not in text(site.get("emails"))
    assert site.post("emails", {"kind": "notice"}).status_code == 403
    assert mail.outbox == []


def test_the_language_is_for_administrators_and_recorded(site: Site) -> None:
    site.sign_in("operator")
    assert site.post("emails", {"language": "fr"}).status_code == 403
    site.sign_in("administrator")
    site.post("emails", {"language": "fr"})
    site.workspace.refresh_from_db()
    assert site.workspace.language == "fr"
    assert AuditEntry.objects.get(kind="workspace.language_set").data == {"from": "en", "to": "fr"}
    assert site.post("emails", {"language": "tlh"}).status_code == 404
