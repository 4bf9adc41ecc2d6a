"""Forms that carry what they showed: people who have the same page open lose nothing to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from html import unescape
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from accounts_review.models import EmailText, Workspace
from accounts_review.web.policy import emails
from accounts_review.web.shared import seen
from accounts_review.web.workspaces import settings as pages
from tests.factories import make_email_text
from tests.web.kit import sign_in

BODY = "Dear {name}, we say it our way.\n\nPlease answer by {promised}:\n{link}"
DESCRIBED = {"act": "describe", "title": "", "contact": "", "sender": "", "language": "en"}
WRITTEN = {"verb": "save", "kind": "notice", "written_in": "en", "subject": "Ours", "body": BODY}

Sender = Callable[..., Any]


@pytest.fixture
def send(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Sender:
    """Sends a form of the page, with what it showed where that is given."""
    user = person("administrator")

    def send(page: str, form: dict[str, str], shown: dict[str, str] | None = None, **changed: str) -> Any:
        browser = Client()
        sign_in(browser, user)
        carried = {f"initial-{name}": text for name, text in (shown or {}).items()}
        return browser.post(f"/w/main/{page}/", form | carried | changed)

    return send


def sent_again(answer: Any, name: str) -> dict[str, str]:
    """What the form of a page sends, as it stands there."""
    form = answer.context[name] if name in answer.context else next(e.form for e in answer.context[-1]["emails"])
    fields = {bound.html_name: str(bound.value()) for bound in form}
    return fields | {bound.html_initial_name: str(_hidden(bound)) for bound in form}


def _hidden(bound: Any) -> str:
    """The value of a hidden input, as a browser would send it."""
    return unescape(str(bound.as_hidden(only_initial=True)).partition('value="')[2].partition('"')[0])


def test_a_setting_that_came_without_its_page_and_was_refused_counts_when_it_is_sent_again(send: Sender) -> None:
    refused = send("settings", DESCRIBED, title="Town", sender="nobody")
    assert refused.status_code == 400
    again = sent_again(refused, "description")
    assert (again["title"], again["initial-title"]) == ("Town", "")
    assert send("settings", {"act": "describe"} | again, sender="").status_code == 302
    assert Workspace.objects.get().title == "Town"


def test_so_does_the_text_of_an_email(send: Sender) -> None:
    refused = send("policy/emails", WRITTEN, body="no link")
    assert refused.status_code == 400
    again = sent_again(refused, "notice")
    assert again["subject"] == "Ours"
    assert send("policy/emails", WRITTEN | again, body=BODY).status_code == 302
    assert dict(EmailText.objects.values_list("part", "text")) == {"subject": "Ours", "body": BODY}


def test_what_others_changed_in_a_long_text_is_quoted_briefly(send: Sender, workspace: Workspace) -> None:
    shown = {"subject": "Ours", "body": BODY}
    make_email_text(workspace, "Ours", kind="notice", part="subject")
    make_email_text(workspace, BODY.replace("our way", "their own way"), kind="notice", part="body")
    answer = send("policy/emails", WRITTEN, shown, body=f"{BODY}\n\nThe team")
    assert answer.status_code == 409
    page = " ".join(answer.content.decode().split())
    assert "Somebody else changed this meanwhile: “… their own …”. Nothing was saved." in page


@pytest.mark.parametrize(
    ("before", "after", "brief"),
    [
        ("one two three", "one 2 three", "… 2 …"),
        ("one two", "one two three", "… three"),
        ("one two", "zero one two", "zero …"),
        ("a b", "c d", "c d"),
        ("one", "one\n\n" + "word " * 90, "… " + "word " * 30 + "…"),
        ("one", "one" * 90, "one" * 50 + " …"),
        ("one two", "one", ""),
    ],
)
def test_only_what_differs_is_quoted(before: str, after: str, brief: str) -> None:
    assert seen.what_differs(before, after) == brief


def test_what_others_removed_is_said_to_be_gone(send: Sender, workspace: Workspace) -> None:
    make_email_text(workspace, "Ours", kind="notice", part="subject")
    make_email_text(workspace, BODY, kind="notice", part="body")
    shown = {"subject": "Ours", "body": BODY.replace("our way", "our very own way")}
    answer = send("policy/emails", WRITTEN, shown, body=f"{BODY}\n\nThe team")
    assert answer.status_code == 409
    assert "Somebody else removed this meanwhile: “… very own …”. Nothing was saved." in answer.content.decode()


def test_the_portals_text_does_not_replace_what_somebody_else_wrote_meanwhile(
    send: Sender, workspace: Workspace
) -> None:
    make_email_text(workspace, "Theirs", kind="notice", part="subject")
    answer = send("policy/emails", WRITTEN, {"subject": "Ours", "body": BODY}, verb="default")
    assert answer.status_code == 409
    assert EmailText.objects.get().text == "Theirs"


@pytest.mark.parametrize("sender", ["Team {A} <a@ville.example>", f"{'x' * 101} <a@ville.example>"])
def test_the_portals_own_words_are_given_back_whatever_they_are(
    send: Sender, workspace: Workspace, sender: str
) -> None:
    """The sender of a workspace may be called what the sender of its e-mails may not be given as a name."""
    Workspace.objects.update(sender=sender)
    make_email_text(workspace, "Hello", kind="", part="greeting")
    page = send("policy/emails", {"verb": "default", "kind": "", "written_in": "en"})
    assert page.status_code == 302
    assert not EmailText.objects.exists()


def test_the_language_of_the_emails_is_not_taken_back_by_who_did_not_change_it(send: Sender) -> None:
    send("policy/emails", {"language": "fr"}, {"language": "en"})
    send("policy/emails", {"language": "en"}, {"language": "en"})
    assert Workspace.objects.get().language == "fr"
    send("policy/emails", {"language": "en"}, {"language": "fr"})
    assert Workspace.objects.get().language == "en"


class AtOnce:
    """Two people send the same form: the second once the first was compared with what is there, and is not stored."""

    def __init__(self, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, view: Any) -> None:
        self._pool, self._patch, self._view = pool, monkeypatch, view
        self._compared = Event()

    def __call__(self, first: Callable[[], Any], second: Callable[[], Any]) -> list[int]:
        self._patch.setattr(self._view, "changes", self._slowly)
        one = self._pool.submit(_closing, first)
        assert self._compared.wait(60)
        self._patch.setattr(self._view, "changes", seen.changes)
        other = self._pool.submit(_closing, second)
        self._other = other
        return [one.result().status_code, other.result().status_code]

    _other: Future[Any] | None = None

    def _slowly(self, *args: Any, **kwargs: Any) -> Any:
        found = seen.changes(*args, **kwargs)
        self._compared.set()
        deadline = monotonic() + 60
        while monotonic() < deadline:
            if (self._other and self._other.done()) or _somebody_waits():
                return found
            sleep(0.01)
        raise AssertionError("the other one neither ended nor waited")


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
        return bool(cursor.rowcount)


def _closing(act: Callable[[], Any]) -> Any:
    try:
        return act()
    finally:
        connection.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_a_setting_at_the_same_moment_the_second_is_told(
    send: Sender, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = AtOnce(pool, monkeypatch, pages)
    answers = at_once(
        lambda: send("settings", DESCRIBED, {"title": ""}, title="Town"),
        lambda: send("settings", DESCRIBED, {"title": ""}, title="City"),
    )
    assert answers == [302, 409]
    assert Workspace.objects.get().title == "Town"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_an_email_at_the_same_moment_the_second_is_told(
    send: Sender, workspace: Workspace, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_email_text(workspace, "Ours", kind="notice", part="subject")
    at_once = AtOnce(pool, monkeypatch, emails)
    answers = at_once(
        lambda: send("policy/emails", WRITTEN, {"subject": "Ours"}, subject="Town"),
        lambda: send("policy/emails", WRITTEN, {"subject": "Ours"}, subject="City"),
    )
    assert answers == [302, 409]
    assert EmailText.objects.get(part="subject").text == "Town"
