"""Which approvals stand for another clean-up: those of somebody of whom all that the approver saw is still so."""

from __future__ import annotations

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts_review.models import Workspace
from accounts_review.workflow.review import decide
from accounts_review.workflow.review.refusals import Apart
from tests.stage import SetStage, someone


def test_an_approval_does_not_stand_for_an_account_with_another_address(set_stage: SetStage) -> None:
    names = ("marie", "omar")
    stage = set_stage(*map(someone, names), mode=Workspace.Mode.DRY_RUN, launched=names)
    assert stage.revoke() == {"would_revoke": 2}
    stage.update("marie", email="m@elsewhere.example")
    stage.update("omar", email=stage.account("omar").email.upper())
    stage.sync()
    again = decide.approve(
        accounts=stage.accounts(*names),
        actor=stage.staff("operator"),
        reason="again",
        now=stage.clock(),
        ended=[stage.case(name) for name in names],
    )
    approved = {case.account.username: case.approved_by_login for case in again}
    assert approved == {"marie": "operator", "omar": "reviewer"}


def test_who_approves_holds_the_draft_before_any_case_in_it(set_stage: SetStage) -> None:
    """As who launches it does: the other way round, each could hold what the other waits for."""
    stage = set_stage(someone("marie"), someone("omar"))
    stage.approve("marie")
    apart: Apart = {}
    with CaptureQueriesContext(connection) as ran:
        decide.approve(
            accounts=stage.accounts("marie", "omar"),
            actor=stage.staff("reviewer"),
            reason="unused",
            now=stage.clock(),
            apart=apart,
        )
    assert [refusal.username for refusal in apart.values()] == ["marie"]
    locked = [re.findall('FROM "accounts_review_([a-z]+)".* FOR NO KEY', query["sql"]) for query in ran]
    assert list(dict.fromkeys(name for names in locked for name in names)) == ["account", "workspace", "case"]
