"""Foresee: a proposal shows what comes true, stores nothing among what is in force, and takes over all at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts_review.dormancy import Verdict
from accounts_review.models import Account, Assessment, AuditEntry, PolicyVersion, Proposal, ProposedAssessment
from accounts_review.policy import PolicyError
from accounts_review.workflow import assess, extract, foresee, judging, review
from tests.stage import NOW, SetStage, Stage, days_ago, policy_text, someone


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(someone("marie", idle=800), someone("omar", idle=400), someone("robot", idle=400))


def propose(stage: Stage, *, by: str = "administrator", judged: bool = True, **options: Any) -> Proposal:
    proposal = foresee.propose(
        workspace=stage.workspace, text=policy_text(**options), actor=stage.staff(by), reason="why", now=stage.clock()
    )
    if judged:
        assert foresee.judge(proposal=proposal, clock=stage.clock)
    return Proposal.objects.get(pk=proposal.pk)


def activate(stage: Stage, proposal: Proposal, *, seen: str | None = None, by: str = "administrator") -> PolicyVersion:
    seen = foresee.stamp(proposal) if seen is None else seen
    return foresee.activate(proposal=proposal, seen=seen, actor=stage.staff(by), now=stage.clock())


def moved(proposal: Proposal) -> dict[tuple[str, str], int]:
    moves = foresee.moves(proposal, now=NOW)
    return {(move.verdict, move.verdict_after): move.count for move in moves if move.verdict != move.verdict_after}


def test_it_counts_whom_other_rules_would_move_and_changes_nothing(stage: Stage) -> None:
    exempted = stage.account("robot")
    until = stage.clock() + timedelta(days=1)
    review.exempt(accounts=[exempted], actor=stage.staff("reviewer"), reason="x", until=until, now=stage.clock())
    before, entries = stage.verdicts(), AuditEntry.objects.count()
    assert moved(propose(stage, limit=365)) == {("active", "dormant"): 1, ("active", "protected"): 1}
    assert moved(propose(stage, limit=900)) == {("dormant", "active"): 1}
    assert (stage.verdicts(), AuditEntry.objects.count()) == (before, entries)
    assert stage.workspace.current_policy.number == 2


def test_what_was_shown_is_what_comes_true(stage: Stage) -> None:
    proposal = propose(stage, limit=365)
    foreseen = foresee.accounts_under(proposal, now=NOW)
    after = {account.username: account.verdict_after for account in foreseen}
    version = activate(stage, proposal)
    assert (version.number, version.text, version.reason) == (3, policy_text(limit=365), "why")
    assert stage.verdicts() == after
    assert set(Assessment.objects.values_list("policy", "limit_days")) == {(version.pk, 365)}
    assert not Proposal.objects.exists()
    assert not ProposedAssessment.objects.exists()


def test_nobody_needs_judging_anew_once_it_is_in_force(stage: Stage) -> None:
    activate(stage, propose(stage, limit=365))
    kept = list(Assessment.objects.order_by("pk").values())
    assert assess.assess(workspace=stage.workspace) == 0
    Assessment.objects.update(basis="")
    assess.assess(workspace=stage.workspace)
    assert list(Assessment.objects.order_by("pk").values()) == kept


CHANGES = {
    "one was seen": lambda stage: stage.update("marie", last_seen_at=days_ago(1)),
    "one was removed and another came": lambda stage: stage.update("omar", joined_at=days_ago(2)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_is_not_put_in_force_over_accounts_that_have_changed(stage: Stage, change: Any) -> None:
    proposal = propose(stage, limit=365)
    change(stage)
    stage.sync()
    assert len(foresee.outstanding(proposal)) == 1
    with pytest.raises(foresee.Outdated, match="Accounts have changed"):
        activate(stage, proposal)
    assert stage.workspace.current_policy.number == 2

    seen = foresee.stamp(proposal)
    foresee.resume(proposal=proposal, actor=stage.staff("administrator"), now=stage.clock())
    stage.clock.advance(minutes=1)
    foresee.judge(proposal=proposal, clock=stage.clock)
    with pytest.raises(foresee.Outdated):
        activate(stage, proposal, seen=seen)
    proposal.refresh_from_db()
    activate(stage, proposal)
    assert assess.assess(workspace=stage.workspace) == 0


def test_a_dispute_or_an_incomplete_sync_counts_as_a_change(stage: Stage) -> None:
    proposal = propose(stage, limit=365)
    Account.objects.filter(username="marie").update(disputed=["edit_domain"])
    Account.objects.filter(username="omar").update(incomplete=True)
    assert len(foresee.outstanding(proposal)) == 2


def test_other_rights_of_a_group_concern_everybody(stage: Stage) -> None:
    proposal = propose(stage, limit=365)
    stage.site.workspace._groups["new"] = {"uid": "new", "title": "New", "permissions": ["edit_domain"]}
    extract.extract(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    assert len(foresee.outstanding(proposal)) == Account.objects.count()
    foresee.resume(proposal=proposal, actor=None, now=stage.clock())
    assert foresee.judge(proposal=proposal, clock=stage.clock)
    assert foresee.outstanding(proposal) == []


def test_it_is_not_put_in_force_over_another_version(stage: Stage) -> None:
    proposal = propose(stage, limit=365)
    stage.adopt(policy_text(limit=500))
    with pytest.raises(foresee.Superseded, match="Another version came into force"):
        activate(stage, proposal)
    assert stage.workspace.current_policy.text == policy_text(limit=500)


def test_it_is_put_in_force_once(stage: Stage) -> None:
    proposal = propose(stage, limit=365)
    activate(stage, proposal)
    with pytest.raises(foresee.Outdated, match="gone"):
        activate(stage, proposal)
    assert stage.workspace.current_policy.number == 3


def test_it_can_be_interrupted_and_taken_up_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "BATCH", 10)
    proposal = propose(stage, limit=365, judged=False)
    assert not foresee.judge(proposal=proposal, clock=stage.clock, budget=timedelta(microseconds=1))
    proposal.refresh_from_db()
    assert (proposal.judged, proposal.total, proposal.state) == (10, 24, "judging")
    with pytest.raises(foresee.Outdated):
        activate(stage, proposal)
    assert foresee.judge(proposal=proposal, clock=stage.clock)
    proposal.refresh_from_db()
    assert (proposal.judged, proposal.state) == (24, "ready")


def test_it_can_be_stopped_and_gone_on_with(stage: Stage) -> None:
    proposal, admin = propose(stage, limit=365, judged=False), stage.staff("administrator")
    foresee.stop(proposal=proposal, actor=admin)
    assert not foresee.judge(proposal=proposal, clock=stage.clock)
    assert not ProposedAssessment.objects.exists()
    foresee.resume(proposal=proposal, actor=admin, now=stage.clock())
    assert foresee.judge(proposal=proposal, clock=stage.clock)


def test_a_person_has_one_proposal_and_old_ones_go(stage: Stage) -> None:
    first = propose(stage, limit=365)
    others = Proposal.objects.create(
        workspace=stage.workspace, text="", over=first.over, by_login="ada", proposed_at=NOW, heartbeat_at=NOW, total=0
    )
    second = propose(stage, limit=400)
    assert set(Proposal.objects.all()) == {others, second}
    stage.clock.advance(days=8)
    third = propose(stage, limit=500)
    assert set(Proposal.objects.all()) == {third}


def test_whose_case_would_end_and_whose_promise_stands(stage: Stage) -> None:
    stage.adopt(policy_text(limit=300, notice=30))
    stage.launch("marie", "omar")
    case = stage.case("omar")
    case.state, case.promised_at = "noticed", NOW + timedelta(days=20)
    case.save()
    stage.approve("robot")
    proposal = propose(stage, limit=500, notice=3)
    found = {touched.state: (touched.count, touched.spared) for touched in foresee.touched(proposal, now=NOW)}
    assert found == {"awaiting_notice": (1, 0), "noticed": (1, 1), "in_draft": (1, 1)}
    promises = foresee.promises(stage.workspace)
    assert (promises.count, promises.first) == (1, NOW + timedelta(days=20))
    activate(stage, proposal)
    assert stage.case("omar").promised_at == NOW + timedelta(days=20)


@pytest.mark.parametrize("role", ["operator", "auditor", "nobody"])
def test_it_takes_an_administrator(stage: Stage, role: str) -> None:
    with pytest.raises(PermissionDenied):
        propose(stage, by=role)
    proposal = propose(stage, limit=365)
    with pytest.raises(PermissionDenied):
        activate(stage, proposal, by=role)
    with pytest.raises(PermissionDenied):
        foresee.stop(proposal=proposal, actor=stage.staff(role))
    with pytest.raises(PermissionDenied):
        foresee.resume(proposal=proposal, actor=stage.staff(role), now=NOW)


def test_a_text_with_faults_is_not_proposed(stage: Stage) -> None:
    with pytest.raises(PolicyError):
        propose(stage, share=0.9)
    assert not Proposal.objects.exists()


def test_segments_are_counted_as_they_are_and_would_be(stage: Stage) -> None:
    first = '[[segment]]\nname = "unseen"\nnever_used = true\ndormant_after_days = 90\n'
    text = policy_text().replace("[[segment]]", f"{first}[[segment]]", 1)
    proposal = foresee.propose(workspace=stage.workspace, text=text, actor=None, reason="", now=NOW)
    foresee.judge(proposal=proposal, clock=stage.clock)
    (move,) = [move for move in foresee.moves(proposal, now=NOW) if move.verdict == Verdict.DORMANT]
    assert (move.segment, move.segment_after, move.count) == ("everyone", "everyone", 1)
