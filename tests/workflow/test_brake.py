"""The brake: a clean-up that too many of its people speak against pauses, says why, and can be resumed all the same."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.models import AuditEntry, Case, Workspace
from accounts_review.workflow import advance, answer, brake
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import bounces
from accounts_review.workflow.notify.send import send_notices
from tests.stage import SetStage, Stage, days_ago, policy_text, someone

NAMES = [f"person.{number:02}" for number in range(40)]
KEEP, LEAVE = answer.Said(kind=answer.AnswerKind.KEEP), answer.Said(kind=answer.AnswerKind.LEAVE)


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Forty people were warned in a live clean-up; a tenth of them is four."""
    stage: Stage = set_stage(*map(someone, NAMES), policy=policy_text(notice=30), others=60, launched=NAMES)
    send_notices(workspace=stage.workspace, now=stage.clock())
    return stage


def say(stage: Stage, said: answer.Said, *names: str) -> None:
    for name in names:
        answer.answer(case=stage.case(name), said=said, now=stage.clock())


def bounce(stage: Stage, *names: str) -> None:
    for name in names:
        bounces.mark_bounced(message_id="", recipient=f"{name}@ville.example", why="gone", now=stage.clock())


def come_back(stage: Stage, *names: str) -> None:
    for name in names:
        stage.update(name, last_seen_at=stage.clock().isoformat())
    stage.sync()
    advance.spare_returned(workspace=stage.workspace, now=stage.clock())


def pull(stage: Stage) -> str:
    brake.brake_all(stage.workspace, now=stage.clock())
    return stage.cleanup().state


def test_ten_who_keep_their_account_are_enough_of_forty_and_nine_are_not(stage: Stage) -> None:
    say(stage, KEEP, *NAMES[:9])
    assert pull(stage) == "running", "from ten answers on"
    say(stage, KEEP, NAMES[9])
    assert pull(stage) == "paused"
    figures: dict[str, Any] = {"count": 10, "people": 40, "share": "10", "kept": 10, "back": 0, "bounced": 0}
    assert stage.cleanup().stopped_because == {"code": "pause_at_regret"} | figures
    assert AuditEntry.objects.get(kind="cleanup.stopped").details["why"] == stage.cleanup().stopped_because


def test_answers_bounces_and_sign_ins_count_together_and_each_person_once(stage: Stage) -> None:
    say(stage, KEEP, *NAMES[:4])
    bounce(stage, *NAMES[4:7])
    come_back(stage, *NAMES[3:9])
    assert brake.feedback_of(stage.cleanup()) == brake.Feedback(kept=4, back=5, bounced=0, nothing=31)
    bounce(stage, NAMES[20])
    assert pull(stage) == "paused"


def test_those_who_want_to_leave_are_heard_and_speak_for_it(stage: Stage) -> None:
    say(stage, LEAVE, *NAMES[:12])
    say(stage, KEEP, *NAMES[12:16])
    assert pull(stage) == "running", "four of forty are no more than a tenth"
    say(stage, KEEP, NAMES[16])
    assert pull(stage) == "paused"


def test_the_policy_says_how_much_is_too_much(stage: Stage) -> None:
    stage.adopt(policy_text(notice=30).replace("[limits]", "[limits]\npause_at_regret = 0.5"))
    say(stage, KEEP, *NAMES[:20])
    assert pull(stage) == "running"
    stage.adopt(policy_text(notice=30).replace("[limits]", "[limits]\npause_at_regret = 0.49"))
    assert pull(stage) == "paused"


def test_those_who_return_after_they_were_removed_count(stage: Stage) -> None:
    say(stage, LEAVE, *NAMES[:11])
    stage.revoke()
    assert stage.case(NAMES[0]).state == "revoked"
    Case.objects.filter(account__username__in=NAMES[:3]).update(returned_at=stage.clock())
    Case.objects.filter(account__username__in=NAMES[3:5]).update(restored_at=stage.clock(), restored_by="operator")
    assert pull(stage) == "paused"
    assert stage.cleanup().stopped_because["back"] == 5


def test_no_delete_leaves_once_too_many_speak_against_it(stage: Stage) -> None:
    say(stage, LEAVE, NAMES[39])
    say(stage, KEEP, *NAMES[:10])
    stage.revoke()
    assert stage.deletes == []
    assert (stage.cleanup().state, stage.case(NAMES[39]).state) == ("paused", "due")


def test_whoever_resumes_it_deliberately_is_not_stopped_at_once_by_the_same_figures(stage: Stage) -> None:
    say(stage, KEEP, *NAMES[:10])
    pull(stage)
    launch.resume(cleanup=stage.cleanup(), actor=stage.staff("operator"), reason="expected", now=stage.clock())
    assert (pull(stage), stage.cleanup().stopped_because) == ("running", {})
    say(stage, KEEP, *NAMES[10:14])
    assert pull(stage) == "running"
    say(stage, KEEP, NAMES[14])
    assert pull(stage) == "paused", "another tenth speaks against it"


def test_resuming_for_another_reason_accepts_nothing(stage: Stage) -> None:
    say(stage, KEEP, *NAMES[:9])
    turn: dict[str, Any] = {"actor": stage.staff("operator"), "reason": "lunch", "now": stage.clock()}
    launch.pause(cleanup=stage.cleanup(), **turn)
    launch.resume(cleanup=stage.cleanup(), **turn)
    say(stage, KEEP, NAMES[9])
    assert pull(stage) == "paused"


def test_in_a_dry_run_nobody_was_asked(set_stage: SetStage) -> None:
    stage = set_stage(*map(someone, NAMES[:12]), mode=Workspace.Mode.DRY_RUN, launched=NAMES[:12])
    for name in NAMES[:11]:
        stage.update(name, last_seen_at=days_ago(0))
    stage.revoke()
    assert stage.states()[NAMES[11]] == "would_revoke"


def test_a_cleanup_is_closed_where_its_last_case_is_one_too_many(set_stage: SetStage) -> None:
    text = policy_text().replace("[limits]", "[limits]\npause_at_regret = 0.5")
    stage: Stage = set_stage(*map(someone, NAMES[:20]), policy=text, others=80, launched=NAMES[:20])
    assert stage.revoke(limit=19) == {"revoked": 19}
    (last,) = (name for name, state in stage.states().items() if state == "due")
    removed = [name for name in NAMES[:20] if name != last]
    Case.objects.filter(account__username__in=removed[:10]).update(returned_at=stage.clock())
    stage.update(last, last_seen_at=stage.clock().isoformat())
    stage.revoke()
    assert stage.case(last).state == "spared"
    assert brake.feedback_of(stage.cleanup()).back == 11
    assert stage.cleanup().state == "closed"
