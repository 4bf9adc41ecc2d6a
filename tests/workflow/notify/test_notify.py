"""People are warned once, by a mail that holds a date; nothing else starts the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from smtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts_review.models import AuditEntry, Case, Workspace
from accounts_review.workflow import advance
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import due
from accounts_review.workflow.notify.send import send_test
from tests.stage import NOW, SetStage, Stage, days_ago, policy_text, someone
from tests.workflow.notify.kit import send


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(someone("marie"), someone("omar"), policy=policy_text(notice=30), launched=("marie", "omar"))


def addresses() -> list[str]:
    return [address for message in mail.outbox for address in message.to]


def test_each_person_is_warned_and_the_promise_is_stored(stage: Stage) -> None:
    done = send(stage)
    assert (done.sent, done.left, done.error) == (2, 0, "")
    assert addresses() == ["marie@ville.example", "omar@ville.example"]
    assert stage.states() == {"marie": "noticed", "omar": "noticed"}
    assert stage.case("marie").promised_at == stage.clock() + timedelta(days=30)


def test_the_mail_names_the_workspace_the_date_and_what_will_go(stage: Stage) -> None:
    send(stage)
    message = mail.outbox[0]
    text = f"{message.subject}\n{message.body}"
    for words in ("127.0.0.1", "15 July 2026", "19 September 2023", "API keys", "You keep your Huwise account"):
        assert words in text


def test_nobody_is_warned_twice(stage: Stage) -> None:
    send(stage)
    assert send(stage).sent == 0
    assert len(mail.outbox) == 2


def test_who_came_back_meanwhile_is_spared_and_not_bothered(stage: Stage) -> None:
    stage.update("marie", last_seen_at=days_ago(0))
    stage.sync()
    send(stage)
    assert stage.states() == {"marie": "spared", "omar": "noticed"}
    assert addresses() == ["omar@ville.example"]


def test_a_refused_address_stops_nobody_else(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "marie@ville.example", SMTPRecipientsRefused({"marie@ville.example": (550, b"unknown")}))
    done = send(stage)
    assert (done.sent, done.undeliverable) == (1, 1)
    assert stage.states() == {"marie": "undeliverable", "omar": "noticed"}


def test_a_server_that_fails_ends_the_run_and_the_next_one_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, "omar@ville.example", SMTPServerDisconnected("gone"))
        done = send(stage)
        assert (done.sent, done.left) == (1, 1)
        assert "EMAIL_URL" in done.error
    assert send(stage).sent == 1
    assert addresses() == ["marie@ville.example", "omar@ville.example"]


def test_cases_become_due_on_the_promised_date_and_not_before(stage: Stage) -> None:
    send(stage)
    stage.clock.advance(days=30, seconds=-1)
    assert advance.make_due(workspace=stage.workspace, now=stage.clock()) == 0
    stage.clock.advance(seconds=1)
    assert advance.make_due(workspace=stage.workspace, now=stage.clock()) == 2
    assert set(stage.states().values()) == {"due"}


def test_nobody_comes_due_whose_link_no_longer_works(stage: Stage, settings: Any) -> None:
    send(stage)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another-long-and-random-key-of-this-portal"
    stage.clock.advance(days=40)
    assert advance.make_due(workspace=stage.workspace, now=stage.clock()) == 0
    settings.SECRET_KEY_FALLBACKS = [former]
    assert advance.make_due(workspace=stage.workspace, now=stage.clock()) == 2


def test_whose_link_no_longer_works_is_told_by_their_own_case_alone(stage: Stage, settings: Any) -> None:
    send(stage)
    mute = due.answerable(Case.objects.all(), wanted=False)
    assert not mute
    settings.SECRET_KEY = "another-long-and-random-key-of-this-portal"
    mute = due.answerable(Case.objects.all(), wanted=False)
    assert len(mute) == 2
    # Compared with all the others, a hundred thousand who were warned kept the overview for minutes.
    assert str(mute.query).count("SELECT") == 1


def test_the_promise_holds_when_the_policy_asks_for_less(stage: Stage) -> None:
    send(stage)
    promised = stage.case("marie").promised_at
    stage.adopt(policy_text(notice=0))
    stage.clock.advance(days=5)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    assert (stage.deletes, stage.case("marie").promised_at) == ([], promised)


def test_in_a_dry_run_no_mail_leaves(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), mode=Workspace.Mode.DRY_RUN, launched=("marie",))
    assert send(stage).sent == 0
    assert mail.outbox == []


TROUBLE = {
    "sender refused": SMTPSenderRefused(550, b"not allowed", "cleanup-portal@localhost"),
    "sign-in refused": SMTPAuthenticationError(535, b"bad password"),
    "unreachable": ConnectionRefusedError("refused"),
}


@pytest.mark.parametrize("failure", TROUBLE.values(), ids=TROUBLE)
def test_trouble_of_our_own_is_nobodys_undeliverable_mail(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    refuse(monkeypatch, "marie@ville.example", failure)
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (0, 0, 2)
    assert "EMAIL_URL" in done.error
    assert set(stage.states().values()) == {"awaiting_notice"}


def test_a_server_that_is_down_from_the_start_is_reported_like_any_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(backend: EmailBackend) -> None:
        raise ConnectionRefusedError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "open", down)
        done = send(stage)
    assert (done.sent, done.left) == (0, 2)
    assert "refused" in done.error
    assert send(stage).sent == 2


def test_an_address_that_is_put_off_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    put_off = SMTPRecipientsRefused({"marie@ville.example": (450, b"greylisted")})
    with monkeypatch.context() as patch:
        refuse(patch, "marie@ville.example", put_off)
        done = send(stage)
    assert (done.sent, done.undeliverable, done.left, done.error) == (1, 0, 1, "")
    assert send(stage).sent == 1
    assert set(stage.states().values()) == {"noticed"}


def test_a_mail_whose_content_is_refused_is_nobodys_fault_and_stops_the_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "marie@ville.example", SMTPDataError(554, b"looks like spam"))
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (0, 0, 2)
    assert "looks like spam" in done.error
    assert send(stage).sent == 1, "whoever comes next is not barred"


def test_an_undeliverable_notice_never_leads_to_a_revocation(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "marie@ville.example", SMTPRecipientsRefused({"marie@ville.example": (550, b"unknown")}))
    send(stage)
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    assert stage.states() == {"marie": "undeliverable", "omar": "revoked"}


@pytest.mark.parametrize("ending", [launch.pause, launch.cancel])
def test_pausing_or_cancelling_stops_a_run_that_has_begun(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, ending: Callable[..., None]
) -> None:
    deliver = EmailBackend.send_messages

    def then_end(backend: EmailBackend, messages: Any) -> int:
        ending(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="wait", now=stage.clock())
        return deliver(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", then_end)
    send(stage)
    assert addresses() == ["marie@ville.example"]


PUT_OFF = {
    "greylisting": SMTPRecipientsRefused({"marie@ville.example": (450, b"greylisted")}),
    "a time-out": TimeoutError("timed out"),
    "a connection that breaks": SMTPServerDisconnected("gone"),
}


@pytest.mark.parametrize("failure", PUT_OFF.values(), ids=PUT_OFF)
def test_an_address_that_only_ever_puts_off_is_given_up_and_stops_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    refuse(monkeypatch, "marie@ville.example", failure)
    assert (send(stage).sent, stage.states()["omar"]) == (1, "noticed")
    for _ in range(8):
        stage.clock.advance(days=1)
        assert send(stage).left == 1
    operator = stage.staff("operator")
    assert send_test(workspace=stage.workspace, kind="notice", actor=operator, now=stage.clock()) == ""
    said = stage.outcome("marie")
    assert (said["tries"], said["since"]) == (9, NOW.isoformat())
    assert said["why"]
    stage.clock.advance(hours=1)
    assert send(stage).undeliverable == 1
    assert stage.states()["marie"] == "undeliverable"
    entry = AuditEntry.objects.get(kind="case.undeliverable")
    assert (entry.subject, entry.data["tries"]) == ("marie", 10)


def test_many_tries_within_hours_are_no_reason_to_give_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "marie@ville.example", PUT_OFF["greylisting"])
    for _ in range(30):
        stage.clock.advance(minutes=10)
        send(stage)
    assert stage.outcome("marie")["tries"] == 30
    assert stage.states()["marie"] == "awaiting_notice"


def test_addresses_that_always_time_out_do_not_bar_the_way(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"slow.{number}" for number in range(4)] + ["zoe"]
    stage = set_stage(*map(someone, names), policy=policy_text(notice=30), launched=names)
    tried = []

    def time_out(backend: EmailBackend, messages: Any) -> int:
        tried.append(messages[0].to[0].partition("@")[0])
        if tried[-1].startswith("slow"):
            raise TimeoutError("timed out")
        return 1

    monkeypatch.setattr(EmailBackend, "send_messages", time_out)
    assert (send(stage).sent, send(stage).sent) == (0, 1)
    assert tried[:3] == ["slow.0", "slow.1", "slow.2"], "a run gives in after three broken connections"
    assert tried[3:5] == ["slow.3", "zoe"], "and the next one begins with those whom it did not reach"


def test_a_notice_that_gets_through_after_all_starts_with_a_clean_slate(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, "marie@ville.example", PUT_OFF["greylisting"])
        send(stage)
    send(stage)
    assert (stage.case("marie").state, stage.case("marie").outcome) == ("noticed", None)


def test_a_run_ends_with_its_time(stage: Stage) -> None:
    assert send(stage, budget=timedelta(microseconds=1)).sent == 0
    assert send(stage, budget=timedelta(minutes=1)).sent == 2


def refuse(monkeypatch: pytest.MonkeyPatch, address: str, failure: Exception) -> None:
    """Have the mail server fail in its own way for one address."""
    deliver = EmailBackend.send_messages

    def send_messages(backend: EmailBackend, messages: Any) -> int:
        if any(address in message.to for message in messages):
            raise failure
        return deliver(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)
