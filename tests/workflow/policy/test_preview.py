"""Policy preview: it shows what comes true, stores nothing among what is in force, and takes over all at once."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from accounts_review.models import Account, Assessment, AuditEntry, PolicyPreview, PolicyVersion, PreviewedAssessment
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.policy import PolicyError
from accounts_review.workflow.assess import assess, judging
from accounts_review.workflow.policy import moves, preview
from accounts_review.workflow.policy.findings import findings_of
from accounts_review.workflow.review import decide
from accounts_review.workflow.sync.sync import sync_workspace
from tests.factories import make_policy_preview
from tests.stage import NOW, SetStage, Stage, days_ago, policy_text, someone


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(someone("marie", idle=800), someone("omar", idle=400), someone("robot", idle=400))


@pytest.fixture(params=[{}, {"groups": ["nobody"]}], ids=["limits alone", "more than limits"])
def rules(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a preview changes beside a limit: nobody is judged again for a limit, and everybody for anything else."""
    given: dict[str, Any] = request.param
    return given


def propose(stage: Stage, *, by: str = "administrator", judged: bool = True, **options: Any) -> PolicyPreview:
    policy_preview = preview.propose(
        workspace=stage.workspace, text=policy_text(**options), actor=stage.staff(by), reason="why", now=stage.clock()
    )
    if judged:
        assert preview.judge(policy_preview=policy_preview, clock=stage.clock)
    return PolicyPreview.objects.get(pk=policy_preview.pk)


def activate(
    stage: Stage, policy_preview: PolicyPreview, *, seen: str | None = None, by: str = "administrator"
) -> PolicyVersion:
    seen = preview.stamp(policy_preview) if seen is None else seen
    return preview.activate(policy_preview=policy_preview, seen=seen, actor=stage.staff(by), now=stage.clock())


def moved(policy_preview: PolicyPreview) -> dict[tuple[str, str], int]:
    counted = moves.moves(policy_preview, now=NOW)
    return {(move.verdict, move.verdict_after): move.count for move in counted if move.verdict != move.verdict_after}


def test_it_counts_whom_other_rules_would_move_and_changes_nothing(stage: Stage, rules: dict[str, Any]) -> None:
    exempted = stage.account("robot")
    until = stage.clock() + timedelta(days=1)
    decide.exempt(accounts=[exempted], actor=stage.staff("reviewer"), reason="x", until=until, now=stage.clock())
    before, entries = stage.verdicts(), AuditEntry.objects.count()
    assert moved(propose(stage, limit=365, **rules)) == {("active", "dormant"): 1, ("active", "protected"): 1}
    assert moved(propose(stage, limit=900, **rules)) == {("dormant", "active"): 1}
    assert (stage.verdicts(), AuditEntry.objects.count()) == (before, entries)
    assert stage.workspace.current_policy.number == 2


def test_what_was_shown_is_what_comes_true(stage: Stage, rules: dict[str, Any]) -> None:
    policy_preview = propose(stage, limit=365, **rules)
    previewed = moves.accounts_under(policy_preview, now=NOW)
    after = {account.username: account.verdict_after for account in previewed}
    version = activate(stage, policy_preview)
    assert (version.number, version.text, version.reason) == (3, policy_text(limit=365, **rules), "why")
    assert stage.verdicts() == after
    assert set(Assessment.objects.values_list("policy", "limit_days")) == {(version.pk, 365)}
    assert not PolicyPreview.objects.exists()
    assert not PreviewedAssessment.objects.exists()


def test_at_one_look_comes_true_what_a_preview_would_have_shown(stage: Stage) -> None:
    until = stage.clock() + timedelta(days=1)
    exempted = [stage.account("robot")]
    decide.exempt(accounts=exempted, actor=stage.staff("reviewer"), reason="x", until=until, now=stage.clock())
    shown = propose(stage, limit=365)
    previewed = moves.accounts_under(shown, now=NOW)
    after = {account.username: account.verdict_after for account in previewed}
    at_once = propose(stage, limit=365, judged=False)
    version = preview.activate_at_one_look(
        policy_preview=at_once, actor=stage.staff("administrator"), now=stage.clock()
    )
    assert version == stage.workspace.current_policy
    assert version.is_judged
    assert stage.verdicts() == after
    assert (at_once.moves, at_once.findings) == (shown.moves, shown.findings)
    assert not PolicyPreview.objects.exists()


def test_moves_stand_in_one_order_however_the_database_counts_them(stage: Stage, rules: dict[str, Any]) -> None:
    policy_preview, found = propose(stage, limit=365, **rules), []
    for off, on in (("hashagg", "sort"), ("sort", "hashagg")):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL enable_{off} = off; SET LOCAL enable_{on} = on")
        found.append(moves.moves(policy_preview, now=NOW))
    assert found[0] == found[1]


@pytest.mark.parametrize("case", ["somebody has changed", "more than limits"])
def test_one_look_does_not_do_where_somebody_is_to_be_judged(stage: Stage, case: str) -> None:
    at_once = propose(stage, limit=365, judged=False, groups=["nobody"] if case == "more than limits" else [])
    if case == "somebody has changed":
        Assessment.objects.filter(account__username="omar").update(basis="")
    assert preview.activate_at_one_look(policy_preview=at_once, actor=None, now=stage.clock()) is None
    assert stage.workspace.current_policy.number == 2
    assert PolicyPreview.objects.get() == at_once


def test_one_look_takes_an_administrator_and_the_policy_it_was_written_over(stage: Stage) -> None:
    at_once = propose(stage, limit=365, judged=False)
    with pytest.raises(PermissionDenied):
        preview.activate_at_one_look(policy_preview=at_once, actor=stage.staff("operator"), now=stage.clock())
    stage.adopt(policy_text(limit=500))
    with pytest.raises(preview.Superseded):
        preview.activate_at_one_look(policy_preview=at_once, actor=None, now=stage.clock())


def test_nobody_needs_judging_anew_once_it_is_in_force(stage: Stage, rules: dict[str, Any]) -> None:
    activate(stage, propose(stage, limit=365, **rules))
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
def test_it_is_not_put_in_force_over_accounts_that_have_changed(
    stage: Stage, change: Any, rules: dict[str, Any]
) -> None:
    policy_preview = propose(stage, limit=365, **rules)
    change(stage)
    stage.sync()
    assert len(preview.outstanding(policy_preview)) == 1
    with pytest.raises(preview.Outdated, match="Accounts have changed"):
        activate(stage, policy_preview)
    assert stage.workspace.current_policy.number == 2

    seen = preview.stamp(policy_preview)
    preview.resume(policy_preview=policy_preview, actor=stage.staff("administrator"), now=stage.clock())
    stage.clock.advance(minutes=1)
    preview.judge(policy_preview=policy_preview, clock=stage.clock)
    with pytest.raises(preview.Outdated):
        activate(stage, policy_preview, seen=seen)
    policy_preview.refresh_from_db()
    activate(stage, policy_preview)
    assert assess.assess(workspace=stage.workspace) == 0


def test_a_dispute_or_an_incomplete_sync_counts_as_a_change(stage: Stage, rules: dict[str, Any]) -> None:
    policy_preview = propose(stage, limit=365, **rules)
    Account.objects.filter(username="marie").update(disputed=["edit_domain"])
    Account.objects.filter(username="omar").update(incomplete=True)
    assert len(preview.outstanding(policy_preview)) == 2


def test_other_rights_of_a_group_concern_everybody(stage: Stage, rules: dict[str, Any]) -> None:
    policy_preview = propose(stage, limit=365, **rules)
    stage.site.workspace._groups["new"] = {"uid": "new", "title": "New", "permissions": ["edit_domain"]}
    sync_workspace(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    assert len(preview.outstanding(policy_preview)) == Account.objects.count()
    preview.resume(policy_preview=policy_preview, actor=None, now=stage.clock())
    assert preview.judge(policy_preview=policy_preview, clock=stage.clock)
    assert preview.outstanding(policy_preview) == []


def test_it_is_not_put_in_force_over_another_version(stage: Stage) -> None:
    policy_preview = propose(stage, limit=365)
    stage.adopt(policy_text(limit=500))
    with pytest.raises(preview.Superseded, match="Another version came into force"):
        activate(stage, policy_preview)
    assert stage.workspace.current_policy.text == policy_text(limit=500)


def test_it_is_put_in_force_once(stage: Stage) -> None:
    policy_preview = propose(stage, limit=365)
    activate(stage, policy_preview)
    with pytest.raises(preview.Outdated, match="This preview no longer exists"):
        activate(stage, policy_preview)
    assert stage.workspace.current_policy.number == 3


def test_it_can_be_interrupted_and_taken_up_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "BATCH", 10)
    policy_preview = propose(stage, limit=365, groups=["nobody"], judged=False)
    assert not preview.judge(policy_preview=policy_preview, clock=stage.clock, budget=timedelta(microseconds=1))
    policy_preview.refresh_from_db()
    assert (policy_preview.judged, policy_preview.total, policy_preview.state) == (10, 24, "judging")
    with pytest.raises(preview.Outdated):
        activate(stage, policy_preview)
    assert preview.judge(policy_preview=policy_preview, clock=stage.clock)
    policy_preview.refresh_from_db()
    assert (policy_preview.judged, policy_preview.state) == (24, "ready")


def test_it_can_be_stopped_and_gone_on_with(stage: Stage) -> None:
    policy_preview, admin = propose(stage, limit=365, judged=False), stage.staff("administrator")
    preview.stop(policy_preview=policy_preview, actor=admin)
    assert not preview.judge(policy_preview=policy_preview, clock=stage.clock)
    assert not PreviewedAssessment.objects.exists()
    preview.resume(policy_preview=policy_preview, actor=admin, now=stage.clock())
    assert preview.judge(policy_preview=policy_preview, clock=stage.clock)


def test_it_gives_a_sign_of_life_before_it_waits_for_judging(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    policy_preview = propose(stage, limit=365, judged=False)
    Assessment.objects.update(basis="")
    stage.clock.advance(minutes=5)
    heard: list[bool] = []

    def listen(**given: Any) -> int:
        heard.append(PolicyPreview.objects.filter(heartbeat_at=stage.clock()).exists())
        return assess.assess(**given)

    monkeypatch.setattr(preview, "assess", listen)
    assert preview.judge(policy_preview=policy_preview, clock=stage.clock)
    assert heard == [True]


def test_a_person_has_one_preview_and_old_ones_go(stage: Stage) -> None:
    first = propose(stage, limit=365)
    others = make_policy_preview(stage.workspace, over=first.over, by_login="ada")
    second = propose(stage, limit=400)
    assert set(PolicyPreview.objects.all()) == {others, second}
    stage.clock.advance(days=8)
    third = propose(stage, limit=500)
    assert set(PolicyPreview.objects.all()) == {third}


def test_whose_case_would_end_and_whose_promise_stands(stage: Stage) -> None:
    stage.adopt(policy_text(limit=300, notice=30))
    stage.launch("marie", "omar")
    case = stage.case("omar")
    case.state, case.promised_at = "noticed", NOW + timedelta(days=20)
    case.save()
    stage.approve("robot")
    policy_preview = propose(stage, limit=500, notice=3)
    found = {touched.state: (touched.count, touched.spared) for touched in moves.touched(policy_preview, now=NOW)}
    assert found == {"awaiting_notice": (1, 0), "noticed": (1, 1), "in_draft": (1, 1)}
    promises = moves.promises(stage.workspace)
    assert (promises.count, promises.first) == (1, NOW + timedelta(days=20))
    activate(stage, policy_preview)
    assert stage.case("omar").promised_at == NOW + timedelta(days=20)


@pytest.mark.parametrize("role", ["operator", "auditor", "nobody"])
def test_it_takes_an_administrator(stage: Stage, role: str) -> None:
    with pytest.raises(PermissionDenied):
        propose(stage, by=role)
    policy_preview = propose(stage, limit=365)
    with pytest.raises(PermissionDenied):
        activate(stage, policy_preview, by=role)
    with pytest.raises(PermissionDenied):
        preview.stop(policy_preview=policy_preview, actor=stage.staff(role))
    with pytest.raises(PermissionDenied):
        preview.resume(policy_preview=policy_preview, actor=stage.staff(role), now=NOW)


def test_a_text_with_faults_is_not_proposed(stage: Stage) -> None:
    with pytest.raises(PolicyError):
        propose(stage, share=0.9)
    assert not PolicyPreview.objects.exists()


def test_segments_are_counted_as_they_are_and_would_be(stage: Stage) -> None:
    first = '[[segment]]\nname = "unseen"\nnever_used = true\ndormant_after_days = 90\n'
    text = policy_text().replace("[[segment]]", f"{first}[[segment]]", 1)
    policy_preview = preview.propose(workspace=stage.workspace, text=text, actor=None, reason="", now=NOW)
    preview.judge(policy_preview=policy_preview, clock=stage.clock)
    (move,) = [move for move in moves.moves(policy_preview, now=NOW) if move.verdict == Verdict.DORMANT]
    assert (move.segment, move.segment_after, move.count) == ("everyone", "everyone", 1)


def test_a_limit_has_nobody_judged_again(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = set_stage(someone("marie", idle=800), someone("nodate", joined_at=None, last_seen_at=None))
    monkeypatch.delattr(judging.Judging, "row")
    before = {row["account_id"]: row for row in Assessment.objects.values()}
    version = activate(stage, propose(stage, limit=900))
    assert None in {row["activity_at"] for row in before.values()}
    for row in Assessment.objects.values():
        own = before[row["account_id"]]
        moved_by = timedelta(0) if own["activity_at"] is None else timedelta(days=170)
        expected = {"limit_days": 900, "dormant_from": own["dormant_from"] + moved_by, "policy_id": version.pk}
        assert row == own | expected


def test_only_the_judgements_that_differ_are_written(stage: Stage) -> None:
    stage.update("marie", groups=[{"uid": "team"}])
    stage.site.workspace._groups["team"] = {"uid": "team", "title": "Team", "permissions": []}
    stage.sync()
    first = stage.workspace.current_policy
    version = activate(stage, propose(stage, groups=["team"]))
    written = Assessment.objects.filter(policy=version)
    assert [row.account.username for row in written] == ["marie"]
    assert {row.policy for row in Assessment.objects.exclude(policy=version)} == {first}
    assert all(row.judged_by(version) == version for row in Assessment.objects.all())
    assert assess.assess(workspace=stage.workspace) == 0


def test_nobody_is_marked_in_one_over_an_earlier_version(stage: Stage) -> None:
    propose(stage, limit=365)
    stage.adopt(policy_text(limit=500))
    stage.update("omar", last_seen_at=days_ago(1))
    stage.sync()
    assert not PreviewedAssessment.objects.exists()


def test_no_mark_is_left_for_an_earlier_portal_to_take_for_a_judgement(stage: Stage) -> None:
    propose(stage, limit=365)
    stage.update("omar", last_seen_at=days_ago(1))
    stage.sync()
    assert PreviewedAssessment.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(import_module("accounts_review.migrations.0022_judge_what_differs").WITH_POLICY)
    assert not PreviewedAssessment.objects.exists()


def test_whose_judgement_changes_while_it_is_computed_is_not_overlooked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy_preview = propose(stage, limit=365, judged=False)

    def and_be_overtaken(*given: Any) -> Any:
        monkeypatch.setattr(preview, "findings_of", findings_of)
        result = findings_of(*given)
        stage.update("omar", last_seen_at=days_ago(1))
        stage.sync()
        return result

    monkeypatch.setattr(preview, "findings_of", and_be_overtaken)
    preview.judge(policy_preview=policy_preview, clock=stage.clock)
    policy_preview.refresh_from_db()
    with pytest.raises(preview.Outdated):
        activate(stage, policy_preview)
