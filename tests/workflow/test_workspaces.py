"""Administer: a workspace starts safely, policies are versions, and only an administrator changes either."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from accounts_review.models import AuditEntry, PolicyPreview, Workspace
from accounts_review.rules.policy import DEFAULT_TEXT, PolicyError
from accounts_review.workflow import workspaces
from accounts_review.workflow.policy import preview
from tests.audit.test_concurrency import in_threads
from tests.factories import put_in_force
from tests.stage import NOW, policy_text

OTHERS = ["nobody", "auditor", "reviewer", "operator"]


def test_a_new_workspace_is_in_dry_run_under_the_default_policy(db: None) -> None:
    workspace = workspaces.open_workspace(name="new", now=NOW)
    assert (workspace.mode, workspace.is_live) == ("dry-run", False)
    assert workspace.current_policy.text == DEFAULT_TEXT
    assert list(AuditEntry.objects.order_by("seq").values_list("kind", flat=True)) == [
        "workspace.opened",
        "policy.adopted",
    ]


def test_opening_a_workspace_again_changes_nothing(workspace: Workspace) -> None:
    before = AuditEntry.objects.count()
    assert workspaces.open_workspace(name=workspace.name, now=NOW) == workspace
    assert AuditEntry.objects.count() == before
    assert workspace.policies.count() == 1


def test_a_workspace_that_several_open_together_is_opened_once(transactional_db: None) -> None:
    opened = in_threads(*[lambda: workspaces.open_workspace(name="new", now=NOW)] * 4)
    assert opened == [Workspace.objects.get()] * 4
    assert AuditEntry.objects.filter(kind="workspace.opened").count() == 1


def test_a_new_policy_is_a_new_version_and_the_old_one_is_kept(workspace: Workspace) -> None:
    text = policy_text(limit=365)
    version = put_in_force(workspace, text, now=NOW, reason="audit")
    assert (version.number, version.activated_by, version.reason) == (2, "shell", "audit")
    assert workspace.current_policy == version
    assert [(v.number, v.is_current) for v in workspace.policies.all()] == [(2, True), (1, False)]
    assert workspace.policies.get(number=1).text == DEFAULT_TEXT
    entry = AuditEntry.objects.latest("seq")
    assert (entry.kind, entry.actor) == ("policy.adopted", "shell")
    assert entry.details == {"version": 2, "reason": "audit", "policy": text}


def test_a_policy_that_does_not_hold_together_is_refused(workspace: Workspace) -> None:
    with pytest.raises(PolicyError, match="share_of_population"):
        preview.propose(workspace=workspace, text=policy_text(share=0.9), actor=None, reason="", now=NOW)
    assert not PolicyPreview.objects.exists()


@pytest.mark.parametrize("role", OTHERS)
def test_policy_and_mode_are_for_administrators(workspace: Workspace, person: Callable[[str], User], role: str) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(PermissionDenied, match="administrator"):
        preview.propose(workspace=workspace, text=policy_text(), actor=person(role), reason="", now=NOW)
    with pytest.raises(PermissionDenied, match="administrator"):
        workspaces.set_mode(workspace=workspace, mode=Workspace.Mode.LIVE, actor=person(role), now=NOW)
    workspace.refresh_from_db()
    assert (workspace.is_live, workspace.current_policy.number, AuditEntry.objects.count()) == (False, 1, before)


def test_the_mode_is_set_and_recorded(workspace: Workspace, person: Callable[[str], User]) -> None:
    for mode in (Workspace.Mode.LIVE, Workspace.Mode.DRY_RUN):
        workspaces.set_mode(workspace=workspace, mode=mode, actor=person("administrator"), now=NOW)
        assert Workspace.objects.get().mode == mode
    told = [entry.data for entry in AuditEntry.objects.filter(kind="workspace.mode_set").order_by("seq")]
    assert told == [{"from": "dry-run", "to": "live"}, {"from": "live", "to": "dry-run"}]


def test_whoever_left_may_nothing(workspace: Workspace, person: Callable[[str], User]) -> None:
    user = person("administrator")
    user.is_active = False
    user.save()
    with pytest.raises(PermissionDenied):
        workspaces.set_mode(workspace=workspace, mode=Workspace.Mode.LIVE, actor=user, now=NOW)
    assert not Workspace.objects.get().is_live


def test_a_title_may_have_the_spaces_of_french(workspace: Workspace, person: Callable[[str], User]) -> None:
    title = "Ville\u00a0: le \u00ab\u202fportail\u202f\u00bb"
    workspaces.describe(workspace=workspace, given={"title": title}, actor=person("administrator"), now=NOW)
    workspace.refresh_from_db()
    assert workspace.title == title
