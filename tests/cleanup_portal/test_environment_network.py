"""Settings for the way out of a company's network: what is malformed is refused by name, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from cleanup_portal import environment
from tests.huwise.network import make_authority


@pytest.mark.parametrize("value", ["", "http://proxy.example.org:3128", "https://user:p%40ss@proxy.example.org"])
def test_the_address_of_a_proxy_is_taken(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HUWISE_PROXY", value)
    assert environment.proxy("HUWISE_PROXY") == value


@pytest.mark.parametrize(
    "value", ["proxy:3128", "socks5://hunter2@proxy", "http://", "http://p:hunter2", "http://u:hunter2/x@proxy:1", "x"]
)
def test_what_is_no_address_of_a_proxy_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HUWISE_PROXY", value)
    with pytest.raises(ImproperlyConfigured, match="HUWISE_PROXY is malformed") as refused:
        environment.proxy("HUWISE_PROXY")
    assert "hunter2" not in str(refused.value)


@pytest.fixture
def variable(request: pytest.FixtureRequest) -> str:
    """A variable of this test alone: what a file holds is read once for each."""
    return f"CA_OF_{abs(hash(request.node.name))}"


def test_certificates_are_read_from_a_file_whatever_stands_around_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    authority = make_authority(tmp_path)
    assert environment.certificates(variable) == ""
    monkeypatch.setenv(f"{variable}_FILE", str(authority.certificate))
    assert environment.certificates(variable) == authority.pem.strip()


@pytest.mark.parametrize(
    "content", [b"nothing", b"\x30\x82\xff", b"-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----"]
)
def test_a_file_without_a_readable_certificate_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, variable: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(ImproperlyConfigured, match=f"{variable}_FILE holds no certificate"):
        environment.certificates(variable)


def test_a_file_of_certificates_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(ImproperlyConfigured, match=f"{variable}_FILE cannot be read"):
        environment.certificates(variable)
