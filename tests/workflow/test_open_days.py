"""On days that a policy avoids no warning or reminder leaves and nobody is removed; promised dates only move later."""

from __future__ import annotations

from datetime import timedelta

from django.core import mail

from accounts_review.models import Case, Workspace
from accounts_review.workflow import advance
from accounts_review.workflow.notify import bounces
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.notify.send import send_notices, send_reminders
from accounts_review.workflow.notify.waiting import no_notices
from accounts_review.workflow.revoke.standstill import standstill
from tests.stage import NOW, SetStage, Stage, policy_text, someone

WEEKENDS = policy_text(notice=30, avoid=["weekends"])
"""The tests begin on a Monday."""


def warn(stage: Stage) -> int:
    return send_notices(workspace=stage.workspace, now=stage.clock()).sent


def test_on_a_weekend_no_warning_leaves_and_somebody_is_told_until_when(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=WEEKENDS)
    stage.clock.advance(days=5)
    cleanup = stage.launch("marie")
    assert (warn(stage), mail.outbox) == (0, [])
    monday = "2026-06-22T00:00:00+00:00"
    assert no_notices(cleanup, pace=Pace(), now=stage.clock()) == [{"code": "avoided_day", "until": monday}]
    stage.clock.advance(days=2)
    assert warn(stage) == 1


def test_a_date_that_falls_on_an_avoided_day_is_promised_later(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=WEEKENDS)
    stage.clock.advance(days=3)
    stage.launch("marie")
    warn(stage)
    promised = stage.clock() + timedelta(days=32)
    assert stage.case("marie").promised_at == promised
    assert f"{promised:%A}" == "Monday"
    assert "Monday 20 July 2026" in str(mail.outbox[0].body)


def test_nobody_is_removed_on_such_a_day_and_everybody_on_the_next(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(avoid=["2026-06-15", "2026-06-16"]))
    cleanup = stage.launch("marie")
    assert stage.revoke() == {}
    assert stage.deletes == []
    wednesday = "2026-06-17T00:00:00+00:00"
    assert standstill(cleanup, now=stage.clock()) == [{"code": "avoided_day", "until": wednesday}]
    stage.clock.advance(days=2)
    stage.sync()
    assert stage.revoke() == {"revoked": 1}


def test_a_day_that_is_added_after_the_launch_counts_at_once(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))
    stage.adopt(policy_text(avoid=["2026-06-15"]))
    assert stage.revoke() == {}


def test_a_day_that_the_launch_has_shown_stands_when_the_policy_drops_it(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(avoid=["2026-06-15"]), launched=("marie",))
    stage.adopt(policy_text())
    assert stage.revoke() == {}


def test_a_dry_run_minds_no_day(set_stage: SetStage) -> None:
    stage = set_stage(
        someone("marie"), policy=policy_text(avoid=["2026-06-15"]), mode=Workspace.Mode.DRY_RUN, launched=("marie",)
    )
    assert stage.revoke() == {"would_revoke": 1}


def test_warned_again_the_date_never_moves_earlier(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=WEEKENDS, launched=("marie",))
    warn(stage)
    first = NOW + timedelta(days=60)
    Case.objects.update(promised_at=first)
    bounces.mark_bounced(message_id="", recipient="marie@ville.example", why="550", now=stage.clock())
    bounces.retry_notice(case=stage.case("marie"), actor=stage.staff("operator"), now=stage.clock())
    stage.adopt(policy_text(notice=5, avoid=[f"{first:%Y-%m-%d}"]))
    warn(stage)
    # A Friday that the new policy avoids, and then the weekend that the launch has shown.
    assert stage.case("marie").promised_at == first + timedelta(days=3)


def test_a_date_that_was_promised_before_the_day_was_avoided_is_kept_later(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=5), launched=("marie",))
    warn(stage)
    stage.adopt(policy_text(notice=5, avoid=["weekends"]))
    stage.clock.advance(days=5)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    assert stage.revoke() == {}
    stage.clock.advance(days=2)
    stage.sync()
    assert stage.revoke() == {"revoked": 1}


def reminded_on(stage: Stage, *, until: int) -> list[str]:
    """The days, counted from the warning, on which reminders left, each with the day of the week."""
    begin, found = stage.clock(), []
    while stage.clock() < begin + timedelta(days=until):
        if send_reminders(workspace=stage.workspace, now=stage.clock()).sent:
            found.append(f"{stage.clock() - begin}".partition(",")[0] + f"{stage.clock(): %a}")
        stage.clock.advance(hours=6)
    return found


def test_a_reminder_on_an_avoided_day_leaves_on_the_last_open_day_before(set_stage: SetStage) -> None:
    reminding = policy_text(notice=30, avoid=["weekends"], reminders=(9, 8, 1))
    stage = set_stage(someone("marie"), policy=reminding)
    stage.clock.advance(days=4)
    stage.launch("marie")
    warn(stage)
    # Friday to Monday 20 July: 9 and 8 days before are a weekend, and so is the day before; each has its Friday.
    assert f"{stage.case('marie').promised_at:%a}" == "Mon"
    assert reminded_on(stage, until=31) == ["21 days Fri", "28 days Fri"]
    assert stage.case("marie").reminders == [8, 1]


def test_a_day_that_is_avoided_of_late_has_its_reminder_wait_but_not_beyond_the_date(set_stage: SetStage) -> None:
    reminding = policy_text(notice=10, reminders=(3, 1))
    stage = set_stage(someone("marie"), policy=reminding, launched=("marie",))
    warn(stage)
    stage.clock.advance(days=7)
    stage.adopt(policy_text(notice=10, avoid=[f"{stage.clock():%Y-%m-%d}"]))
    assert reminded_on(stage, until=2) == ["18:00:00 Tue"]
    stage.adopt(policy_text(notice=10, avoid=[f"{stage.clock() + timedelta(days=n):%Y-%m-%d}" for n in range(3)]))
    assert reminded_on(stage, until=5) == []


def test_no_reminder_moves_before_the_warning_itself(set_stage: SetStage) -> None:
    reminding = policy_text(notice=3, avoid=["weekends"], reminders=(1,))
    stage = set_stage(someone("marie"), policy=reminding)
    stage.clock.advance(days=4)
    stage.launch("marie")
    warn(stage)
    assert f"{stage.clock():%a} to {stage.case('marie').promised_at:%a}" == "Fri to Mon"
    assert reminded_on(stage, until=4) == []
