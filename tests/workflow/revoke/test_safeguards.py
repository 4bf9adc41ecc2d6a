"""Each safeguard, switched off in turn, lets something go wrong that it prevents: none of them is there for show.

The table below is the list: what is switched off, how, and a scenario that is safe with it and harmful without it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection

from accounts_review.models import Workspace
from accounts_review.rules import gate
from accounts_review.workflow.launch import launch
from accounts_review.workflow.revoke import worker
from huwise_sandbox import records
from tests.factories import give_role
from tests.stage import NOW, SetStage, Stage, days_ago, policy_text, someone
from tests.workflow.hold_mishaps import (
    find_the_database_behind,
    hold_after_the_claim,
    hold_before_the_mail,
    hold_everything,
    restore_an_older_database,
    somebody_was_written_to,
)
from tests.workflow.mail_mishaps import (
    address_outside_ascii,
    bounced_before_the_date,
    quota_is_used_up,
    somebody_is_undeliverable,
    warned_again_under_a_shorter_notice,
)
from tests.workflow.mishaps import (
    Act,
    claim_everything,
    crowd_lost_someone,
    cut_and_re_created,
    dates_of_one_vanish,
    demote,
    exempt,
    first_sync_without_dates,
    forget_the_key,
    get_more_time_after_the_claim,
    groups_vanish,
    has_two_open_cases,
    key_changed_hands,
    key_is_refused,
    key_of,
    late_effect,
    launch_one_by_one,
    look_slowly,
    make_due_unwarned,
    more_deletes_than_intents,
    more_than_one_is_gone,
    more_than_two_tries,
    name_her_in_capitals,
    never_answers,
    newcomer_read_by_halves,
    newcomer_removed,
    open_a_second_case,
    pause_after_the_claim,
    quarantine,
    recreate,
    several_are_claimed,
    somebody_else_was_removed,
    spend_the_hour,
    staff_lost_someone,
    the_others_speak_against_it,
    the_same_wrong_answer_twice,
    then_revoke,
    wake_up_late,
    warned_elsewhere,
)
from tests.workflow.revoke.sabotage import (
    allow_everybody,
    believe_a_first_sync,
    believe_the_record,
    believe_whoever_is_named,
    call_it_complete,
    charge_everybody,
    compare_letter_by_letter,
    count_each_launch_alone,
    drop_the_constraint,
    know_the_owner_letter_by_letter,
    let_anybody_in,
    let_dates_go_back,
    lose_the_record,
    never_stop,
    never_trip,
    overlook_the_bounce,
    promise_what_the_policy_says_now,
    release_the_brake,
    retry,
    send_after_the_lease,
    settle_by_one_reading,
    start_all_at_once,
    store_what_is_set_aside,
    try_for_ever,
    write_to_anybody,
    write_while_it_is_held,
)

Switch = Callable[[pytest.MonkeyPatch], object]


@dataclass(frozen=True, slots=True)
class Safeguard:
    """How to switch it off; what happens to Marie, who is due; and how the harm shows."""

    off: Switch
    happens: Act
    harm: Callable[[Stage], bool] = lambda stage: "marie" not in stage.members
    policy: str = ""


def without(*codes: str) -> Switch:
    """The gate does not object for these reasons, nor does the claim wait for them to pass."""

    def switch(patch: pytest.MonkeyPatch) -> None:
        for name in ("objections", "standstill"):
            ask = getattr(gate, name)
            patch.setattr(worker, name, lambda terms, ask=ask: [o for o in ask(terms) if o.code not in codes])

    return switch


GATE = {
    "held": Safeguard(without("held"), then_revoke(hold_everything)),
    "held_after_the_claim": Safeguard(without("held"), hold_after_the_claim),
    "held_by_another_host": Safeguard(without("held"), then_revoke(find_the_database_behind)),
    "checkpoint": Safeguard(without("checkpoint"), then_revoke(restore_an_older_database)),
    "another_incarnation": Safeguard(without("another_incarnation"), then_revoke(recreate)),
    "newer_activity": Safeguard(
        without("newer_activity"), then_revoke(lambda s: s.update("marie", last_login_at=days_ago(800)))
    ),
    # The verdict doubts a date that vanished as well, so both have to overlook it.
    "earlier_activity": Safeguard(
        without("earlier_activity", "verdict_uncertain"), then_revoke(lambda s: s.update("marie", last_seen_at=None))
    ),
    "unreadable_record": Safeguard(
        without("unreadable_record"), then_revoke(lambda s: s.update("marie", joined_at=None))
    ),
    "new_rights": Safeguard(
        without("new_rights"), then_revoke(lambda s: s.update("marie", permissions=["explore_restricted_page"]))
    ),
    "new_groups": Safeguard(without("new_groups"), then_revoke(lambda s: s.update("marie", groups=[{"uid": "plain"}]))),
    "another_address": Safeguard(
        without("another_address"), then_revoke(lambda s: s.update("marie", email="m@elsewhere.example"))
    ),
    "verdict_active": Safeguard(without("verdict_active"), then_revoke(lambda s: s.adopt(policy_text(limit=2000)))),
    "verdict_protected": Safeguard(without("verdict_protected"), then_revoke(lambda s: s.update("marie", is_ods=True))),
    "verdict_uncertain": Safeguard(
        without("verdict_uncertain"), then_revoke(lambda s: s.update("marie", last_login_at="yesterday"))
    ),
    "exempt": Safeguard(without("exempt"), then_revoke(exempt)),
    "approver_may_no_longer": Safeguard(without("approver_may_no_longer"), then_revoke(demote)),
    "approval_expired": Safeguard(without("approval_expired"), then_revoke(lambda s: s.clock.advance(days=60))),
    "key_owner_unknown": Safeguard(without("key_owner_unknown"), then_revoke(forget_the_key)),
    "breaker_tripped": Safeguard(without("breaker_tripped"), then_revoke(quarantine)),
    "cleanup_not_running": Safeguard(without("cleanup_not_running"), then_revoke(pause_after_the_claim)),
    "workspace_in_dry_run": Safeguard(
        without("workspace_in_dry_run"), then_revoke(lambda s: s.set_mode(Workspace.Mode.DRY_RUN))
    ),
    "not_noticed": Safeguard(without("not_noticed"), then_revoke(make_due_unwarned), policy=policy_text(notice=30)),
    "address_changed": Safeguard(
        without("address_changed"), warned_elsewhere, policy=policy_text(notice=30, expires=120)
    ),
    "promise_not_reached": Safeguard(
        without("promise_not_reached"), get_more_time_after_the_claim, policy=policy_text(notice=30)
    ),
    "avoided_day": Safeguard(
        without("avoided_day"), then_revoke(lambda s: None), policy=policy_text(avoid=[f"{NOW:%Y-%m-%d}"])
    ),
    "launch_waits": Safeguard(without("launch_waits"), then_revoke(lambda s: None), policy=policy_text(wait=24)),
    "hourly_limit": Safeguard(without("hourly_limit"), then_revoke(spend_the_hour)),
    "stale_look": Safeguard(without("stale_look"), look_slowly),
}


def audit_cannot_be_written(stage: Stage) -> None:
    stage.launch("marie")
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE accounts_review_auditentry ADD CONSTRAINT disk_full CHECK (kind != 'case.intended')"
        )
    with suppress(DatabaseError):
        stage.revoke()


def an_auditor_launches(stage: Stage) -> None:
    with suppress(PermissionDenied):
        stage.approve("marie", by="auditor")
        launch.launch(cleanup=stage.cleanup(), actor=stage.staff("auditor"), now=NOW)
        give_role(stage.case("marie").approved_by, "reviewer")  # type: ignore[arg-type]
        stage.revoke()


AROUND = {
    "held_before_each_mail": Safeguard(
        write_while_it_is_held, hold_before_the_mail, somebody_was_written_to, policy=policy_text(notice=30)
    ),
    "last_look": Safeguard(believe_the_record, then_revoke(lambda s: s.update("marie", last_seen_at=days_ago(0)))),
    "lease_before_sending": Safeguard(send_after_the_lease, wake_up_late, lambda s: bool(s.deletes)),
    "no_retry_of_delete": Safeguard(retry, cut_and_re_created, more_deletes_than_intents),
    "quiet_period": Safeguard(settle_by_one_reading, late_effect, lambda s: len(s.deletes) > 1),
    "breaker": Safeguard(never_trip, groups_vanish, staff_lost_someone, policy_text(groups=["plain"])),
    "first_sync": Safeguard(believe_a_first_sync, first_sync_without_dates),
    "dates_never_go_back": Safeguard(let_dates_go_back, dates_of_one_vanish, crowd_lost_someone),
    "set_aside_leaves_nothing": Safeguard(store_what_is_set_aside, the_same_wrong_answer_twice, crowd_lost_someone),
    "complete_sync": Safeguard(call_it_complete, newcomer_read_by_halves, newcomer_removed),
    "one_open_case": Safeguard(drop_the_constraint, open_a_second_case, has_two_open_cases),
    "errors_that_stop": Safeguard(never_stop, key_is_refused, somebody_else_was_removed),
    "no_third_delete": Safeguard(try_for_ever, never_answers, more_than_two_tries),
    "share_of_thirty_days": Safeguard(
        count_each_launch_alone, launch_one_by_one, more_than_one_is_gone, policy=policy_text(share=0.05)
    ),
    "brake_on_objections": Safeguard(release_the_brake, the_others_speak_against_it, policy=policy_text(notice=30)),
    "staged_start": Safeguard(start_all_at_once, claim_everything, several_are_claimed),
    "right_target": Safeguard(let_anybody_in, key_changed_hands),
    "bounce_is_no_notice": Safeguard(overlook_the_bounce, bounced_before_the_date, policy=policy_text(notice=30)),
    "promise_never_earlier": Safeguard(
        promise_what_the_policy_says_now, warned_again_under_a_shorter_notice, policy=policy_text(notice=30)
    ),
    "refusals_of_the_sender": Safeguard(
        charge_everybody, quota_is_used_up, somebody_is_undeliverable, policy=policy_text(notice=30)
    ),
    "smtputf8": Safeguard(write_to_anybody, address_outside_ascii, policy=policy_text(notice=30)),
    "act_and_entry_together": Safeguard(lose_the_record, audit_cannot_be_written),
    "names_in_capitals": Safeguard(compare_letter_by_letter, then_revoke(name_her_in_capitals)),
    "owner_in_capitals": Safeguard(know_the_owner_letter_by_letter, key_of("MARIE")),
    "owner_in_list": Safeguard(believe_whoever_is_named, key_of("the.robot")),
    "permission_at_the_act": Safeguard(allow_everybody, an_auditor_launches),
}

SAFEGUARDS = GATE | AROUND

LAWS = {
    "1 unknown is not old": {"verdict_uncertain", "first_sync", "dates_never_go_back"},
    "2 protected wins": {
        "verdict_protected",
        "key_owner_unknown",
        "names_in_capitals",
        "owner_in_capitals",
        "owner_in_list",
    },
    "3 complete syncs": {"complete_sync"},
    "4 breaker": {"breaker", "breaker_tripped", "set_aside_leaves_nothing"},
    "5 gate": {*GATE, "one_open_case"},
    "6 last look": {
        *("last_look", "another_incarnation", "newer_activity", "earlier_activity", "unreadable_record"),
        *("new_rights", "new_groups", "another_address", "stale_look"),
    },
    "7 one intent, one DELETE": {"no_retry_of_delete", "quiet_period", "lease_before_sending", "no_third_delete"},
    "8 blast radius": {
        *("hourly_limit", "launch_waits", "avoided_day", "staged_start", "errors_that_stop", "right_target"),
        *("share_of_thirty_days", "brake_on_objections"),
    },
    "9 act and entry": {
        *("act_and_entry_together", "checkpoint", "held", "held_after_the_claim"),
        *("held_by_another_host", "held_before_each_mail"),
    },
    "10 promises": {
        *("refusals_of_the_sender", "smtputf8", "promise_not_reached", "not_noticed"),
        *("bounce_is_no_notice", "promise_never_earlier"),
    },
    "11 the row is the truth": {"lease_before_sending", "one_open_case"},
    "12 default deny": {"permission_at_the_act", "approver_may_no_longer"},
}
"""By law: the safeguards that keep it."""


@pytest.fixture
def stage(set_stage: SetStage, request: pytest.FixtureRequest) -> Stage:
    """Marie, Omar and Zoe are dormant; twenty others are not."""
    safeguard: Safeguard = request.getfixturevalue("safeguard")
    plain = records.group("plain", "Plain", [])
    people = [someone(name) for name in ("marie", "omar", "zoe")]
    stage: Stage = set_stage(*people, groups=[plain], policy=safeguard.policy or policy_text())
    return stage


@pytest.mark.matrix(fast=12, reason="each cell is a clean-up of its own, run twice")
@pytest.mark.parametrize("safeguard", SAFEGUARDS.values(), ids=SAFEGUARDS)
@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
def test_the_harm_is_done_only_without_the_safeguard(
    stage: Stage, safeguard: Safeguard, is_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_on:
        safeguard.off(monkeypatch)
    safeguard.happens(stage)
    assert safeguard.harm(stage) is not is_on


def test_every_law_has_its_safeguards_and_every_safeguard_its_law(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nsafeguards: {len(SAFEGUARDS)}, each switched off once")
        for law, names in LAWS.items():
            print(f"  law {law}: {', '.join(sorted(names))}")
    assert set().union(*LAWS.values()) == set(SAFEGUARDS)
    assert len(LAWS) == 12


def test_the_list_names_every_objection_of_the_gate() -> None:
    """So that a new objection is not forgotten here."""
    assert set(re.findall(r'Objection\("(\w+)"', inspect.getsource(gate))) <= set(GATE)
