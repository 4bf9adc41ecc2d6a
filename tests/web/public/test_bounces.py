"""The webhook of the mail provider: closed without the secret, and harmless whatever is sent to it."""

from __future__ import annotations

import base64
import importlib
import json
from typing import Any

import pytest
from anymail.backends.test import EmailBackend as ProviderBackend
from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from accounts_review.models import AuditEntry, Workspace
from accounts_review.web.public import bounces as webhook
from accounts_review.workflow.notify import bounces
from accounts_review.workflow.notify.send import Notices, send_notices
from cleanup_portal import environment
from tests.stage import SetStage, Stage, policy_text, someone

SECRET = "postmark:a-long-and-secret-word"


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Stage:
    """Marie and Omar were warned by a provider, which gave each e-mail a name of its own."""
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    settings.EMAIL_PROVIDER, settings.ANYMAIL = "postmark", {"WEBHOOK_SECRET": SECRET}
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(notice=30), launched=("marie", "omar"))
    assert send_notices(workspace=stage.workspace, now=stage.clock()).sent == 2
    return stage


def report(client: Client, secret: str = SECRET, **event: Any) -> int:
    body = {"RecordType": "Bounce", "Type": "HardBounce", "Email": "", "MessageID": "", "Description": "No such user"}
    return send(client, json.dumps(body | event), secret)


def send(client: Client, body: str, secret: str = SECRET) -> int:
    signed = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"} if secret else {}
    return client.post("/bounces/", body, content_type="application/json", headers=signed).status_code


def test_a_reported_bounce_stops_the_case(stage: Stage, client: Client) -> None:
    assert report(client, MessageID=stage.case("marie").message_id, Email="marie@ville.example") == 200
    assert stage.states() == {"marie": "undeliverable", "omar": "noticed"}
    assert "No such user" in stage.outcome("marie")["why"]


@pytest.mark.parametrize("kind", ["BadEmailAddress", "SpamComplaint", "Blocked"])
def test_refusals_and_complaints_stop_it_too(stage: Stage, client: Client, kind: str) -> None:
    report(client, Type=kind, Email="omar@ville.example")
    assert stage.states()["omar"] == "undeliverable"


@pytest.mark.parametrize("event", [{"Type": "Transient"}, {"RecordType": "Open"}, {"RecordType": "Delivery"}])
def test_other_news_changes_nothing(stage: Stage, client: Client, event: dict[str, str]) -> None:
    assert report(client, Email="omar@ville.example", **event) == 200
    assert set(stage.states().values()) == {"noticed"}


@pytest.mark.parametrize("secret", ["", "postmark:wrong", ":", SECRET.upper()])
def test_without_the_secret_it_is_closed(stage: Stage, client: Client, secret: str) -> None:
    assert report(client, secret, Email="marie@ville.example") == 403
    assert set(stage.states().values()) == {"noticed"}


@pytest.mark.parametrize("missing", ["provider", "secret"])
def test_without_a_provider_or_a_secret_it_is_not_there(
    stage: Stage, client: Client, settings: Any, missing: str
) -> None:
    if missing == "provider":
        settings.EMAIL_PROVIDER = ""
    else:
        settings.ANYMAIL = {"WEBHOOK_SECRET": ""}
    for secret in (SECRET, ""):
        assert report(client, secret, Email="marie@ville.example") == 404
    assert set(stage.states().values()) == {"noticed"}


@pytest.mark.matrix(fast=2, reason="each report is a clean-up of its own")
@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"RecordType": 3}', '"x"', '{"Type": []}'])
def test_a_malformed_report_is_refused_and_breaks_nothing(stage: Stage, client: Client, body: str) -> None:
    assert send(client, body) in (200, 400)
    assert set(stage.states().values()) == {"noticed"}


def test_it_can_only_be_told_something(stage: Stage, client: Client) -> None:
    assert client.get("/bounces/").status_code == 405


@pytest.mark.parametrize("provider", environment.PROVIDERS)
def test_every_provider_we_name_sends_and_reports(provider: str, settings: Any) -> None:
    importlib.import_module(f"anymail.backends.{provider}")
    settings.EMAIL_PROVIDER = provider
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": SECRET,
        "MAILGUN_WEBHOOK_SIGNING_KEY": "x",
        "MANDRILL_WEBHOOK_KEY": "x",
        "UNISENDER_GO_API_KEY": "x",
        "MAILERSEND_SIGNING_SECRET": "x",
    }
    assert webhook._reader().parse_events


def have_marie_warned_again(stage: Stage) -> Notices:
    given: dict[str, Any] = {"case": stage.case("marie"), "actor": stage.staff("operator"), "now": stage.clock()}
    bounces.mark_undeliverable(**given, why="no answer")
    bounces.retry_notice(**given | {"case": stage.case("marie")})
    return send_notices(workspace=stage.workspace, now=stage.clock())


def fail(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def send(backend: ProviderBackend, message: Any) -> bool:
        raise failure

    monkeypatch.setattr(ProviderBackend, "_send", send)


def test_an_address_that_the_provider_rejects_is_undeliverable(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, AnymailRecipientsRefused())
    assert have_marie_warned_again(stage).undeliverable == 1


@pytest.mark.parametrize(
    ("status", "says"), [(422, "Everyone waits"), (400, "Everyone waits"), (401, ""), (429, ""), (500, "")]
)
def test_an_error_of_the_provider_is_nobodys_undeliverable_mail(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, status: int, says: str
) -> None:
    error = AnymailAPIError("no")
    error.status_code, error.response = status, type("Response", (), {"reason": "no", "text": "no"})()
    fail(monkeypatch, error)
    done = have_marie_warned_again(stage)
    assert (done.undeliverable, done.left) == (0, 1)
    assert done.error
    assert says in done.error


def test_a_provider_that_repeats_the_token_is_quoted_without_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """What stops the e-mails is shown on every page, and kept in the audit for ever."""
    settings.ANYMAIL = settings.ANYMAIL | {"POSTMARK_SERVER_TOKEN": "tok-1f2e3d", "API_URL": "https://api.example"}
    error = AnymailAPIError("401 for tok-1f2e3d at https://api.example")
    error.status_code, error.response = 401, type("Response", (), {"reason": "no", "text": "token tok-1f2e3d"})()
    fail(monkeypatch, error)
    done = have_marie_warned_again(stage)
    kept = [done.error, str(Workspace.objects.get().mail_stopped), *map(str, AuditEntry.objects.values_list("data"))]
    assert "401 for *** at https://api.example" in kept[0]
    assert not [text for text in kept if "tok-1f2e3d" in text]


def test_a_provider_or_secret_that_makes_no_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_PROVIDER", "pigeon")
    with pytest.raises(ImproperlyConfigured, match="write one of brevo"):
        environment.provider("EMAIL_PROVIDER")
    monkeypatch.setenv("ANYMAIL_WEBHOOK_SECRET", "user:short")
    with pytest.raises(ImproperlyConfigured, match="16 characters") as refused:
        environment.password_pair("ANYMAIL_WEBHOOK_SECRET")
    assert "short" not in str(refused.value).replace("shorter", "")
    monkeypatch.setenv("ANYMAIL_POSTMARK_SERVER_TOKEN", "token")
    assert environment.starting_with("ANYMAIL_")["POSTMARK_SERVER_TOKEN"] == "token"
