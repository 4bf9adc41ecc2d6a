"""The evidence pack: a stranger verifies it with Python alone, and whatever is changed in it is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.checkpoint import Keeper
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Workspace
from accounts_review.workflow.evidence.pack import VERIFY
from accounts_review.workflow.evidence.verify import canonical, ed25519_holds
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.review import decide
from tests.factories import make_workspace, put_in_force
from tests.stage import SetStage, policy_text, someone

pytestmark = pytest.mark.usefixtures("keeper")

Files = dict[str, str]

VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
"""RFC 8032, section 7.1: public key, message and signature of tests 1 to 3."""


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_signatures_are_checked_as_the_standard_says(public: str, message: str, signature: str) -> None:
    key, text, signed = (bytes.fromhex(part) for part in (public, message, signature))
    assert ed25519_holds(key, text, signed)
    assert not ed25519_holds(key, text + b"x", signed)
    for place in (0, 31, 32, 63):
        changed = bytearray(signed)
        changed[place] ^= 1
        assert not ed25519_holds(key, text, bytes(changed))


def test_signatures_of_the_library_hold_and_others_do_not() -> None:
    for number in range(20):
        key, message = Ed25519PrivateKey.generate(), f"message {number}".encode()
        public = key.public_key().public_bytes_raw()
        assert ed25519_holds(public, message, key.sign(message))
        assert not ed25519_holds(public, message, Ed25519PrivateKey.generate().sign(message))
    order = 2**252 + 27742317777372353535851937790883648493
    signed = key.sign(message)
    malleable = signed[:32] + (int.from_bytes(signed[32:], "little") + order).to_bytes(32, "little")
    assert not ed25519_holds(public, message, malleable)


@pytest.fixture
def pack(keeper: Keeper, set_stage: SetStage, tmp_path: Path) -> Path:
    """The pack of a clean-up whose people were warned."""
    stage = set_stage(*(someone(name, idle=900) for name in ("ana", "ben", "cleo")))
    stage.adopt(policy_text(notice=30))
    other = make_workspace("hidden", host="hidden.example")
    reviewer, operator = stage.staff("reviewer"), stage.staff("operator")
    until = stage.clock().replace(year=2027)
    decide.exempt(accounts=stage.accounts("cleo"), actor=reviewer, reason="on leave", until=until, now=stage.clock())
    decide.approve(accounts=stage.accounts("ana", "ben"), actor=reviewer, reason="left", now=stage.clock())
    data = {"version": 9, "policy": "hidden policy", "reason": "hidden reason", "host": "hidden.example"}
    audit.log([other], kind=Event.POLICY_ADOPTED, actor="hidden actor", now=stage.clock(), data=data)
    launch.launch(cleanup=stage.workspace.cleanups.get(), actor=operator, now=stage.clock())
    send_notices(workspace=stage.workspace, now=stage.clock())
    path = tmp_path / "pack.zip"
    call_command("evidence_pack", "--workspace", "main", "--cleanup", "1", "-o", str(path))
    return path


@pytest.mark.parametrize(
    ("given", "title"),
    [
        (("--to", "2100-01-01"), "main, the beginning to 2100-01-01"),
        (("--from", "2020-01-01"), "main, 2020-01-01 to today"),
    ],
)
def test_a_period_with_one_end_says_where_it_begins_and_ends(
    pack: Path, tmp_path: Path, given: tuple[str, str], title: str
) -> None:
    path = tmp_path / "period.zip"
    call_command("evidence_pack", "--workspace", "main", *given, "-o", str(path))
    assert json.loads(files_of(path)["manifest.json"])["title"] == title


def files_of(pack: Path) -> Files:
    with zipfile.ZipFile(pack) as zipped:
        return {name: zipped.read(name).decode() for name in zipped.namelist()}


def write(path: Path, files: Files) -> None:
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """As a stranger does: without our packages, without anybody's."""
    command = [sys.executable, "-I", "-S", str(folder / "verify.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)


def sealed_anew(files: Files, key: Ed25519PrivateKey) -> Files:
    """The manifest made and signed by somebody else, who knows how."""
    manifest = json.loads(files["manifest.json"])
    manifest.pop("signature")
    manifest["files"] = {name: sha256(files[name].encode()).hexdigest() for name in manifest["files"] if name in files}
    manifest["key"] = key.public_key().public_bytes_raw().hex()
    manifest["signature"] = key.sign(canonical(manifest)).hex()
    return files | {"manifest.json": json.dumps(manifest)}


def entry(files: Files, kind: str) -> str:
    return next(
        line for line in files["entries.jsonl"].splitlines() if f'"kind": "{kind}"' in line and "beside" in line
    )


def sealed(line: str) -> str:
    whole = json.loads(line)
    return json.dumps({name: whole[name] for name in ("seq", "previous", "digest")})


def unlinked(line: str) -> str:
    return json.dumps(json.loads(line) | {"previous": "0" * 64})


def of_others(files: Files) -> str:
    return next(line for line in files["entries.jsonl"].splitlines() if '"kind"' not in line)


def with_line(files: Files, old: str, new: str) -> Files:
    assert old in files["entries.jsonl"]
    return files | {"entries.jsonl": files["entries.jsonl"].replace(old, new)}


def of_notice(files: Files) -> str:
    return next(name for name in files if name.startswith("e-mails/"))


def of_policy(files: Files) -> str:
    return next(name for name in files if name.startswith("policies/"))


MUTATIONS: dict[str, Callable[[Files], Files]] = {
    "an entry changed": lambda f: with_line(f, '"cleanup": 1', '"cleanup": 2'),
    "an entry left out": lambda f: with_line(f, entry(f, "cleanup.launched") + "\n", ""),
    "the last entries cut off": lambda f: f | {"entries.jsonl": "".join(f["entries.jsonl"].splitlines(True)[:-1])},
    "an entry sealed": lambda f: with_line(f, line := entry(f, "cleanup.launched"), sealed(line)),
    "a sealed entry changed": lambda f: with_line(f, line := of_others(f), line.replace('"digest": "', '"digest": "f')),
    "a sealed entry left out": lambda f: with_line(f, of_others(f) + "\n", ""),
    "an entry unlinked": lambda f: with_line(f, line := of_others(f), unlinked(line)),
    "an entry twice": lambda f: with_line(f, line := entry(f, "cleanup.launched") + "\n", line * 2),
    "a name changed": lambda f: with_line(f, '"ana"', '"eva"'),
    "a reason changed": lambda f: with_line(f, '"reason": "left"', '"reason": "fled"'),
    "a policy changed": lambda f: f | {of_policy(f): f[of_policy(f)].replace("730", "90")},
    "an e-mail changed": lambda f: f | {of_notice(f): f[of_notice(f)].replace("2026", "2025")},
    "an e-mail left out": lambda f: {name: text for name, text in f.items() if name != of_notice(f)},
    "a checkpoint changed": lambda f: (
        f | {"checkpoints.jsonl": f["checkpoints.jsonl"].replace('"number": 1', '"number": 2')}
    ),
    "the checkpoints left out": lambda f: f | {"checkpoints.jsonl": ""},
    "the report changed": lambda f: f | {"report.html": f["report.html"].replace("ana", "eva")},
    "a file added": lambda f: f | {"e-mails/0.txt": "x"},
    "the manifest changed": lambda f: f | {"manifest.json": f["manifest.json"].replace("Clean-up 1", "Clean-up 7")},
}  # fmt: skip

CAUGHT_EVEN_IF_SIGNED_ANEW = set(MUTATIONS) - {"the report changed", "a file added", "the manifest changed"}


@pytest.mark.slow(reason="each change is tried in a Python of its own")
def test_a_stranger_verifies_it_and_whatever_is_changed_is_refused(pack: Path, tmp_path: Path) -> None:
    files, stranger = files_of(pack), tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "verify.py").write_text(files["verify.py"])
    whole = run(stranger, str(pack))
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.startswith("Clean-up 1 of main: ")
    with zipfile.ZipFile(pack) as zipped:
        zipped.extractall(tmp_path / "extracted")
    assert run(tmp_path / "extracted").returncode == 0
    assert run(tmp_path / "extracted", "--key", "0" * 64).returncode == 1
    mine, changed = Ed25519PrivateKey.generate(), stranger / "changed.zip"
    for name, mutate in MUTATIONS.items():
        mutated = mutate(files)
        assert mutated != files, name
        write(changed, mutated)
        answer = run(stranger, str(changed))
        assert (answer.returncode, answer.stdout) == (1, ""), name
        assert answer.stderr.startswith("REFUSED: "), name
        if name in CAUGHT_EVEN_IF_SIGNED_ANEW:
            write(changed, sealed_anew(mutated, mine))
            assert run(stranger, str(changed)).returncode == 1, f"{name}, signed anew"


def test_what_a_forged_pack_is_called_within_commands_no_terminal(pack: Path, tmp_path: Path) -> None:
    """It could wipe away that it was refused, and write that it holds."""
    forged = tmp_path / "forged.zip"
    write(forged, files_of(pack) | {"e-mails/\x1b[2J\x1b[HClean-up 1: 9 entries hold\r.txt": "x"})
    (tmp_path / "verify.py").write_text(VERIFY.read_text())
    answer = run(tmp_path, str(forged))
    assert answer.returncode == 1
    assert answer.stderr.startswith("REFUSED: ")
    assert "\\x1b[2J" in answer.stderr
    assert "\x1b" not in answer.stderr


def damaged(content: bytes, how: str) -> bytes:
    """A pack as a bad disk leaves it, or as somebody made it up; its first file is that of the entries."""
    changed, begin = bytearray(content), 30 + len("entries.jsonl")
    match how:
        case "torn":
            changed[begin + 40 : begin + 90] = b"\xff" * 50
        case "encrypted":
            for place in (6, changed.find(b"PK\1\2") + 8):
                changed[place] |= 1
        case "packed otherwise":
            for place in (8, changed.find(b"PK\1\2") + 10):
                changed[place] = 99
    return bytes(changed)


@pytest.mark.parametrize("how", ["torn", "encrypted", "packed otherwise", "nested"])
def test_a_damaged_pack_is_refused_in_one_line(pack: Path, tmp_path: Path, how: str) -> None:
    write(pack, files_of(pack) | {"manifest.json": "[" * 200_000}) if how == "nested" else None
    (tmp_path / "damaged.zip").write_bytes(damaged(pack.read_bytes(), how))
    (tmp_path / "verify.py").write_text(VERIFY.read_text())
    answer = run(tmp_path, str(tmp_path / "damaged.zip"))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("REFUSED: the pack is damaged")
    assert answer.stderr.count("\n") == 1


def test_it_holds_what_was_sent_and_names_nobody_else(pack: Path) -> None:
    files = files_of(pack)
    sent = next(message for message in mail.outbox if "ana@" in message.to[0])
    kept = next(text for name, text in files.items() if name.startswith("e-mails/") and sent.to[0] in text)
    assert str(sent.subject) in kept
    assert "/answer/…" in kept
    assert "cleo" not in "".join(files.values())
    assert "ana" in files["report.html"]
    assert not set("\u202e\u2066") & set(files["report.html"])


def test_of_other_workspaces_it_holds_digests_alone(pack: Path, tmp_path: Path) -> None:
    files = files_of(pack)
    assert "hidden" not in "".join(files.values())
    assert set(json.loads(of_others(files))) == {"seq", "previous", "digest"}
    told = [json.loads(line) for line in files["entries.jsonl"].splitlines()]
    assert {line["workspace"] for line in told if "kind" in line} == {"main"}
    (tmp_path / "verify.py").write_text(files["verify.py"])
    said = run(tmp_path, str(pack)).stdout
    assert f"{sum('kind' in line for line in told)} entries hold" in said
    assert "sealed, as they are of other workspaces: 1\n" in said


def test_whatever_it_is_about_it_holds_the_policy_that_was_in_force(pack: Path, client: Client, tmp_path: Path) -> None:
    workspace = Workspace.objects.get(name="main")
    number = workspace.current_policy.number
    put_in_force(workspace, policy_text(limit=400), now=now())
    client.force_login(User.objects.create(username="root", is_superuser=True))
    answer: Any = client.post("/w/main/audit/export/?kind=case.noticed", {"format": "pack"})
    path = tmp_path / "page.zip"
    path.write_bytes(b"".join(answer.streaming_content))
    files = files_of(path)
    assert [name for name in files if name.startswith("policies/")] == [f"policies/main-{number}.toml"]
    assert files[f"policies/main-{number}.toml"] == policy_text(notice=30)
    (tmp_path / "verify.py").write_text(files["verify.py"])
    assert run(tmp_path, str(path)).returncode == 0


def test_a_pack_of_one_workspace_made_on_the_page_tells_of_no_other(
    keeper: Keeper, client: Client, workspace: Workspace, person: Callable[[str], User]
) -> None:
    other = make_workspace("hidden")
    for place in (workspace, other, workspace, other):
        audit.log([place], kind=Event.HOLD_PLACED, actor=place.name, now=now(), data={"reason": f"why in {place.name}"})
    client.force_login(person("auditor"))
    answer: Any = client.post(f"/w/{workspace.name}/audit/export/", {"format": "pack"})
    with zipfile.ZipFile(BytesIO(b"".join(answer.streaming_content))) as zipped:
        whole = "".join(zipped.read(name).decode() for name in zipped.namelist())
    assert "why in main" in whole
    assert "hidden" not in whole


def test_the_audit_tells_of_a_pack_that_was_taken_and_of_none_that_could_not_be(
    keeper: Keeper, client: Client, workspace: Workspace, person: Callable[[str], User]
) -> None:
    audit.log([workspace], kind=Event.HOLD_PLACED, actor="ana", now=now(), data={"reason": "why"})
    client.force_login(person("auditor"))
    told = AuditEntry.objects.filter(kind=Event.AUDIT_EXPORTED)
    page = f"/w/{workspace.name}/audit/export/"
    assert client.post(f"{page}?kind=case.revoked", {"format": "pack"}).status_code == 302
    assert not told.exists()
    taken: Any = client.post(page, {"format": "pack"})
    assert b"".join(taken.streaming_content).startswith(b"PK")
    assert told.get().data["format"] == "pack"
