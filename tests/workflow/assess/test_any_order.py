"""Whatever happens in whatever order, what is stored is what judging everybody from scratch gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from accounts_review.facts import RightsByGroup, facts_of_account
from accounts_review.models import Account, Group, PolicyPreview, PolicyVersion, Workspace
from accounts_review.rules import dormancy
from accounts_review.workflow.assess import assess
from accounts_review.workflow.assess.judging import Judging
from accounts_review.workflow.policy import preview
from accounts_review.workflow.sync.sync import sync_workspace
from huwise_sandbox import records
from tests.factories import put_in_force
from tests.models.test_dormancy_count import counted, there_are
from tests.stage import SetStage, Stage, days_ago, policy_text, someone

LIMITS = (300, 500, 730, 900)


def text_of(number: int) -> str:
    """Policies that differ in limits, in protection, in segments, or in nothing that concerns accounts."""
    text = policy_text(limit=LIMITS[number % 4], notice=number % 2, groups=["team"] if number % 3 == 0 else [])
    first = f'[[segment]]\nname = "unseen"\nnever_used = true\ndormant_after_days = {90 + number % 5}\n'
    return text.replace("[[segment]]", f"{first}[[segment]]", 1) if number % 5 else text


def read(stage: Stage, number: int) -> None:
    sync_workspace(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)


def judge(stage: Stage, number: int) -> None:
    assess.assess(workspace=Workspace.objects.get())


def change(stage: Stage, number: int) -> None:
    stage.update("marie", last_seen_at=days_ago(number), groups=[{"uid": "team"}] if number % 2 else [])


def regroup(stage: Stage, number: int) -> None:
    groups = stage.site.workspace._groups
    groups["team"] = groups["team"] | {"permissions": ["edit_domain"] if number % 2 else []}


def doubt(stage: Stage, number: int) -> None:
    Account.objects.filter(username="omar").update(incomplete=bool(number % 2))


def adopt(stage: Stage, number: int) -> None:
    put_in_force(stage.workspace, text_of(number), now=stage.clock())


def propose(stage: Stage, number: int) -> None:
    preview.propose(workspace=Workspace.objects.get(), text=text_of(number), actor=None, reason="", now=stage.clock())


def activate(stage: Stage, number: int) -> None:
    for one in PolicyPreview.objects.all():
        if number % 2 and one.state == PolicyPreview.State.READY:
            preview.resume(policy_preview=one, actor=None, now=stage.clock())
        preview.judge(policy_preview=one, clock=stage.clock)
        one.refresh_from_db()
        try:
            preview.activate(policy_preview=one, seen=preview.stamp(one), actor=None, now=stage.clock(), is_shell=True)
        except preview.Outdated:
            pass
        else:
            assert is_right()


def move_limits(stage: Stage, number: int) -> None:
    """Put a policy in force that differs from the one before in its limits alone."""
    workspace = Workspace.objects.get()
    limit = re.compile(r"(?<=dormant_after_days = )\d+")
    text = limit.sub(lambda days: str(300 + int(days[0]) % 7 * 100 + number), workspace.current_policy.text)
    preview.propose(workspace=workspace, text=text, actor=None, reason="", now=stage.clock())
    activate(stage, 0)


STEPS: list[Callable[[Stage, int], None]] = [read, judge, change, regroup, doubt, adopt, propose, activate, move_limits]


def from_scratch(account: Account, version: PolicyVersion, rights: RightsByGroup) -> dict[str, Any]:
    """The columns of the judgement that an account has to have."""
    facts = facts_of_account(account, rights_by_group=rights, key_owner=version.workspace.key_owner)
    found = dormancy.judge(version.rules, facts)
    reasons = [{"code": reason.code, "subject": reason.subject, "via": reason.via} for reason in found.reasons]
    effective = None if facts.permissions is None else sorted(facts.rights)
    beside = {"never_used": facts.never_used, "rights": effective, "reasons": reasons}
    return structs.asdict(found) | beside


def is_right() -> bool:
    """Whether everybody who counts as judged is judged as they would be now."""
    workspace = Workspace.objects.get()
    version = workspace.current_policy
    judging = Judging(workspace, version.rules)
    assert {group.uid for group in Group.objects.all()} <= judging.rights.keys()
    for account in Account.objects.with_basis_under(version).assessed().filter(assessment__basis__gt=""):
        if account.assessment.basis == account.basis:
            stored: dict[str, Any] = vars(account.assessment)
            found = from_scratch(account, version, judging.rights)
            assert found == {name: stored[name] for name in found}, account.username
            assert account.assessment.judged_by(version) == version
    return True


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 59)), min_size=3, max_size=10))
def check(stage: Stage, steps: list[tuple[Callable[[Stage, int], None], int]]) -> None:
    for step, number in steps:
        step(stage, number)
        assert is_right()
        assert counted(Workspace.objects.get()) == there_are(Workspace.objects.get())
    read(stage, 0)
    judge(stage, 0)
    assert not assess.is_owed(workspace=Workspace.objects.get())
    assert is_right()
    assert counted(Workspace.objects.get()).total() == Account.objects.listed().count()


@pytest.mark.slow(reason="each step of each example is judged twice")
def test_what_is_stored_is_what_judging_from_scratch_gives(set_stage: SetStage) -> None:
    team = records.group("team", "Team", [])
    unseen: dict[str, Any] = {"last_seen_at": None, "last_login_at": None}
    people = [someone("marie", idle=400), someone("omar", idle=800), someone("new", **unseen)]
    undated = someone("nodate", **unseen, joined_at=None)
    check(set_stage(*people, undated, groups=[team], others=2))
