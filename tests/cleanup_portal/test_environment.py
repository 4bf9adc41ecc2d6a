"""Settings that were written wrongly are refused by name, and no part of a secret is shown."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from cleanup_portal import environment as env
from cleanup_portal import secret_keys
from tests.run import unused_port

ROOT = Path(__file__).parents[2]
PASSWORDS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1)


@given(password=PASSWORDS)
def test_a_database_password_may_hold_anything_beside_the_address(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", "postgres://portal@db:5432/portal")
        patch.setenv("DATABASE_PASSWORD", password)
        found = env.database(data_directory=Path())
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["NAME"]) == ("portal", password, "db", "portal")


@given(password=PASSWORDS)
def test_a_database_password_in_the_address_may_hold_anything_encoded(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"postgres://portal:{quote(password, safe='')}@db:5432/portal")
        found = env.database(data_directory=Path())
    assert (found["PASSWORD"], found["HOST"], found["NAME"]) == (password, "db", "portal")


@given(password=PASSWORDS)
def test_a_database_password_in_the_address_is_understood_or_refused_but_never_shown(password: str) -> None:
    secret = f"hush{password}hush"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"postgres://portal:{secret}@db:5432/portal")
        try:
            found = env.database(data_directory=Path())
        except ImproperlyConfigured as refused:
            says = str(refused)
        else:
            says = "understood: DATABASE_PASSWORD"
            assert (found["PASSWORD"], found["HOST"], found["NAME"]) == (unquote(secret), "db", "portal")
    assert "DATABASE_PASSWORD" in says
    assert "hush" not in says


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("smtp+tls://me@example.org:secret@mail.example.org:587", "me@example.org", "secret"),
        ("smtp+tls://me:a%2Fb%3F%25@mail.example.org:587", "me", "a/b?%"),
        ("filemail:///tmp/mails/of/today", "", ""),
    ],
)
def test_an_address_of_a_mail_server_is_understood(
    monkeypatch: pytest.MonkeyPatch, url: str, user: str, password: str
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    found = env.email("EMAIL_URL", required=True, default="")
    assert (found["EMAIL_HOST_USER"] or "", found["EMAIL_HOST_PASSWORD"] or "") == (user, password)


@pytest.mark.parametrize(
    ("value", "proxies"), [("true", 1), ("True", 1), ("false", 0), ("", 0), ("0", 0), ("1", 1), ("2", 2)]
)
def test_proxies_are_counted(monkeypatch: pytest.MonkeyPatch, value: str, proxies: int) -> None:
    monkeypatch.setenv("BEHIND_PROXY", value)
    assert env.proxies("BEHIND_PROXY") == proxies


@pytest.mark.parametrize("value", ["maybe", "-1", "1.5"])
def test_a_number_of_proxies_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BEHIND_PROXY", value)
    with pytest.raises(ImproperlyConfigured, match="write true, false, or how many"):
        env.proxies("BEHIND_PROXY")


def test_a_key_that_cannot_be_kept_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"DATA_DIR cannot be used: .*File exists"):
        secret_keys.secret_key(required=False, kept_in=tmp_path / "file/secret_key")


@pytest.mark.parametrize("kept", [b"", b"short", b"\xff\xfe\x00" * 20])
def test_a_kept_key_that_is_none_is_named_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kept: bytes
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (tmp_path / "secret_key").write_bytes(kept)
    with pytest.raises(ImproperlyConfigured, match=r"secret_key holds no key .* Restore it"):
        secret_keys.secret_key(required=False, kept_in=tmp_path / "secret_key")
    assert (tmp_path / "secret_key").read_bytes() == kept


def test_a_full_disk_leaves_no_half_key_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)

    def is_full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", is_full)
        with pytest.raises(ImproperlyConfigured, match="No space left on device"):
            secret_keys.secret_key(required=False, kept_in=tmp_path / "secret_key")
    assert not list(tmp_path.iterdir())
    key = secret_keys.secret_key(required=False, kept_in=tmp_path / "secret_key")
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert secret_keys.secret_key(required=False, kept_in=tmp_path / "secret_key") == key


def test_of_two_that_start_at_once_both_take_the_key_of_the_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    first = "1" * 50
    sync = os.fsync

    def overtaken(number: int) -> None:
        (tmp_path / "secret_key").write_text(first)
        sync(number)

    monkeypatch.setattr(os, "fsync", overtaken)
    assert secret_keys.secret_key(required=False, kept_in=tmp_path / "secret_key") == first


BROKEN = {"QUIET_SECONDS": "abc", "DATA_DIR": "/proc/none", "HUWISE_URL": "no address", "HUWISE_API_KEY": ""}


def run_with_broken_settings(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=os.environ | BROKEN, capture_output=True, text=True
    )


@pytest.mark.matrix(fast=1, reason="each loads the whole portal")
@pytest.mark.parametrize("asked", ["help sync", "sync --help", "sync -h", "help", ""])
def test_help_comes_with_broken_settings_too(asked: str) -> None:
    done = run_with_broken_settings(*asked.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert "Read the workspace and assess" in done.stdout or "\n    sync\n" in done.stdout


@pytest.mark.parametrize("asked", ["sync", "approve --actor ada --reason gone -- -h"])
def test_with_broken_settings_nothing_else_runs(asked: str) -> None:
    done = run_with_broken_settings(*asked.split())
    assert done.returncode == 1
    assert done.stderr.startswith("The portal is not configured: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_used_is_named_also_where_a_key_is_given(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given = {"DATA_DIR": str(tmp_path / "file"), "SECRET_KEY": "k" * 50, "DATABASE_URL": ""}
    done = subprocess.run(
        [sys.executable, "manage.py", "sync"], cwd=ROOT, env=os.environ | given, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"PostgreSQL cannot be started in {tmp_path / 'file'}/postgresql: Not a directory" in done.stderr
    assert "DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("given", ["*", "cleanup.example.org,*", "."])
def test_a_portal_that_would_answer_to_any_name_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", given)
    with pytest.raises(ImproperlyConfigured, match=r"ALLOWED_HOSTS .* write names alone"):
        env.hosts("ALLOWED_HOSTS", default=["localhost"])


@pytest.mark.matrix(fast=1, reason="each starts the whole portal")
@pytest.mark.parametrize("command", ["migrate", "sync", "up"])
def test_a_database_that_does_not_answer_is_said_in_words_without_its_password(command: str) -> None:
    address = f"postgres://portal:hush@127.0.0.1:{unused_port()}/portal"
    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "The database cannot be used: " in done.stderr
    assert "Check DATABASE_URL and the server, then try again." in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr


@pytest.mark.parametrize("slashes", ["///", "////"])
def test_a_folder_for_mails_is_named_from_the_root(monkeypatch: pytest.MonkeyPatch, slashes: str) -> None:
    monkeypatch.setenv("EMAIL_URL", f"filemail:{slashes}var/mails")
    assert env.email("EMAIL_URL", required=True, default="")["EMAIL_FILE_PATH"] == "/var/mails"


@pytest.mark.parametrize("written", ["-1", "1.5", "²", "many", "9" * 5000, str(10**14)])
def test_a_number_that_is_none_or_past_all_use_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("LEASE_SECONDS", written)
    with pytest.raises(ImproperlyConfigured, match=r"^LEASE_SECONDS is '.{0,21}'; write a whole number from 1 to "):
        env.whole("LEASE_SECONDS", default=120, least=1)


@pytest.mark.parametrize("name", ["NOTICE_HOURS", "BEHIND_PROXY"])
def test_a_number_within_another_form_is_refused_past_all_use(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "9" * 5000)
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is '9{{20}}…'; write "):
        env.proxies(name) if name == "BEHIND_PROXY" else env.span(name, least=0, most=24)


@pytest.mark.parametrize("name", ["WORKERS", "WEB_CONCURRENCY"])
@pytest.mark.parametrize("given", ["99999999", "two"])
def test_more_processes_than_any_machine_holds_are_refused_and_what_is_no_number(name: str, given: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cleanup_portal import settings"],
        cwd=ROOT,
        env=os.environ | {name: given},
        capture_output=True,
        text=True,
    )
    assert f"{name} is '{given}'; write a whole number from 1 to 1,000." in done.stderr


def test_a_value_that_is_no_text_is_refused_by_name_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, b"SECRET_KEY", b"hush\xe9hush" * 5)
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not UTF-8 text") as told:
        env.text("SECRET_KEY", default="")
    assert "hush" not in str(told.value)


@pytest.mark.parametrize(("given", "meant"), [("", "var"), ("  ", "var"), ("kept", "kept"), ("/kept", "/kept")])
def test_a_data_folder_is_the_same_one_from_every_working_directory(tmp_path: Path, given: str, meant: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cleanup_portal import settings; print(settings.DATA_DIR)"],
        cwd=tmp_path,
        env=os.environ | {"DATA_DIR": given, "SECRET_KEY": "k" * 50, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{ROOT / meant}\n"
    assert not list(tmp_path.iterdir())


NOWHERE = ["http://[::1", "http://portal:99999", "http://portal:port", "portal", "http://por tal", "http://por\ntal"]


@pytest.mark.parametrize("written", NOWHERE)
def test_an_address_that_leads_nowhere_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    for name, read in (("PING_URL", env.address), ("HUWISE_PROXY", env.proxy), ("CHECKPOINT_TO", env.destinations)):
        monkeypatch.setenv(name, written)
        with pytest.raises(ImproperlyConfigured, match=rf"^{name} ") as told:
            read(name)
        assert written not in str(told.value)


@pytest.mark.parametrize("written", NOWHERE)
def test_an_address_of_the_portal_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("PUBLIC_URL", written)
    with pytest.raises(ImproperlyConfigured, match=r"^PUBLIC_URL is '.+'; write the portal's own address"):
        env.public_url("PUBLIC_URL", required=False, default="")


@pytest.mark.parametrize("written", ["http://[x", "stdout,file:path", "ftp://host/x", "file://[::1/x"])
def test_a_place_for_checkpoints_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("CHECKPOINT_TO", written)
    with pytest.raises(ImproperlyConfigured, match=r"^CHECKPOINT_TO names a place that is none"):
        env.destinations("CHECKPOINT_TO")


def test_a_file_that_is_no_text_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"hush\xd0hush")
    monkeypatch.setenv("HUWISE_API_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(
        ImproperlyConfigured, match=r"^HUWISE_API_KEY_FILE cannot be read: it is not UTF-8 text"
    ) as told:
        env.text("HUWISE_API_KEY", default="")
    assert "hush" not in str(told.value)


@pytest.mark.parametrize("written", ["", "  "])
def test_a_workspace_without_a_name_has_the_usual_one(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("HUWISE_URL", "https://data.example.org")
    monkeypatch.setenv("HUWISE_API_KEY", "key")
    monkeypatch.setenv("HUWISE_WORKSPACE", written)
    assert list(env.workspaces()) == ["main"]


@pytest.mark.parametrize("written", ["", " "])
def test_what_is_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    for name in ("PUBLIC_URL", "EMAIL_URL", "EMAIL_FROM", "EMAIL_CONTACT"):
        monkeypatch.setenv(name, written)
    assert env.public_url("PUBLIC_URL", required=False, default="http://127.0.0.1:8000") == "http://127.0.0.1:8000"
    assert env.email("EMAIL_URL", required=False, default="filemail:///mail")["EMAIL_FILE_PATH"] == "/mail"
    assert env.sender("EMAIL_FROM", default="cleanup-portal@localhost") == "cleanup-portal@localhost"
    assert env.contact("EMAIL_CONTACT", default="cleanup@example.org") == "cleanup@example.org"
    with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL is not set"):
        env.public_url("PUBLIC_URL", required=True, default="")
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL is not set"):
        env.email("EMAIL_URL", required=True, default="")


@pytest.mark.parametrize("written", ["", " \n"])
def test_a_file_that_is_named_and_holds_nothing_is_no_setting_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
) -> None:
    """Else warnings would go to files, and count as delivered."""
    (tmp_path / "empty").write_text(written)
    monkeypatch.setattr(env._values, "files_cache", {})
    for name in ("PUBLIC_URL", "EMAIL_URL", "EMAIL_FROM", "EMAIL_CONTACT"):
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "empty"))
    with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL_FILE is empty"):
        env.public_url("PUBLIC_URL", required=False, default="http://127.0.0.1:8000")
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL_FILE is empty"):
        env.email("EMAIL_URL", required=False, default="filemail:///mail")
    with pytest.raises(ImproperlyConfigured, match="EMAIL_FROM_FILE is empty"):
        env.sender("EMAIL_FROM", default="cleanup-portal@localhost")
    with pytest.raises(ImproperlyConfigured, match="EMAIL_CONTACT_FILE is empty"):
        env.contact("EMAIL_CONTACT", default="cleanup@example.org")
