"""Between two e-mails: whatever is decided then counts for the next, though nearly nothing is asked anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts_review.models import Case
from accounts_review.workflow import holds
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import portions, taken
from accounts_review.workflow.notify.portions import Question
from accounts_review.workflow.review import decide
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.kit import send

PEOPLE = [f"person.{number:02d}" for number in range(12)]


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*map(someone, PEOPLE), policy=policy_text(notice=30), launched=PEOPLE)


def written_to() -> list[str]:
    return [address.partition("@")[0] for message in mail.outbox for address in message.to]


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


@pytest.mark.parametrize(("module", "limit"), [(portions, "AHEAD_SECONDS"), (taken, "MOST")])
def test_what_was_asked_a_while_before_an_e_mail_is_asked_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, module: Any, limit: str
) -> None:
    """Whether the next may be written to is asked while one is kept; a moment later, or after recording, again."""
    mark = taken._mark

    def then_hold(case: Case, *question: Question) -> tuple[bool, bool]:
        found = mark(case, *question)
        if len(mail.outbox) == 3:
            _hold(stage)
        return found

    monkeypatch.setattr(taken, "_mark", then_hold)
    monkeypatch.setattr(module, limit, 0)
    send(stage)
    assert len(written_to()) == 3


def test_a_notice_takes_one_query_of_its_own(stage: Stage) -> None:
    with CaptureQueriesContext(connection) as asked:
        send(stage, limit=4)
    few = len(asked)
    with CaptureQueriesContext(connection) as asked:
        assert send(stage).sent == 8
    assert len(asked) - few <= 4 + 2


def test_a_hold_in_the_moment_after_a_look_stops_the_next_notice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    look = holds.Guard.look_again

    def then_hold(guard: holds.Guard) -> bool:
        has_looked = look(guard)
        if has_looked:
            _hold(stage)
        return has_looked

    monkeypatch.setattr(holds.Guard, "look_again", then_hold)
    assert send(stage).sent == 0
    assert mail.outbox == []


def test_of_a_slow_mail_server_no_more_are_read_than_it_takes_in_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, sizes = portions.Portions._read_from, list[int]()

    def note(self: portions.Portions, place: int) -> None:
        read(self, place)
        sizes.append(len(self._read))

    monkeypatch.setattr(portions.Portions, "_read_from", note)
    monkeypatch.setattr(portions, "LONGEST_SECONDS", -1.0)
    assert send(stage).sent == len(PEOPLE)
    assert sizes[0] == len(PEOPLE)
    assert max(sizes[1:]) <= 2
