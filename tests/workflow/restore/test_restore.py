"""Restore: who was revoked is invited back once, with the rights they had, and told what is lost for good."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from accounts_review import audit
from accounts_review.models import AuditEntry, Case
from accounts_review.workflow.restore import invite
from accounts_review.workflow.restore.invite import LEASE, NEVER_RESTORED, Restored
from huwise_sandbox.records import Record, group
from tests.stage import NOW, SetStage, Stage, someone

READ = "explore_restricted_dataset"
PARTNERS = group("partners", "Partners", [READ])
AGENTS = group("agents", "Agents", [])
GROUPS = {"groups": [PARTNERS, AGENTS]}


def revoked(set_stage: SetStage, *people: Record, **options: Any) -> Stage:
    """A stage on which the people given were revoked, except those who are active."""
    stage = set_stage(*people, **options)
    dormant = [name for name, verdict in stage.verdicts().items() if verdict == "dormant"]
    stage.launch(*dormant)
    assert stage.revoke() == {"revoked": len(dormant)}
    return stage


def restored(stage: Stage, *usernames: str, by: str = "operator") -> list[Restored]:
    cases = [stage.case(username) for username in usernames]
    return invite.restore(cases=cases, client=stage.client, actor=stage.staff(by), now=stage.clock())


def posts(stage: Stage) -> int:
    """How many invitations were sent."""
    count: int = stage.site.journal.describe()["requests"].get("POST", 0)
    return count


def member(stage: Stage, username: str) -> Record:
    found = stage.site.workspace.user(username)
    assert found is not None
    return found


def entry(kind: str) -> AuditEntry:
    return AuditEntry.objects.get(kind=kind)


def remove_group(stage: Stage, uid: str) -> None:
    del stage.site.workspace._groups[uid]


def test_the_person_has_the_same_groups_and_permissions_afterwards(set_stage: SetStage) -> None:
    marie = someone("marie", permissions=[READ], groups=[{"uid": "partners"}, {"uid": "agents"}], first_name="Marie")
    stage = revoked(set_stage, marie, **GROUPS)
    assert stage.members == set()
    (result,) = restored(stage, "marie")
    assert result.problem == ""
    now = member(stage, "marie")
    assert now["permissions"] == [READ]
    assert now["groups"] == [{"uid": "agents"}, {"uid": "partners"}]
    assert (now["email"], now["first_name"], now["account_type"]) == (marie["email"], "Marie", "global")


def test_it_is_kept_with_the_case_and_in_the_record(set_stage: SetStage) -> None:
    limits = {"api_calls": {"limit": 20.5, "unit": "day"}}
    marie = someone("marie", permissions=[READ], groups=[{"uid": "partners"}], explore_limits=limits)
    stage = revoked(set_stage, marie, **GROUPS)
    restored(stage, "marie")
    case = stage.case("marie")
    assert (case.state, case.restored_at, case.restored_by) == ("revoked", NOW, "operator")
    assert stage.entries("marie")[-2:] == ["account.restoring", "account.restored"]
    kept = entry("account.restored")
    assert (kept.actor, kept.cleanup, kept.account_id) == ("operator", case.cleanup.number, case.account_id)
    assert kept.details == {
        "by": "invite",
        "username": "marie",
        "permissions": [READ],
        "groups": ["partners"],
        "explore_limits": '{"api_calls": {"limit": 20.5, "unit": "day"}}',
        "not_restored": list(NEVER_RESTORED),
        "groups_gone": [],
        "expires_at": "",
    }
    assert audit.verify()[1] is None


def test_what_is_lost_is_said(set_stage: SetStage) -> None:
    marie = someone("marie", expires_at="2030-01-01T00:00:00+00:00")
    stage = revoked(set_stage, marie)
    (result,) = restored(stage, "marie")
    assert str(result) == (
        "marie: invited back; not restored: API keys, rights on individual datasets and pages, "
        "follows and saved items; "
        "the rights ended on 2030-01-01T00:00:00+00:00, which the API cannot restore"
    )
    assert entry("account.restored").data["expires_at"] == "2030-01-01T00:00:00+00:00"


def test_a_local_account_is_provisioned_with_its_first_identity_provider(set_stage: SetStage) -> None:
    providers = [{"uid": "saml"}, {"uid": "oidc"}]
    local = someone("a1@idp.example", account_type="local", identity_providers=providers, permissions=[READ])
    stage = revoked(set_stage, local)
    (result,) = restored(stage, "a1@idp.example")
    assert result.problem == ""
    now = member(stage, "a1@idp.example")
    assert (now["account_type"], now["identity_providers"]) == ("local", [{"uid": "saml"}])
    assert now["permissions"] == [READ]
    assert entry("account.restored").data["by"] == "provision"


def test_a_linked_account_is_invited(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie", account_type="linked", identity_providers=[{"uid": "saml"}]))
    restored(stage, "marie")
    assert entry("account.restored").data["by"] == "invite"
    assert stage.members == {"marie"}


def test_a_local_account_without_a_provider_is_not_sent(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie", account_type="local", identity_providers=[]))
    (result,) = restored(stage, "marie")
    assert result.problem == "no identity provider was recorded for this local account"
    assert posts(stage) == 0


def test_a_group_that_no_longer_exists_is_left_out_and_named(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie", groups=[{"uid": "partners"}, {"uid": "agents"}]), **GROUPS)
    remove_group(stage, "partners")
    (result,) = restored(stage, "marie")
    assert "groups that no longer exist: partners" in result.remarks
    assert member(stage, "marie")["groups"] == [{"uid": "agents"}]
    assert entry("account.restored").data["groups_gone"] == ["partners"]


def test_a_group_that_gives_more_than_it_did_is_named(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie", groups=[{"uid": "partners"}]), **GROUPS)
    stage.site.workspace._groups["partners"] = PARTNERS | {"permissions": [READ, "edit_domain"]}
    (result,) = restored(stage, "marie")
    assert result.remarks[1:] == ("group partners gives more than it did: edit_domain",)


def test_a_new_username_and_rights_that_were_not_given_are_said(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie", permissions=[READ], groups=[{"uid": "agents"}]), **GROUPS)
    data = {"username": "marie2", "permissions": [], "groups": []}
    answer = {"0": {"status_code": "success", "data": data}}
    stage.order({"kind": "status", "method": "POST", "status": 200, "body": answer})
    (result,) = restored(stage, "marie")
    assert result.remarks[1:] == (
        f"not granted by the workspace: agents, {READ}",
        "the username is now marie2",
    )


def test_one_who_fails_does_not_hold_up_the_others(set_stage: SetStage) -> None:
    stage = revoked(set_stage, *(someone(name) for name in ("marie", "omar", "zoe")))
    stage.order({"kind": "status", "method": "POST", "status": 400, "times": 1, "after": 1})
    results = restored(stage, "marie", "omar", "zoe")
    assert [bool(result.problem) for result in results] == [False, True, False]
    assert stage.members == {"marie", "zoe"}


@pytest.mark.django_db(transaction=True)
def test_two_operators_at_once_send_one_invitation(set_stage: SetStage, person: Callable[[str], User]) -> None:
    stage = revoked(set_stage, someone("marie"))
    stage.order({"kind": "latency", "method": "POST", "seconds": 0.4})
    cases, people = [stage.case("marie")], [person("operator"), person("administrator")]

    def act(actor: User) -> Restored:
        try:
            return invite.restore(cases=cases, client=stage.client, actor=actor, now=NOW)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(act, people))
    assert sorted(result.problem for result in results) == ["", "someone else is inviting them back"]
    assert posts(stage) == 1
    assert stage.entries("marie").count("account.restored") == 1
    winner = people[0 if not results[0].problem else 1]
    assert stage.case("marie").restored_by == winner.username


def test_a_claim_whose_process_died_lapses(set_stage: SetStage) -> None:
    stage = revoked(set_stage, someone("marie"))
    Case.objects.update(restored_at=NOW)
    assert restored(stage, "marie")[0].problem == "someone else is inviting them back"
    stage.clock.instant += LEASE
    assert restored(stage, "marie")[0].problem == ""
    assert stage.case("marie").restored_by == "operator"


def test_no_remote_call_is_made_inside_a_transaction_of_its_own(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = revoked(set_stage, someone("marie"))
    depth = len(connection.savepoint_ids)
    depths = []
    exchange = stage.client._connection.exchange

    def watched(**request: Any) -> Any:
        depths.append(len(connection.savepoint_ids))
        return exchange(**request)

    monkeypatch.setattr(stage.client._connection, "exchange", watched)
    restored(stage, "marie")
    assert depths == [depth, depth]
