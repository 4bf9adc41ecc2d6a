"""Everything from a shell: the commands whose names and columns stay put, driven against the sandbox."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, load_command_class
from django.utils.timezone import now

from accounts_review.models import Account, AuditEntry, Case, Cleanup, Exemption, Hold
from tests.conftest import NOW
from tests.factories import make_hold
from tests.management.conftest import Run
from tests.run import unused_port
from tests.stage import Stage, policy_text

EXEMPT_OMAR = ("exempt", "omar", "--actor", "reviewer", "--reason", "x")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_sync_prints_a_tally_and_is_content_only_if_complete(run: Run, stage: Stage) -> None:
    assert run("sync").splitlines() == ["complete: added 24, read 24", "active 22, dormant 2"]
    stage.order({"method": "GET", "path": "/users/", "kind": "status", "status": 500})
    with pytest.raises(CommandError, match="The sync is failed"):
        run("sync")


def test_a_workspace_that_is_not_there_is_told_once(run: Run, settings: Any) -> None:
    settings.HUWISE["main"]["url"] = address = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(CommandError) as refused:
        run("sync")
    told = str(refused.value)
    assert told.count("could not be reached") == told.count("then try again") == 1
    assert f"(while reading who owns our API key on {address.removeprefix('http://')}: " in told


def test_export_has_one_account_a_row_and_the_columns_that_stay_put(synced: Run) -> None:
    exported = rows(synced("export_accounts"))
    columns = ["username", "email", "verdict", "segment", "activity_at", "dormant_from", "reasons"]
    assert list(exported[0])[:7] == columns
    assert len(exported) == 24
    assert {row["username"]: row["verdict"] for row in exported}["marie+data@ville.example"] == "dormant"


def test_export_filters_by_verdict_and_is_safe_from_formulas(synced: Run, tmp_path: Path) -> None:
    dormant = rows(synced("export_accounts", "--verdict", "dormant"))
    assert {row["username"] for row in dormant} == {"'=1+1|calc!A0", "marie+data@ville.example"}
    file = tmp_path / "accounts.xlsx"
    assert synced("export_accounts", "--format", "xlsx", "-o", str(file)) == ""
    assert file.read_bytes().startswith(b"PK")


def test_verdicts_can_be_read_as_of_another_instant(synced: Run) -> None:
    assert {row["verdict"] for row in rows(synced("export_accounts", "--as-of", "2024-01-01"))} == {"active"}
    assert "dormant 23, protected 1" in synced("assess", "--as-of", "2031-01-01T00:00:00Z")
    assert synced("assess").splitlines()[0] == "assessed again: 0"


def test_decisions_are_all_or_nothing(synced: Run) -> None:
    with pytest.raises(CommandError, match="omar: it is active"):
        synced("approve", "marie+data@ville.example", "omar", "--actor", "reviewer", "--reason", "gone")
    with pytest.raises(CommandError, match="no listed account"):
        synced("approve", "marie+data@ville.example", "nobody.such", "--actor", "reviewer", "--reason", "gone")
    assert not Case.objects.exists()


def test_people_are_named_by_address_too(synced: Run) -> None:
    marie = ("--actor", "reviewer", "--reason", "left")
    assert synced("approve", "MARIE.data@Ville.example", *marie) == "approved 1\n"
    assert synced("withdraw", "marie+data@ville.example", "marie.data@ville.example", *marie) == "withdrawn 1\n"


def test_an_address_of_two_accounts_is_refused_by_their_names(synced: Run) -> None:
    Account.objects.filter(username="omar").update(email="Marie.data@ville.example")
    with pytest.raises(CommandError, match=r"2 accounts have this address: marie\+data@ville\.example, omar; name one"):
        synced("approve", "marie.data@ville.example", "--actor", "reviewer", "--reason", "left")


def test_people_are_named_in_a_plain_list(synced: Run, tmp_path: Path) -> None:
    file = tmp_path / "hr.txt"
    file.write_text("E-mail\nmarie.data@ville.example\nnobody@ville.example\n")
    options = ("--file", str(file), "--actor", "reviewer", "--reason", "leave", "--until", "2027-01-31")
    with pytest.raises(CommandError, match=r"nobody@ville\.example: no listed account"):
        synced("exempt", *options)
    said = synced("exempt", *options, "--skip-unknown").splitlines()
    assert said == ["not found: nobody@ville.example", "exempted 1 until 2027-01-31T00:00:00+00:00"]
    assert Exemption.objects.get().account.username == "marie+data@ville.example"
    assert synced("approve", "nobody", "--skip-unknown", *options[2:6]) == "not found: nobody\napproved 0\n"
    with pytest.raises(CommandError, match="Name at least one account"):
        synced("approve", *options[2:6])
    file.write_text("a,b\n")
    with pytest.raises(CommandError, match="more than one column"):
        synced("exempt", *options)


def test_a_command_takes_what_django_offers() -> None:
    parser = load_command_class("accounts_review", "sync").create_parser("manage.py", "sync")
    assert parser.parse_args(["--skip-checks"]).skip_checks


def test_approve_exempt_and_withdraw_decide(synced: Run) -> None:
    name = "marie+data@ville.example"
    assert synced("approve", name, "--actor", "reviewer", "--reason", "left") == "approved 1\n"
    assert "exempted 1" in synced(
        "exempt", name, "--actor", "reviewer", "--reason", "on leave", "--until", "2026-12-31"
    )
    assert Case.objects.get().state == "withdrawn"
    assert Exemption.objects.get().until.isoformat() == "2026-12-31T00:00:00+00:00"
    assert synced("withdraw", name, "--actor", "reviewer", "--reason", "back") == "withdrawn 1\n"
    assert Exemption.objects.get().withdrawn_at == NOW


@pytest.mark.matrix(fast=3, reason="each command is a stage of its own")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("approve", "omar", "--actor", "ghost", "--reason", "x"), "No active person has the login 'ghost'"),
        (("exempt", "omar", "--actor", "reviewer", "--reason", "x", "--until", "tomorrow"), "'tomorrow' is not a date"),
        (("exempt", "omar", "--actor", "reviewer", "--reason", "x", "--until", "2020-01-01"), "end in the future"),
        (("withdraw", "omar", "--actor", "reviewer", "--reason", "x"), "nothing to withdraw"),
        (("set_mode", "live", "--actor", "operator"), "roles: administrator"),
        (("launch_cleanup", "--actor", "operator"), "no draft"),
        (("confirm_cleanup", "--actor", "operator"), "No clean-up awaits"),
        (("reset_breaker", "--actor", "administrator", "--reason", "x"), "has not tripped"),
        (("export_accounts", "--format", "xlsx"), "-o FILE"),
        (("sync", "--workspace", "other"), "There is no workspace 'other'"),
        ((*EXEMPT_OMAR, "--until", "2027-01-01", "--service-account"), "owner"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(synced: Run, words: tuple[str, ...], complaint: str) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(CommandError, match=complaint):
        synced(*words)
    assert AuditEntry.objects.count() == before


def test_a_dry_run_ends_with_nothing_due_and_nobody_gone(synced: Run, stage: Stage) -> None:
    synced("approve", "marie+data@ville.example", "--actor", "reviewer", "--reason", "left")
    assert "clean-up 1 (dry run) is running" in synced("launch_cleanup", "--actor", "operator")
    assert synced("send_notices") == "nothing; 0 awaiting notice\n"
    assert synced("revoke_due") == "would revoke 1; 0 due\n"
    assert (mail.outbox, stage.deletes) == ([], [])
    assert Cleanup.objects.get().state == "closed"


def test_a_live_cleanup_deletes_exactly_those_approved(synced: Run, stage: Stage) -> None:
    synced("set_mode", "live", "--actor", "administrator")
    synced("approve", "=1+1|calc!A0", "marie+data@ville.example", "--actor", "reviewer", "--reason", "left")
    synced("launch_cleanup", "--actor", "operator")
    assert synced("revoke_due", "--limit", "1") == "revoked 1; 1 due\n"
    assert synced("revoke_due") == "revoked 1; 0 due\n"
    assert {name for name, status, removed in stage.deletes if removed} == {
        "=1+1|calc!A0",
        "marie+data@ville.example",
    }


def test_with_a_notice_people_are_warned_and_their_date_is_waited_for(synced: Run, stage: Stage) -> None:
    stage.adopt(policy_text(notice=30))
    synced("set_mode", "live", "--actor", "administrator")
    synced("approve", "marie+data@ville.example", "--actor", "reviewer", "--reason", "left")
    synced("launch_cleanup", "--actor", "operator")
    assert synced("send_notices") == "sent 1; 0 awaiting notice\n"
    assert synced("revoke_due") == "nothing; 0 due\n"
    assert (len(mail.outbox), stage.deletes) == (1, [])


def test_a_second_person_confirms_where_the_policy_asks(synced: Run, stage: Stage) -> None:
    stage.adopt(policy_text(two_people=True))
    synced("approve", "marie+data@ville.example", "--actor", "reviewer", "--reason", "left")
    assert "awaiting confirmation" in synced("launch_cleanup", "--actor", "operator")
    with pytest.raises(CommandError, match="another person"):
        synced("confirm_cleanup", "--actor", "operator")
    assert "is running" in synced("confirm_cleanup", "--actor", "administrator")


def test_audit_verify_proves_and_audit_export_writes_the_evidence(synced: Run) -> None:
    count = AuditEntry.objects.count()
    last = AuditEntry.objects.get(seq=count)
    User.objects.update(is_superuser=True)  # Their roles came without an entry.
    with pytest.raises(CommandError, match="no checkpoint"):
        synced("audit_verify")
    proven = f"checkpoint {count}:{last.digest}\n{count} entries hold\n"
    assert synced("audit_verify", "--checkpoint", f"{count}:{last.digest}") == proven
    lines = [json.loads(line) for line in synced("audit_export").splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, count + 1))
    assert all(line["previous"] == before["digest"] for before, line in pairwise(lines))


def test_check_connection_says_what_it_found(synced: Run, stage: Stage) -> None:
    stage.order({"method": "GET", "path": "*", "kind": "status", "status": 401})
    with pytest.raises(CommandError, match="1 of 1 findings"):
        synced("check_connection")


def test_grant_gives_one_role_instead_of_another(synced: Run, person: Callable[[str], User]) -> None:
    reviewer = person("reviewer")
    assert synced("grant", "reviewer", "auditor") == "reviewer is now auditor in the whole portal; before: reviewer\n"
    assert [role.name for role in reviewer.roles.all()] == ["auditor"]
    assert AuditEntry.objects.get(kind="role.granted").details == {
        "login": "reviewer",
        "before": "reviewer",
        "role": "auditor",
        "kind": "portal",
    }


def test_anybody_with_a_role_holds_and_an_administrator_releases(synced: Run, stage: Stage) -> None:
    stage.launch("marie+data@ville.example")
    for role in ("auditor", "operator", "administrator"):
        stage.staff(role)
    assert synced("hold", "--actor", "auditor", "--reason", "look") == "held\n"
    assert synced("revoke_due") == "nothing; 1 due\n"
    with pytest.raises(CommandError, match="administrator"):
        synced("release", "--actor", "operator", "--reason", "go on")
    with pytest.raises(CommandError, match="the whole portal"):
        synced("release", "--workspace", "main", "--actor", "administrator", "--reason", "go on")
    assert synced("release", "--actor", "administrator", "--reason", "go on") == "released\n"
    assert synced("revoke_due") == "would revoke 1; 0 due\n"


def test_the_database_is_accepted_after_a_fresh_sync(synced: Run, stage: Stage) -> None:
    given = ("--actor", "administrator", "--reason", "restored the backup of last night")
    with pytest.raises(CommandError, match="nothing to reset"):
        synced("reset_checkpoint", *given)
    stage.workspace.syncs.update(started_at=now() - timedelta(hours=1))
    make_hold(Hold.Cause.BEHIND, host="web-1")
    with pytest.raises(CommandError, match="Run a complete sync of main first"):
        synced("reset_checkpoint", *given)
    synced("sync")
    assert synced("reset_checkpoint", *given) == "accepted\n"
    assert not Hold.objects.open().exists()


def test_every_command_is_exercised_by_a_test() -> None:
    folder = Path(__file__).parent.parent
    tests = "".join(path.read_text() for path in folder.rglob("*.py"))
    commands = {path.stem for path in (folder.parent / "accounts_review/management/commands").glob("[a-z]*.py")}
    assert {name for name in commands if f'"{name}"' not in tests} == set()
