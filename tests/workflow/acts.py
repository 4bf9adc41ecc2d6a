"""What may happen to a portal and its workspace, as rules of a state machine; test_stateful says what must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group as Role
from django.core.exceptions import PermissionDenied
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from accounts_review.lifecycle import IllegalMove
from accounts_review.models import Case, Cleanup, Exemption, Workspace
from accounts_review.record import Conflict
from accounts_review.sandbox import records
from accounts_review.workflow import assess, extract, launch, notify, review, revoke
from tests.stage import NOW, Stage, policy_text, someone
from tests.workflow.reference import RIGHT, Launched, Reference, Rules

NAMES = [f"person.{number}" for number in range(6)]
GROUPS = [
    records.group("readers", "Readers", ["explore_restricted_dataset"]),
    records.group("team", "Team", [RIGHT]),
    records.group("plain", "Plain", []),
]
DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*", "times": 1}
GET: dict[str, Any] = {"method": "GET", "times": 1}
FAULTS = {
    **{f"DELETE {status}": DELETE | {"kind": "status", "status": status} for status in (404, 500, 403)},
    **{f"DELETE {kind}": DELETE | {"kind": kind} for kind in ("cut_before", "cut_after")},
    "look 500": GET | {"kind": "status", "status": 500, "path": "/users/person*"},
    "look cut": GET | {"kind": "cut_before", "path": "/users/person*"},
    "list cut": GET | {"kind": "truncate", "path": "/users"},
    "list empty": GET | {"kind": "empty_list", "path": "/users"},
    "list short": GET | {"kind": "short_page", "path": "/users"},
}
DECIDERS = ("reviewer", "operator")
REFUSALS = (
    review.Refused,
    PermissionDenied,
    launch.CannotLaunch,
    IllegalMove,
    Conflict,
    extract.NothingTripped,
)
IN_FLIGHT = ("claimed", "intended", "unknown")

anyone = st.sampled_from(NAMES)
some = st.lists(anyone, min_size=1, max_size=4, unique=True)
decider = st.sampled_from(DECIDERS)
steps = st.sampled_from(["s1", "s2", "s3", "s4", "s5", "s6", "s8"])


class Crash(BaseException):
    """``kill -9``, as far as one process can play it: nothing of ours may catch it."""


class Acts(RuleBasedStateMachine):
    """Everything that can be done to the portal or happen around it. A test gives it a stage of its own."""

    stage: Stage
    model: Reference
    refused: set[str]
    at_step: Callable[[str], None]

    def __init__(self) -> None:
        super().__init__()
        self.undo = ExitStack()
        self.undo.enter_context(undone())
        self.sleepers: list[tuple[revoke.Revoker, Case]] = []
        self.arrange()

    def arrange(self) -> None:
        """Given by the test."""

    # People decide

    @initialize(who=some, rules=st.sampled_from([Rules(), Rules(notice=5), Rules(notice=30)]))
    def begin(self, who: list[str], rules: Rules) -> None:
        self.change_policy(rules)
        self.sync()
        self.approve(who, "reviewer")
        self.launch()

    @rule(who=some, by=decider)
    def approve(self, who: list[str], by: str) -> None:
        with suppress(*REFUSALS):
            for case in self.stage.approve(*who, by=by):
                self.model.approvals[case.pk] = (by, self.stage.clock.instant, dict(case.evidence))

    @rule(who=anyone, by=decider, days=st.sampled_from([1, 20, 300]))
    def exempt(self, who: str, by: str, days: int) -> None:
        accounts, now = self.stage.accounts(who), self.stage.clock()
        until = now + timedelta(days=days)
        with suppress(*REFUSALS):
            review.exempt(accounts=accounts, actor=self.stage.staff(by), reason="leave", until=until, now=now)
            self.model.exempt_until[accounts[0].pk] = until

    @rule(who=some, by=decider)
    def withdraw(self, who: list[str], by: str) -> None:
        accounts = self.stage.accounts(*who)
        with suppress(*REFUSALS):
            review.withdraw(accounts=accounts, actor=self.stage.staff(by), reason="no", now=self.stage.clock())
            for account in accounts:
                self.model.exempt_until.pop(account.pk, None)

    @rule()
    def launch(self) -> None:
        draft = Cleanup.objects.filter(state="draft").first()
        frozen = Launched(live=self.model.live, notice=self.model.current.notice)
        if draft is None:
            return
        with suppress(*REFUSALS):
            launch.launch(cleanup=draft, actor=self.stage.staff("administrator"), now=self.stage.clock())
            self.model.launched[draft.pk] = frozen

    @rule()
    def confirm(self) -> None:
        for cleanup in Cleanup.objects.filter(state="awaiting_confirmation"):
            launch.confirm(cleanup=cleanup, actor=self.stage.staff("second"), now=self.stage.clock())

    @rule(act=st.sampled_from(["pause", "resume", "resume", "cancel"]))
    def turn(self, act: str) -> None:
        step = {"pause": launch.pause, "resume": launch.resume, "cancel": launch.cancel}[act]
        with suppress(*REFUSALS):
            step(
                cleanup=self.stage.cleanup(),
                actor=self.stage.staff("administrator"),
                reason="x",
                now=self.stage.clock(),
            )

    # The portal is administered

    @rule(
        rules=st.builds(
            Rules,
            limit=st.sampled_from([730, 730, 400, 1200]),
            notice=st.sampled_from([0, 0, 5, 30]),
            protects_readers=st.booleans(),
            two_people=st.booleans(),
        )
    )
    def change_policy(self, rules: Rules) -> None:
        text = policy_text(
            limit=rules.limit,
            notice=rules.notice,
            expires=120,
            two_people=rules.two_people,
            per_cleanup=4,
            per_hour=4,
            groups=["readers"] if rules.protects_readers else [],
        )
        self.stage.adopt(text)
        self.model.current = self.model.rules[self.stage.workspace.current_policy.number] = rules

    @rule(live=st.sampled_from([True, True, False]))
    def set_mode(self, live: bool) -> None:
        self.stage.set_mode(Workspace.Mode.LIVE if live else Workspace.Mode.DRY_RUN)
        self.model.live = live

    @rule(by=decider, fate=st.sampled_from(["auditor", "inactive", "back", "back"]))
    def change_role(self, by: str, fate: str) -> None:
        user = self.stage.staff(by)
        user.is_active = fate != "inactive"
        user.save()
        user.groups.set([Role.objects.get(name="auditor" if fate == "auditor" else by)])
        self.model.roles.pop(by, None)
        if fate == "back":
            self.model.roles[by] = by

    @rule(discard=st.booleans())
    def reset_breaker(self, discard: bool) -> None:
        actor, now = self.stage.staff("administrator"), self.stage.clock()
        with suppress(*REFUSALS):
            extract.reset_breaker(workspace=self.stage.workspace, actor=actor, reason="x", discard=discard, now=now)
            assess.assess(workspace=self.stage.workspace)

    # The world goes on

    @rule(who=anyone, hours=st.integers(0, 20_000))
    def log_in(self, who: str, hours: int) -> None:
        self._in_truth(who, last_seen_at=(self.stage.clock.instant - timedelta(hours=hours)).isoformat())

    @rule(who=anyone, group=st.sampled_from(["readers", "team", "plain"]))
    def join_group(self, who: str, group: str) -> None:
        self._in_truth(who, groups=[{"uid": group}])

    @rule(who=anyone, rights=st.sampled_from([[], [RIGHT], ["explore_restricted_page"]]))
    def change_rights(self, who: str, rights: list[str]) -> None:
        self._in_truth(who, permissions=rights, groups=[])

    @rule(who=anyone)
    def recreate(self, who: str) -> None:
        joined = (self.stage.clock.instant - timedelta(days=900)).isoformat()
        self.stage.site.workspace.put(someone(who, joined_at=joined, last_seen_at=None))

    @rule(who=anyone)
    def vanish(self, who: str) -> None:
        self.stage.site.workspace.remove(who, guarded=False)

    @rule(by=st.sampled_from([{"minutes": 3}, {"hours": 2}, {"days": 5}, {"days": 31}]))
    def time_passes(self, by: dict[str, float]) -> None:
        self.stage.clock.advance(**by)

    @rule(fault=st.sampled_from(sorted(FAULTS)))
    def misbehave(self, fault: str) -> None:
        self.stage.order(FAULTS[fault])

    # The portal works

    @rule()
    def sync(self) -> None:
        self.stage.sync()

    @rule(refused=st.sampled_from([None, None, *NAMES]))
    def send_notices(self, refused: str | None) -> None:
        self.refused.update({f"{refused}@ville.example"} if refused else ())
        notify.send_notices(workspace=self.stage.workspace, now=self.stage.clock())
        self.refused.clear()

    @rule(quiet=st.sampled_from([0.0, 0.0, 60.0]), limit=st.sampled_from([1, 3, 100]))
    def revoke(self, quiet: float, limit: int) -> None:
        notify.ripen(workspace=self.stage.workspace, now=self.stage.clock())
        self.stage.revoke(limit=limit, quiet=quiet)

    @rule(step=steps)
    def crash(self, step: str) -> None:
        def die(label: str) -> None:
            if label == step:
                raise Crash

        self._revoke_while(die)

    @rule(step=st.sampled_from(["s1", "s2"]), who=anyone, event=st.sampled_from(["log_in", "join_group", "recreate"]))
    def surprise(self, step: str, who: str, event: str) -> None:
        """The world changes while the worker is on its way to the last look."""
        events: dict[str, Callable[[], object]] = {
            "log_in": lambda: self.log_in(who, 0),
            "join_group": lambda: self.join_group(who, "team"),
            "recreate": lambda: self.recreate(who),
        }
        self._revoke_while(lambda label: events[event]() if label == step else None)

    @rule(
        step=st.sampled_from(["s1", "s2", "s3"]), event=st.sampled_from(["demote", "pause", "raise", "exempt", "dry"])
    )
    def change_of_mind(self, step: str, event: str) -> None:
        """The portal changes while the worker is on its way to the gate."""
        events: dict[str, Callable[[], object]] = {
            "demote": lambda: self.change_role("reviewer", "auditor"),
            "pause": lambda: self.turn("pause"),
            "raise": lambda: self.change_policy(Rules(limit=1200)),
            "exempt": self._exempt_everyone,
            "dry": lambda: self.set_mode(live=False),
        }
        self._revoke_while(lambda label: events[event]() if label == step else None)

    @rule()
    def fall_asleep(self) -> None:
        """A worker claims a case and then stands still."""
        revoker = self.stage.revoker(lease=60)
        if case := revoker.claim():
            self.sleepers.append((revoker, case))

    @precondition(lambda self: self.sleepers)
    @rule()
    def wake(self) -> None:
        revoker, case = self.sleepers.pop()
        revoker.process(case)

    def _revoke_while(self, happens: Callable[[str], object]) -> None:
        once: list[str] = []

        def step(label: str) -> None:
            once.append(label)
            # Whatever happens may come by here again, and happens once.
            if once.count(label) == 1:
                happens(label)

        notify.ripen(workspace=self.stage.workspace, now=self.stage.clock())
        type(self).at_step = staticmethod(step)
        try:
            self.stage.revoke(quiet=60)
        except Crash:
            pass
        finally:
            type(self).at_step = staticmethod(lambda label: None)

    def _exempt_everyone(self) -> None:
        """As an import would, which asks no case whether it is in flight."""
        until = self.stage.clock() + timedelta(days=20)
        for account in self.stage.accounts(*NAMES):
            Exemption.objects.filter(account=account, withdrawn_at=None).delete()
            Exemption.objects.create(account=account, until=until, reason="leave", by_login="import", at=NOW)
            self.model.exempt_until[account.pk] = until

    def _in_truth(self, who: str, **fields: Any) -> None:
        self.stage.site.workspace.update(who, fields)


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that never was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
