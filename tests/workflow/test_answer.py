"""What a person answers is kept and heeded: it spares at any time before the DELETE, and hastens only the date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts_review import audit
from accounts_review.models import AuditEntry, Case, Cleanup, Exemption
from accounts_review.workflow import answer
from accounts_review.workflow.answer import AnswerKind, NotNow, Said, Settled
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.review import decide
from tests.stage import NOW, SetStage, Stage, policy_text, someone

KEEP = Said(kind=AnswerKind.KEEP, text="I run the bus feed", agent="Mozilla/5.0")
AWAY = Said(kind=AnswerKind.AWAY, until=NOW + timedelta(days=90))
LEAVE = Said(kind=AnswerKind.LEAVE)


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    stage = set_stage(someone("marie"), someone("omar"), policy=policy_text(notice=30), launched=("marie", "omar"))
    send_notices(workspace=stage.workspace, now=stage.clock())
    return stage


def say(stage: Stage, said: Said, who: str = "marie") -> Case:
    return answer.answer(case=stage.case(who), said=said, now=stage.clock())


def put(stage: Stage, who: str, **fields: Any) -> None:
    Case.objects.filter(pk=stage.case(who).pk).update(**fields)


def test_keep_spares_and_exempts_for_a_year(stage: Stage) -> None:
    say(stage, KEEP)
    case, exemption = stage.case("marie"), Exemption.objects.get()
    assert stage.states() == {"marie": "spared", "omar": "noticed"}
    told = {"kind": "keep", "text": "I run the bus feed", "until": None, "at": NOW.isoformat()}
    assert case.answer == told | {"seconds_after": 0, "agent": "Mozilla/5.0"}
    assert case.outcome == {"why": "asked to keep it: I run the bus feed"}
    assert (exemption.until, exemption.by, exemption.by_login) == (NOW + timedelta(days=365), None, "the person")
    assert exemption.reason == "asked to keep it: I run the bus feed"
    assert stage.entries("marie")[-2:] == ["account.answered", "account.exempted"]
    assert audit.verify()[1] is None


def test_who_keeps_it_is_not_proposed_again(stage: Stage) -> None:
    say(stage, KEEP)
    assert stage.verdicts()["marie"] == "protected"
    with pytest.raises(decide.DecisionRefused, match="exempt until"):
        stage.approve("marie")


def test_away_spares_until_the_day_given(stage: Stage) -> None:
    say(stage, AWAY)
    assert stage.states()["marie"] == "spared"
    assert Exemption.objects.get().until == AWAY.until
    stage.clock.advance(days=91)
    assert stage.verdicts()["marie"] == "dormant"


def test_a_longer_exemption_is_never_shortened(stage: Stage) -> None:
    longer = Exemption.objects.create(
        account=stage.account("marie"), until=NOW + timedelta(days=300), reason="data steward", by_login="rita", at=NOW
    )
    say(stage, AWAY)
    assert list(Exemption.objects.filter(withdrawn_at=None)) == [longer]


def test_leave_makes_the_case_due_now_and_the_gate_still_judges(stage: Stage) -> None:
    stage.clock.advance(days=3)
    say(stage, LEAVE)
    case = stage.case("marie")
    assert (case.state, case.promised_at) == ("due", stage.clock())
    assert case.answer is not None
    assert case.answer["kind"] == "leave"
    assert stage.revoke() == {"revoked": 1}
    assert stage.states() == {"marie": "revoked", "omar": "noticed"}


def test_whoever_asked_to_leave_and_was_seen_since_is_spared(stage: Stage) -> None:
    say(stage, LEAVE)
    stage.update("marie", last_seen_at=NOW.isoformat())
    assert stage.revoke() == {"spared": 1}
    assert "marie" in stage.members


def test_a_change_of_mind_before_the_delete_spares(stage: Stage) -> None:
    say(stage, LEAVE)
    say(stage, LEAVE)
    say(stage, KEEP)
    assert stage.states()["marie"] == "spared"
    assert stage.revoke() == {}


@pytest.mark.parametrize("state", ["due", "undeliverable", "awaiting_notice"])
@pytest.mark.parametrize("said", [KEEP, AWAY])
def test_a_late_answer_still_spares(stage: Stage, state: str, said: Said) -> None:
    put(stage, "marie", state=state)
    say(stage, said)
    assert stage.states()["marie"] == "spared"


@pytest.mark.parametrize("state", ["undeliverable", "awaiting_notice"])
def test_only_who_was_warned_can_hasten_the_end(stage: Stage, state: str) -> None:
    put(stage, "marie", state=state)
    with pytest.raises(NotNow):
        say(stage, LEAVE)
    assert stage.states()["marie"] == state


@pytest.mark.matrix(fast=4, reason="each state is a clean-up of its own")
@pytest.mark.parametrize("state", ["intended", "unknown", "revoked", "spared", "withdrawn", "refused"])
@pytest.mark.parametrize("said", [KEEP, AWAY, LEAVE])
def test_in_flight_or_ended_no_answer_changes_anything(stage: Stage, state: str, said: Said) -> None:
    put(stage, "marie", state=state)
    before = AuditEntry.objects.count()
    with pytest.raises(Settled):
        say(stage, said)
    assert (stage.states()["marie"], AuditEntry.objects.count()) == (state, before)
    assert not Exemption.objects.exists()


@pytest.mark.parametrize(
    "said",
    [
        Said(kind=AnswerKind.AWAY),
        Said(kind=AnswerKind.AWAY, until=NOW),
        Said(kind=AnswerKind.AWAY, until=NOW + timedelta(days=367)),
        Said(kind=AnswerKind.KEEP, until=NOW + timedelta(days=5)),
        Said(kind=AnswerKind.KEEP, text="x" * 501),
    ],
)
def test_what_makes_no_sense_is_refused(stage: Stage, said: Said) -> None:
    with pytest.raises(NotNow):
        say(stage, said)
    assert stage.states()["marie"] == "noticed"


def test_an_answer_in_a_paused_cleanup_is_heeded(stage: Stage) -> None:
    Cleanup.objects.update(state="paused")
    say(stage, KEEP)
    assert stage.states()["marie"] == "spared"


def test_keeping_is_never_used_up_by_answers_that_could_not_be_taken(stage: Stage) -> None:
    case = stage.case("marie")
    for _ in range(50):
        answer.log_refusal(case=case, why="until", now=stage.clock())
    assert stage.entries("marie").count("account.answer_refused") == answer.MOST_REFUSALS
    say(stage, KEEP)
    assert stage.states() == {"marie": "spared", "omar": "noticed"}


def test_the_time_since_the_last_email_is_kept(stage: Stage) -> None:
    stage.clock.advance(days=3, seconds=7)
    say(stage, KEEP)
    put(stage, "omar", reminded_at=stage.clock())
    stage.clock.advance(seconds=5)
    say(stage, KEEP, "omar")
    after = [(stage.case(who).answer or {})["seconds_after"] for who in ("marie", "omar")]
    assert after == [3 * 86_400 + 7, 5]


def answered(minute: float, *, agent: str = "Gateway/1", text: str = "", kind: str = "keep") -> Case:
    at = NOW + timedelta(minutes=minute)
    return Case(pk=int(minute * 10), answer={"kind": kind, "text": text, "agent": agent, "at": at.isoformat()})


@pytest.mark.parametrize(
    ("cases", "flagged"),
    [
        ([answered(0), answered(1), answered(2)], [0, 10, 20]),
        ([answered(0), answered(1)], []),
        ([answered(0), answered(4), answered(8), answered(12)], []),
        ([answered(0), answered(40), answered(41), answered(42), answered(90)], [400, 410, 420]),
        ([answered(0, agent="a"), answered(1, agent="b"), answered(2, agent="c")], []),
        ([answered(0, text="bus feed"), answered(1), answered(2)], []),
        ([answered(0, kind="leave"), answered(1), answered(2)], []),
        ([answered(2), answered(0), answered(1), Case(pk=7)], [0, 10, 20]),
    ],
)
def test_many_alike_within_minutes_are_flagged(cases: list[Case], flagged: list[int]) -> None:
    assert answer.alike((case.pk, case.answer or {}) for case in cases) == flagged


def test_of_very_many_that_came_at_once_each_is_compared_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[timedelta] = []

    class Within(timedelta):
        def __ge__(self, apart: timedelta) -> bool:
            compared.append(apart)
            return super().__ge__(apart)

    monkeypatch.setattr(answer, "ALIKE_WITHIN", Within(minutes=5))
    many = [(key, answered(0).answer or {}) for key in range(500)]
    assert answer.alike(many) == [*range(500)]
    assert len(compared) <= 1_000


def test_the_reason_is_kept_in_the_language_of_the_workspace_on_one_line(stage: Stage) -> None:
    say(stage, Said(kind=AnswerKind.KEEP, text="first\r\nsecond‮"))
    assert Exemption.objects.get().reason == "asked to keep it: first second"
    assert (stage.case("marie").answer or {})["text"] == "first\r\nsecond‮"
