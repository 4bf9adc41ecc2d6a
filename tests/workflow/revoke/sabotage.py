"""Sabotage: each function switches one safeguard off, so that a test sees what it saves from."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts_review import audit, facts
from accounts_review.huwise import Client, HuwiseError
from accounts_review.models import Case, Cleanup
from accounts_review.rules import names
from accounts_review.rules.refusals import MailFault
from accounts_review.workflow import holds
from accounts_review.workflow.launch import launch, limits
from accounts_review.workflow.notify import bounces, smtp
from accounts_review.workflow.review import held
from accounts_review.workflow.revoke import delete_call, last_look, preflight, settle, standstill, worker
from accounts_review.workflow.revoke.delete_call import DeleteOutcome
from accounts_review.workflow.sync import figures, match, passes, store
from accounts_review.workflow.sync import sync as sync_module
from accounts_review.workflow.sync.staging import Staging

# Around the gate


def believe_the_record(patch: pytest.MonkeyPatch) -> None:
    """Instead of a last look, what the last sync stored."""

    def stored(case: Case, *, client: Client, clock: Callable[[], Any]) -> last_look.LastLook:
        raw = case.account.raw.encode()
        patch_client = type("Stored", (), {"user": lambda self, name: raw, "groups": lambda self: []})()
        return last_look.look(case, client=patch_client, clock=clock)

    for module in (worker, settle):
        patch.setattr(module, "look", stored)
    next_up = worker.Revoker._next_up

    def whole(self: worker.Revoker, cleanup: Cleanup, most: int) -> list[Case]:
        cases = next_up(self, cleanup, most)
        for case in cases:
            case.account.refresh_from_db(fields=["raw"])
        return cases

    patch.setattr(worker.Revoker, "_next_up", whole)


def send_after_the_lease(patch: pytest.MonkeyPatch) -> None:
    """The worker never asks whether its claim still holds: both clocks seem to stand still."""
    send = worker.Revoker.send

    def careless(self: worker.Revoker, case: Case, seen: last_look.LastLook) -> DeleteOutcome:
        case.lease_until = self.clock() + timedelta(days=9)
        self.deadlines[case.pk] = math.inf
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(worker, "LONGEST_LOOK", timedelta(days=9))
            return send(self, case, seen)

    patch.setattr(worker.Revoker, "send", careless)


def as_it_is(name: str) -> str:
    return name


def compare_letter_by_letter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(names, "folded", as_it_is)


def believe_whoever_is_named(patch: pytest.MonkeyPatch) -> None:
    """The owner of the key counts as known without being looked for in the list."""
    patch.setattr(sync_module, "as_listed", lambda name, listed: name)


def know_the_owner_letter_by_letter(patch: pytest.MonkeyPatch) -> None:
    believe_whoever_is_named(patch)
    patch.setattr(facts, "folded", as_it_is)


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
    patch.setattr(figures, "checks", lambda figures: [])


def believe_a_first_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(figures, "first_checks", lambda signs: [])


def let_dates_go_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(match, "is_earlier", lambda instant, known: False)


def store_what_is_set_aside(patch: pytest.MonkeyPatch) -> None:
    """A sync that looked wrong is stored as if it were right, and so the next one knows what it said."""

    def keep(staging: Staging, *, shows_newcomers: bool, now: datetime) -> store.Stored:
        return store.store(staging, by_a_person=True, now=now)

    patch.setattr(sync_module, "glean", keep)


def call_it_complete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(passes.Passes, "_compare_counts", lambda self: None)


def drop_the_constraint(patch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX one_open_case_per_account")


def settle_by_one_reading(patch: pytest.MonkeyPatch) -> None:
    """An unknown outcome is settled at once, as if the quiet period were nothing."""
    read = worker.Revoker._read_unknown

    def hasty(self: worker.Revoker, case: Case) -> None:
        self.quiet = timedelta(0)
        read(self, case)

    patch.setattr(worker.Revoker, "_read_unknown", hasty)


def never_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(delete_call, "stops_cleanup", lambda error: False)
    patch.setattr(worker, "stops_cleanup", lambda error: False)
    patch.setattr(preflight, "stops_cleanup", lambda error: False)


def try_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker.Revoker, "_why_unknown_stops", lambda self, case: None)


def count_each_launch_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limits, "_ends", lambda *_, **__: ())
    patch.setattr(limits, "_removed", lambda *_, **__: Case.objects.none())


def release_the_brake(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker, "brake", lambda *_, **__: False)


def start_all_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(standstill, "STAGES", ())


def let_anybody_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker, "preflight", lambda *_, **__: None)


def overlook_the_bounce(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bounces, "mark_bounced", lambda **_: 0)


def promise_what_the_policy_says_now(patch: pytest.MonkeyPatch) -> None:
    """The date that a person was given counts for nothing when the warning is sent once more."""
    patch.setattr("accounts_review.workflow.notify.send.max", lambda promised, before: promised, raising=False)


def charge_everybody(patch: pytest.MonkeyPatch) -> None:
    """Every refusal is taken for the recipient's."""
    patch.setattr(smtp, "fault_of", lambda code, text: MailFault.RECIPIENT)


def write_to_anybody(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether the server takes addresses outside ASCII."""
    patch.setattr(smtp, "needs_utf8", lambda address: False)


def lose_the_record(patch: pytest.MonkeyPatch) -> None:
    """An audit entry that cannot be written is shrugged off."""

    def shrug(entries: Any) -> None:
        with suppress(DatabaseError), transaction.atomic():
            audit.append(entries)

    patch.setattr("accounts_review.audit.transitions.append", shrug)


def allow_everybody(patch: pytest.MonkeyPatch) -> None:
    for stage in (launch, held):
        patch.setattr(stage, "permit", lambda user, act, workspace: None)


def write_while_it_is_held(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holds, "check", lambda workspace, now: None)
    # Asked once more where the question before an e-mail found somebody held.
    patch.setattr(holds, "over", lambda workspace: None)
