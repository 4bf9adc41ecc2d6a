"""What the mail server has taken is never lost, and never sent again: whatever happens before the audit holds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts_review import audit
from accounts_review.models import AuditEntry, Case
from accounts_review.workflow import holds
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import taken
from accounts_review.workflow.notify.send import Notices, send_closings, send_notices
from accounts_review.workflow.review import decide
from tests.stage import SetStage, Stage, policy_text, someone

PEOPLE = [f"person.{number:02d}" for number in range(12)]


class Killed(BaseException):
    """As if the process ended here."""


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    stage = set_stage(*map(someone, PEOPLE), policy=policy_text(notice=30))
    stage.launch(*PEOPLE)
    return stage


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the next run end before it has recorded anything; call it to let the runs after that live."""

    def end(*_: object, **__: object) -> None:
        raise Killed

    before = taken._record
    monkeypatch.setattr(taken, "_record", lambda cases, now: end() if cases else None)
    return lambda: monkeypatch.setattr(taken, "_record", before)


def send(stage: Stage, **options: Any) -> Notices:
    return send_notices(workspace=stage.workspace, now=stage.clock(), **options)


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


def _hold(stage: Stage) -> None:
    holds.hold(workspace=stage.workspace, actor=stage.staff("reviewer"), reason="wait", now=stage.clock())


def _pause(stage: Stage) -> None:
    launch.pause(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="wait", now=stage.clock())


def _withdraw_the_next(stage: Stage) -> None:
    rest = stage.accounts(*(name for name in PEOPLE if name not in written_to()))
    decide.withdraw(accounts=rest, actor=stage.staff("reviewer"), reason="stay", now=stage.clock())


@pytest.mark.parametrize("stop", [_hold, _pause, _withdraw_the_next])
def test_what_happens_between_two_e_mails_counts_for_the_second(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, stop: Callable[[Stage], None]
) -> None:
    deliver = EmailBackend.send_messages

    def then_stop(backend: EmailBackend, messages: Any) -> int:
        count = deliver(backend, messages)
        if len(mail.outbox) == 3:
            stop(stage)
        return count

    monkeypatch.setattr(EmailBackend, "send_messages", then_stop)
    send(stage)
    assert len(written_to()) == 3
    assert stage.cleanup().tally()["noticed"] == 3


def test_a_notice_takes_two_queries_of_its_own(stage: Stage) -> None:
    with CaptureQueriesContext(connection) as asked:
        send(stage, limit=4)
    few = len(asked)
    with CaptureQueriesContext(connection) as asked:
        assert send(stage).sent == 8
    assert len(asked) - few <= 2 * 4 + 2
