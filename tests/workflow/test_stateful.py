"""Anything may happen, in any order: decisions, logins, clock jumps, faults and crashes, against a reference model."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core.mail.backends.locmem import EmailBackend
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts_review import audit
from accounts_review.huwise import Client
from accounts_review.models import AuditEntry, Case, Cleanup
from accounts_review.workflow import advance, answer, brake
from accounts_review.workflow.revoke import worker
from huwise_sandbox.server import SandboxServer
from tests.stage import client_of, site_of
from tests.workflow.happenings import DECIDERS, FAULTS, FAULTS_OF_LISTS, NAMES, Crash, Happenings
from tests.workflow.reference import FEWEST, SHARE, Rules, name_of
from tests.workflow.stateful_kit import stage_of, undone

BASIS = settings(
    stateful_step_count=40, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
settings.register_profile("stateful", BASIS, max_examples=25, derandomize=True)
settings.register_profile("soak", BASIS, max_examples=200)

PROFILE = "soak" if os.environ.get("SOAK") else "stateful"
UNDER_WAY = ("awaiting_confirmation", "running", "paused")
IN_FLIGHT = ("claimed", "intended", "unknown")
STEPS = ("s1", "s2", "s3", "s4", "s5", "s6", "s8")

LIFE = (
    *("logs in", "logs in", "had logged in", "joins readers", "joins team", "joins plain", "gains a right"),
    *("is promoted", "loses all rights", "is re-created", "vanishes", "moves", "dates vanish", "dates go back"),
)

CHANGES = (
    *("pause", "resume", "resume", "cancel", "live", "live", "dry run", "demote", "dismiss", "promote", "promote"),
    *("higher limit", "exempt everyone", "accept dates", "hold", "release", "release"),
    *("restore a backup", "accept the database", "accept the database"),
)

FIGURES = ("runs", "steps", "DELETEs", "mails", "moves", "violations")
anyone = st.sampled_from(NAMES)
decider = st.sampled_from(DECIDERS)
fault = st.sampled_from(["", "", "", *FAULTS])

policies = st.builds(
    Rules,
    limit=st.sampled_from([730, 730, 400, 1200]),
    notice=st.sampled_from([0, 0, 5, 30]),
    protects_readers=st.booleans(),
    two_people=st.booleans(),
)


class PortalMachine(RuleBasedStateMachine):
    """The portal and its workspace; each run is a transaction that is undone."""

    act: Happenings
    set_up: Callable[[], Happenings]
    figures: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.undo = ExitStack()
        self.undo.enter_context(undone())
        self.sleepers: list[tuple[worker.Revoker, Case]] = []
        type(self).act = self.set_up()

    def teardown(self) -> None:
        try:
            self.come_to_rest()
            self.count()
        finally:
            self.undo.close()

    def count(self) -> None:
        """What this run has seen: a test in which nothing happens would pass as well."""
        held = AuditEntry.objects.filter(kind__in=("case.spared", "case.held")).values_list(
            "personal__details__why", flat=True
        )
        self.figures.update(f"why {objection['code']}" for why in held for objection in why if "code" in objection)
        stopped = AuditEntry.objects.filter(kind="cleanup.stopped")
        stops = stopped.values_list("personal__details__why__code", flat=True)
        self.figures.update(f"stop {code}" for code in stops)
        self.figures.update({"runs": 1, "DELETEs": self.act.model.sent, "mails": len(self.act.model.mails)})
        self.figures["moves"] += AuditEntry.objects.filter(kind="case.address_changed").count()
        self.figures["violations"] += len(self.act.model.violations)

    @initialize(rules=st.sampled_from([Rules(), Rules(), Rules(notice=5)]), by=decider)
    def begin(self, rules: Rules, by: str) -> None:
        self.act.change_policy(rules)
        self.act.begin_a_round(by)

    # People decide, the world goes on

    @rule(
        who=anyone,
        by=decider,
        does=st.sampled_from(["approve", "exempt", "withdraw", "launch", "confirm", "answer"]),
        days=st.sampled_from([1, 20, 300]),
        kind=st.sampled_from(list(answer.AnswerKind)),
    )
    def decide(self, who: str, by: str, does: str, days: int, kind: answer.AnswerKind) -> None:
        acts: dict[str, Callable[[], None]] = {
            "approve": lambda: self.act.approve([who], by),
            "exempt": lambda: self.act.exempt(who, by, days),
            "withdraw": lambda: self.act.withdraw(who, by),
            "launch": self.act.launch,
            "confirm": self.act.confirm,
            "answer": lambda: self.act.answer(who, kind),
        }
        acts[does]()

    @rule(by=decider, change=st.sampled_from(CHANGES))
    def change(self, by: str, change: str) -> None:
        self.act.changes[change](by)

    @rule(rules=policies)
    def change_policy(self, rules: Rules) -> None:
        self.act.change_policy(rules)

    @rule(who=anyone, event=st.sampled_from(LIFE))
    def live(self, who: str, event: str) -> None:
        self.act.life[event](who)

    @rule(by=st.sampled_from([{"minutes": 3}, {"hours": 2}, {"days": 5}, {"days": 31}]))
    def wait(self, by: dict[str, float]) -> None:
        self.act.stage.clock.advance(**by)

    # The portal works

    @rule(by=decider)
    def begin_a_round(self, by: str) -> None:
        self.act.begin_a_round(by)

    @rule(fault=st.sampled_from(["", "", *FAULTS_OF_LISTS]))
    def sync(self, fault: str) -> None:
        self.act.misbehave(fault)
        self.act.stage.sync()

    @rule(discard=st.booleans())
    def reset_breaker(self, discard: bool) -> None:
        self.act.reset_breaker(discard=discard)

    @rule(refused=st.sampled_from(["", "sender", *NAMES[:3]]))
    def send_notices(self, refused: str) -> None:
        self.act.send_notices(refused)

    @rule(who=anyone, again=st.booleans())
    def bounce(self, who: str, again: bool) -> None:
        self.act.bounce(who)
        if again:
            self.act.warn_again(who)

    @rule(by=decider, who=anyone, synced=st.booleans())
    def move_after_the_warning(self, by: str, who: str, synced: bool) -> None:
        """Somebody is warned, then has another address; a sync sees it, or only the last look."""
        self.act.change_policy(Rules(notice=5))
        self.act.begin_a_round(by)
        self.act.send_notices()
        self.act.change_address(who)
        if synced:
            self.act.stage.sync()
        self.act.stage.clock.advance(days=5)
        self.act.revoke()
        self.act.send_notices()

    @rule(fault=fault)
    def let_a_week_pass(self, fault: str) -> None:
        self.act.misbehave(fault)
        for _ in range(7):
            self.act.stage.clock.advance(days=1)
            self.act.send_notices()
            self.act.revoke(limit=1)

    @rule(fault=fault, quiet=st.sampled_from([0.0, 60.0]), limit=st.sampled_from([1, 2, 4]))
    def revoke(self, fault: str, quiet: float, limit: int) -> None:
        self.act.misbehave(fault)
        self.act.revoke(quiet=quiet, limit=limit)

    @rule(fault=fault, step=st.sampled_from(STEPS))
    def crash(self, fault: str, step: str) -> None:
        def die() -> None:
            raise Crash

        self.act.misbehave(fault)
        self.act.revoke_while(die, step=step)

    @rule(step=st.sampled_from(["s1", "s2"]), who=anyone, event=st.sampled_from(LIFE))
    def surprise(self, step: str, who: str, event: str) -> None:
        """The world changes while the worker is on its way to the last look."""
        self.act.revoke_while(lambda: self.act.life[event](who), step=step)

    @rule(step=st.sampled_from(["s1", "s2", "s3"]), by=decider, change=st.sampled_from(CHANGES))
    def change_of_mind(self, step: str, by: str, change: str) -> None:
        """The portal changes while the worker is on its way to the gate."""
        self.act.revoke_while(lambda: self.act.changes[change](by), step=step)

    @rule()
    def suspend(self) -> None:
        """The worker's machine is suspended between the intent and the DELETE, and wakes up an hour later."""
        self.act.revoke_while(lambda: self.act.stage.clock.advance(hours=1), step="s5")

    @precondition(lambda self: not self.sleepers)
    @rule()
    def fall_asleep(self) -> None:
        if sleeper := self.act.sleeper():
            self.sleepers.append(sleeper)

    @precondition(lambda self: self.sleepers)
    @rule()
    def wake(self) -> None:
        revoker, case = self.sleepers.pop()
        revoker.process(case)

    # What must hold

    @invariant()
    def nobody_is_wronged(self) -> None:
        self.figures["steps"] += 1
        assert not self.act.model.violations
        intents = AuditEntry.objects.filter(kind="case.intended").count()
        assert len(self.act.stage.deletes) == self.act.model.sent <= intents

    @invariant()
    def no_more_than_a_share_is_on_its_way(self) -> None:
        """However many launches there were: those in live clean-ups, and those removed within thirty days."""
        since = self.act.stage.clock.instant - timedelta(days=30)
        going = Case.objects.open().filter(cleanup__dry_run=False, cleanup__state__in=UNDER_WAY).count()
        gone = Case.objects.filter(state="revoked", moved_at__gt=since).count()
        assert going + gone <= SHARE * (len(NAMES) + 31 + gone)

    @invariant()
    def promises_hold(self) -> None:
        model = self.act.model
        rows = Case.objects.values_list("pk", "promised_at")
        promises = {pk: promised for pk, promised in rows if promised is not None}
        assert not [pk for pk, at in model.promises.items() if promises[pk] < at and pk not in model.hastened]
        model.promises = promises

    @invariant()
    def the_record_tells_the_whole_story(self) -> None:
        assert audit.verify()[1] is None
        told: dict[int | None, str] = {}
        entries = AuditEntry.objects.exclude(account_id=None).order_by("seq")
        for kind, account, data in entries.values_list("kind", "account_id", "data"):
            told[account] = "in_draft" if kind == "account.approved" else data.get("to", told.get(account, ""))
        stand = dict(Case.objects.order_by("pk").values_list("account_id", "state"))
        assert {account: state for account, state in told.items() if state} == stand

    def come_to_rest(self) -> None:
        """No more faults, and time enough: what was on its way arrives, and what is still right is done."""
        self.act.misbehave("")
        self.act.set_mode(live=True)
        self.act.release()
        self.act.accept_the_database()
        self.act.reset_breaker(discard=True)
        self.act.confirm()
        self.resume_all()
        owed = self.owed()
        for _ in range(8):
            self.resume_all()
            self.act.stage.clock.advance(minutes=61)
            advance.make_due(workspace=self.act.stage.workspace, now=self.act.stage.clock())
            self.act.stage.revoke()
            if not Case.objects.filter(state__in=("due", *IN_FLIGHT)).exists():
                break
        now = self.act.stage.clock()
        self.nobody_is_wronged()
        self.the_record_tells_the_whole_story()
        assert not Case.objects.filter(state__in=IN_FLIGHT).exists()
        held = Case.objects.filter(state="due", cleanup__state="running").select_related("account")
        assert all(case.outcome and "held_since" in case.outcome for case in held)
        assert all(self.act.model.against(case, now=now) for case in held)
        assert set(Case.objects.filter(pk__in=owed).values_list("state", flat=True)) <= {"revoked", "already_gone"}

    def resume_all(self) -> None:
        while Cleanup.objects.filter(state="paused").exists():
            self.act.turn("resume", "everybody")

    def owed(self) -> list[int]:
        """Cases that nothing speaks against, now or by the time that the last of them must be done."""
        due = Case.objects.filter(state__in=("due", *IN_FLIGHT), cleanup__state="running").select_related("account")
        instants = (self.act.stage.clock(), self.act.stage.clock() + timedelta(hours=9))
        return [c.pk for c in due if not any(self.act.model.against(c, now=instant) for instant in instants)]


@pytest.mark.slow(reason="a thousand steps against a reference model, each checked in full")
def test_whatever_happens_nobody_is_wronged_and_nothing_is_left_undone(
    db: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    delete, deliver = Client.delete_user, EmailBackend.send_messages

    def witnessed(client: Client, username: str) -> Any:
        PortalMachine.act.model.witness(username, now=PortalMachine.act.stage.clock.instant)
        return delete(client, username)

    def delivered(backend: EmailBackend, messages: Any) -> int:
        for message in messages:
            if PortalMachine.act.refused in ("sender", name_of(message.to[0])):
                said = b"5.4.5 Quota" if PortalMachine.act.refused == "sender" else b"5.1.1 unknown"
                raise SMTPRecipientsRefused({message.to[0]: (550, said)})
            PortalMachine.act.model.mailed(message.to[0], now=PortalMachine.act.stage.clock.instant)
        return deliver(backend, messages)

    monkeypatch.setattr(Client, "delete_user", witnessed)
    monkeypatch.setattr(EmailBackend, "send_messages", delivered)
    monkeypatch.setattr(brake, "FEWEST", FEWEST)
    monkeypatch.setattr(worker, "crashpoint", lambda label: PortalMachine.act.at_step(label))
    with SandboxServer(site_of([])) as server, client_of(server.url) as client:
        monkeypatch.setattr(
            PortalMachine, "set_up", lambda machine: Happenings(stage_of(server, client)), raising=False
        )
        run_state_machine_as_test(PortalMachine, settings=settings.get_profile(PROFILE))
    seen = PortalMachine.figures
    with capsys.disabled():
        print(
            f"\nstateful: {', '.join(f'{seen[n]} {n}' for n in FIGURES)} in {time.monotonic() - began:.0f} s;", end=" "
        )
        print(
            "stopped for:",
            ", ".join(f"{n[5:]} {count}" for n, count in seen.items() if n.startswith("stop ")),
            end="; ",
        )
        print("kept for:", ", ".join(f"{name[4:]} {n}" for name, n in seen.most_common() if name.startswith("why ")))
    assert all(seen[name] for name in FIGURES[:-1])
