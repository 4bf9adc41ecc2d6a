"""Assess: every account gets the verdict it deserves, once, and again only when what it rests on has changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts_review.models import Account, Assessment, Sync, Workspace
from accounts_review.models.workspace import IN_FORCE
from accounts_review.workflow.assess import assess, judging
from accounts_review.workflow.assess.judging import COLUMNS
from accounts_review.workflow.sync.sync import sync_workspace
from huwise_sandbox import population, records
from huwise_sandbox.server import SandboxServer
from huwise_sandbox.site import SandboxSite
from tests.conftest import FIXTURES
from tests.factories import make_exemption, put_in_force
from tests.stage import KEY, NOW, SetStage, Stage, client_of, days_ago, policy_text, someone

LONGER = """
UPDATE accounts_review_workspace SET rights_digest = rights_digest || repeat('0', 32);
UPDATE accounts_review_assessment SET basis = left(basis, 32) || repeat('0', 32) || substr(basis, 33)
    || CASE WHEN basis LIKE '%:%:%' THEN '' ELSE ':false:' || md5('{}') || '::' END
"""
"""As an earlier version kept what a judgement rests on."""
NEEDS_MORE_THAN_THE_ACCOUNT = {
    "dataset-level-editor",
    "page-level-editor",
    "connection-manager",
    "federation-user",
    "key-owner-silent",
    "monitoring-says-alive",
    "bounced",
    "race-gone",
}
"""Archetypes whose verdict rests on what the users' list does not say."""


def policy_of(archetypes: dict[str, Any]) -> str:
    """The policy of the fixtures, in the portal's own words."""
    given = archetypes["policy"]
    segments = "".join(
        f'[[segment]]\nname = "{s["name"]}"\ndormant_after_days = {s["dormant_after_days"]}\n'
        + ("never_used = true\n" if s.get("never_used") else "")
        for s in given["segments"]
    )
    protect = f"permissions = {given['protected_permissions']}\ngroups = {given['protected_groups']}"
    return f'title = "Archetypes"\n{segments}[protect]\n{protect}\n[notice]\ndays = {given["notice_days"]}\n'


def test_every_archetype_gets_the_verdict_it_deserves(workspace: Workspace, archetypes: dict[str, Any]) -> None:
    snapshot = population.from_fixtures(FIXTURES / "archetypes.json")
    population.grant_service_key(snapshot, KEY)
    as_of = datetime.fromisoformat(archetypes["as_of"])
    put_in_force(workspace, policy_of(archetypes), now=NOW)
    with SandboxServer(SandboxSite(snapshot)) as server, client_of(server.url) as client:
        done = sync_workspace(workspace=workspace, client=client, key_owner="", clock=lambda: as_of)
    assert done.problems == []
    workspace.refresh_from_db()
    assert assess.assess(workspace=workspace) == len(archetypes["archetypes"])

    expected: dict[str, str] = {}
    for archetype in archetypes["archetypes"]:
        username, context = archetype["user"]["username"], archetype["context"]
        if until := context.get("exempt_until"):
            account = Account.objects.get(username=username)
            make_exemption(account, until=datetime.fromisoformat(until))
        if archetype["id"] not in NEEDS_MORE_THAN_THE_ACCOUNT:
            expected[username] = archetype["expected"].partition(" (")[0]
    found = Account.objects.assessed().with_verdict(as_of)
    verdicts = {account.username: account.verdict for account in found if account.username in expected}
    assert verdicts == expected
    assert set(expected.values()) == {"active", "dormant", "protected", "uncertain"}


def test_nothing_is_judged_twice_without_a_reason(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    assert assess.assess(workspace=stage.workspace) == 0
    stage.clock.advance(days=400)
    stage.sync()
    assert assess.assess(workspace=stage.workspace) == 0
    assert Assessment.objects.count() == Account.objects.count()


def regroup(stage: Stage) -> None:
    groups = stage.site.workspace._groups
    groups["team"] = groups["team"] | {"permissions": ["edit_domain"]}


def rename_group(stage: Stage) -> None:
    groups = stage.site.workspace._groups
    groups["team"] = groups["team"] | {"title": "Renamed"}


EVERYBODY = 23
REASONS: dict[str, tuple[Callable[[Stage], None], int]] = {
    "nothing": (lambda stage: None, 0),
    "one record changed": (lambda stage: stage.update("marie", last_seen_at=days_ago(1)), 1),
    "a group has another title": (rename_group, 0),
    "a group has other rights": (regroup, EVERYBODY),
}


@pytest.mark.parametrize(("change", "judged"), REASONS.values(), ids=REASONS)
def test_a_change_has_those_judged_anew_whom_it_concerns(
    set_stage: SetStage, change: Callable[[Stage], None], judged: int
) -> None:
    team = records.group("team", "Team", [])
    stage = set_stage(someone("marie", groups=[{"uid": "team"}]), someone("omar"), groups=[team])
    change(stage)
    sync_workspace(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    stage.workspace.refresh_from_db()
    assert assess.assess(workspace=stage.workspace) == judged


def one_more_sync(stage: Stage) -> Sync:
    """A sync whose process dies before it judges."""
    done = sync_workspace(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    stage.workspace.refresh_from_db()
    return done


def test_a_sync_names_whom_alone_there_is_to_judge(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"))
    assert one_more_sync(stage).to_judge == []
    stage.update("marie", last_seen_at=days_ago(1))
    assert one_more_sync(stage).to_judge == [stage.account("marie").pk]


def test_whom_a_sync_left_unjudged_the_next_one_names_whatever_else_it_found(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", idle=800), someone("omar", idle=800))
    stage.update("marie", last_seen_at=days_ago(1))
    one_more_sync(stage)
    stage.update("omar", last_seen_at=days_ago(1))
    stage.sync()
    assert (stage.verdicts()["marie"], stage.verdicts()["omar"]) == ("active", "active")


def test_a_sync_that_read_other_rights_leaves_everybody_to_judge(set_stage: SetStage) -> None:
    team = records.group("team", "Team", [])
    stage = set_stage(someone("marie", groups=[{"uid": "team"}]), groups=[team])
    regroup(stage)
    assert one_more_sync(stage).to_judge is None


def test_a_sync_that_was_not_whole_leaves_everybody_to_judge(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    stage.order({"path": "/users", "kind": "status", "status": 500})
    done = one_more_sync(stage)
    assert (done.state, done.to_judge) == ("failed", None)


def test_while_a_policy_has_not_judged_everybody_a_few_names_count_for_nothing(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", idle=800), someone("omar", idle=400))
    put_in_force(stage.workspace, policy_text(limit=365), now=NOW, reason="stricter")
    assert assess.assess(workspace=stage.workspace, only=[stage.account("marie").pk]) == EVERYBODY
    assert assess.assess(workspace=stage.workspace, only=[stage.account("marie").pk]) == 0


def test_where_nobody_is_to_be_judged_nobody_is_looked_at(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    with CaptureQueriesContext(connection) as asked:
        assess.assess(workspace=stage.workspace, only=[])
    assert not [query for query in asked if '"basis"' in query["sql"]]


def test_a_right_that_a_group_was_given_protects_its_members(set_stage: SetStage) -> None:
    team = records.group("team", "Team", [])
    stage = set_stage(someone("marie", groups=[{"uid": "team"}]), someone("omar"), groups=[team])
    assert stage.verdicts()["marie"] == "dormant"
    regroup(stage)
    stage.sync()
    assert (stage.verdicts()["marie"], stage.verdicts()["omar"]) == ("protected", "dormant")
    assert {"code": "right", "subject": "edit_domain", "via": "team"} in stage.account("marie").assessment.reasons


def test_what_a_record_alone_says_of_its_group_counts_for_nobody_else(set_stage: SetStage) -> None:
    workspace = set_stage(someone("marie"), groups=[records.group("team", "Team", [])]).workspace
    everyone = judging.Judging(workspace, workspace.current_policy.rules)

    def standing_with(group: dict[str, Any]) -> Any:
        about = (NOW.isoformat(), False, (), None, None, "")
        return everyone.row("1", json.dumps(someone("omar", groups=[group])), *about)[COLUMNS.index("standing")]

    told, plain = {"uid": "team", "permissions": ["edit_domain"]}, {"uid": "team"}
    assert [standing_with(group) for group in (told, plain, told)] == ["protected", "ordinary", "protected"]


def test_the_owner_of_the_key_is_protected_whoever_it_is(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"))
    assert stage.verdicts()["marie"] == "dormant"
    keys = stage.site.workspace._keys
    keys[0] = keys[0] | {"user": {"username": "marie"}}
    regular = stage.site.workspace.effective_permissions
    stage.site.workspace.effective_permissions = lambda record: regular(record) | {"edit_domain"}  # type: ignore[method-assign]
    stage.sync()
    assert stage.workspace.key_owner == "marie"
    assert (stage.verdicts()["marie"], stage.verdicts()["omar"]) == ("protected", "dormant")


def test_another_policy_judges_everybody_anew(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", idle=800), someone("omar", idle=400))
    assert (stage.verdicts()["marie"], stage.verdicts()["omar"]) == ("dormant", "active")
    put_in_force(stage.workspace, policy_text(limit=365), now=NOW, reason="stricter")
    assert assess.assess(workspace=stage.workspace) == EVERYBODY
    assert (stage.verdicts()["marie"], stage.verdicts()["omar"]) == ("dormant", "dormant")
    found = stage.account("omar").assessment
    assert (found.policy.number, found.limit_days, found.segment) == (3, 365, "everyone")


def test_an_assessment_says_all_that_it_rests_on(set_stage: SetStage) -> None:
    found = set_stage(someone("marie", idle=800)).account("marie").assessment
    seen = NOW - timedelta(days=800)
    assert (found.activity_at, found.activity_field) == (seen, "last_seen_at")
    assert (found.dormant_from, found.standing) == (seen + timedelta(days=730), "ordinary")


def test_a_verdict_depends_on_the_instant_it_is_asked_at(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", idle=0), someone("admin", idle=0, permissions=["edit_domain"]))
    limit = NOW + timedelta(days=730)
    for instant, marie, admin in (
        (NOW, "active", "active"),
        (limit - timedelta(microseconds=1), "active", "active"),
        (limit, "dormant", "protected"),
    ):
        stage.clock.instant = instant
        assert (stage.verdicts()["marie"], stage.verdicts()["admin"]) == (marie, admin)


def test_an_account_without_any_date_is_uncertain_at_every_instant(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", joined_at=None, last_seen_at=None))
    for days in (-10_000, 0, 10_000):
        stage.clock.instant = NOW + timedelta(days=days)
        assert stage.verdicts()["marie"] == "uncertain"


def test_an_exemption_lies_over_the_assessment_until_it_lapses(set_stage: SetStage) -> None:
    stage = set_stage(
        someone("marie"),
        someone("no.mail", email=None),
        someone("busy", idle=3),
        someone("admin", permissions=["edit_domain"]),
    )
    until = NOW + timedelta(days=10)
    for account in Account.objects.all():
        make_exemption(account, until=until, reason="x")
    before = dict(Assessment.objects.values_list("pk", "standing"))
    names = ("marie", "no.mail", "busy", "admin")
    assert [stage.verdicts()[name] for name in names] == ["protected", "protected", "active", "protected"]
    assert stage.account("marie").exempt_until == until
    stage.clock.instant = until
    assert [stage.verdicts()[name] for name in names] == ["dormant", "uncertain", "active", "protected"]
    assert stage.account("marie").exempt_until is None
    assert dict(Assessment.objects.values_list("pk", "standing")) == before


def test_a_tally_counts_the_listed_accounts_only(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("omar"), someone("no.mail", email=None))
    stage.remove("omar")
    stage.sync()
    assert assess.tally(workspace=stage.workspace, now=NOW) == {"active": 21, "dormant": 1, "uncertain": 1}


def test_a_tally_says_what_the_verdicts_of_all_say_at_any_instant(set_stage: SetStage) -> None:
    stage = set_stage(
        *(someone("marie"), someone("omar"), someone("no.mail", email=None), someone("busy", idle=3)),
        someone("admin", permissions=["edit_domain"]),
    )
    for name in ("marie", "no.mail", "busy", "admin"):
        make_exemption(stage.account(name), until=NOW + timedelta(days=10), reason="x")
    for days in (0, 9, 10, 727, 728, 10_000):
        stage.clock.instant = NOW + timedelta(days=days)
        found = assess.tally(workspace=stage.workspace, now=stage.clock.instant)
        assert found == Counter(stage.verdicts().values()), days


def test_a_policy_that_comes_into_force_meanwhile_is_not_overwritten(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(someone("marie", idle=800), someone("omar", idle=400))
    put_in_force(stage.workspace, policy_text(limit=365), now=NOW)
    judged = judging.Judging.row

    def judge_and_be_overtaken(one: judging.Judging, *stored: Any) -> tuple[Any, ...]:
        monkeypatch.setattr(judging.Judging, "row", judged)
        text = policy_text(limit=900)
        put_in_force(stage.workspace, text, now=NOW)
        return judged(one, *stored)

    monkeypatch.setattr(judging.Judging, "row", judge_and_be_overtaken)
    assess.assess(workspace=stage.workspace)
    assert set(Assessment.objects.values_list("policy__number", "limit_days")) == {(4, 900)}


def test_rights_that_changed_after_the_workspace_was_looked_up_count(set_stage: SetStage) -> None:
    team = records.group("team", "Team", [])
    stage = set_stage(someone("marie", groups=[{"uid": "team"}]), groups=[team])
    looked_up = Workspace.objects.get()
    regroup(stage)
    sync_workspace(workspace=stage.workspace, client=stage.client, key_owner="", clock=stage.clock)
    assert assess.is_owed(workspace=looked_up)
    assess.assess(workspace=looked_up)
    assert stage.verdicts()["marie"] == "protected"
    assert not assess.is_owed(workspace=Workspace.objects.get())


def test_a_policy_that_came_into_force_after_the_workspace_was_looked_up_counts(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie", idle=800))
    looked_up = Workspace.objects.get()
    setattr(looked_up, IN_FORCE, looked_up.current_policy)
    put_in_force(stage.workspace, policy_text(limit=900), now=NOW)
    assert assess.assess(workspace=looked_up) == Account.objects.count()
    assert set(Assessment.objects.values_list("policy__number", "limit_days")) == {(3, 900)}


def test_a_right_that_comes_to_be_disputed_has_the_account_judged_anew(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    Account.objects.filter(username="marie").update(disputed=["edit_domain"])
    assert assess.assess(workspace=stage.workspace) == 1
    assert stage.verdicts()["marie"] == "uncertain"


def test_two_that_assess_at_once_are_both_content_when_nobody_is_left(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"))
    version = stage.workspace.current_policy
    version.is_judged = False  # As it was when the second looked, before the first had noted that it was through.
    assert assess._is_done(version, [])


def test_nobody_is_judged_anew_for_what_is_kept_in_fewer_letters(set_stage: SetStage) -> None:
    stage = set_stage(someone("marie"), someone("odd", permissions="all"), others=5)
    stage.update("marie", last_seen_at=None, last_login_at=None)
    stage.sync()
    Account.objects.filter(username="odd").update(unconfirmed_activity_at=NOW - timedelta(days=3))
    assess.assess(workspace=stage.workspace)
    kept = list(Assessment.objects.order_by("pk").values_list("account", "basis"))
    assert Account.objects.filter(lost_activity_at__isnull=False).exists()
    shorter = import_module("accounts_review.migrations.0036_shorter_bases").SHORTER
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {LONGER}; {shorter}")
    assert list(Assessment.objects.order_by("pk").values_list("account", "basis")) == kept
    assert not assess.is_owed(workspace=stage.workspace)
