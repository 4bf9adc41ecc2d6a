"""Everything from a shell: the commands whose names and columns stay put, driven against the sandbox."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from accounts_review.models import Account, AuditEntry, Case, Cleanup, Exemption, Hold, PolicyPreview, Workspace
from accounts_review.workflow.policy import preview
from tests.conftest import NOW
from tests.stage import KEY, SetStage, Stage, policy_text, someone

Run = Callable[..., str]
EXEMPT_OMAR = ("exempt", "omar", "--actor", "reviewer", "--reason", "x")


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Iterator[Stage]:
    """Two dormant people, one of them with a hostile name, and an active one, at the instant of the other tests."""
    people = (someone("=1+1|calc!A0"), someone("marie+data@ville.example"), someone("omar", idle=3))
    stage = set_stage(*people, synced=False, mode=Workspace.Mode.DRY_RUN)
    settings.HUWISE = {"main": {"url": stage.url, "api_key": KEY, "key_owner": ""}}
    settings.QUIET_SECONDS = 0
    with time_machine.travel(NOW, tick=False):
        yield stage


@pytest.fixture
def run(stage: Stage, person: Callable[[str], User], capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; answers what it wrote to standard output, which never holds the key."""
    for role in ("reviewer", "operator", "administrator"):
        person(role)

    def call(*words: str) -> str:
        out = io.StringIO()
        try:
            call_command(*words, stdout=out)
        finally:
            assert KEY not in out.getvalue() + capsys.readouterr().err
        return out.getvalue()

    return call


@pytest.fixture
def synced(run: Run) -> Run:
    run("sync")
    return run


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_sync_prints_a_tally_and_is_content_only_if_complete(run: Run, stage: Stage) -> None:
    assert run("sync").splitlines() == ["complete: added 24, read 24", "active 22, dormant 2"]
    stage.order({"method": "GET", "path": "/users/", "kind": "status", "status": 500})
    with pytest.raises(CommandError, match="The sync is failed"):
        run("sync")


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


def test_load_policy_prints_whom_it_changes(synced: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(policy_text(limit=5000))
    assert synced("load_policy", str(file)).splitlines() == [
        "warning: No warning is sent before access ends.",
        "warning: Only the right edit_domain protects; 0 accounts past their limit would be protected.",
        "warning: No group protects its members; 0 accounts past their limit would be protected.",
        "version 3 is in force",
        "verdicts changed: dormant to active 2",
    ]


RISKY = """
[[segment]]
name = "contractors"
usernames = ["*.EXT"]
emails = ["*@nowhere.example"]
dormant_after_days = 12
[[segment]]
name = "everyone"
dormant_after_days = 730
[protect]
permissions = ["edit_domain", "manage_users"]
groups = ["publishres"]
[notice]
days = 3
[approval]
expires_after_days = 90
[limits]
per_cleanup = 600
share_of_population = 0.4
"""


def test_a_dry_run_of_load_policy_prints_what_the_preview_shows_and_changes_nothing(
    synced: Run, tmp_path: Path, workspace: Workspace
) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(b"\xef\xbb\xbf" + RISKY.replace("\n", "\r\n").encode())
    entries = AuditEntry.objects.count()
    said = synced("load_policy", str(file), "--dry-run").splitlines()
    assert said[-1] == "dry run: nothing was changed"
    for line in (
        "warning: protect.groups: none of 24 accounts matches “publishres”.",
        "warning: protect.permissions: not a known right: “manage_users”. Held by 0 accounts.",
        "warning: segment “contractors”, usernames: none of 24 accounts matches “*.EXT”.",
        "warning: segment “contractors”, emails: none of 24 accounts matches “*@nowhere.example”.",
        "warning: “contractors” counts as dormant after only 12 days. 0 accounts would be dormant.",
        "warning: More accounts may go in one clean-up: 600; before, 500.",
        "warning: The notice is only 3 days. A mail server may hold a message for 5 days, so it can arrive too late.",
        "after: At most 600 accounts in a clean-up.",
        "segment everyone: accounts 24 to 24, dormant 2 to 2",
        "verdicts changed: nothing",
    ):
        assert line in said
    assert AuditEntry.objects.count() == entries
    assert (workspace.current_policy.number, PolicyPreview.objects.count()) == (2, 0)
    assert "version 3 is in force" in synced("load_policy", str(file))


def test_a_dry_run_leaves_what_the_same_person_previews_on_the_page(
    synced: Run, tmp_path: Path, workspace: Workspace
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(policy_text(limit=5000))
    admin = User.objects.get(username="administrator")
    mine = preview.propose(workspace=workspace, text=policy_text(limit=9), actor=admin, reason="x", now=NOW)
    synced("load_policy", str(file), "--dry-run", "--actor", "administrator")
    assert PolicyPreview.objects.get() == mine


def test_a_policy_may_be_loaded_before_the_first_sync(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('title = "Mine"')
    said = run("load_policy", str(file)).splitlines()
    assert "warning: No account has been read yet, so no name in the policy could be checked." in said
    assert said[-2:] == ["version 3 is in force", "verdicts changed: nothing"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the text is empty"),
        (b"\xef\xbb\xbf \r\n# only a remark", "the text is empty"),
        ("title = 'é'".encode("latin-1"), "line 1: the byte 0xe9 is not UTF-8"),
        ("title = 'é'".encode("utf-16"), "UTF-16; save it as UTF-8"),
        (b"[protect]\nusernames = ['svc-[']", r"line 2: protect\.usernames: the pattern 'svc-\[' is broken"),
        (b"[protect]\nemail_domains = ['*.a.example']", r"line 2: protect\.email_domains: .* has a wildcard"),
        (b"title = 'x' # " + b"x" * 3_000_000, "too long"),
    ],
    ids=lambda value: ascii(value)[:30],
)
@pytest.mark.parametrize("options", [(), ("--dry-run",)], ids=str)
def test_load_policy_refuses_what_cannot_be_meant(
    run: Run, tmp_path: Path, workspace: Workspace, content: bytes, words: str, options: tuple[str, ...]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        run("load_policy", str(file), *options)
    assert workspace.current_policy.number == 2


def test_load_policy_names_every_fault_with_its_line_and_changes_nothing(
    synced: Run, tmp_path: Path, workspace: Workspace
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("title = 3\n[limits]\nper_hour = 0\n")
    with pytest.raises(CommandError, match=r"line 1: title: .*\nline 3: limits\.per_hour: "):
        synced("load_policy", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        synced("load_policy", str(tmp_path / "nowhere.toml"))
    assert workspace.current_policy.number == 2


def test_decisions_are_all_or_nothing(synced: Run) -> None:
    with pytest.raises(CommandError, match="omar: it is active"):
        synced("approve", "marie+data@ville.example", "omar", "--actor", "reviewer", "--reason", "gone")
    with pytest.raises(CommandError, match="no account"):
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
    with pytest.raises(CommandError, match=r"nobody@ville\.example: no account"):
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
    assert synced("revoke_due") == "would revoke 1; 0 due\n"
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
    assert synced("audit_verify") == f"checkpoint {count}:{last.digest}\n{count} entries hold\n"
    assert synced("audit_verify", "--checkpoint", f"{count}:{last.digest}").endswith("entries hold\n")
    lines = [json.loads(line) for line in synced("audit_export").splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, count + 1))
    assert all(line["previous"] == before["digest"] for before, line in pairwise(lines))


def test_check_workspace_says_what_it_found(synced: Run, stage: Stage) -> None:
    stage.order({"method": "GET", "path": "*", "kind": "status", "status": 401})
    with pytest.raises(CommandError, match="1 of 1 findings"):
        synced("check_connection")


def test_grant_gives_one_role_instead_of_another(synced: Run, person: Callable[[str], User]) -> None:
    reviewer = person("reviewer")
    assert synced("grant", "reviewer", "auditor") == "reviewer is now auditor\n"
    assert [group.name for group in reviewer.groups.all()] == ["auditor"]
    assert AuditEntry.objects.get(kind="role.granted").details == {"login": "reviewer", "role": "auditor"}


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
    Hold.objects.create(cause=Hold.Cause.BEHIND, host="web-1", at=now(), by="portal")
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
