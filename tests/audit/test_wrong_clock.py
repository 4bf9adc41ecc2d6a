"""What was done by a clock that was years ahead is told, and neither breaks the audit nor what comes after it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.checkpoint import Keeper
from accounts_review.models import Hold, Workspace
from accounts_review.workflow import holds
from accounts_review.workflow.people.people import add_person
from tests.audit.test_chain import write
from tests.stage import NOW, SetStage, someone

YEARS = timedelta(days=3 * 365)


def test_the_audit_holds_and_a_person_looks_once(
    keeper: Keeper, set_stage: SetStage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = set_stage(someone("ana"), someone("ben"))
    User.objects.filter(username="administrator").update(is_superuser=True)  # Came without an entry, and set the mode.
    for role in ("reviewer", "operator"):
        User.objects.filter(username=role).delete()
        add_person(login=role, email=f"{role}@x.example", role=role, workspace=None, actor=None, now=stage.clock())
    before = stage.clock.instant
    stage.clock.instant = before + YEARS
    stage.sync()
    stage.approve("ana")
    stage.clock.instant = before
    stage.approve("ben")
    stage.sync()
    call_command("audit_verify")
    said = capsys.readouterr()
    assert "entries hold" in said.out
    assert said.err.count("A clock was wrong") == 1
    assert len(holds.verify(now=now())) == 1
    assert Hold.objects.open().get().cause == Hold.Cause.FLAWED
    assert holds.verify(now=now()) == []


def test_time_that_creeps_back_is_told_each_time_it_is_half_an_hour_behind(workspace: Workspace) -> None:
    for step in range(60):
        write(1, after=-step * 29 * 60)
    misdated = audit.verify_everything(now=NOW).misdated
    first = misdated[0].seq
    assert [flaw.seq for flaw in misdated] == list(range(first, first + 40, 2)), "20 are named"
