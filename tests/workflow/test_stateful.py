"""Anything may happen, in any order: decisions, logins, clock jumps, faults and crashes, against a reference model."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.core.mail.backends.locmem import EmailBackend
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    invariant,
    run_state_machine_as_test,
)

from accounts_review.huwise import Client
from accounts_review.models import AuditEntry, Case, Cleanup, Workspace
from accounts_review.record import verify
from accounts_review.sandbox.server import Server
from accounts_review.workflow import administer, launch, revoke
from tests.stage import NOW, Clock, Stage, client_of, crowd, site_of, someone
from tests.workflow.acts import DECIDERS, GROUPS, IN_FLIGHT, NAMES, Acts
from tests.workflow.reference import Reference

BASIS = settings(
    stateful_step_count=40, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
settings.register_profile("stateful", BASIS, max_examples=25, derandomize=True)
settings.register_profile("soak", BASIS, max_examples=200)
PROFILE = "soak" if os.environ.get("SOAK") else "stateful"


class Portal(Acts):
    """The portal and its workspace, with the reference model beside them."""

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            self.undo.close()

    # What must hold

    @invariant()
    def nobody_is_wronged(self) -> None:
        assert not self.model.violations
        deletes = self.stage.deletes
        assert len(deletes) == self.model.sent
        intents = AuditEntry.objects.filter(kind="case.intended").values_list("subject", flat=True)
        assert len(deletes) <= len(intents)

    @invariant()
    def promises_hold(self) -> None:
        kept = dict(Case.objects.exclude(promised_at=None).values_list(*("pk", "promised_at")))
        for pk, promised in self.model.promises.items():
            assert kept[pk] >= promised
        self.model.promises = kept

    @invariant()
    def record_tells_the_whole_story(self) -> None:
        assert verify()[1] is None
        told: dict[int | None, str] = {}
        for kind, account, data in (
            AuditEntry.objects.exclude(account_id=None).order_by("seq").values_list(*("kind", "account_id", "data"))
        ):
            told[account] = "in_draft" if kind == "account.approved" else data.get("to", told.get(account, ""))
        stand: dict[int | None, str] = dict(Case.objects.order_by("pk").values_list(*("account_id", "state")))
        assert {account: state for account, state in told.items() if state} == stand

    def come_to_rest(self) -> None:
        """No more faults, and time enough: what was on its way arrives, and what is still right is done."""
        self.stage.order()
        self.set_mode(live=True)
        self.reset_breaker(discard=True)
        self.confirm()
        for paused in Cleanup.objects.filter(state="paused"):
            launch.resume(cleanup=paused, actor=self.stage.staff("administrator"), reason="x", now=self.stage.clock())
        owed = self._owed()
        for _ in range(8):
            self.stage.clock.advance(minutes=61)
            self.stage.revoke()
        self.nobody_is_wronged()
        self.record_tells_the_whole_story()
        assert not Case.objects.filter(state__in=IN_FLIGHT).exists()
        assert set(Case.objects.filter(pk__in=owed).values_list("state", flat=True)) <= {"revoked", "already_gone"}
        assert not Case.objects.filter(state="due", cleanup__state="running").exists()

    def _owed(self) -> list[int]:
        """Cases that nothing speaks against, now or by the time that the last of them must be done."""
        due = Case.objects.filter(state__in=("due", *IN_FLIGHT), cleanup__state="running").select_related("account")
        now, later = self.stage.clock(), self.stage.clock() + timedelta(hours=9)
        return [c.pk for c in due if not self.model.against(c, now=now) and not self.model.against(c, now=later)]


def people_of_the_portal() -> Callable[[str], User]:
    """Two deciders, an administrator who launches, and a second pair of eyes."""
    roles = {"second": "operator"}

    def person(login: str) -> User:
        user, is_new = User.objects.get_or_create(username=login, defaults={"email": f"{login}@portal.example"})
        if is_new:
            user.groups.add(Role.objects.get(name=roles.get(login, login)))
        return user

    return person


def portal_on(server: Server, client: Client) -> type[Portal]:
    """The state machine, each of whose runs begins with the same people in a workspace nobody has read yet."""

    class Arranged(Portal):
        refused: set[str] = set()

        def arrange(self) -> None:
            members: list[dict[str, Any]] = [
                {"groups": [{"uid": "readers"}]},
                {"permissions": ["explore_restricted_page"]},
                {},
            ] * 2
            people = [
                someone(name, idle=800 + 100 * n, **more)
                for n, (name, more) in enumerate(zip(NAMES, members, strict=True))
            ]
            server.site = site_of([*people, *crowd(30)], groups=GROUPS)
            self.stage = Stage(
                workspace=administer.open_workspace(name="main", now=NOW - timedelta(days=100)),
                site=server.site,
                url=server.url,
                client=client,
                clock=Clock(tick=timedelta(milliseconds=1)),
                staff=people_of_the_portal(),
            )
            Arranged.model = self.model = Reference(truth=server.site.workspace, roles={by: by for by in DECIDERS})
            Arranged.stage = self.stage
            self.stage.set_mode(Workspace.Mode.LIVE)

    return Arranged


def test_whatever_happens_nobody_is_wronged_and_nothing_is_left_undone(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete, deliver = Client.delete_user, EmailBackend.send_messages
    machine: type[Portal]

    def witnessed(client: Client, username: str) -> Any:
        machine.model.witness(username, now=machine.stage.clock.instant)
        return delete(client, username)

    def delivered(backend: EmailBackend, messages: Any) -> int:
        for message in messages:
            if message.to[0] in machine.refused:
                raise SMTPRecipientsRefused({message.to[0]: (550, b"unknown")})
            machine.model.mailed(message.to[0], now=machine.stage.clock.instant)
        return deliver(backend, messages)

    monkeypatch.setattr(Client, "delete_user", witnessed)
    monkeypatch.setattr(EmailBackend, "send_messages", delivered)
    monkeypatch.setattr(revoke, "crashpoint", lambda label: machine.at_step(label))
    with Server(site_of([])) as server, client_of(server.url) as client:
        machine = portal_on(server, client)
        machine.at_step = staticmethod(lambda label: None)
        run_state_machine_as_test(machine, settings=settings.get_profile(PROFILE))
