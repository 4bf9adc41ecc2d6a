"""Operators learn in one mail what happened since the last one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts_review import audit
from accounts_review.audit.events import Event, named
from accounts_review.models import Exemption, Workspace
from accounts_review.workflow.notify.bounces import give_up, retry_notice
from accounts_review.workflow.notify.digest import send_digest, tell_owners
from accounts_review.workflow.review.decide import DecisionRefused, exempt
from tests.conftest import NOW
from tests.stage import SetStage, Stage, policy_text, someone

Person = Callable[[str], User]


def happens(workspace: Workspace, kind: str, cleanup: int | None = None, **data: object) -> None:
    audit.append(
        [audit.NewEntry(at=NOW, workspace=workspace.name, actor="olga", kind=named(kind), cleanup=cleanup, data=data)]
    )


@pytest.fixture
def operators(person: Person) -> None:
    for role in ("auditor", "reviewer", "operator", "administrator"):
        person(role)


@pytest.mark.usefixtures("operators")
def test_a_stopped_cleanup_is_told_first_with_its_reason_and_address(workspace: Workspace) -> None:
    happens(workspace, "cleanup.closed", 3)
    happens(workspace, "cleanup.stopped", 4, why="the key was refused")
    sealed = audit.newest_checkpoint()
    assert send_digest(workspace=workspace, now=NOW) == 2
    assert {to for message in mail.outbox for to in message.to} == {
        "operator@portal.example",
        "administrator@portal.example",
    }
    message = mail.outbox[0]
    assert message.subject == "main: clean-up 4 is paused: the key was refused"
    assert "/w/main/cleanups/4/" in message.body
    assert message.body.index("clean-up 4 is paused: the key was refused") < message.body.index("clean-up 3 has ended")
    assert str(sealed) in message.body


@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("workspace.synced", {"state": "incomplete"}, "1 sync was incomplete"),
        ("workspace.synced", {"state": "quarantined"}, "quarantined; nobody is removed"),
        ("mail.stopped", {"code": "unreachable", "reply": "421 busy"}, "The mail server failed: 421 busy"),
        ("case.undeliverable", {}, "1 notice could not be delivered"),
        ("case.refused", {}, "refused 1 removal"),
        ("case.unknown", {}, "the outcome of 1 removal was unknown"),
    ],
)
def test_whatever_wants_a_person_is_told(workspace: Workspace, kind: str, data: dict[str, str], words: str) -> None:
    happens(workspace, kind, 1, **data)
    assert send_digest(workspace=workspace, now=NOW) == 2
    assert words in mail.outbox[0].body


@pytest.mark.usefixtures("operators")
def test_what_was_told_once_is_not_told_again(workspace: Workspace) -> None:
    happens(workspace, "cleanup.closed", 3)
    send_digest(workspace=workspace, now=NOW)
    assert send_digest(workspace=workspace, now=NOW + timedelta(hours=1)) == 0
    assert len(mail.outbox) == 2


@pytest.mark.usefixtures("operators")
def test_one_case_leads_to_itself_and_several_to_those_of_their_cleanup(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), someone("zoe"), policy=policy_text(notice=30))
    cleanup = stage.launch("marie", "omar", "zoe")
    for name in ("marie", "omar", "zoe"):
        give_up(stage.case(name), actor="portal", now=stage.clock(), why="550 no such user")
    send_digest(workspace=stage.workspace, now=stage.clock())
    body = str(mail.outbox[0].body)
    assert f"clean-up {cleanup.number}: 3 notices could not be delivered" in body
    assert f"/w/main/cleanups/{cleanup.number}/?state=undeliverable#cases" in body
    html = html_of(mail.outbox[0])
    assert f'cleanups/{cleanup.number}/?state=undeliverable#cases">Clean-up {cleanup.number}: 3 notices' in html
    assert "Needs you" in html
    give_up_again(stage, "marie")
    mail.outbox.clear()
    send_digest(workspace=stage.workspace, now=stage.clock())
    assert f"/w/main/cleanups/{cleanup.number}/cases/{stage.case('marie').pk}/" in str(mail.outbox[0].body)


@pytest.mark.usefixtures("operators")
def test_no_name_from_outside_turns_a_line_around(set_stage: SetStage, person: Person) -> None:
    stage = set_stage(someone("rlo\u202egnp.exe"))
    given: dict[str, Any] = {"accounts": stage.accounts("rlo\u202egnp.exe"), "actor": person("reviewer")}
    until = stage.clock() + timedelta(days=3)
    exempt(**given, reason="a\u2066\nb", until=until, now=stage.clock(), owner_email="owner@ville.example")
    tell_owners(workspace=stage.workspace, now=stage.clock())
    happens(stage.workspace, "hold.placed", reason="x\u202ey")
    send_digest(workspace=stage.workspace, now=stage.clock())
    assert [message.to[0].partition("@")[0] for message in mail.outbox] == ["owner", "administrator", "operator"]
    for message in mail.outbox:
        written = f"{message.subject}{message.body}{html_of(message)}"
        assert not set(written) & set("\u202e\u2066"), message.to


def html_of(message: Any) -> str:
    [(html, kind)] = message.alternatives
    assert kind == "text/html"
    return str(html)


def give_up_again(stage: Stage, name: str) -> None:
    retry_notice(case=stage.case(name), actor=stage.staff("operator"), now=stage.clock())
    give_up(stage.case(name), actor="portal", now=stage.clock(), why="550 no such user")


@pytest.mark.usefixtures("operators")
def test_what_was_resolved_before_the_mail_leaves_is_not_told(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30))
    send_digest(workspace=stage.workspace, now=stage.clock())
    stage.launch("marie")
    give_up(stage.case("marie"), actor="portal", now=stage.clock(), why="550 no such user")
    retry_notice(case=stage.case("marie"), actor=stage.staff("operator"), now=stage.clock())
    happens(stage.workspace, "hold.placed", reason="a check")
    happens(stage.workspace, "hold.released", reason="all is well")
    happens(stage.workspace, "mail.stopped", code="unreachable", reply="")
    happens(stage.workspace, "mail.resumed")
    happens(stage.workspace, "workspace.synced", state="incomplete")
    happens(stage.workspace, "workspace.synced", state="complete")
    happens(stage.workspace, "workspace.synced", state="quarantined")
    happens(stage.workspace, "breaker.reset", reason="looked")
    mail.outbox.clear()
    send_digest(workspace=stage.workspace, now=stage.clock())
    body = str(mail.outbox[0].body)
    assert "was launched by" in body
    for gone in ("could not be delivered", "held everything", "released", "e-mails to people", "sync"):
        assert gone not in body.partition("Details:")[0].replace("/syncs/", "")


@pytest.mark.usefixtures("operators")
def test_what_wants_somebody_comes_before_what_is_for_information(workspace: Workspace) -> None:
    happens(workspace, "cleanup.closed", 3)
    happens(workspace, "case.refused", 3)
    send_digest(workspace=workspace, now=NOW)
    body = str(mail.outbox[0].body)
    assert body.index("Needs you") < body.index("refused 1 removal") < body.index("For information")
    assert body.index("For information") < body.index("clean-up 3 has ended")


@pytest.mark.usefixtures("operators")
def test_what_somebody_did_on_purpose_is_for_information(workspace: Workspace) -> None:
    happens(workspace, "hold.released", reason="all is well")
    happens(workspace, "mail.resumed")
    send_digest(workspace=workspace, now=NOW)
    body = str(mail.outbox[0].body)
    assert "Needs you" not in body
    assert "released the hold: all is well" in body.partition("For information")[2]
    assert "e-mails to people are being sent again" in body.partition("For information")[2]


@pytest.mark.usefixtures("operators")
def test_ordinary_days_send_nothing(workspace: Workspace) -> None:
    happens(workspace, "workspace.synced", state="complete")
    audit.log([workspace], kind=Event.ACCOUNTS_EXPORTED, actor="rita", now=NOW)
    assert send_digest(workspace=workspace, now=NOW) == 0
    assert mail.outbox == []


def test_with_nobody_to_tell_the_news_waits(workspace: Workspace, person: Person) -> None:
    happens(workspace, "cleanup.closed", 3)
    assert send_digest(workspace=workspace, now=NOW) == 0
    person("operator")
    assert send_digest(workspace=workspace, now=NOW) == 1


@pytest.mark.usefixtures("operators")
def test_the_mail_speaks_the_language_of_the_workspace(workspace: Workspace) -> None:
    workspace.language = "fr"
    happens(workspace, "cleanup.closed", 3)
    assert send_digest(workspace=workspace, now=NOW) == 2


def exempted(stage: Stage, reviewer: User, *, days: int, owner: str = "owner@ville.example") -> Exemption:
    until = stage.clock() + timedelta(days=days)
    given: dict[str, Any] = {"accounts": stage.accounts("marie"), "actor": reviewer, "until": until}
    given |= {"reason": "runs the import"}
    return exempt(**given, now=stage.clock(), owner_email=owner, is_service_account=bool(owner))[0]


def test_the_owner_of_an_exemption_is_told_once_before_it_lapses(set_stage: SetStage, person: Person) -> None:
    stage = set_stage(someone("marie"))
    exempted(stage, person("reviewer"), days=30)
    assert tell_owners(workspace=stage.workspace, now=stage.clock()) == 0
    later = stage.clock() + timedelta(days=17)
    assert tell_owners(workspace=stage.workspace, now=later) == 1
    assert tell_owners(workspace=stage.workspace, now=later) == 0
    message = mail.outbox[0]
    assert message.to == ["owner@ville.example"]
    assert "marie" in message.subject
    assert "runs the import" in message.body
    assert "marie" in html_of(message)
    assert "runs the import" in html_of(message)


def test_an_exemption_without_an_owner_lapses_in_silence(set_stage: SetStage, person: Person) -> None:
    stage = set_stage(someone("marie"))
    exempted(stage, person("reviewer"), days=3, owner="")
    assert tell_owners(workspace=stage.workspace, now=stage.clock()) == 0


def test_a_service_account_wants_an_owner(set_stage: SetStage, person: Person) -> None:
    stage = set_stage(someone("marie"))
    until = stage.clock() + timedelta(days=365)
    given: dict[str, Any] = {"accounts": stage.accounts("marie"), "actor": person("reviewer"), "until": until}
    given |= {"reason": "a robot"}
    with pytest.raises(DecisionRefused, match="owner"):
        exempt(**given, now=stage.clock(), is_service_account=True)


def refuse(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    deliver = EmailBackend.send_messages

    def send_messages(backend: EmailBackend, messages: Any) -> int:
        if address in messages[0].to or address == "everybody":
            raise SMTPRecipientsRefused({messages[0].to[0]: (550, b"no such user")})
        return deliver(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)


@pytest.mark.usefixtures("operators")
def test_an_operator_whose_address_is_refused_keeps_the_news_from_nobody(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the others would have got the same mail every quarter of an hour."""
    refuse(monkeypatch, "administrator@portal.example")
    happens(workspace, "cleanup.closed", 3)
    assert [send_digest(workspace=workspace, now=NOW) for _ in range(2)] == [1, 0]
    assert [message.to for message in mail.outbox] == [["operator@portal.example"]]


@pytest.mark.usefixtures("operators")
def test_news_that_nobody_got_are_told_the_next_time(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    happens(workspace, "cleanup.closed", 3)
    with monkeypatch.context() as patch:
        refuse(patch, "everybody")
        assert send_digest(workspace=workspace, now=NOW) == 0
    assert send_digest(workspace=workspace, now=NOW) == 2


def test_an_owner_whose_address_is_refused_stops_no_other(
    set_stage: SetStage, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(someone("marie"), someone("omar"))
    until = stage.clock() + timedelta(days=3)
    for name in ("marie", "omar"):
        given: dict[str, Any] = {"accounts": stage.accounts(name), "actor": person("reviewer"), "until": until}
        exempt(**given, reason="leave", now=stage.clock(), owner_email=f"{name}@ville.example")
    refuse(monkeypatch, "marie@ville.example")
    assert tell_owners(workspace=stage.workspace, now=stage.clock()) == 1
    assert [message.to for message in mail.outbox] == [["omar@ville.example"]]
