"""What commands never do: show the key, change anything by a mistyped word, or pass over a broken record."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from accounts_review.models import AuditEntry, Case, PolicyVersion, Workspace
from accounts_review.tasks import actions
from accounts_review.workflow import workspaces
from accounts_review.workflow.sync.lock import AlreadyRunning
from tests.stage import KEY, NOW, SetStage, Stage, someone

DECIDED = ("--actor", "reviewer", "--reason", "left")


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Iterator[Stage]:
    stage = set_stage(someone("marie"), someone("omar"))
    settings.HUWISE = {"main": {"url": stage.url, "api_key": KEY, "key_owner": ""}}
    settings.QUIET_SECONDS = 0
    for role in ("reviewer", "operator", "administrator"):
        stage.staff(role)
    with time_machine.travel(NOW, tick=False):
        yield stage


def run(*words: str, status: int = 0) -> tuple[str, str]:
    """What a command writes to standard output and to standard error; it ends with the status given."""
    out, err, ended = io.StringIO(), io.StringIO(), 0
    try:
        call_command(*words, stdout=out, stderr=err)
    except CommandError as error:
        if not status:
            raise
        ended = error.returncode
        err.write(str(error))
    assert ended == status
    return out.getvalue(), err.getvalue()


def everything_stored() -> str:
    """Every row of every table of ours, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall() if name.startswith(("accounts_review_", "django_q_"))]
        text = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            text += [row for (row,) in cursor.fetchall()]
    return "\n".join(text)


def test_the_key_is_never_shown_nor_stored_even_if_the_workspace_echoes_it(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    echo = {"error_code": "odd", "message": f"you sent Apikey {KEY}"}
    shown += run("approve", "marie", "omar", *DECIDED)
    shown += run("launch_cleanup", "--actor", "operator")
    stage.order({"method": "DELETE", "kind": "status", "status": 400, "body": echo, "times": 1})
    shown += run("revoke_due", "--limit", "1")
    stage.order({"path": "/users/*", "kind": "status", "status": 403, "body": echo})
    shown += run("revoke_due", status=1)
    stage.order({"kind": "status", "status": 400, "body": echo})
    with pytest.raises(CommandError) as incomplete:
        run("sync")
    shown += run("audit_export")
    shown += [str(incomplete.value), *capfd.readouterr(), everything_stored()]
    assert "you sent Apikey ***" in everything_stored()
    assert not [text for text in shown if KEY in text]


def test_revoke_due_says_what_stopped_it(stage: Stage) -> None:
    run("approve", "marie", *DECIDED)
    run("launch_cleanup", "--actor", "operator")
    stage.order({"kind": "status", "status": 401})
    out, err = run("revoke_due", status=1)
    assert out == "nothing; 1 due\n"
    assert "the workspace does not accept the API key" in err
    assert "resume it with manage.py resume_cleanup 1 " in err


@pytest.mark.parametrize("command", ["hold", "pause_workspace", "reset_breaker", "load_policy", "approve"])
def test_no_reason_is_longer_than_a_form_would_take_it(stage: Stage, command: str) -> None:
    before = AuditEntry.objects.count()
    argument = {"approve": ["marie"], "load_policy": ["-"]}.get(command, [])
    with pytest.raises(CommandError, match="--reason: at most 500 characters, please; these are 100,000"):
        run(command, *argument, "--actor", "administrator", "--reason", "x" * 100_000)
    assert AuditEntry.objects.count() == before


def test_a_workspace_that_fails_is_told_of_once(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    stage.order({"kind": "status", "status": 500})
    with pytest.raises(CommandError):
        run("sync")
    assert "retry" not in "".join(capfd.readouterr())


def test_audit_verify_names_the_first_bad_entry(stage: Stage) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE accounts_review_auditentry SET workspace = 'nobody' WHERE seq = 2")
        cursor.execute("SET session_replication_role = DEFAULT")
    with pytest.raises(CommandError, match=r"Entry 2, policy.adopted: its content does not match its digest\n"):
        run("audit_verify")


def test_audit_verify_refuses_what_is_no_checkpoint_and_names_an_end_that_was_cut_off(stage: Stage) -> None:
    with pytest.raises(CommandError, match="yesterday cannot be read: No such file"):
        run("audit_verify", "--checkpoint", "yesterday")
    with pytest.raises(CommandError, match=r"Entry 999: .* cut off"):
        run("audit_verify", "--checkpoint", f"999:{'a' * 64}")


def test_a_failing_command_ends_with_status_1(stage: Stage) -> None:
    with pytest.raises(CommandError) as failure:
        run("approve", "nobody.such", *DECIDED)
    assert failure.value.returncode == 1
    assert str(failure.value) == "nobody.such: no listed account has this username"


def test_all_unknown_names_are_listed_and_nothing_is_decided(stage: Stage) -> None:
    for verb, more in (("approve", ()), ("withdraw", ()), ("exempt", ("--until", "2027-01-01"))):
        with pytest.raises(CommandError, match=r"b: no listed account.*\nc: no listed account"):
            run(verb, "marie", "c", "b", *DECIDED, *more)
    assert not Case.objects.exists()


@pytest.mark.parametrize("name", ["marie\udcff", "nul\x00"])
def test_names_that_no_database_holds_are_unknown_names(stage: Stage, name: str) -> None:
    with pytest.raises(CommandError, match="no listed account"):
        run("approve", name, *DECIDED)


@pytest.mark.parametrize(
    "until", ["2026-02-30", "30/06/2026", "", "2026-13-01T00:00:00Z", "next year", "9999-12-31T23:00:00-12:00"]
)
def test_a_date_that_is_none_is_refused(stage: Stage, until: str) -> None:
    with pytest.raises(CommandError, match="is not a date"):
        run("exempt", "marie", *DECIDED, "--until", until)


@pytest.mark.parametrize(
    ("until", "instant"),
    [
        ("2027-01-31", "2027-01-31T00:00:00+00:00"),
        ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00+00:00"),
        ("2027-01-31T12:00:00", "2027-01-31T12:00:00+00:00"),
    ],
)
def test_a_date_or_an_instant_will_do(stage: Stage, until: str, instant: str) -> None:
    out, _ = run("exempt", "marie", *DECIDED, "--until", until)
    (exemption,) = stage.account("marie").exemptions.all()
    assert exemption.until.isoformat() == instant
    assert out.startswith("exempted 1 until ")


@pytest.mark.parametrize("login", ["ghost", "gone"])
def test_a_login_must_belong_to_somebody_active(stage: Stage, login: str) -> None:
    User.objects.create_user("gone", is_active=False)
    for words in (
        ("approve", "marie", "--reason", "x"),
        ("withdraw", "marie", "--reason", "x"),
        ("set_mode", "dry-run"),
    ):
        with pytest.raises(CommandError, match=f"No active person has the login '{login}'"):
            run(*words, "--actor", login)
    assert Workspace.objects.get().is_live


def test_a_policy_of_a_person_without_the_right_is_refused(stage: Stage, tmp_path: Any) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("title = 'Mine'\n")
    before = PolicyVersion.objects.count()
    with pytest.raises(CommandError, match="administrator"):
        run("load_policy", str(file), "--actor", "operator")
    file.write_bytes(b"title = '\xff'")
    with pytest.raises(CommandError, match="cannot be read"):
        run("load_policy", str(file))
    assert PolicyVersion.objects.count() == before


def test_a_folder_that_does_not_exist_is_named(stage: Stage) -> None:
    with pytest.raises(CommandError, match=r"/nowhere/at/all\.csv cannot be written: No such file"):
        run("export_accounts", "-o", "/nowhere/at/all.csv")
    with pytest.raises(CommandError, match="cannot be written"):
        run("export_accounts", "-o", "")


def test_with_several_workspaces_one_has_to_be_named(stage: Stage, settings: Any) -> None:
    settings.HUWISE["second"] = settings.HUWISE["main"]
    workspaces.open_workspace(name="second", now=NOW)
    with pytest.raises(CommandError, match="several workspaces: main, second"):
        run("assess")
    assert run("assess", "--workspace", "main")[0].splitlines()[0] == "assessed again: 0"
    with pytest.raises(CommandError, match="There is no workspace 'third'"):
        run("assess", "--workspace", "third")


def test_without_any_workspace_the_settings_are_asked_for(db: None, settings: Any) -> None:
    settings.HUWISE = {}
    with pytest.raises(CommandError, match="set HUWISE_URL and HUWISE_API_KEY"):
        run("sync")


def test_the_environment_opens_its_workspace_by_itself(db: None, settings: Any) -> None:
    settings.HUWISE = {"fresh": {"url": "http://127.0.0.1:9", "api_key": KEY, "key_owner": ""}}
    run("assess")
    assert [workspace.name for workspace in Workspace.objects.all()] == ["fresh"]


def test_another_sync_that_runs_is_said_in_words(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(**given: Any) -> None:
        raise AlreadyRunning(stage.workspace)

    monkeypatch.setattr(actions, "sync_workspace", busy)
    with pytest.raises(CommandError, match="already running"):
        run("sync")


def test_an_exported_record_can_be_proven_by_anyone(stage: Stage) -> None:
    keys = ["seq", "at", "workspace", "actor_ref", "kind", "subject_ref"]
    keys += ["account_id", "cleanup", "data", "personal", "previous"]
    lines = run("audit_export")[0].splitlines()
    assert len(lines) == AuditEntry.objects.count() - 1 > 3, "all but what the export itself left"
    for line in lines:
        row = json.loads(line)
        content = json.dumps([row[k] for k in keys], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(content.encode()).hexdigest() == row["digest"]
