"""What the e-mails say can be changed, and what people need in them cannot be lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import AuditEntry, EmailText, Workspace
from accounts_review.workflow.notify import alert, emails
from tests.factories import make_email_text
from tests.web.records_kit import HOSTILE, Site, text

BODY = "Dear {name}, we say it our way.\n\nPlease answer by {promised}:\n{link}\n\nThe team of {portal}"


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


def save(site: Site, kind: str = "notice", *, language: str = "en", verb: str = "save", **texts: str) -> Any:
    form = {"verb": verb, "kind": kind, "written_in": language}
    return site.post("emails", form | texts)


def composed(site: Site, kind: str = "notice", language: str = "en") -> Any:
    return emails.sample(site.workspace, kind, to="camille@example.org", now=now(), language=language)


def html(message: Any) -> str:
    return str(message.alternatives[0][0])


def shown(site: Site, kind: str) -> dict[str, str]:
    page = site.get("emails")
    form = page.context["for_all"] if not kind else next(e.form for e in page.context["emails"] if e.kind == kind)
    return {name: form[name].value() for name in form.fields}


@pytest.mark.parametrize("kind", emails.KINDS)
def test_what_the_form_shows_is_what_is_sent(site: Site, kind: str) -> None:
    before = composed(site, kind)

    save(site, kind, **shown(site, kind))

    assert not EmailText.objects.exists()
    make_email_text(site.workspace, shown(site, kind)["body"], kind=kind, part="body")
    after = composed(site, kind)
    assert (after.subject, after.body) == (before.subject, before.body)


def test_two_people_change_different_parts_and_lose_nothing(site: Site) -> None:
    seen = {f"initial-{part}": words.replace("\n", "\r\n") for part, words in shown(site, "notice").items()}
    save(site, **shown(site, "notice") | seen | {"subject": "Your account at {portal}"})
    save(site, **shown(site, "notice") | seen | {"subject": seen["initial-subject"], "body": BODY})
    assert dict(EmailText.objects.values_list("part", "text")) == {"subject": "Your account at {portal}", "body": BODY}


def test_two_people_change_the_same_part_and_the_second_is_told(site: Site) -> None:
    seen = {f"initial-{part}": words for part, words in shown(site, "notice").items()}
    save(site, subject="Your account at {portal}", body=BODY)
    page = text(save(site, **seen, subject="Your access", body=BODY))
    assert "Somebody else changed this meanwhile: “Your account at {portal}”. Nothing was saved." in page
    assert EmailText.objects.get(part="subject").text == "Your account at {portal}"


def test_another_text_is_in_both_parts_with_the_link(site: Site) -> None:
    save(site, subject="Your account at {portal}", body=BODY)

    message = composed(site)
    link = emails._link("example")
    assert message.subject == f"Your account at {site.workspace.shown_name}"
    assert "Dear Camille Example, we say it our way." in message.body
    assert link in message.body
    assert "Dear Camille Example, we say it our way." in html(message)
    assert f'href="{link}"' in html(message)
    assert "{" not in message.body


def test_greeting_signature_sender_and_reply_to_are_those_of_all(site: Site) -> None:
    save(
        site,
        "",
        greeting="Bonjour {name} !",
        signature="Your data team",
        sender_name="Data team",
        reply_to="help@ville.example",
    )

    for kind in emails.KINDS:
        message = composed(site, kind)
        assert message.body.startswith("Bonjour Camille Example !")
        assert message.body.rstrip().endswith("Your data team")
        assert "Bonjour Camille Example !" in html(message)
        assert "Your data team" in html(message)
        assert message.from_email.startswith("Data team <")
        assert message.reply_to == ["help@ville.example"]


def test_each_language_has_its_own(site: Site) -> None:
    save(site, subject="Nur so", body=BODY, language="fr")

    assert composed(site, language="fr").subject == "Nur so"
    assert composed(site).subject != "Nur so"
    assert "Nur so" in text(site.get("emails", {"in": "fr"}))


@pytest.mark.parametrize(
    ("kind", "texts", "said"),
    [
        ("notice", {"subject": "x", "body": "No link, no date"}, "{link} is missing"),
        ("reminder", {"subject": "x", "body": "{link} only"}, "{promised} is missing"),
        ("notice", {"subject": "{nmae}", "body": BODY}, "{nmae} is not known here"),
        ("closing", {"subject": "x", "body": "{link}"}, "{link} is not known here"),
        ("notice", {"subject": "x", "body": BODY + " {"}, "There is a single brace"),
        ("notice", {"subject": "x", "body": BODY + " {name.__class__}"}, "There is a single brace"),
        ("notice", {"subject": "x" * 201, "body": BODY}, "At most 200 characters"),
        ("notice", {"subject": "a\nBcc: b@example.org", "body": BODY}, "One line"),
        ("", {"reply_to": "nobody"}, "This must be one e-mail address"),
        ("", {"sender_name": "a\x00b"}, "character"),
        ("", {"sender_name": "Team of {portal}"}, "cannot contain placeholders"),
        ("", {"sender_name": "Team }"}, "cannot contain placeholders"),
        ("", {"sender_name": "a\u202eb"}, "character"),
        ("notice", {"subject": "Yours: {link}", "body": BODY}, "{link} is not known here"),
        ("reminder", {"subject": "Yours: {link}", "body": BODY}, "{link} is not known here"),
        ("notice", {"subject": "a\u202eb", "body": BODY}, "control characters"),
        ("notice", {"subject": "x", "body": f"{BODY} a\u2066b"}, "control characters"),
        ("notice", {"subject": "x", "body": f"{BODY} a\x1bb"}, "control characters"),
        ("notice", {"subject": "x", "body": f"{BODY} a\u2028b"}, "control characters"),
    ],
)
def test_what_would_break_an_email_is_refused_and_kept_in_the_form(
    site: Site, kind: str, texts: dict[str, str], said: str
) -> None:
    answer = save(site, kind, **texts)

    assert answer.status_code == 400
    assert said in text(answer)
    assert not EmailText.objects.exists()


def test_the_spaces_of_french_are_no_control_characters(site: Site) -> None:
    french = "Bonjour\u00a0! Le \u00ab\u202fportail\u202f\u00bb\u2009: oui"
    save(site, subject=french, body=f"{french}\n\n{BODY}")
    save(site, "", sender_name="L\u2019\u00e9quipe\u00a0: donn\u00e9es", greeting=french, signature=french, reply_to="")

    message = composed(site)
    assert f"{french}\n\nDear" in message.body
    assert message.body.startswith(french)
    assert "Bonjour ! Le" in message.subject
    assert message.message()["From"]


def test_hostile_words_and_names_stay_text(site: Site) -> None:
    save(site, subject="x", body=f"{HOSTILE} {{name}} {{promised}} {{link}}")

    assert HOSTILE not in html(composed(site))
    assert HOSTILE.encode() not in site.get("emails").content
    assert HOSTILE.encode() not in site.get("emails", {"show": "notice"}).content


def test_the_preview_may_do_nothing_but_show_itself(site: Site) -> None:
    answer = site.get("emails", {"show": "notice"})

    assert "sandbox" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert site.get("emails", {"show": "../../etc"}).status_code == 404


def test_the_change_is_recorded_and_can_be_taken_back(site: Site) -> None:
    save(site, subject="Mine", body=BODY)

    entry = AuditEntry.objects.filter(kind="workspace.emails_changed").first()
    assert entry
    assert entry.details["texts"]["subject"] == "Mine"
    assert entry in alert.owed(site.workspace, now=now())
    save(site, subject="Mine", body=BODY, verb="default")
    assert not EmailText.objects.exists()


def test_a_test_is_sent_with_what_was_just_written(site: Site) -> None:
    save(site, subject="Mine {portal}", body=BODY, verb="test")

    assert [message.subject for message in mail.outbox] == [f"[Test] Mine {site.workspace.shown_name}"]


def test_only_administrators_change_it(site: Site) -> None:
    assert save(site.sign_in("operator"), subject="x", body=BODY).status_code == 403
    assert not EmailText.objects.exists()
