"""People decide: all or nothing, each refusal named, and only where they may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.utils.translation import override

from accounts_review import audit
from accounts_review.audit import sentences
from accounts_review.models import Assessment, AuditEntry, Case, Exemption
from accounts_review.workflow.review import decide
from accounts_review.workflow.review.conflicts import decided_since
from huwise_sandbox import records
from tests.stage import SetStage, Stage, days_ago, policy_text, someone

Person = Callable[[str], User]


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(someone("marie"), someone("omar"), someone("zoe", idle=3))


def given(stage: Stage, *usernames: str, by: str = "reviewer") -> dict[str, Any]:
    accounts, actor = stage.accounts(*usernames), stage.staff(by)
    return {"accounts": accounts, "actor": actor, "reason": "left", "now": stage.clock()}


def until(stage: Stage, days: int = 100) -> Any:
    return stage.clock() + timedelta(days=days)


def test_an_approval_puts_the_account_into_the_draft_with_what_the_approver_saw(stage: Stage) -> None:
    case = decide.approve(**given(stage, "marie"))[0]
    assert (case.state, case.cleanup.state, case.approved_by_login) == ("in_draft", "draft", "reviewer")
    assessment = stage.account("marie").assessment
    assert case.evidence["activity_at"] == (assessment.activity_at and assessment.activity_at.isoformat())
    assert case.evidence["policy"] == stage.workspace.current_policy.number
    entry = AuditEntry.objects.get(kind="account.approved")
    assert (entry.actor, entry.subject, entry.details["reason"]) == ("reviewer", "marie", "left")


def test_approvals_of_several_people_gather_in_one_draft(stage: Stage) -> None:
    first, second = decide.approve(**given(stage, "marie"))[0], decide.approve(**given(stage, "omar", by="operator"))[0]
    assert first.cleanup == second.cleanup


def test_one_account_that_cannot_be_approved_stops_all_and_is_named(stage: Stage) -> None:
    with pytest.raises(decide.DecisionRefused) as refused:
        decide.approve(**given(stage, "marie", "zoe"))
    assert [str(refusal) for refusal in refused.value.refusals] == ["zoe: it is active"]
    assert not Case.objects.exists()
    assert not AuditEntry.objects.filter(kind="account.approved").exists()


def test_an_account_is_approved_once(stage: Stage) -> None:
    decide.approve(**given(stage, "marie"))
    with pytest.raises(decide.DecisionRefused, match="already in a clean-up"):
        decide.approve(**given(stage, "marie"))


@pytest.mark.parametrize("role", ["auditor", "nobody"])
@pytest.mark.parametrize("verb", ["approve", "exempt", "withdraw"])
def test_deciding_takes_the_permission(stage: Stage, role: str, verb: str) -> None:
    more = {"until": until(stage)} if verb == "exempt" else {}
    with pytest.raises(PermissionDenied, match="reviewer"):
        getattr(decide, verb)(**given(stage, "marie", by=role), **more)


@pytest.mark.parametrize("own", [{"username": "marie"}, {"email": "MARIE@ville.example"}])
def test_nobody_decides_on_their_own_account(stage: Stage, own: dict[str, str]) -> None:
    reviewer = stage.staff("reviewer")
    for name, value in own.items():
        setattr(reviewer, name, value)
    reviewer.save()
    with pytest.raises(decide.DecisionRefused, match="own account"):
        decide.approve(**(given(stage, "marie") | {"actor": reviewer}))
    with pytest.raises(decide.DecisionRefused, match="own account"):
        decide.exempt(**(given(stage, "marie") | {"actor": reviewer}), until=until(stage))


def test_an_exemption_takes_the_account_out_of_its_cleanup(stage: Stage) -> None:
    decide.approve(**given(stage, "marie"))
    decide.exempt(**given(stage, "marie"), until=until(stage))
    assert stage.states() == {"marie": "withdrawn"}
    assert stage.verdicts()["marie"] == "protected"


def test_an_exemption_lapses_by_itself(stage: Stage) -> None:
    decide.exempt(**given(stage, "marie"), until=until(stage, days=10))
    stage.clock.advance(days=10)
    assert stage.verdicts()["marie"] == "dormant"


def test_an_exemption_keeps_the_account_from_being_approved(stage: Stage) -> None:
    decide.exempt(**given(stage, "marie"), until=until(stage))
    with pytest.raises(decide.DecisionRefused, match="exempt until"):
        decide.approve(**given(stage, "marie"))


@pytest.mark.parametrize(
    ("changes", "why"), [({"reason": "  "}, "needs a reason"), ({"until": -1}, "end in the future")]
)
def test_an_exemption_wants_a_reason_and_an_end(stage: Stage, changes: dict[str, Any], why: str) -> None:
    asked = given(stage, "marie") | {"until": until(stage)} | changes
    if "until" in changes:
        asked["until"] = until(stage, days=changes["until"])
    with pytest.raises(decide.DecisionRefused, match=why):
        decide.exempt(**asked)
    assert not Exemption.objects.exists()


def test_an_exemption_lasts_no_longer_than_the_policy_allows(stage: Stage) -> None:
    stage.adopt(f"{policy_text()}\n[exemption]\nlongest_days = 40\n")
    with pytest.raises(decide.DecisionRefused, match="marie: it may be exempt until 25 Jul 2026 at most"):
        decide.exempt(**given(stage, "marie"), until=until(stage, days=41))
    assert not Exemption.objects.exists()
    decide.exempt(**given(stage, "marie"), until=until(stage, days=40))


def test_a_service_account_is_confirmed_every_year_whatever_the_policy_allows(stage: Stage) -> None:
    robot: dict[str, Any] = {"owner_email": "it@ville.example", "is_service_account": True}
    with pytest.raises(decide.DecisionRefused, match="16 Jun 2027 at most"):
        decide.exempt(**given(stage, "marie"), until=until(stage, days=367), **robot)
    decide.exempt(**given(stage, "marie"), until=until(stage, days=366), **robot)


def test_a_new_exemption_takes_the_place_of_the_old(stage: Stage) -> None:
    decide.exempt(**given(stage, "marie"), until=until(stage, days=10))
    decide.exempt(**given(stage, "marie"), until=until(stage, days=50))
    assert Exemption.objects.in_force(stage.clock()).get().until == until(stage, days=50)


def test_withdrawing_ends_what_was_decided(stage: Stage) -> None:
    decide.approve(**given(stage, "marie"))
    decide.exempt(**given(stage, "omar"), until=until(stage))
    decide.withdraw(**given(stage, "marie", "omar"))
    assert stage.states() == {"marie": "withdrawn"}
    assert stage.verdicts()["omar"] == "dormant"
    assert "account.exemption_withdrawn" in stage.entries("omar")
    assert "account.withdrawn" in stage.entries("marie")


def test_there_must_be_something_to_withdraw(stage: Stage) -> None:
    with pytest.raises(decide.DecisionRefused, match="nothing to withdraw"):
        decide.withdraw(**given(stage, "marie"))


def test_an_account_that_is_no_longer_listed_cannot_be_approved(stage: Stage) -> None:
    stage.remove("marie")
    stage.sync()
    with pytest.raises(decide.DecisionRefused, match="no longer lists it"):
        decide.approve(**given(stage, "marie"))


def test_an_approval_rests_on_what_is_known_now_not_on_what_was_shown(stage: Stage) -> None:
    shown = stage.accounts("marie")
    stage.update("marie", last_seen_at=days_ago(1))
    stage.sync()
    with pytest.raises(decide.DecisionRefused, match="it is active"):
        decide.approve(**(given(stage) | {"accounts": shown}))


def test_an_account_that_was_never_judged_is_refused_not_passed_over(stage: Stage) -> None:
    asked = given(stage, "marie", "omar")
    Assessment.objects.filter(account__username="omar").delete()
    for attempt in (
        lambda: decide.approve(**asked),
        lambda: decide.exempt(**asked, until=until(stage)),
        lambda: decide.withdraw(**asked),
    ):
        with pytest.raises(decide.DecisionRefused, match="omar: it has not been assessed yet"):
            attempt()
    assert not Case.objects.exists()
    assert not Exemption.objects.exists()


@pytest.mark.parametrize("state", ["claimed", "intended", "unknown"])
def test_once_the_revocation_is_under_way_it_is_too_late_to_decide(stage: Stage, state: str) -> None:
    decide.approve(**given(stage, "marie"))
    Case.objects.update(state=state)
    with pytest.raises(decide.DecisionRefused, match="under way"):
        decide.exempt(**given(stage, "marie"), until=until(stage))
    with pytest.raises(decide.DecisionRefused, match="under way"):
        decide.withdraw(**given(stage, "marie"))
    assert stage.states() == {"marie": state}
    assert not Exemption.objects.exists()


NOT_DORMANT: dict[str, tuple[dict[str, Any], str]] = {
    "busy": ({"idle": 3}, "active"),
    "admin": ({"permissions": ["edit_domain"]}, "protected; holds the protected right edit_domain"),
    "no.mail": ({"email": None}, "uncertain; has no usable e-mail address"),
    "no.dates": ({"joined_at": None, "last_seen_at": None}, "uncertain; has no valid date"),
}


@pytest.mark.parametrize("name", NOT_DORMANT)
def test_only_the_dormant_are_approved_and_the_others_are_told_why(set_stage: SetStage, name: str) -> None:
    fields, why = NOT_DORMANT[name]
    stage = set_stage(someone(name, **fields))
    with pytest.raises(decide.DecisionRefused, match=f"^{name}: it is {why}"):
        decide.approve(**given(stage, name))
    assert not Case.objects.exists()


def test_the_evidence_is_all_that_the_last_look_is_held_against(set_stage: SetStage) -> None:
    readers = records.group("readers", "Readers", ["explore_restricted_dataset"])
    marie = someone("marie", permissions=["submit_private_form"], groups=[{"uid": "readers"}])
    stage = set_stage(marie, groups=[readers])
    (case,) = decide.approve(**given(stage, "marie"))
    account = stage.account("marie")
    assert case.evidence == {
        "policy": 2,
        "segment": "everyone",
        "limit_days": 730,
        "activity_at": days_ago(1000),
        "activity_field": "last_seen_at",
        "dormant_from": days_ago(270),
        "rights": ["explore_restricted_dataset", "submit_private_form"],
        "groups": ["readers"],
        "incarnation": days_ago(1365),
        "email": "marie@ville.example",
        "digest": account.digest,
        "read_at": days_ago(0),
    }
    assert AuditEntry.objects.get(kind="account.approved").details == {"reason": "left"} | case.evidence


def test_every_decision_is_in_the_record_with_who_and_why(stage: Stage) -> None:
    decide.approve(**given(stage, "marie"))
    decide.exempt(**given(stage, "marie", by="operator"), until=until(stage))
    decide.withdraw(**given(stage, "marie"))
    told = (
        AuditEntry.objects.filter(subject_ref__name="marie")
        .order_by("seq")
        .values_list("kind", "actor_ref__name", "personal__details__reason")
    )
    assert list(told) == [
        ("account.approved", "reviewer", "left"),
        ("account.exempted", "operator", "left"),
        ("account.withdrawn", "operator", "left"),
        ("account.exemption_withdrawn", "reviewer", "left"),
    ]


def test_what_the_portal_adds_to_a_reason_is_in_the_reader_s_language(stage: Stage) -> None:
    decide.approve(**given(stage, "marie"))
    with override("fr"):
        decide.exempt(**given(stage, "marie"), until=until(stage))
    entry = AuditEntry.objects.get(kind="account.withdrawn")
    assert sentences.of_entry(entry) == "taken out of the clean-up, because it was exempted: left"


def test_who_was_withdrawn_can_be_approved_again(stage: Stage) -> None:
    decide.approve(**given(stage, "marie"))
    decide.withdraw(**given(stage, "marie"))
    decide.approve(**given(stage, "marie"))
    assert stage.case("marie").state == "in_draft"
    assert Case.objects.count() == 2


ACTS: dict[str, Callable[..., Any]] = {
    "approve": decide.approve,
    "snooze": decide.snooze,
    "withdraw": decide.withdraw,
}


@pytest.mark.parametrize("act", ACTS)
def test_what_another_decided_unseen_is_not_decided_over(stage: Stage, act: str) -> None:
    seen = audit.newest_checkpoint().seq
    decide.exempt(**given(stage, "omar", by="operator"), until=until(stage))
    with pytest.raises(decide.DecisionRefused) as refused:
        ACTS[act](**given(stage, "marie", "omar"), seen=seen)
    (refusal,) = refused.value.refusals
    assert str(refusal).startswith("omar: operator exempted it on ")
    assert Exemption.objects.get().withdrawn_at is None
    assert not Case.objects.exists()


def test_an_exemption_does_not_undo_an_approval_unseen(stage: Stage) -> None:
    seen = audit.newest_checkpoint().seq
    decide.approve(**given(stage, "omar", by="operator"))
    with pytest.raises(decide.DecisionRefused, match="operator approved it on"):
        decide.exempt(**given(stage, "omar"), until=until(stage), seen=seen)
    decide.exempt(**given(stage, "omar"), until=until(stage), seen=audit.newest_checkpoint().seq)


def test_ones_own_decisions_are_known(stage: Stage) -> None:
    seen = audit.newest_checkpoint().seq
    decide.approve(**given(stage, "omar"))
    decide.withdraw(**given(stage, "omar"), seen=seen)
    assert stage.states() == {"omar": "withdrawn"}


def test_one_act_is_told_once_by_what_it_was(stage: Stage) -> None:
    decide.approve(**given(stage, "omar"))
    seen = audit.newest_checkpoint().seq
    decide.exempt(**given(stage, "omar", by="operator"), until=until(stage))
    since = decided_since(seen, workspaces=[stage.workspace], besides=stage.staff("reviewer"))
    assert [entry.kind for entry in since.values()] == ["account.exempted"]


def test_a_service_account_is_not_exempted_like_a_person(stage: Stage) -> None:
    robot: dict[str, Any] = {"owner_email": "ines@b.org", "is_service_account": True}
    decide.exempt(**given(stage, "omar"), until=until(stage), **robot)
    with pytest.raises(decide.DecisionRefused, match="confirm it on its page"):
        decide.exempt(**given(stage, "omar"), until=until(stage))
    decide.exempt(**given(stage, "omar"), until=until(stage, 200), **robot)
