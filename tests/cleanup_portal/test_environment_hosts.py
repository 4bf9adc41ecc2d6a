"""Names and addresses under which the portal is asked for, and files as Windows writes them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from cleanup_portal import environment as env


@pytest.mark.parametrize(
    "given",
    ["https://cleanup.example.org", "cleanup.example.org:443", "a.example.org b.example.org", "é.example.org", "::1"],
)
def test_a_host_that_nobody_can_ask_for_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", given)
    with pytest.raises(ImproperlyConfigured, match=r"ALLOWED_HOSTS .* write names alone"):
        env.hosts("ALLOWED_HOSTS", default=["localhost"])


def test_of_many_hosts_the_odd_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [f"portal-{number}.example.org" for number in range(50)]
    monkeypatch.setenv("ALLOWED_HOSTS", ",".join([*many, "https://odd.example.org", *many]))
    with pytest.raises(ImproperlyConfigured, match=r"^ALLOWED_HOSTS holds 'https://odd.example.org'; write "):
        env.hosts("ALLOWED_HOSTS", default=["localhost"])


def test_names_addresses_and_all_names_of_a_domain_are_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["Cleanup.example.org", ".example.org", "portal", "192.0.2.7", "[2001:db8::1]"]
    monkeypatch.setenv("ALLOWED_HOSTS", ", ".join(given))
    assert env.hosts("ALLOWED_HOSTS", default=["localhost"]) == given


@pytest.mark.parametrize("given", ["https://cleanup.example.org", "http://192.0.2.7:8000"])
def test_a_portal_on_loopback_alone_takes_no_address_that_others_would_use(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """Behind a proxy it would run with a made-up key, without second factors, and warn people by files."""
    monkeypatch.setenv("PUBLIC_URL", given)
    with pytest.raises(ImproperlyConfigured, match="but ALLOWED_HOSTS does not"):
        env.public_url("PUBLIC_URL", required=False, default="")
    assert env.public_url("PUBLIC_URL", required=True, default="") == given
    for own in ("http://localhost:8000", "http://127.0.0.1:8771", "http://[::1]:8000"):
        monkeypatch.setenv("PUBLIC_URL", own)
        assert env.public_url("PUBLIC_URL", required=False, default="") == own


def test_a_long_value_that_is_refused_is_shown_by_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEBUG", "LOG_LEVEL", "TIME_ZONE", "PUBLIC_URL", "EMAIL_FROM", "EMAIL_PROVIDER", "ALLOWED_HOSTS"):
        monkeypatch.setenv(name, "é" * 100_000)
    for read in (
        partial(env.flag, "DEBUG", default=False),
        partial(env.one_of, "LOG_LEVEL", ["INFO"]),
        partial(env.time_zone, "TIME_ZONE", default="UTC"),
        partial(env.public_url, "PUBLIC_URL", required=True, default=""),
        partial(env.sender, "EMAIL_FROM", default=""),
        partial(env.provider, "EMAIL_PROVIDER"),
        partial(env.hosts, "ALLOWED_HOSTS", default=[]),
    ):
        with pytest.raises(ImproperlyConfigured) as refused:
            read()
        assert len(str(refused.value)) < 400


def test_the_mark_that_windows_puts_before_a_text_is_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfkey\r\n")
    monkeypatch.setattr(env._values, "files_cache", {})
    monkeypatch.setenv("HUWISE_API_KEY_FILE", str(tmp_path / "key"))
    assert env.text("HUWISE_API_KEY", default="") == "key"


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_OWNER_PASSWORD"])
def test_of_a_secret_that_others_may_read_from_the_same_file_it_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """A key without it would be another key, and PostgreSQL's own image keeps it, too."""
    (tmp_path / "secret").write_bytes(b"\xef\xbb\xbfsecret\r\n")
    monkeypatch.setattr(env._values, "files_cache", {})
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    assert env.text(name, default="") == "\ufeffsecret"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_password_in_utf_16_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    """The driver read it up to the first NUL, forgot the host behind it, and went to another server."""
    (tmp_path / "password").write_text("hush", encoding=encoding)
    monkeypatch.setattr(env._values, "files_cache", {})
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_PASSWORD.* is not UTF-8 text") as refused:
        env.text("DATABASE_PASSWORD", default="")
    assert "hush" not in str(refused.value)
