"""Revoke: exactly those who are due lose their access, one DELETE each, staged, within limits, and it closes itself."""

from __future__ import annotations

import json

import httpx
import pytest

from accounts_review import audit
from accounts_review.huwise import Client
from accounts_review.models import Account, AuditEntry, Case, Workspace
from accounts_review.workflow import advance
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.revoke import last_look
from tests.factories import make_workspace
from tests.stage import KEY, NOW, SetStage, Stage, policy_text, someone

HOSTILE = [
    "marie+data@ville.example",
    "Zoé Müller",
    "100%41",
    "a%2Fb",
    "semi;colon",
    "what?really#yes",
    "a&b=c",
    "..x",
    "日本",
    "tilde~_-.",
    "<script>",
    'o\'brien "quoted"',
    "back\\slash",
]
"""Usernames that address somebody else, or nobody, when they are not encoded exactly."""


def test_the_due_are_revoked_and_nobody_else(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), someone("stays"), launched=("marie", "omar"))
    assert stage.revoke() == {"revoked": 2}
    assert stage.deletes == [("marie", 204, True), ("omar", 204, True)]
    assert stage.members == {"stays"}
    assert stage.states() == {"marie": "revoked", "omar": "revoked"}
    assert stage.account("marie").gone_at == NOW
    assert stage.account("stays").gone_at is None


def test_each_step_is_kept_with_the_case_and_in_the_record(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", permissions=["explore_restricted_dataset"]), launched=("marie",))
    stage.revoke()
    case = stage.case("marie")
    assert case.last_look
    assert case.snapshot
    assert case.outcome
    assert case.intended_at == NOW
    assert case.last_look["at"] == NOW.isoformat()
    assert case.last_look["rights"] == ["explore_restricted_dataset"]
    assert case.last_look["activity_field"] == "last_seen_at"
    assert '"username": "marie"' in case.snapshot["user"]
    assert case.outcome["status"] == 204
    steps = ["account.approved", "case.launched", "case.claimed", "case.intended", "case.revoked"]
    assert stage.entries("marie") == steps
    assert audit.verify()[1] is None


def test_a_cleanup_closes_when_all_its_cases_have_ended(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), launched=("marie", "omar"))
    stage.revoke(limit=1)
    assert stage.cleanup().state == "running"
    stage.revoke()
    assert (stage.cleanup().state, stage.cleanup().closed_at) == ("closed", NOW)


def test_a_dry_run_looks_and_judges_but_sends_no_delete(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), mode=Workspace.Mode.DRY_RUN, launched=("marie", "omar"))
    stage.update("omar", last_seen_at=NOW.isoformat())
    assert stage.revoke() == {"would_revoke": 1, "spared": 1}
    assert stage.deletes == []
    assert stage.members == {"marie", "omar"}
    assert stage.account("marie").gone_at is None
    assert stage.cleanup().state == "closed"


def test_a_cleanup_launched_as_a_dry_run_stays_one_when_the_workspace_goes_live(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), mode=Workspace.Mode.DRY_RUN, launched=("marie",))
    stage.set_mode(Workspace.Mode.LIVE)
    assert stage.revoke() == {"would_revoke": 1}
    assert stage.deletes == []


def test_nothing_due_asks_for_nothing(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    stage.approve("marie")
    assert stage.revoke() == {}
    assert stage.deletes == []


@pytest.mark.matrix(fast=4, reason="each name is a clean-up of its own")
@pytest.mark.parametrize("username", HOSTILE)
def test_hostile_usernames_are_deleted_exactly(set_stage: SetStage, username: str) -> None:
    bystanders = ["marie", "Zoé", "100A", "a", "a/b", "what", "semi", "x"]
    stage = set_stage(someone(username), *(someone(name) for name in bystanders), launched=(username,))
    assert stage.revoke() == {"revoked": 1}
    assert stage.deletes == [(username, 204, True)]
    assert stage.members == set(bystanders)


def test_a_hostile_record_does_not_get_in_the_way(set_stage: SetStage) -> None:
    stage = set_stage(
        someone("marie", display_name="nul \x00 here", first_name="bell \x07"),
        someone("omar"),
        launched=("marie", "omar"),
    )
    assert stage.revoke() == {"revoked": 2}


def test_a_record_with_bytes_that_json_forbids_is_kept_as_text(set_stage: SetStage) -> None:
    """PostgreSQL stores no NUL, not even within a JSON column."""
    stage = set_stage(someone("marie"), launched=("marie",))
    raw = json.dumps(someone("marie", display_name="nul HERE, half a pair \ud800")).replace("HERE", "\x00")
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=raw.encode()))
    with Client(url=stage.url, api_key=KEY, transport=transport) as hostile:
        seen = last_look.look(stage.case("marie"), client=hostile, clock=stage.clock)
    assert not seen.gone
    Case.objects.update(last_look=seen.record, snapshot=seen.snapshot)
    snapshot = stage.case("marie").snapshot
    assert snapshot
    assert "nul \ufffd, half a pair" in snapshot["user"]


def staged(stage: Stage) -> list[int]:
    """How many a clean-up lets be claimed together, each time all of those before have been revoked."""
    sizes: list[int] = []
    while True:
        revoker = stage.revoker()
        claimed = []
        while case := revoker.claim():
            claimed.append(case)
        if not claimed:
            return sizes
        sizes.append(len(claimed))
        for case in claimed:
            assert revoker.process(case)


def test_a_cleanup_goes_one_then_five_then_the_rest(set_stage: SetStage) -> None:
    people = [someone(f"person.{n:02d}") for n in range(10)]
    stage = set_stage(*people, launched=[person["username"] for person in people])
    assert staged(stage) == [1, 5, 4]


def test_a_dry_run_is_not_staged(set_stage: SetStage) -> None:
    people = [someone(f"person.{n:02d}") for n in range(7)]
    stage = set_stage(*people, mode=Workspace.Mode.DRY_RUN, launched=[person["username"] for person in people])
    assert staged(stage) == [7]


def test_people_who_are_spared_do_not_count_as_proof_that_all_goes_well(set_stage: SetStage) -> None:
    people = [someone(f"person.{n:02d}") for n in range(4)]
    stage = set_stage(*people, launched=[person["username"] for person in people])
    stage.update("person.00", last_seen_at=NOW.isoformat())
    assert staged(stage) == [1, 1, 2]


def test_the_hourly_limit_holds_back_the_rest_until_the_hour_is_over(set_stage: SetStage) -> None:
    people = [someone(f"person.{n}") for n in range(5)]
    stage = set_stage(*people, policy=policy_text(per_hour=2), launched=[person["username"] for person in people])
    assert stage.revoke() == {"revoked": 2}
    assert len(stage.deletes) == 2
    stage.clock.advance(minutes=59)
    assert stage.revoke() == {}
    assert stage.entries("person.2")[-1] == "case.launched"
    stage.clock.advance(minutes=2)
    assert stage.revoke()["revoked"] == 2
    assert stage.cleanup().state == "running"
    assert len(stage.deletes) == 4


def test_what_is_held_back_in_one_cleanup_does_not_bar_the_next(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), launched=("marie",))
    stage.set_mode(Workspace.Mode.DRY_RUN)
    stage.launch("omar")
    assert stage.revoke() == {"would_revoke": 1}
    assert stage.states() == {"marie": "due", "omar": "would_revoke"}
    assert stage.deletes == []


def test_the_promised_date_is_waited_for(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    send_notices(workspace=stage.workspace, now=stage.clock())
    stage.clock.advance(days=30, seconds=-1)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    assert stage.revoke() == {}
    stage.clock.advance(seconds=1)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    assert stage.revoke() == {"revoked": 1}


def test_nobody_is_revoked_whose_warning_was_not_sent(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    stage.clock.advance(days=40)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    assert stage.revoke() == {}
    case = stage.case("marie")
    type(case).objects.filter(pk=case.pk).update(state="due")
    assert stage.revoke() == {"due": 1}
    assert stage.why("marie") == ["not_noticed"]
    assert stage.deletes == []


def test_a_paused_cleanup_takes_no_further_step(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    cleanup = stage.launch("marie")
    type(cleanup).objects.filter(pk=cleanup.pk).update(state="paused")
    assert stage.revoke() == {}
    assert stage.states() == {"marie": "due"}


def test_the_accounts_of_another_workspace_are_left_alone(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))
    revoker = stage.revoker()
    revoker.workspace = make_workspace(host=stage.client.host, key_owner="svc.cleanup")
    assert revoker.run() == {}
    assert stage.states() == {"marie": "due"}


def test_every_delete_is_an_intent_in_the_record(set_stage: SetStage) -> None:
    people = [someone(f"person.{n}") for n in range(4)]
    stage = set_stage(*people, launched=[person["username"] for person in people])
    stage.update("person.1", last_seen_at=NOW.isoformat())
    stage.revoke()
    intents = AuditEntry.objects.filter(kind="case.intended").values_list("subject_ref__name", flat=True)
    # Several are on their way at once, so that they may arrive in another order.
    sent = sorted(username for username, _, _ in stage.deletes)
    assert sorted(intents) == sent == ["person.0", "person.2", "person.3"]
    assert Account.objects.exclude(gone_at=None).count() == 3
