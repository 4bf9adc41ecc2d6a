"""Holds: by a person or for the database, nothing leaves until somebody who may releases it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.audit.checkpoint import Checkpoint, Keeper
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Hold, Workspace
from accounts_review.workflow import holds
from accounts_review.workflow.holds import HoldRefused
from accounts_review.workflow.notify.send import send_notices, send_reminders
from accounts_review.workflow.workspaces import open_workspace
from tests.stage import NOW, SetStage, Stage, policy_text, someone

pytestmark = pytest.mark.usefixtures("keeper")

Cause = Hold.Cause


WITH_REMINDER = policy_text(notice=30, reminders=(7,))


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    """Marie and Omar are dormant and are warned a month before."""
    stage: Stage = set_stage(someone("marie"), someone("omar"), policy=WITH_REMINDER)
    return stage


@pytest.mark.matrix(fast=2, reason="each role is a clean-up of its own")
@pytest.mark.parametrize("role", ["auditor", "reviewer", "operator", "administrator"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_anybody_with_a_role_may_hold_and_nothing_is_sent(stage: Stage, role: str, everywhere: bool) -> None:
    stage.launch("marie", "omar")
    where = None if everywhere else stage.workspace
    holds.hold(workspace=where, actor=stage.staff(role), reason="the mails are wrong", now=NOW)
    sent = send_notices(workspace=stage.workspace, now=NOW)
    assert (sent.sent, sent.left, "Everything is held" in sent.error) == (0, 2, True)
    assert mail.outbox == []
    entry = AuditEntry.objects.get(kind="hold.placed")
    assert (entry.actor, entry.workspace, entry.details["reason"]) == (role, "main", "the mails are wrong")


def test_a_hold_before_there_is_any_workspace_is_in_the_audit(admin_user: User) -> None:
    holds.hold(workspace=None, actor=admin_user, reason="first the network", now=NOW)
    entry = AuditEntry.objects.get(kind="hold.placed")
    assert (entry.actor, entry.workspace, entry.details["reason"]) == ("admin", "", "first the network")


def test_who_has_no_role_may_not_and_only_an_administrator_releases(stage: Stage) -> None:
    given: dict[str, Any] = {"workspace": None, "reason": "because", "now": NOW}
    with pytest.raises(PermissionDenied):
        holds.hold(actor=stage.staff("nobody"), **given)
    holds.hold(actor=stage.staff("auditor"), **given)
    for role in ("nobody", "auditor", "reviewer", "operator"):
        with pytest.raises(PermissionDenied):
            holds.release(actor=stage.staff(role), **given)
    assert holds.release(actor=stage.staff("administrator"), **given) == 1
    assert not Hold.objects.open().exists()


def test_after_a_release_it_goes_on(stage: Stage) -> None:
    stage.launch("marie")
    given: dict[str, Any] = {"workspace": stage.workspace, "reason": "because", "now": NOW}
    holds.hold(actor=stage.staff("auditor"), **given)
    send_notices(workspace=stage.workspace, now=NOW)
    holds.release(actor=stage.staff("administrator"), **given)
    assert send_notices(workspace=stage.workspace, now=NOW).sent == 1


def test_reminders_are_held_too(stage: Stage) -> None:
    stage.launch("marie", "omar")
    send_notices(workspace=stage.workspace, now=NOW)
    before = len(mail.outbox)
    holds.hold(workspace=None, actor=stage.staff("auditor"), reason="because", now=NOW)
    later = NOW + timedelta(days=24)
    assert "held" in send_reminders(workspace=stage.workspace, now=later).error
    assert len(mail.outbox) == before


def test_a_hold_of_another_workspace_holds_nothing_here(stage: Stage) -> None:
    other = open_workspace(name="other", now=NOW)
    holds.hold(workspace=other, actor=stage.staff("auditor"), reason="because", now=NOW)
    stage.launch("marie")
    assert send_notices(workspace=stage.workspace, now=NOW).sent == 1


@pytest.mark.parametrize("reason", ["", "   "])
def test_it_takes_a_reason(stage: Stage, reason: str) -> None:
    for act, role in ((holds.hold, "auditor"), (holds.release, "administrator")):
        with pytest.raises(HoldRefused, match="Give a reason"):
            act(workspace=None, actor=stage.staff(role), reason=reason, now=NOW)


def test_releasing_what_is_not_held_says_what_is(stage: Stage) -> None:
    given: dict[str, Any] = {"actor": stage.staff("administrator"), "reason": "because", "now": NOW}
    with pytest.raises(HoldRefused, match="Nothing is held"):
        holds.release(workspace=None, **given)
    holds.hold(workspace=stage.workspace, **given)
    with pytest.raises(HoldRefused, match="main"):
        holds.release(workspace=None, **given)


# The database, with real commits


@pytest.fixture
def portal(keeper: Keeper) -> Workspace:
    return open_workspace(name="main", now=now())


def lose_the_newest(keeper: Keeper) -> None:
    """This host has seen entries that the database does not have."""
    keeper._write(Checkpoint(audit.newest_checkpoint().seq + 3, "a" * 64))


def synced(workspace: Workspace, *, state: str = "complete") -> None:
    at = now()
    workspace.syncs.create(state=state, started_at=at, heartbeat_at=at, finished_at=at)


def test_what_this_host_finds_holds_all_and_is_put_down_once(
    portal: Workspace, keeper: Keeper, person: Callable[[str], User]
) -> None:
    lose_the_newest(keeper)
    for _ in range(3):
        holds.watch(now=now())
    hold = Hold.objects.get()
    assert (hold.cause, hold.workspace) == (Cause.BEHIND, None)
    assert AuditEntry.objects.filter(kind="checkpoint.failed").count() == 1
    checkpoint.keeper = None
    assert holds.over(portal) == hold


def test_an_administrator_accepts_after_a_fresh_sync_of_everything(
    portal: Workspace, keeper: Keeper, person: Callable[[str], User]
) -> None:
    synced(portal)
    lose_the_newest(keeper)
    holds.watch(now=now())
    given: dict[str, Any] = {"workspaces": [portal], "reason": "restored the backup of last night"}
    with pytest.raises(PermissionDenied):
        holds.reset_checkpoint(actor=person("operator"), now=now(), **given)
    with pytest.raises(HoldRefused, match="Run a complete sync of main first"):
        holds.reset_checkpoint(actor=person("administrator"), now=now(), **given)
    synced(portal, state="incomplete")
    with pytest.raises(HoldRefused, match="Run a complete sync of main first"):
        holds.reset_checkpoint(actor=person("administrator"), now=now(), **given)
    synced(portal)
    assert holds.reset_checkpoint(actor=person("administrator"), now=now(), **given) == 1
    assert holds.watch(now=now()) is None
    assert (holds.over(portal), keeper.read()) == (None, audit.newest_checkpoint())
    entry = AuditEntry.objects.get(kind="checkpoint.reset")
    assert (entry.actor, entry.details["holds"][0]["cause"]) == ("administrator", Cause.BEHIND)


def test_more_that_is_found_at_night_accepts_nothing(portal: Workspace, keeper: Keeper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        newest = audit.newest_checkpoint().seq
        cursor.execute("UPDATE accounts_review_auditentry SET digest = %s WHERE seq = %s", ["a" * 64, newest])
        cursor.execute("SET session_replication_role = DEFAULT")
    kept = keeper.read()
    assert holds.verify(now=now())
    audit.log([portal], kind=Event.WORKSPACE_SYNC_STOPPED, actor="portal", now=now())
    assert holds.verify(now=now() + timedelta(minutes=2))
    finding = checkpoint.look()
    assert finding is not None
    assert finding.cause == Cause.REWRITTEN
    holds.watch(now=now())
    assert keeper.read() == kept
    assert any("rewritten" in flaw for flaw in Hold.objects.open().get(cause=Cause.FLAWED).details["flaws"])
    assert any("rewritten" in str(flaw) for flaw in audit.verify_everything(now=now()).flaws)


def test_accepting_covers_every_host_that_had_noted_it_before(
    portal: Workspace, keeper: Keeper, person: Callable[[str], User], tmp_path: Path
) -> None:
    other = Keeper(tmp_path / "other")
    other.begin()
    for host in (keeper, other):
        lose_the_newest(host)
    holds.watch(now=now())
    synced(portal)
    holds.reset_checkpoint(workspaces=[portal], actor=person("administrator"), reason="restored", now=now())
    checkpoint.keeper = other
    assert holds.watch(now=now()) is None
    assert other.read() == audit.newest_checkpoint()


def test_without_anything_to_accept_it_is_refused(portal: Workspace, person: Callable[[str], User]) -> None:
    with pytest.raises(HoldRefused, match="nothing to reset"):
        holds.reset_checkpoint(workspaces=[portal], actor=person("administrator"), reason="why not", now=now())


def test_a_new_host_holds_itself_alone_until_another_vouches(portal: Workspace, keeper: Keeper, tmp_path: Path) -> None:
    new = Keeper(tmp_path / "new")
    checkpoint.keeper = new
    assert holds.watch(now=now()) is not None
    assert holds.over(portal) is not None
    assert holds.vouch(now=now()) == 0
    checkpoint.keeper = keeper
    assert (holds.watch(now=now()), holds.over(portal)) == (None, None)
    assert holds.vouch(now=now()) == 1
    checkpoint.keeper = new
    assert (holds.watch(now=now()), holds.over(portal)) == (None, None)
    assert new.read() == audit.newest_checkpoint()


@pytest.mark.parametrize("harm", ["behind", "unreadable"])
def test_a_host_whose_own_evidence_is_bad_vouches_for_nobody(
    portal: Workspace, keeper: Keeper, tmp_path: Path, harm: str
) -> None:
    checkpoint.keeper = Keeper(tmp_path / "new")
    holds.watch(now=now())
    checkpoint.keeper = keeper
    if harm == "behind":
        lose_the_newest(keeper)
    else:
        keeper.file.write_text("{}")
    holds.watch(now=now())
    assert holds.vouch(now=now()) == 0


def test_nobody_vouches_for_a_host_whose_checkpoint_is_damaged(
    portal: Workspace, keeper: Keeper, tmp_path: Path
) -> None:
    damaged = Keeper(tmp_path / "damaged")
    damaged.begin()
    damaged.file.write_text("{}")
    checkpoint.keeper = damaged
    holds.watch(now=now())
    checkpoint.keeper = keeper
    assert holds.vouch(now=now()) == 0


def test_a_full_disk_holds_this_host_and_passes_by_itself(
    portal: Workspace, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(self: Keeper, kept: Checkpoint) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "_write", no_space)
        audit.log([portal], kind=Event.CASE_HELD, actor="portal", now=now())
        holds.watch(now=now())
        with pytest.raises(holds.EverythingHeld):
            holds.check(portal, now=now())
        assert "No space left" in Hold.objects.get().details["error"]
    assert holds.watch(now=now()) is None
    holds.check(portal, now=now())
    assert not Hold.objects.open().exists()
    assert AuditEntry.objects.filter(kind="checkpoint.kept").exists()
