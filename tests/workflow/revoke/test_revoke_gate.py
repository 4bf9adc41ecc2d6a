"""The gate, end to end: whatever happens between approval and DELETE spares the person or holds the case."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow import advance
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke import last_look, worker
from huwise_sandbox import records
from tests.factories import give_role, make_exemption
from tests.stage import NOW, SERVICE_USER, SetStage, Stage, days_ago, policy_text, someone

READERS = records.group("readers", "Readers", ["explore_restricted_dataset"])
TEAM = records.group("team", "Team", ["edit_domain"])
Act = Callable[[Stage], None]


def regroup(stage: Stage, uid: str, *permissions: str) -> None:
    """Give a group of the workspace other rights."""
    groups = stage.site.workspace._groups
    groups[uid] = groups[uid] | {"permissions": list(permissions)}


def recreate(stage: Stage) -> None:
    """The account was removed, and somebody new was given its username."""
    stage.remove("marie")
    stage.site.workspace.put(someone("marie", joined_at=days_ago(800), last_seen_at=None))


def exempt(stage: Stage, *, days: float = 30) -> None:
    """An exemption that an import put beside the clean-up, rather than a reviewer who takes the case out of it."""
    until = NOW + timedelta(days=days)
    make_exemption(stage.account("marie"), until=until, reason="leave", by_login="import", at=NOW)


def demote(stage: Stage) -> None:
    give_role(stage.staff("reviewer"), "auditor")


def deactivate(stage: Stage) -> None:
    user = stage.staff("reviewer")
    user.is_active = False
    user.save()


def remove_approver(stage: Stage) -> None:
    stage.staff("reviewer").delete()


def spend_budget(stage: Stage) -> None:
    audit.log([stage.workspace] * 200, kind=Event.CASE_INTENDED, actor="portal", now=NOW - timedelta(minutes=59))


SPARED: dict[str, tuple[Act, str]] = {
    "seen again": (lambda s: s.update("marie", last_seen_at=NOW.isoformat()), "newer_activity"),
    "seen again, though long ago": (lambda s: s.update("marie", last_seen_at=days_ago(999)), "newer_activity"),
    "signed in": (lambda s: s.update("marie", last_login_at=days_ago(5)), "newer_activity"),
    "given a right": (lambda s: s.update("marie", permissions=["explore_restricted_page"]), "new_rights"),
    "given a protected right": (lambda s: s.update("marie", permissions=["edit_domain"]), "new_rights"),
    "put into a group with rights": (lambda s: s.update("marie", groups=[{"uid": "team"}]), "new_rights"),
    "put into a group without rights": (lambda s: s.update("marie", groups=[{"uid": "plain"}]), "new_groups"),
    "their group was given a right": (lambda s: regroup(s, "readers", "edit_domain"), "new_rights"),
    "re-created": (recreate, "another_incarnation"),
    "joined at another moment": (lambda s: s.update("marie", joined_at=days_ago(1366)), "another_incarnation"),
    "became vendor staff": (lambda s: s.update("marie", is_ods=True), "verdict_protected"),
    "exempted": (exempt, "exempt"),
    "approver demoted": (demote, "approver_may_no_longer"),
    "approver deactivated": (deactivate, "approver_may_no_longer"),
    "approver removed": (remove_approver, "approver_may_no_longer"),
    "approval expired": (lambda s: s.clock.advance(days=60), "approval_expired"),
    "limit raised since": (lambda s: s.adopt(policy_text(limit=2000)), "verdict_active"),
    "group protected since": (lambda s: s.adopt(policy_text(groups=["readers"])), "verdict_protected"),
}


def forget_the_key(stage: Stage) -> None:
    """Neither the API nor the last sync says whose key it is."""
    Workspace.objects.update(key_owner="")
    stage.order({"kind": "status", "status": 200, "path": "/apikeys", "body": {"total_count": 0, "results": []}})


def quarantine(stage: Stage) -> None:
    stage.workspace.syncs.update(state="quarantined")


HELD: dict[str, tuple[Act, str]] = {
    "workspace back in dry run": (lambda s: s.set_mode(Workspace.Mode.DRY_RUN), "workspace_in_dry_run"),
    "hourly limit spent": (spend_budget, "hourly_limit"),
    "a sync quarantined": (quarantine, "breaker_tripped"),
    "owner of the key unknown": (forget_the_key, "key_owner_unknown"),
}


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie, a reader, and Omar are due; nobody else may go."""
    marie = someone("marie", groups=[{"uid": "readers"}])
    plain = records.group("plain", "Plain", [])
    stage: Stage = set_stage(marie, someone("omar"), groups=[READERS, TEAM, plain])
    return stage


@pytest.mark.matrix(fast=4, reason="each reason is a clean-up of its own")
@pytest.mark.parametrize(("happens", "code"), SPARED.values(), ids=SPARED)
def test_what_speaks_for_a_person_spares_them(stage: Stage, happens: Act, code: str) -> None:
    stage.launch("marie")
    happens(stage)
    assert stage.revoke() == {"spared": 1}
    assert stage.states() == {"marie": "spared"}
    assert stage.why("marie")[0] == code
    assert stage.deletes == []
    assert stage.entries("marie")[-1] == "case.spared"
    assert (stage.case("marie").last_look or {})["at"]
    assert stage.cleanup().state == "closed"


@pytest.mark.parametrize("happens", [act for act, code in HELD.values()], ids=HELD)
def test_what_holds_every_case_is_not_written_down_for_each_every_minute(stage: Stage, happens: Act) -> None:
    stage.launch("marie")
    happens(stage)
    before = AuditEntry.objects.count()
    for _ in range(3):
        assert stage.revoke() == {}
    assert stage.states() == {"marie": "due"}
    assert AuditEntry.objects.count() == before
    assert stage.deletes == []


@pytest.mark.parametrize(("happens", "code"), HELD.values(), ids=HELD)
def test_what_speaks_against_the_moment_holds_a_case_that_was_claimed(stage: Stage, happens: Act, code: str) -> None:
    stage.launch("marie")
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    happens(stage)
    revoker.process(case)
    assert revoker.tally == {"due": 1}
    assert stage.states() == {"marie": "due"}
    assert stage.why("marie") == [code]
    assert stage.entries("marie")[-1] == "case.held"
    assert stage.deletes == []


def test_nothing_that_happened_means_that_the_reader_is_revoked(stage: Stage) -> None:
    stage.launch("marie")
    assert stage.revoke() == {"revoked": 1}


def test_a_clean_up_paused_after_the_claim_holds_the_case(stage: Stage) -> None:
    cleanup = stage.launch("marie")
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    type(cleanup).objects.filter(pk=cleanup.pk).update(state="paused")
    revoker.process(case)
    assert stage.states() == {"marie": "due"}
    assert stage.deletes == []


def test_what_a_cancelled_clean_up_has_left_is_withdrawn(stage: Stage) -> None:
    cleanup = stage.launch("marie")
    revoker = stage.revoker()
    case = revoker.claim()
    type(cleanup).objects.filter(pk=cleanup.pk).update(state="cancelled")
    assert case
    revoker.process(case)
    revoker.close_finished()
    assert stage.states() == {"marie": "withdrawn"}
    assert stage.deletes == []


def test_a_last_look_that_took_too_long_is_not_acted_upon(stage: Stage) -> None:
    stage.launch("marie")
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    seen = last_look.look(case, client=stage.client, clock=stage.clock)
    stage.clock.advance(seconds=31)
    assert not revoker._pass_gate(case, seen)
    assert stage.states() == {"marie": "due"}
    assert stage.why("marie") == ["stale_look"]


def test_an_exemption_that_lapsed_or_was_withdrawn_saves_nobody(stage: Stage) -> None:
    decide.exempt(
        accounts=stage.accounts("marie"),
        actor=stage.staff("reviewer"),
        reason="leave",
        until=NOW + timedelta(days=3),
        now=NOW,
    )
    stage.clock.advance(days=3)
    stage.launch("marie")
    assert stage.revoke() == {"revoked": 1}


def test_being_gone_at_the_last_look_is_no_revocation(stage: Stage) -> None:
    stage.launch("marie")
    stage.remove("marie")
    assert stage.revoke() == {"already_gone": 1}
    assert stage.deletes == []
    assert stage.account("marie").gone_at == NOW
    assert stage.cleanup().state == "closed"
    assert not AuditEntry.objects.filter(kind="case.intended").exists()


def test_a_page_of_a_proxy_is_not_being_gone(stage: Stage) -> None:
    stage.launch("marie")
    stage.order({"kind": "status", "status": 404, "body": "<h1>Not found</h1>", "path": "/users/*"})
    assert stage.revoke() == {"due": 1}
    assert stage.states() == {"marie": "due"}


def test_an_account_that_cannot_be_read_does_not_bar_the_way_of_the_others(stage: Stage) -> None:
    stage.launch("marie", "omar")
    stage.order({"kind": "status", "status": 500, "path": "/users/marie*"})
    stage.clock.tick = timedelta(milliseconds=1)
    stage.revoke()
    stage.revoke()
    assert stage.states() == {"marie": "due", "omar": "revoked"}


def test_a_changed_key_owner_stops_everything(stage: Stage) -> None:
    stage.launch("marie")
    keys = stage.site.workspace._keys
    keys[0] = keys[0] | {"user": {"username": "omar"}}
    assert stage.revoke() == {}
    cleanup = stage.cleanup()
    assert cleanup.state == "paused"
    assert cleanup.stopped_because == {"code": "caller_changed", "before": SERVICE_USER, "owner": "omar"}
    assert stage.deletes == []
    assert AuditEntry.objects.filter(kind="cleanup.stopped", cleanup=cleanup.number).exists()


def test_an_owner_in_other_capitals_is_the_same_owner(stage: Stage) -> None:
    stage.launch("marie")
    keys = stage.site.workspace._keys
    keys[0] = keys[0] | {"user": {"username": SERVICE_USER.upper()}}
    key_of = stage.site.workspace.effective_permissions
    stage.site.workspace.effective_permissions = lambda record: key_of(record) | {"edit_domain"}  # type: ignore[method-assign]
    assert stage.revoke() == {"revoked": 1}


def test_a_changed_host_stops_everything(stage: Stage) -> None:
    stage.launch("marie")
    Workspace.objects.update(host="data.elsewhere.example")
    assert stage.revoke() == {}
    assert stage.cleanup().state == "paused"
    assert stage.deletes == []


def test_a_key_that_may_not_read_keys_relies_on_the_owner_known(stage: Stage) -> None:
    stage.launch("marie")
    stage.order({"kind": "status", "status": 403, "path": "/apikeys"})
    assert stage.workspace.key_owner == SERVICE_USER
    assert stage.revoke() == {"revoked": 1}


def test_a_promise_that_was_moved_to_later_is_kept(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    send_notices(workspace=stage.workspace, now=stage.clock())
    stage.clock.advance(days=30)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    assert stage.states() == {"marie": CaseState.DUE}
    Case.objects.update(promised_at=stage.clock() + timedelta(days=1))
    assert stage.revoke() == {}
    assert stage.deletes == []


@pytest.mark.parametrize(("skew", "moved"), [(30, 1), (61, 0), (-61, 0), (90_000, 0)])
def test_a_clock_that_is_wrong_stops_everything(set_stage: SetStage, skew: int, moved: int) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))
    page = stage.client.users_page(offset=0, limit=0)
    theirs = stage.clock() + timedelta(seconds=skew)
    revoker = stage.revoker()
    revoker.largest_skew = timedelta(seconds=60)
    with patch.object(type(stage.client), "users_page", return_value=replace(page, server_date=theirs)):
        tally = revoker.run()
    assert tally.total() == moved
    assert (stage.cleanup().stopped_because.get("code") == "clock_skewed") is not bool(moved)
    assert ("marie" in stage.members) is not bool(moved)


def test_a_right_that_only_the_list_of_groups_shows_spares(set_stage: SetStage) -> None:
    """The record's own copy of its groups may be older than the list; a sync believes both, and so does the gate."""
    stage = set_stage(someone("marie", groups=["readers"]), groups=[READERS], launched=("marie",))
    raw = json.loads(stage.client.user("marie"))
    regroup(stage, "readers", "edit_domain")
    with patch.object(type(stage.client), "user", return_value=json.dumps(raw).encode()):
        stage.revoke()
    assert stage.states() == {"marie": "spared"}
    assert stage.deletes == []


def test_a_disputed_right_holds(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))
    Account.objects.filter(username="marie").update(disputed=["edit_domain"])
    stage.revoke()
    assert stage.why("marie") == ["verdict_uncertain"]
    assert stage.deletes == []


@pytest.mark.parametrize(("waited", "deleted"), [(20, 1), (31, 0)])
def test_a_long_wait_for_the_audit_does_not_age_the_look(set_stage: SetStage, waited: int, deleted: int) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))
    with patch.object(audit, "wait_for_turn", side_effect=lambda: stage.clock.advance(seconds=waited)):
        stage.revoke(limit=1)
    assert len(stage.deletes) == deleted
    assert stage.case("marie").state == ("revoked" if deleted else "due")


def test_a_look_that_grew_old_after_the_intent_is_not_acted_on(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), launched=("marie",))

    def dawdle(label: str) -> None:
        if label == "s5":
            stage.clock.advance(seconds=40)

    with patch.object(worker, "crashpoint", side_effect=dawdle):
        stage.revoke(limit=1)
    assert stage.deletes == []
    assert stage.outcome("marie")["why"] == {"code": "look_too_old"}
