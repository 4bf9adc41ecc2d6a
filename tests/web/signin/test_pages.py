"""allauth's pages: only those that serve, in the portal's look; links lead to PUBLIC_URL; nobody is told who exists."""

from __future__ import annotations

from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from pytest_django import Settings

from accounts_review.models import AuditEntry, Workspace
from accounts_review.tasks import jobs
from accounts_review.workflow import workspaces
from tests.stage import NOW
from tests.web.kit import sign_in, text_of

PASSWORD = "correct horse battery"
DEAD = [
    "signup/",
    "email/",
    "confirm-email/",
    "confirm-email/abc/",
    "password/set/",
    "inactive/",
    "login/code/confirm/",
]


@pytest.fixture
def marie(db: None) -> User:
    return User.objects.create_user("marie", "marie@portal.example", PASSWORD)


def test_who_signs_in_before_there_is_any_workspace_is_in_the_audit(marie: User, client: Client) -> None:
    attempt(client, "marie", PASSWORD, at="192.0.2.1")
    assert [entry.actor for entry in AuditEntry.objects.filter(kind="signin.done")] == ["marie"]


def attempt(client: Client, login: str, password: str, *, at: str) -> Any:
    return client.post("/accounts/login/", {"login": login, "password": password}, REMOTE_ADDR=at)


@pytest.mark.parametrize("page", DEAD)
def test_what_does_not_serve_is_not_there(client: Client, marie: User, page: str) -> None:
    assert client.get(f"/accounts/{page}").status_code == 404
    sign_in(client, marie)
    assert client.get(f"/accounts/{page}").status_code == 404
    assert client.post(f"/accounts/{page}", {"email": "mallory@elsewhere.example"}).status_code == 404


@pytest.mark.parametrize("page", ["password/change/", "reauthenticate/", "sessions/", "logout/"])
def test_what_serves_looks_like_the_portal(client: Client, marie: User, page: str) -> None:
    sign_in(client, marie)
    answer = client.get(f"/accounts/{page}")
    assert answer.status_code == 200
    assert "made/portal.css" in text_of(answer)
    assert "portal-bar" in text_of(answer)


def test_signing_in_is_one_page_with_a_login_and_a_password(client: Client, marie: User) -> None:
    page = text_of(client.get("/accounts/login/"))
    assert 'name="login"' in page
    assert 'name="password"' in page
    answer = attempt(client, "marie", PASSWORD, at="192.0.2.1")
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_strangers_learn_the_name_of_the_only_workspace_and_of_none_where_there_are_several(
    client: Client, workspace: Workspace
) -> None:
    workspace.title = "Ville <b>de</b> Test"
    workspace.save()
    assert "Ville &lt;b&gt;de&lt;/b&gt; Test" in client.get("/accounts/login/").content.decode()
    workspaces.open_workspace(name="other", now=NOW)
    page = client.get("/accounts/login/").content.decode()
    assert "Ville" not in page
    assert "other" not in page


def test_a_login_that_was_switched_off_answers_like_a_wrong_password(client: Client, marie: User) -> None:
    User.objects.filter(pk=marie.pk).update(is_active=False)
    answer = attempt(client, "marie", PASSWORD, at="192.0.2.1")
    assert "not correct" in text_of(answer)


def test_a_reset_link_leads_to_the_public_url_whatever_the_host(
    client: Client, marie: User, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://cleanup.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/accounts/password/reset/", {"email": marie.email}, headers={"host": "evil.example"})
    (sent,) = mail.outbox
    assert "https://cleanup.example.org/accounts/password/reset/key/" in sent.body
    assert "evil" not in f"{sent.subject} {sent.body}"


def test_a_password_is_reset_by_the_link(client: Client, marie: User) -> None:
    client.post("/accounts/password/reset/", {"email": marie.email})
    (link,) = [word for word in mail.outbox[0].body.split() if word.startswith("http") and "/key/" in word]
    form = client.get(link.removeprefix("http://127.0.0.1:8000"), follow=True)
    at = form.redirect_chain[-1][0]
    again = "a different battery"
    assert client.post(at, {"password1": again, "password2": again}).status_code == 302
    assert attempt(client, "marie", again, at="192.0.2.1").status_code == 302


@pytest.mark.parametrize("typed", ["Marie.Curie@Portal.example", "marie.curie@portal.EXAMPLE"])
def test_a_reset_link_reaches_an_address_with_capitals_however_it_is_typed(
    client: Client, marie: User, typed: str
) -> None:
    User.objects.filter(pk=marie.pk).update(email="Marie.Curie@Portal.example")
    client.post("/accounts/password/reset/", {"email": typed})
    assert [sent.to for sent in mail.outbox] == [["Marie.Curie@Portal.example"]]


@pytest.mark.parametrize("email", ["marie@portal.example", "stranger@portal.example"])
def test_asking_for_a_reset_says_the_same_to_everybody(
    client: Client, marie: User, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = client.post("/accounts/password/reset/", {"email": email}, follow=True)
    assert "Check your e-mail" in text_of(answer)
    assert [sent.to for sent in mail.outbox] == ([[email]] if email == marie.email else [])

    def fail(backend: EmailBackend, messages: Any) -> int:
        raise SMTPRecipientsRefused({email: (550, b"no")})

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    failed = client.post("/accounts/password/reset/", {"email": email}, follow=True)
    assert "Check your e-mail" in text_of(failed)
    assert "could be sent" not in text_of(failed)


def test_failures_bar_an_address_and_not_the_login(marie: User) -> None:
    for _try in range(8):
        refused = attempt(Client(), "marie", "wrong", at="203.0.113.9")
    assert "Too many failed login attempts" in text_of(refused)
    assert attempt(Client(), "marie", PASSWORD, at="203.0.113.9").status_code == 200
    assert attempt(Client(), "marie", PASSWORD, at="192.0.2.1").status_code == 302


def test_many_logins_tried_from_one_address_bar_that_address(marie: User) -> None:
    for number in range(21):
        attempt(Client(), f"somebody{number}", "wrong", at="203.0.113.9")
    assert "Too many failed" in text_of(attempt(Client(), "another", "wrong", at="203.0.113.9"))
    assert attempt(Client(), "marie", PASSWORD, at="192.0.2.1").status_code == 302


def test_a_login_that_is_attacked_from_everywhere_is_slowed_and_its_owner_told_once(marie: User) -> None:
    for number in range(30):
        attempt(Client(), "Marie", "wrong", at=f"203.0.113.{number}")
    attack = [attempt(Client(), "marie", "wrong", at="198.51.100.1") for _try in range(3)]
    assert "Too many failed" in text_of(attack[-1])
    assert attempt(Client(), "marie", PASSWORD, at="192.0.2.1").status_code == 302
    _work_off()
    (told,) = mail.outbox
    assert told.to == [marie.email]
    assert "many wrong passwords" in told.body


def test_a_name_that_nobody_has_is_nobodys_news(db: None) -> None:
    for number in range(25):
        attempt(Client(), "ghost", "wrong", at=f"203.0.113.{number}")
    _work_off()
    assert mail.outbox == []


@pytest.mark.parametrize("password", ["password1234!!", "short-one", "qwertyuiop99", "abcabcabcabc", "aaaaaaaaaaaaaa"])
def test_passwords_that_everybody_tries_first_are_refused(client: Client, marie: User, password: str) -> None:
    sign_in(client, marie)
    fields = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    assert client.post("/accounts/password/change/", fields).status_code == 200
    marie.refresh_from_db()
    assert marie.check_password(PASSWORD)


def test_long_words_are_enough(client: Client, marie: User) -> None:
    sign_in(client, marie)
    fields = {"oldpassword": PASSWORD, "password1": "lantern river velvet", "password2": "lantern river velvet"}
    assert client.post("/accounts/password/change/", fields).status_code == 302
    assert [sent.to for sent in mail.outbox] == [[marie.email]], "the owner is told of the change"


def _work_off() -> None:
    from django_q.models import OrmQ

    for message in OrmQ.objects.all():
        task = message.task
        getattr(jobs, task["func"].rpartition(".")[2])(*task["args"])


def test_people_see_their_sessions_and_end_the_others(marie: User) -> None:
    here, there = Client(), Client()
    attempt(here, "marie", PASSWORD, at="192.0.2.1")
    attempt(there, "marie", PASSWORD, at="192.0.2.7")
    page = text_of(here.get("/accounts/sessions/"))
    assert "192.0.2.7" in page
    here.post("/accounts/sessions/")
    assert there.get("/go-on/")["Location"].startswith("/accounts/login/")
    assert "/accounts/login/" not in here.get("/accounts/sessions/").get("Location", "")


def test_the_audit_sees_sign_ins_and_one_failure_an_hour_and_address(marie: User, workspace: Workspace) -> None:
    attempt(Client(), "marie", PASSWORD, at="192.0.2.1")
    for address in ("203.0.113.9", "203.0.113.9", "203.0.113.9", "203.0.113.10"):
        attempt(Client(), "marie", "hunter2hunter2", at=address)
    entries = AuditEntry.objects.filter(kind__startswith="signin.").order_by("seq")
    assert [(entry.kind, entry.actor, entry.details["client"]) for entry in entries] == [
        ("signin.done", "marie", "192.0.2.1"),
        ("signin.failed", "portal", "203.0.113.9"),
        ("signin.failed", "portal", "203.0.113.10"),
    ]
    assert all("client" not in entry.data for entry in entries), "beside the chain, where it can expire"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("password/change/", ["Current password", "New password, once more", "Change the password"]),
        ("logout/", ["You are signed in as marie.", "Sign out"]),
        ("2fa/", ["Authenticator app", "Security keys", "You get them once you have an app or a key."]),
    ],
)
def test_what_serves_speaks_like_the_portal(client: Client, marie: User, page: str, words: list[str]) -> None:
    sign_in(client, marie)
    shown = text_of(client.get(f"/accounts/{page}"))
    assert [each for each in words if each not in shown] == []


def test_who_forgot_a_password_is_told_what_comes(client: Client, db: None) -> None:
    shown = text_of(client.get("/accounts/password/reset/"))
    assert "You get a link with which you can choose a new password." in shown
    assert "E-mail address" in shown
    assert "placeholder" not in shown
