"""What the mail server has taken is never lost, and never sent again: whatever happens before the audit holds it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts_review import audit
from accounts_review.audit.verification import replay
from accounts_review.models import Account, AuditEntry, Case, Workspace
from accounts_review.workflow import advance
from accounts_review.workflow.answer import AnswerKind, Said, answer, case_of, may_leave
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import bounces, due, emails, mail_stop, smtp, taken
from accounts_review.workflow.notify import send as send_module
from accounts_review.workflow.notify.portions import Question
from accounts_review.workflow.notify.send import send_closings
from accounts_review.workflow.retention.erase import erase_accounts, erase_person
from accounts_review.workflow.review import decide
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.kit import send

PEOPLE = [f"person.{number:02d}" for number in range(12)]


class Killed(BaseException):
    """As if the process ended here."""


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*map(someone, PEOPLE), policy=policy_text(notice=30), launched=PEOPLE)


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the next run end before it has recorded anything; call it to let the runs after that live."""

    def end(*_: object, **__: object) -> None:
        raise Killed

    before = taken._record
    monkeypatch.setattr(taken, "_record", lambda cases, now: end() if cases else None)
    return lambda: monkeypatch.setattr(taken, "_record", before)


def is_quiet(stage: Stage) -> bool:
    return due.is_quiet(stage.workspace, now=stage.clock())


def withdraw(stage: Stage, name: str) -> None:
    decide.withdraw(accounts=stage.accounts(name), actor=stage.staff("reviewer"), reason="stays", now=stage.clock())


def keep(stage: Stage, name: str) -> None:
    answer(case=stage.case(name), said=Said(kind=AnswerKind.KEEP), now=stage.clock())


def leave(stage: Stage, name: str) -> None:
    answer(case=stage.case(name), said=Said(kind=AnswerKind.LEAVE), now=stage.clock())


def bounce(stage: Stage, name: str) -> None:
    known = stage.case(name).message_id
    assert bounces.mark_bounced(message_id=known, recipient="", why="550 no", now=stage.clock()) == 1


def use(stage: Stage, name: str) -> None:
    stage.update(name, last_seen_at=stage.clock().isoformat())
    stage.sync()
    advance.spare_returned(workspace=stage.workspace, now=stage.clock())


def flaws(stage: Stage) -> list[str]:
    rows = [f"case {stage.case(name).pk}" for name in stage.states()]
    return [str(flaw) for flaw in replay.check_states() if flaw.row in rows]


def written_to() -> list[str]:
    return [address.partition("@")[0] for message in mail.outbox for address in message.to]


def test_a_kill_before_the_entries_sends_nobody_a_second_notice(stage: Stage, die: Callable[[], None]) -> None:
    with pytest.raises(Killed):
        send(stage, limit=5)
    assert stage.cleanup().tally() == {"awaiting_notice": 11, "noticed": 1}
    die()
    stage.clock.advance(minutes=10)
    assert send(stage).sent == 7
    assert sorted(written_to()) == PEOPLE
    assert stage.cleanup().tally() == {"noticed": 12}
    second = written_to()[1]
    first, last = stage.case(second), stage.case(written_to()[-1])
    assert first.outcome is None
    assert first.promised_at is not None
    assert last.promised_at is not None
    assert last.promised_at - first.promised_at == stage.clock() - (first.noticed_at or stage.clock())
    entry = AuditEntry.objects.filter(kind="case.noticed").select_related("personal").order_by("seq")[1]
    assert entry.data["promised"] == first.promised_at.isoformat()
    assert entry.personal is not None
    assert entry.personal.details["address"] == f"{second}@ville.example"
    assert mail.outbox[1].subject == entry.personal.details["mail"]["subject"]


def test_what_a_killed_run_has_sent_counts_in_the_pace(stage: Stage, die: Callable[[], None]) -> None:
    with pytest.raises(Killed):
        send(stage, limit=5)
    die()
    # The audit knows of one: of six an hour it leaves five, four of which had gone.
    send(stage, limit=5)
    assert len(mail.outbox) == 6


def test_whoever_decides_before_the_entry_leaves_no_e_mail_unrecorded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = taken._move

    def withdrawn_first(cases: list[Case], **given: Any) -> None:
        if len(cases) > 1:
            decide.withdraw(
                accounts=stage.accounts(PEOPLE[3]), actor=stage.staff("reviewer"), reason="stays", now=stage.clock()
            )
        move(cases, **given)

    monkeypatch.setattr(taken, "_move", withdrawn_first)
    assert send(stage).sent == 12
    assert stage.cleanup().tally() == {"noticed": 11, "withdrawn": 1}
    assert stage.entries(PEOPLE[3])[-2:] == ["account.withdrawn", "case.noticed"]
    assert stage.case(PEOPLE[3]).outcome is None
    withdrawn = f"case {stage.case(PEOPLE[3]).pk}"
    assert [flaw for flaw in audit.verify_everything(now=stage.clock()).flaws if flaw.row == withdrawn] == []
    # They were given a date, so they are told that it is void.
    assert send_closings(workspace=stage.workspace, now=stage.clock()).sent == 1
    assert mail.outbox[-1].to == ["person.03@ville.example"]


def test_what_a_killed_run_has_sent_is_recorded_once_whatever_happens_before_the_next(
    stage: Stage, die: Callable[[], None]
) -> None:
    with pytest.raises(Killed):
        send(stage, limit=7)
    die()
    stage.clock.advance(minutes=10)
    ends = {"withdrawn": withdraw, "spared": keep, "undeliverable": bounce, "due": leave}
    names = written_to()[1:]
    for name, (end, act) in zip(names, ends.items(), strict=False):
        act(stage, name)
        assert stage.case(name).state == end
    use(stage, names[4])
    assert stage.case(names[4]).state == "spared"
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="stop", now=stage.clock())
    assert send(stage).sent == 0
    for name in names:
        assert stage.entries(name).count("case.noticed") == 1
        assert stage.case(name).promised_at is not None
    assert not Case.objects.filter(outcome__has_key=taken.TAKEN).exists()
    assert flaws(stage) == []


def test_an_older_link_leads_to_the_notice_that_is_taken_and_not_recorded_yet(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stage)
    for name in PEOPLE[:2]:
        withdraw(stage, name)
    tokens = {name: emails.token_of(stage.case(name)) for name in PEOPLE[:2]}
    stage.launch(*PEOPLE[:2])
    monkeypatch.setattr(taken, "_record", lambda cases, now: None)
    send(stage)
    last = written_to()[-1]
    assert stage.case(last).noticed_at is None
    assert case_of(tokens[last]) == stage.case(last)


@pytest.mark.parametrize("act", [withdraw, keep, bounce])
def test_who_is_warned_again_and_decides_before_the_entry_stands_as_the_audit_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, act: Callable[[Stage, str], None]
) -> None:
    name, mark = PEOPLE[1], taken._mark
    send(stage)
    stage.clock.advance(days=3)
    Account.objects.filter(username__in=PEOPLE[:2]).update(email="new@ville.example")

    def then_act(case: Case, *question: Question) -> tuple[bool, bool]:
        found = mark(case, *question)
        if case.account.username == name:
            act(stage, name)
        return found

    monkeypatch.setattr(taken, "_mark", then_act)
    assert send(stage).sent == 2
    assert stage.entries(name).count("case.noticed") == 2
    assert flaws(stage) == []


def test_one_run_can_promise_two_dates_while_somebody_decides(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(*map(someone, PEOPLE), policy=policy_text(notice=30), launched=PEOPLE[:4])
    stage.adopt(policy_text(notice=45))
    stage.launch(*PEOPLE[4:8])
    move, decided = taken._move, list[str]()

    def withdrawn_first(cases: list[Case], **given: Any) -> None:
        if len(cases) > 1 and not decided:
            decided.append(PEOPLE[6])
            withdraw(stage, PEOPLE[6])
        move(cases, **given)

    monkeypatch.setattr(taken, "_move", withdrawn_first)
    assert send(stage).sent == 8
    assert [name for name, state in stage.states().items() if state != "noticed"] == decided
    promised = {stage.case(name).promised_at for name in PEOPLE[:8]}
    assert promised == {stage.clock() + timedelta(days=30), stage.clock() + timedelta(days=45)}
    assert flaws(stage) == []


def test_refusals_keep_no_notice_from_being_recorded_in_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver, recorded = EmailBackend.send_messages, list[int]()
    monkeypatch.setattr(taken, "LONGEST_SECONDS", 1000.0)

    def refuse_after_two(backend: EmailBackend, messages: Any) -> int:
        if len(mail.outbox) < 2:
            return deliver(backend, messages)
        monkeypatch.setattr(taken, "LONGEST_SECONDS", 0.0)
        recorded.append(Case.objects.filter(state="noticed").count())
        raise SMTPRecipientsRefused({messages[0].to[0]: (550, b"5.1.1 no such user")})

    monkeypatch.setattr(EmailBackend, "send_messages", refuse_after_two)
    send(stage)
    assert recorded[:2] == [1, 2]


def test_who_is_erased_between_two_e_mails_is_told_nothing_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = EmailBackend.send_messages
    send(stage)
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke(limit=2)
    mail.outbox.clear()
    removed = [name for name, state in stage.states().items() if state == "revoked"]
    case = stage.case(removed[1])

    def then_erase(backend: EmailBackend, messages: Any) -> int:
        count = deliver(backend, messages)
        given: Any = {"actor": stage.staff("administrator"), "reason": "asked", "now": stage.clock()}
        erase_person(workspace=stage.workspace, username=removed[1], **given)
        return count

    monkeypatch.setattr(EmailBackend, "send_messages", then_erase)
    assert send_closings(workspace=stage.workspace, now=stage.clock()).sent == 1
    assert written_to() == removed[:1]
    assert not AuditEntry.objects.filter(account_id=case.account_id, kind="case.closing_told").exists()


def test_who_reads_faster_than_it_is_recorded_can_ask_to_leave(stage: Stage, die: Callable[[], None]) -> None:
    assert not any(may_leave(case) for case in Case.objects.all())
    with pytest.raises(Killed):
        send(stage, limit=3)
    (name,) = set(written_to()[1:2])
    assert stage.case(name).state == "awaiting_notice"
    assert may_leave(stage.case(name))


def test_who_is_withdrawn_and_erased_while_their_notice_leaves_is_named_by_no_entry(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver, person = smtp.deliver, Account.objects.get(username=PEOPLE[5])

    def leave(message: Any, **given: Any) -> Any:
        answer = deliver(message, **given)
        if message.to == [person.email]:
            withdraw(stage, person.username)
            Account.objects.filter(pk=person.pk).update(gone_at=stage.clock())
            erase_accounts([person], now=stage.clock())
        return answer

    monkeypatch.setattr(send_module, "deliver", leave)
    assert send(stage).sent == 12
    told = AuditEntry.objects.filter(account_id=person.pk)
    assert [entry.kind for entry in told.order_by("seq")][-1] == "case.noticed"
    assert {entry.subject for entry in told} <= {"", f"erased-{person.pk}"}
    assert person.email not in str([entry.details for entry in told])
    assert Case.objects.get(account=person.pk).warned_to == ""


def test_it_is_quiet_where_no_clean_up_was_launched_or_only_a_dry_run(set_stage: SetStage) -> None:
    stage = set_stage(*map(someone, PEOPLE), policy=policy_text(notice=30))
    assert is_quiet(stage)
    stage.set_mode(Workspace.Mode.DRY_RUN)
    stage.launch(*PEOPLE)
    assert is_quiet(stage)


def test_it_is_not_quiet_while_anybody_may_have_to_be_written_to(stage: Stage) -> None:
    assert not is_quiet(stage)
    send(stage)
    assert not is_quiet(stage), "reminders are to come"
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=stage.clock())
    assert not is_quiet(stage), "they are to hear that they keep their access"
    send_closings(workspace=stage.workspace, now=stage.clock())
    assert is_quiet(stage)
    stop = smtp.Round()
    stop.stop = smtp.MailStop(smtp.StopCode.UNREACHABLE, "")
    mail_stop.remember(stop, workspace=stage.workspace, now=stage.clock())
    assert not is_quiet(stage), "that nothing is owed any more ends a mail stop"


def test_it_is_not_quiet_while_a_notice_that_was_taken_is_not_recorded(stage: Stage, die: Callable[[], None]) -> None:
    with pytest.raises(Killed):
        send(stage, limit=3)
    launch.cancel(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="a mistake", now=stage.clock())
    assert not is_quiet(stage)
