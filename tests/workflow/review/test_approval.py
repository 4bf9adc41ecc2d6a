"""Which approvals stand for another clean-up: those of somebody of whom all that the approver saw is still so."""

from __future__ import annotations

from accounts_review.models import Workspace
from accounts_review.workflow.review import decide
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
