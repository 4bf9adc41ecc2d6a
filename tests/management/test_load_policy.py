"""Loading a policy from a shell: what it says of whom it changes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from accounts_review.models import Assessment, AuditEntry, PolicyPreview, Workspace
from accounts_review.workflow.policy import preview
from tests.conftest import NOW
from tests.management.conftest import Run
from tests.stage import policy_text


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


def test_load_policy_has_those_judged_who_have_changed(synced: Run, tmp_path: Path) -> None:
    Assessment.objects.update(basis="")
    file = tmp_path / "policy.toml"
    file.write_text(policy_text(limit=5000))
    assert synced("load_policy", str(file)).splitlines()[-2:] == [
        "version 3 is in force",
        "verdicts changed: dormant to active 2",
    ]
    assert not Assessment.objects.filter(basis="").exists()


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
        "warning: Protected groups: none of 24 accounts matches “publishres”.",
        "warning: Protected rights: not a known right: “manage_users”. Held by 0 accounts.",
        "warning: segment “contractors”, usernames: none of 24 accounts matches “*.EXT”.",
        "warning: segment “contractors”, e-mail addresses: none of 24 accounts matches “*@nowhere.example”.",
        "warning: “contractors” counts as dormant after only 12 days. 0 accounts would be dormant.",
        "warning: A clean-up may remove more accounts: 600; before, 500.",
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
        (
            b"[protect]\nemail_domains = ['*.a.example']",
            r"protect\.email_domains: .* has a wildcard.* whole addresses",
        ),
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
