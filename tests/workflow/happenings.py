"""What can happen to the portal and its workspace, each told to the reference model as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.models import Account, Case, Cleanup, Exemption, Workspace
from accounts_review.rules.lifecycle import IllegalTransition
from accounts_review.workflow import advance, answer, holds
from accounts_review.workflow.assess import assess
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import bounces
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke.worker import Revoker
from accounts_review.workflow.sync.accept import accept_dates
from accounts_review.workflow.sync.sync import NothingTripped, reset_breaker
from huwise_sandbox import records
from tests.factories import give_role, make_exemption
from tests.stage import NOW, Stage, policy_text, someone
from tests.workflow import hold_mishaps
from tests.workflow.reference import AGAINST, RIGHT, SHARE, Launched, Reference, Rules

NAMES = [f"person.{number}" for number in range(8)]
DECIDERS = ("reviewer", "operator")
GROUPS = [
    records.group("readers", "Readers", ["explore_restricted_dataset"]),
    records.group("team", "Team", [RIGHT]),
    records.group("plain", "Plain", []),
]

DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*", "times": 1}
LOOK: dict[str, Any] = {"method": "GET", "path": "/users/person*", "times": 1}
LIST: dict[str, Any] = {"method": "GET", "path": "/users", "times": 1}
FAULTS = {
    **{f"DELETE {status}": DELETE | {"kind": "status", "status": status} for status in (404, 500, 403)},
    **{f"DELETE {kind}": DELETE | {"kind": kind} for kind in ("cut_before", "cut_after")},
    "look 500": LOOK | {"kind": "status", "status": 500},
    "look cut": LOOK | {"kind": "cut_before"},
}
FAULTS_OF_LISTS = {f"list {kind}": LIST | {"kind": kind} for kind in ("truncate", "empty_list", "short_page")}

REFUSALS = (
    *(decide.DecisionRefused, PermissionDenied, launch.CannotLaunch, IllegalTransition, audit.Conflict, NothingTripped),
    *(answer.Settled, answer.NotNow),
)
"""How the portal says no; what happened then did not happen."""


class Crash(BaseException):
    """``kill -9``, as far as one process can play it: nothing of ours may catch it."""


class Happenings:
    """Acts on the stage, and the model that hears of them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.model = Reference(truth=stage.site.workspace, roles={login: login for login in DECIDERS})
        self.refused = ""
        """Whose address the mail server does not accept; "sender" for nobody's, because it does not accept us."""
        self.at_step: Callable[[str], None] = lambda label: None
        """What happens when a worker passes a labelled step."""
        self.addresses = self.newcomers = 0
        self.set_mode(live=True)
        self.accept_the_database()
        self.life: dict[str, Callable[[str], None]] = {
            "logs in": lambda who: self.update(who, last_seen_at=self.stage.clock.instant.isoformat()),
            "had logged in": lambda who: self.update(who, last_login_at=self._ago(days=791)),
            **{f"joins {uid}": partial(self.update, groups=[{"uid": uid}]) for uid in ("readers", "team", "plain")},
            "gains a right": partial(self.update, permissions=["explore_restricted_page"]),
            "is promoted": partial(self.update, permissions=[RIGHT]),
            "loses all rights": partial(self.update, permissions=[], groups=[]),
            "is re-created": self.recreate,
            "dates vanish": partial(self.update, last_seen_at=None, last_login_at=None),
            "dates go back": lambda who: self.update(who, last_seen_at=self._ago(days=1700), last_login_at=None),
            "vanishes": lambda who: self.remove([who]),
            "moves": self.change_address,
        }
        """What people do, by name."""
        self.changes: dict[str, Callable[[str], None]] = {
            **{act: partial(self.turn, act) for act in ("pause", "resume", "cancel")},
            "live": lambda by: self.set_mode(live=True),
            "dry run": lambda by: self.set_mode(live=False),
            **{fate: partial(self.change_role, fate) for fate in ("demote", "dismiss", "promote")},
            "higher limit": lambda by: self.change_policy(Rules(limit=1200)),
            "exempt everyone": lambda by: self.exempt_by_import(),
            "accept dates": lambda by: self.accept_dates(),
            "hold": self.hold,
            "release": lambda by: self.release(),
            "restore a backup": lambda by: self.restore_a_backup(),
            "accept the database": lambda by: self.accept_the_database(),
        }
        """What can change in the portal beside the decisions on accounts, by name."""

    # Decisions

    def approve(self, who: Iterable[str], by: str) -> None:
        """All of them but those whom the portal refuses; it names each, and takes the others at the second attempt."""
        left = list(who)
        while left:
            try:
                cases = self.stage.approve(*left, by=by)
            except decide.DecisionRefused as refused:
                left = [name for name in left if name not in {refusal.username for refusal in refused.refusals}]
            except PermissionDenied:
                return
            else:
                approvals = {case.pk: (by, self.stage.clock.instant, dict(case.evidence)) for case in cases}
                self.model.approvals.update(approvals)
                return

    def exempt(self, who: str, by: str, days: int) -> None:
        accounts, now = self.stage.accounts(who), self.stage.clock()
        until = now + timedelta(days=days)
        with suppress(*REFUSALS):
            decide.exempt(accounts=accounts, actor=self.stage.staff(by), reason="leave", until=until, now=now)
            self.model.exempt_until[accounts[0].pk] = until

    def exempt_by_import(self) -> None:
        """An import asks no case whether it is in flight."""
        until = self.stage.clock() + timedelta(days=20)
        for account in self.stage.accounts(*NAMES):
            Exemption.objects.filter(account=account, withdrawn_at=None).delete()
            make_exemption(account, until=until, reason="leave", by_login="import", at=NOW)
            self.model.exempt_until[account.pk] = until

    def withdraw(self, who: str, by: str) -> None:
        accounts = self.stage.accounts(who)
        with suppress(*REFUSALS):
            decide.withdraw(accounts=accounts, actor=self.stage.staff(by), reason="no", now=self.stage.clock())
            self.model.exempt_until.pop(accounts[0].pk, None)

    def answer(self, who: str, kind: answer.AnswerKind) -> None:
        """What the person says on the page that the warning links to."""
        now = self.stage.clock()
        said = answer.Said(kind=kind, until=now + timedelta(days=9) if kind is answer.AnswerKind.AWAY else None)
        for case in Case.objects.open().filter(account__username=who):
            with suppress(*REFUSALS):
                answer.answer(case=case, said=said, now=now)
                if kind is answer.AnswerKind.LEAVE:
                    self.model.hastened.add(case.pk)
                else:
                    self.model.keep(case.account_id, said.until or now + answer.KEPT_FOR)

    def launch(self) -> None:
        draft = Cleanup.objects.filter(state="draft").first()
        if draft is None:
            return
        with suppress(*REFUSALS):
            launch.launch(cleanup=draft, actor=self.stage.staff("administrator"), now=self.stage.clock())
            self.model.launched[draft.pk] = Launched(live=self.model.live, notice=self.model.current.notice)

    def confirm(self) -> None:
        for cleanup in Cleanup.objects.filter(state="awaiting_confirmation"):
            launch.confirm(cleanup=cleanup, actor=self.stage.staff("second"), now=self.stage.clock())

    def turn(self, act: str, by: str) -> None:
        """Pause, resume or cancel the newest clean-up, or one that is paused."""
        step = {"pause": launch.pause, "resume": launch.resume, "cancel": launch.cancel}[act]
        paused = Cleanup.objects.filter(state="paused").first() if act == "resume" else None
        cleanup, actor = paused or self.stage.cleanup(), self.stage.staff("administrator")
        with suppress(*REFUSALS):
            was = cleanup.stopped_because.get("code")
            step(cleanup=cleanup, actor=actor, reason=f"{by} asked", now=self.stage.clock())
            if act == "resume":
                self.model.resumed(cleanup.pk, too_many_against=was == "pause_at_regret")

    # Administration

    def change_policy(self, rules: Rules) -> None:
        text = policy_text(
            limit=rules.limit,
            notice=rules.notice,
            expires=120,
            two_people=rules.two_people,
            per_cleanup=6,
            per_hour=5,
            groups=["readers"] if rules.protects_readers else [],
            share=SHARE,
        )
        self.stage.adopt(text.replace("[limits]", f"[limits]\npause_at_regret = {AGAINST}"))
        self.model.current = self.model.rules[self.stage.workspace.current_policy.number] = rules

    def set_mode(self, *, live: bool) -> None:
        self.stage.set_mode(Workspace.Mode.LIVE if live else Workspace.Mode.DRY_RUN)
        self.model.live = live

    def hold(self, by: str) -> None:
        actor, now = self.stage.staff(by), self.stage.clock()
        with suppress(*REFUSALS):
            holds.hold(workspace=None, actor=actor, reason="test", now=now)
            self.model.held.add("by a person")

    def release(self) -> None:
        actor, now = self.stage.staff("administrator"), self.stage.clock()
        with suppress(*REFUSALS, holds.HoldRefused):
            holds.release(workspace=None, actor=actor, reason="test", now=now)
            self.model.held.discard("by a person")

    def restore_a_backup(self) -> None:
        """The host has seen entries that the database no longer has."""
        hold_mishaps.restore_an_older_database(self.stage)
        self.model.held.add("by the checkpoint")

    def accept_the_database(self) -> None:
        checkpoint.keeper = None
        self.model.held.discard("by the checkpoint")

    def change_role(self, fate: str, by: str) -> None:
        user = self.stage.staff(by)
        user.is_active = fate != "dismiss"
        user.save()
        give_role(user, "auditor" if fate == "demote" else by)
        self.model.roles.pop(by, None)
        if fate == "promote":
            self.model.roles[by] = by

    def reset_breaker(self, *, discard: bool) -> None:
        actor, now = self.stage.staff("administrator"), self.stage.clock()
        with suppress(*REFUSALS):
            reset_breaker(workspace=self.stage.workspace, actor=actor, reason="x", discard=discard, now=now)
            self.note_dates(Account.objects.all())
            assess.assess(workspace=self.stage.workspace)

    def accept_dates(self) -> None:
        """An administrator takes all dates in doubt for what they say."""
        actor, now = self.stage.staff("administrator"), self.stage.clock()
        for account in Account.objects.filter(lost_activity_at__isnull=False):
            accept_dates(account=account, actor=actor, reason="moved", now=now)
            self.note_dates([account])
        assess.assess(workspace=self.stage.workspace)

    def note_dates(self, accounts: Iterable[Account]) -> None:
        """Of these the dates count as they were read last, whatever was known before."""
        self.model.accepted.update({account.pk: account.accepted_activity_at for account in accounts})

    # The world

    def update(self, who: str, **fields: Any) -> None:
        self.stage.site.workspace.update(who, fields)

    def recreate(self, who: str) -> None:
        """Somebody new has the name; they too were not seen since they joined, long ago.

        Each in a second of their own: by seconds accounts of one name are told apart, and this clock ticks faster.
        """
        self.newcomers += 1
        joined = self._ago(days=900, seconds=-self.newcomers)
        self.stage.site.workspace.put(someone(who, joined_at=joined, last_seen_at=None))

    def change_address(self, who: str) -> None:
        """Whoever reads mail at the new address has not seen what went to the old one."""
        self.addresses += 1
        self.update(who, email=f"{who}+{self.addresses}@ville.example")

    def remove(self, who: Iterable[str]) -> None:
        for name in who:
            self.stage.site.workspace.remove(name, guarded=False)

    def misbehave(self, fault: str) -> None:
        """The workspace fails once in this way; "" stands for no more faults."""
        self.stage.order(*[(FAULTS | FAULTS_OF_LISTS)[fault]] if fault else [])

    # The portal's work

    def begin_a_round(self, by: str) -> None:
        """Who is gone is there again, as somebody new; everybody who can be approved is, and off they go."""
        for name in set(NAMES) - self.stage.site.workspace.usernames():
            self.recreate(name)
        self.misbehave("")
        self.stage.sync()
        self.reset_breaker(discard=False)
        self.approve(NAMES, by)
        self.launch()

    def send_notices(self, refused: str = "") -> None:
        self.refused = refused
        send_notices(workspace=self.stage.workspace, now=self.stage.clock())

    def bounce(self, who: str) -> None:
        """The warning comes back, however far the case has got by then."""
        for case in Case.objects.open().filter(account__username=who).select_related("account"):
            _at, address = self.model.mails.pop(case.pk, (None, case.account.email))
            bounces.mark_bounced(message_id="", recipient=address, why="gone", now=self.stage.clock())

    def warn_again(self, who: str) -> None:
        for case in Case.objects.filter(account__username=who, state="undeliverable").select_related("account"):
            bounces.retry_notice(case=case, actor=self.stage.staff("administrator"), now=self.stage.clock())

    def make_due(self) -> None:
        """What has come due; where nothing is on its way to it, another round begins, lest nothing happens at all."""
        open_cases = Case.objects.open().filter(cleanup__state__in=("running", "paused"))
        if not open_cases.exists():
            self.begin_a_round(DECIDERS[0])
        advance.make_due(workspace=self.stage.workspace, now=self.stage.clock())

    def revoke(self, *, limit: int | None = None, quiet: float = 60) -> None:
        self.make_due()
        self.stage.revoke(limit=limit, quiet=quiet)

    def revoke_while(self, happens: Callable[[], None], *, step: str) -> None:
        """A worker runs, and when it passes the step for the first time, something happens."""

        def once(label: str) -> None:
            if label == step:
                self.at_step = lambda label: None
                happens()

        self.make_due()
        self.at_step = once
        with suppress(Crash):
            self.stage.revoke(quiet=60)
        self.at_step = lambda label: None

    def sleeper(self) -> tuple[Revoker, Case] | None:
        """A worker that has claimed a case, and stands still."""
        self.make_due()
        revoker = self.stage.revoker(lease=60)
        case = revoker.claim()
        return (revoker, case) if case else None

    def _ago(self, *, days: int, seconds: int = 0) -> str:
        return (self.stage.clock.instant - timedelta(days=days, seconds=seconds)).isoformat()
