"""What can go wrong around a revocation, in short scenes with Marie, who is dormant; and how the harm shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.core import mail
from django.db import IntegrityError, transaction

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Case, Exemption, Hold, Workspace
from accounts_review.workflow import holds
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify import notify
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke import delete_call, last_look, revoke
from tests.stage import NOW, Stage, days_ago, someone

Act = Callable[[Stage], object]
DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*", "times": 1}


def then_revoke(act: Act) -> Act:
    """Something happens to Marie, who is approved and launched, and then the worker runs."""

    def happen(stage: Stage) -> None:
        stage.launch("marie")
        act(stage)
        stage.revoke()

    return happen


def recreate(stage: Stage) -> None:
    stage.remove("marie")
    stage.site.workspace.put(someone("marie", joined_at=days_ago(1364), last_seen_at=days_ago(1000)))


def exempt(stage: Stage) -> None:
    """As an import would, beside the clean-up."""
    until = NOW + timedelta(days=30)
    Exemption.objects.create(account=stage.account("marie"), until=until, reason="leave", by_login="import", at=NOW)


def demote(stage: Stage) -> None:
    stage.staff("reviewer").groups.set([Role.objects.get(name="auditor")])


def spend_the_hour(stage: Stage) -> None:
    audit.log([stage.workspace] * 200, kind=Event.CASE_INTENDED, actor="portal", now=NOW)


def quarantine(stage: Stage) -> None:
    stage.workspace.syncs.update(state="quarantined")


def forget_the_key(stage: Stage) -> None:
    """Neither the API nor the last sync says whose key it is."""
    Workspace.objects.update(key_owner="")
    stage.order({"method": "GET", "path": "/apikeys", "kind": "status", "status": 403})


def make_due_unwarned(stage: Stage) -> None:
    Case.objects.update(state="due")


def get_more_time_after_the_claim(stage: Stage) -> None:
    stage.launch("marie")
    notify.send_notices(workspace=stage.workspace, now=NOW)
    stage.clock.advance(days=31)
    notify.ripen(workspace=stage.workspace, now=stage.clock())
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    case.promised_at = stage.clock() + timedelta(days=9)
    case.save()
    revoker.process(case)


def look_slowly(stage: Stage) -> None:
    """Between the last look and the gate, a minute goes by."""
    stage.launch("marie")
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    seen = last_look.look(case, client=stage.client, clock=stage.clock)
    stage.clock.advance(seconds=60)
    if revoker._pass_gate(case, seen):
        revoker._finish(case, delete_call.outcome_of(stage.client, "marie"))


def pause_after_the_claim(stage: Stage) -> None:
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    launch.pause(cleanup=case.cleanup, actor=stage.staff("operator"), reason="wait", now=NOW)
    revoker.process(case)


def wake_up_late(stage: Stage) -> None:
    """Suspended after the intent; meanwhile another worker settles the case, and Marie comes back."""
    with pytest.MonkeyPatch.context() as patch:

        def suspended(label: str) -> None:
            if label == "s5":
                patch.setattr(revoke, "crashpoint", lambda label: None)
                stage.clock.advance(hours=1)
                stage.update("marie", last_seen_at=stage.clock().isoformat())
                stage.revoke()

        patch.setattr(revoke, "crashpoint", suspended)
        stage.launch("marie")
        stage.revoke()


def cut_and_re_created(stage: Stage) -> None:
    """The DELETE takes effect without an answer."""
    stage.launch("marie")
    stage.order(DELETE | {"kind": "cut_after"})
    stage.revoke()


def more_deletes_than_intents(stage: Stage) -> bool:
    sent = Counter(name for name, _, _ in stage.deletes)
    return sent["marie"] > AuditEntry.objects.filter(kind="case.intended", subject_ref__name="marie").count()


def activity_vanishes(stage: Stage) -> None:
    """The API forgets when people were last seen; a reviewer trusts the page."""
    for name in [user["username"] for user in stage.site.workspace.snapshot().users if "crowd" in user["username"]]:
        stage.update(name, last_seen_at=None, last_login_at=None, joined_at=days_ago(1400))
    stage.sync()
    approve_if_allowed(stage, "crowd.0001")
    stage.revoke()


def approve_if_allowed(stage: Stage, username: str) -> None:
    try:
        stage.launch(username)
    except decide.Refused:
        return


def crowd_lost_someone(stage: Stage) -> bool:
    return stage.site.workspace.user("crowd.0001") is None


def newcomer_read_by_halves(stage: Stage) -> None:
    """An account that only an incomplete sync has seen; its list announced more than it held."""
    stage.site.workspace.put(someone("newcomer"))
    stage.order({"method": "GET", "path": "/users", "kind": "wrong_total", "delta": 1, "times": 1})
    stage.sync()
    stage.order()
    approve_if_allowed(stage, "newcomer")
    stage.revoke()


def newcomer_removed(stage: Stage) -> bool:
    return "newcomer" not in stage.members


def open_a_second_case(stage: Stage) -> None:
    """A second decision slips past the page's check, as two requests at once could."""
    (case,) = stage.approve("marie")
    case.pk = None
    case._state.adding = True
    try:
        with transaction.atomic():
            case.save()
    except IntegrityError:
        return


def has_two_open_cases(stage: Stage) -> bool:
    return Case.objects.open().filter(account__username="marie").count() > 1


def late_effect(stage: Stage) -> None:
    """A server that is slow to forget: the DELETE counts as failed, and the account shows for a moment longer."""
    stage.launch("marie")
    stage.order(DELETE | {"kind": "status", "status": 500})
    stage.revoke(quiet=60)
    stage.order()
    stage.clock.advance(seconds=60)
    stage.revoke(quiet=60)


def key_is_refused(stage: Stage) -> None:
    stage.launch("marie", "omar", "zoe")
    stage.order(DELETE | {"kind": "status", "status": 403})
    stage.revoke()


def somebody_else_was_removed(stage: Stage) -> bool:
    return not {"omar", "zoe"} <= stage.members


def claim_everything(stage: Stage) -> None:
    stage.launch("marie", "omar", "zoe")
    for _ in range(3):
        stage.revoker().claim()


def several_are_claimed(stage: Stage) -> bool:
    return Case.objects.filter(state="claimed").count() > 1


def key_changed_hands(stage: Stage) -> None:
    stage.launch("marie")
    stage.update("omar", permissions=["edit_domain"])
    keys = stage.site.workspace._keys
    stage.site.workspace._keys = [key | {"user": {"username": "omar"}} for key in keys]
    stage.revoke()


def hold_everything(stage: Stage) -> None:
    holds.hold(workspace=None, actor=stage.staff("auditor"), reason="something is wrong", now=stage.clock())


def hold_the_workspace(stage: Stage) -> None:
    holds.hold(workspace=stage.workspace, actor=stage.staff("auditor"), reason="something is wrong", now=stage.clock())


def find_the_database_behind(stage: Stage) -> None:
    """Another host has found that the database is older than its checkpoint."""
    Hold.objects.create(cause=Hold.Cause.BEHIND, host="another", at=stage.clock(), by="portal")


def restore_an_older_database(stage: Stage) -> None:
    """This host has seen entries that the database does not have."""
    keeper = checkpoint.Keeper(Path(mkdtemp()), clock=stage.clock)
    keeper._write(audit.Checkpoint(audit.head().seq + 10, "a" * 64))
    checkpoint.keeper = keeper


def hold_after_the_claim(stage: Stage) -> None:
    stage.launch("marie")
    revoker = stage.revoker()
    case = revoker.claim()
    assert case is not None
    hold_the_workspace(stage)
    revoker.process(case)


def hold_before_the_mail(stage: Stage) -> None:
    stage.launch("marie")
    hold_everything(stage)
    notify.send_notices(workspace=stage.workspace, now=stage.clock())


def somebody_was_written_to(stage: Stage) -> bool:
    return bool(mail.outbox)
