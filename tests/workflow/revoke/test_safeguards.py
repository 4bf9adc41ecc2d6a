"""Each safeguard, switched off in turn, lets something go wrong that it prevents: none of them is there for show.

The table below is the list: what is switched off, how, and a scenario that is safe with it and harmful without it.
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from accounts_review import audit
from accounts_review.huwise import Client, HuwiseError
from accounts_review.models import Case, Workspace
from accounts_review.rules import gate
from accounts_review.workflow import holds
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import notify
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke import delete_call, last_look, revoke
from accounts_review.workflow.sync import passes
from accounts_review.workflow.sync import sync as sync_module
from huwise_sandbox import records
from tests.stage import NOW, SetStage, Stage, days_ago, policy_text, someone
from tests.workflow.mishaps import (
    Act,
    activity_vanishes,
    claim_everything,
    crowd_lost_someone,
    cut_and_re_created,
    demote,
    exempt,
    find_the_database_behind,
    forget_the_key,
    get_more_time_after_the_claim,
    has_two_open_cases,
    hold_after_the_claim,
    hold_before_the_mail,
    hold_everything,
    key_changed_hands,
    key_is_refused,
    late_effect,
    look_slowly,
    make_due_unwarned,
    more_deletes_than_intents,
    newcomer_read_by_halves,
    newcomer_removed,
    open_a_second_case,
    pause_after_the_claim,
    quarantine,
    recreate,
    restore_an_older_database,
    several_are_claimed,
    somebody_else_was_removed,
    somebody_was_written_to,
    spend_the_hour,
    then_revoke,
    wake_up_late,
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
            patch.setattr(revoke, name, lambda terms, ask=ask: [o for o in ask(terms) if o.code not in codes])

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
    "new_rights": Safeguard(
        without("new_rights"), then_revoke(lambda s: s.update("marie", permissions=["explore_restricted_page"]))
    ),
    "new_groups": Safeguard(without("new_groups"), then_revoke(lambda s: s.update("marie", groups=[{"uid": "plain"}]))),
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
    "cleanup_not_running": Safeguard(
        without("cleanup_not_running"), then_revoke(lambda s: s.set_mode(Workspace.Mode.DRY_RUN))
    ),
    "cleanup_paused": Safeguard(without("cleanup_not_running"), then_revoke(pause_after_the_claim)),
    "not_noticed": Safeguard(without("not_noticed"), then_revoke(make_due_unwarned), policy=policy_text(notice=30)),
    "promise_not_reached": Safeguard(
        without("promise_not_reached"), get_more_time_after_the_claim, policy=policy_text(notice=30)
    ),
    "hourly_limit": Safeguard(without("hourly_limit"), then_revoke(spend_the_hour)),
    "stale_look": Safeguard(without("stale_look"), look_slowly),
}


# Around the gate


def believe_the_record(patch: pytest.MonkeyPatch) -> None:
    """Instead of a last look, what the last sync stored."""

    def stored(case: Case, *, client: Client, clock: Callable[[], Any]) -> last_look.Look:
        raw = case.account.raw.encode()
        patch_client = type("Stored", (), {"user": lambda self, name: raw, "groups": lambda self: []})()
        return last_look.look(case, client=patch_client, clock=clock)

    patch.setattr(revoke, "look", stored)


def send_after_the_lease(patch: pytest.MonkeyPatch) -> None:
    """The worker never asks whether its claim still holds: both clocks seem to stand still."""
    process = revoke.Revoker.process

    def careless(self: revoke.Revoker, case: Case) -> bool:
        clock, frozen = self.clock, time.monotonic()
        case.lease_until = clock() + timedelta(days=9)
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(time, "monotonic", lambda: frozen)
            inner.setattr(revoke, "LONGEST_LOOK", timedelta(days=9))
            return process(self, case)

    patch.setattr(revoke.Revoker, "process", careless)


def retry(patch: pytest.MonkeyPatch) -> None:
    """A DELETE that was not answered is sent once more."""
    delete = Client.delete_user

    def stubborn(client: Client, username: str) -> Any:
        try:
            return delete(client, username)
        except HuwiseError:
            return delete(client, username)

    patch.setattr(Client, "delete_user", stubborn)


def never_trip(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sync_module, "checks", lambda figures: [])


def call_it_complete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(passes.Walk, "_compare_counts", lambda self, client: None)
    patch.setattr(passes.Walk, "is_complete", True)


def drop_the_constraint(patch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX one_open_case_per_account")


def settle_by_one_reading(patch: pytest.MonkeyPatch) -> None:
    """An unknown outcome is settled at once, as if the quiet period were nothing."""
    read = revoke.Revoker._read_unknown

    def hasty(self: revoke.Revoker, case: Case) -> None:
        self.quiet = timedelta(0)
        read(self, case)

    patch.setattr(revoke.Revoker, "_read_unknown", hasty)


def never_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(delete_call, "stops_cleanup", lambda error: False)
    patch.setattr(revoke, "stops_cleanup", lambda error: False)


def start_all_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(revoke, "STAGES", ())


def let_anybody_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(revoke.Revoker, "_is_right_target", lambda self: True)


def overlook_the_bounce(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notify, "mark_bounced", lambda **_: 0)


def bounced_before_the_date(stage: Stage) -> None:
    stage.launch("marie")
    notify.send_notices(workspace=stage.workspace, now=NOW)
    notify.mark_bounced(message_id="", recipient="marie@ville.example", why="no such user", now=NOW)
    stage.clock.advance(days=31)
    notify.ripen(workspace=stage.workspace, now=stage.clock())
    stage.revoke()


def promise_what_the_policy_says_now(patch: pytest.MonkeyPatch) -> None:
    """The date that a person was given counts for nothing when the warning is sent once more."""
    patch.setattr(notify, "max", lambda promised, before: promised, raising=False)


def warned_again_under_a_shorter_notice(stage: Stage) -> None:
    stage.launch("marie")
    notify.send_notices(workspace=stage.workspace, now=NOW)
    given: dict[str, Any] = {"actor": stage.staff("operator"), "now": NOW}
    notify.mark_undeliverable(case=stage.case("marie"), why="bounced", **given)
    Case.objects.update(promised_at=NOW + timedelta(days=45))
    notify.retry_notice(case=stage.case("marie"), **given)
    notify.send_notices(workspace=stage.workspace, now=NOW)
    stage.clock.advance(days=31)
    notify.ripen(workspace=stage.workspace, now=stage.clock())
    stage.revoke()


def lose_the_record(patch: pytest.MonkeyPatch) -> None:
    """An audit entry that cannot be written is shrugged off."""

    def shrug(entries: Any) -> None:
        with suppress(DatabaseError), transaction.atomic():
            audit.append(entries)

    patch.setattr("accounts_review.audit.transitions.append", shrug)


def audit_cannot_be_written(stage: Stage) -> None:
    stage.launch("marie")
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE accounts_review_auditentry ADD CONSTRAINT disk_full CHECK (kind != 'case.intended')"
        )
    with suppress(DatabaseError):
        stage.revoke()


def allow_everybody(patch: pytest.MonkeyPatch) -> None:
    for stage in (launch, decide):
        patch.setattr(stage, "permit", lambda user, act: None)


def an_auditor_launches(stage: Stage) -> None:
    with suppress(PermissionDenied):
        stage.approve("marie", by="auditor")
        launch.launch(cleanup=stage.cleanup(), actor=stage.staff("auditor"), now=NOW)
        stage.case("marie").approved_by.groups.set([Role.objects.get(name="reviewer")])  # type: ignore[union-attr]
        stage.revoke()


def write_while_it_is_held(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holds, "check", lambda workspace, now: None)


AROUND = {
    "held_before_each_mail": Safeguard(
        write_while_it_is_held, hold_before_the_mail, somebody_was_written_to, policy=policy_text(notice=30)
    ),
    "last_look": Safeguard(believe_the_record, then_revoke(lambda s: s.update("marie", last_seen_at=days_ago(0)))),
    "lease_before_sending": Safeguard(send_after_the_lease, wake_up_late, lambda s: bool(s.deletes)),
    "no_retry_of_delete": Safeguard(retry, cut_and_re_created, more_deletes_than_intents),
    "quiet_period": Safeguard(settle_by_one_reading, late_effect, lambda s: len(s.deletes) > 1),
    "breaker": Safeguard(never_trip, activity_vanishes, crowd_lost_someone),
    "complete_extraction": Safeguard(call_it_complete, newcomer_read_by_halves, newcomer_removed),
    "one_open_case": Safeguard(drop_the_constraint, open_a_second_case, has_two_open_cases),
    "errors_that_stop": Safeguard(never_stop, key_is_refused, somebody_else_was_removed),
    "staged_start": Safeguard(start_all_at_once, claim_everything, several_are_claimed),
    "right_target": Safeguard(let_anybody_in, key_changed_hands),
    "bounce_is_no_notice": Safeguard(overlook_the_bounce, bounced_before_the_date, policy=policy_text(notice=30)),
    "promise_never_earlier": Safeguard(
        promise_what_the_policy_says_now, warned_again_under_a_shorter_notice, policy=policy_text(notice=30)
    ),
    "act_and_entry_together": Safeguard(lose_the_record, audit_cannot_be_written),
    "permission_at_the_act": Safeguard(allow_everybody, an_auditor_launches),
}
SAFEGUARDS = GATE | AROUND

LAWS = {
    "1 unknown is not old": {"verdict_uncertain"},
    "2 protected wins": {"verdict_protected", "key_owner_unknown"},
    "3 complete syncs": {"complete_extraction"},
    "4 breaker": {"breaker", "breaker_tripped"},
    "5 gate": {*GATE, "one_open_case"},
    "6 last look": {"last_look", "another_incarnation", "newer_activity", "new_rights", "new_groups", "stale_look"},
    "7 one intent, one DELETE": {"no_retry_of_delete", "quiet_period", "lease_before_sending"},
    "8 blast radius": {"hourly_limit", "staged_start", "errors_that_stop", "right_target"},
    "9 act and entry": {
        *("act_and_entry_together", "checkpoint", "held", "held_after_the_claim"),
        *("held_by_another_host", "held_before_each_mail"),
    },
    "10 promises": {"promise_not_reached", "not_noticed", "bounce_is_no_notice", "promise_never_earlier"},
    "11 queue a doorbell": {"lease_before_sending", "one_open_case"},
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
