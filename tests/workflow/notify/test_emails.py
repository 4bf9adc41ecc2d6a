"""An e-mail says what people need to know, in their language, and nothing hostile gets out of its place."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import Message
from email.utils import parseaddr
from typing import Any

import pytest

from accounts_review.models import Account, Case, Workspace
from accounts_review.workflow.notify import emails
from tests.factories import make_email_text
from tests.stage import NOW, SetStage, Stage, policy_text, someone

PROMISED = NOW + timedelta(days=30)
HOSTILE = [
    "marie\r\nBcc: all@ville.example",
    "marie\n\nVisit https://evil.example",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ settings.SECRET_KEY }}{% now 'Y' %}",
    "moc.live‮‭​",
    "x" * 5000,
]


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(
        someone("marie", first_name="Marie", last_name="Dupont"), policy=policy_text(notice=30), launched=("marie",)
    )


def compose(case: Case, kind: str = "notice") -> Any:
    case.promised_at = case.promised_at or (PROMISED if kind == "reminder" else None)
    match kind:
        case "notice":
            return emails.notice(case, promised=PROMISED)
        case "reminder":
            return emails.reminder(case, days=7)
        case "kept":
            return emails.kept(case)
        case _:
            return emails.closing(case)


def parts(message: Any) -> tuple[str, str]:
    return str(message.body), str(message.alternatives[0][0])


def test_paragraphs_are_one_line_apart(stage: Stage) -> None:
    for kind in emails.KINDS:
        assert "\n\n\n" not in parts(compose(stage.case("marie"), kind))[0], kind


@pytest.mark.parametrize("kind", ["notice", "reminder"])
def test_both_parts_say_what_when_why_and_how_to_keep_it(stage: Stage, kind: str, settings: Any) -> None:
    settings.EMAIL_CONTACT = "help@ville.example"
    case = stage.case("marie")
    for part in parts(compose(case, kind)):
        for words in (
            case.cleanup.workspace.host,
            "Marie Dupont",
            "Wednesday 15 July 2026",
            "19 September 2023",
            "sign in",
            "API keys",
            "permissions",
            "Messages about the datasets",
            "You keep your Huwise account",
            "help@ville.example",
            f"/answer/{emails.token_of(case)}/",
        ):
            assert words in part


def test_the_closing_mail_says_what_went_and_whom_to_ask(stage: Stage, settings: Any) -> None:
    settings.EMAIL_CONTACT = "help@ville.example"
    message = compose(stage.case("marie"), "closing")
    for part in parts(message):
        assert "We removed your access" in part
        assert "help@ville.example" in part
        assert "You keep your Huwise account" in part
        assert "/answer/" not in part


@pytest.mark.parametrize("kind", emails.KINDS)
def test_a_email_is_text_and_html_without_images_scripts_or_tracking(stage: Stage, kind: str) -> None:
    message = compose(stage.case("marie"), kind).message()
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    html = parts(compose(stage.case("marie"), kind))[1]
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"<(img|script|link|iframe|table|style)\b|url\(", html)
    assert {address.split(":")[0] for address in re.findall(r'(?:href|src)="([^"]+)"', html)} <= {"http", "mailto"}


def test_the_email_speaks_the_language_of_the_workspace(stage: Stage) -> None:
    Workspace.objects.update(language="fr")
    message = compose(stage.case("marie"))
    text, html = parts(message)
    assert "mercredi 15 juillet 2026" in text
    assert '<html lang="fr"' in html
    assert message.message()["Content-Language"] == "fr"


@pytest.mark.matrix(fast=4, reason="each name is a stage of its own")
@pytest.mark.parametrize("kind", emails.KINDS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_break_neither_headers_nor_text_nor_html(stage: Stage, kind: str, text: str) -> None:
    calm = compose(stage.case("marie"), kind)
    Account.objects.filter(username="marie").update(username=text, first_name=text, last_name=text)
    case = Case.objects.select_related("account", "cleanup__workspace").get()
    message = compose(case, kind)
    assert_headers_are_ours(message.message())
    body, html = parts(message)
    assert len(body.splitlines()) == len(parts(calm)[0].splitlines())
    assert "<script" not in html
    assert "<img" not in html
    assert "‮" not in body + html
    assert len(body) < 3000


def assert_headers_are_ours(message: Message) -> None:
    assert message["Bcc"] is None
    assert parseaddr(message["To"])[1] == "marie@ville.example"
    assert "\n" not in message["Subject"]


def test_composed_again_a_email_has_the_same_id_and_another_email_another(stage: Stage) -> None:
    def id_of(kind: str) -> str:
        return str(compose(stage.case("marie"), kind).message()["Message-ID"])

    ids = {kind: id_of(kind) for kind in emails.KINDS}
    assert ids == {kind: id_of(kind) for kind in emails.KINDS}
    assert len(set(ids.values())) == 4
    assert all(re.fullmatch(r"<[a-z0-9.-]+@127\.0\.0\.1>", value) for value in ids.values())


def test_reminders_of_different_days_are_different_emails(stage: Stage) -> None:
    case = stage.case("marie")
    case.promised_at = PROMISED
    first, second = (emails.reminder(case, days=days).message()["Message-ID"] for days in (7, 1))
    assert first != second


def test_a_token_opens_its_case_and_no_other(stage: Stage) -> None:
    case = stage.case("marie")
    assert emails.opened(emails.token_of(case)) == case
    assert "marie" not in emails.token_of(case)


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: "x" + t, lambda t: "", lambda t: t.split(".")[0]])
def test_a_spoiled_token_opens_nothing(stage: Stage, spoil: Any) -> None:
    assert emails.opened(spoil(emails.token_of(stage.case("marie")))) is None


def test_a_token_of_another_incarnation_opens_nothing(stage: Stage) -> None:
    token = emails.token_of(stage.case("marie"))
    Account.objects.filter(username="marie").update(incarnation="2026-01-01T00:00:00+00:00")
    assert emails.opened(token) is None


def test_a_sample_is_about_nobody_and_its_link_leads_nowhere(stage: Stage) -> None:
    for kind in emails.KINDS:
        message = emails.test(stage.workspace, kind, to="olga@portal.example", now=NOW, language="en")
        assert message.subject.startswith("[Test] ")
        assert "marie" not in "".join(parts(message))
    assert emails.opened("example") is None


@pytest.mark.parametrize("kind", ["notice", "reminder"])
def test_what_is_kept_of_an_email_opens_nothing(stage: Stage, kind: str) -> None:
    """Also where texts that were saved when a subject could name it name the link there."""
    case, body = stage.case("marie"), "{promised} <{link}>, {link}{link} and\n{link}"
    for part, text in {"subject": "{link}, {portal} {link}", "body": body}.items():
        make_email_text(stage.workspace, text, kind=kind, part=part)
    message = compose(case, kind)
    kept, token = emails.as_sent(message), emails.token_of(case)
    assert token in message.body
    assert token not in message.subject
    assert token[:20] not in f"{kept['subject']} {kept['text']}"
    message.subject = f"Yours: {emails._link(token)}"
    assert token[:20] not in emails.as_sent(message)["subject"]


@pytest.mark.parametrize("name", ["مريم الحداد", "Marie (שרה)"])
def test_a_name_from_right_to_left_turns_nothing_around_it(name: str) -> None:
    assert emails.isolated(name) == f"\u2068{name}\u2069"
    assert emails.isolated("Zoé Müller") == "Zoé Müller"
