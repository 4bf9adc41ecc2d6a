from __future__ import annotations

import httpx
import pytest

from accounts_review.huwise import Client, UnsafeUsername, path_segment

from .kit import KEY, PreparedWorkspace, not_found

HOSTILE = {
    "marie+data@x": "marie%2Bdata%40x",
    "Zoé Müller": "Zo%C3%A9%20M%C3%BCller",
    "a%2Fb": "a%252Fb",
    "%2e%2e": "%252e%252e",
    "x?y#z": "x%3Fy%23z",
    "a;b=c&d": "a%3Bb%3Dc%26d",
    "...": "...",
    " bob ": "%20bob%20",
    "back\\slash": "back%5Cslash",
    "exports": "exports",
}
UNSAFE = ["", ".", "..", "a/b", "a/../b", "../apikeys/ak_1", "/", "export", "invite", "provision", "a\r\nb", "a\x00b"]
UNSAFE += ["\x7f", "\x85", "\ud800", "a\ufffd"]


@pytest.mark.parametrize(("username", "encoded"), HOSTILE.items())
def test_a_hostile_username_addresses_exactly_its_own_account(username: str, encoded: str) -> None:
    workspace = PreparedWorkspace(httpx.Response(200, json={}), httpx.Response(204))
    workspace.client.user(username)
    workspace.client.delete_user(username)
    assert path_segment(username) == encoded
    path = f"/api/automation/v1.0/users/{encoded}/"
    assert workspace.paths == [f"{path}?expand=groups", path]


@pytest.mark.parametrize("username", UNSAFE)
def test_an_unsafe_username_is_refused_before_anything_is_sent(username: str) -> None:
    workspace = PreparedWorkspace(not_found())
    for call in (workspace.client.user, workspace.client.delete_user, path_segment):
        with pytest.raises(UnsafeUsername) as caught:
            call(username)
        assert str(caught.value).isprintable()
    assert workspace.requests == []


def test_a_username_too_long_for_a_url_is_refused() -> None:
    workspace = PreparedWorkspace(not_found())
    with pytest.raises(UnsafeUsername):
        workspace.client.delete_user("x" * 70_000)
    assert workspace.requests == []


@pytest.mark.parametrize("segment", ["..", ".", "a/../b"])
def test_a_path_that_httpx_would_rewrite_is_refused_even_if_the_name_got_through(
    segment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts_review.huwise.client.path_segment", lambda username: username)
    workspace = PreparedWorkspace(httpx.Response(204))
    with pytest.raises(UnsafeUsername):
        workspace.client.delete_user(segment)
    assert workspace.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://data.example.org",
        "https://data.example.org/",
        " HTTPS://Data.Example.Org:443\n",
        "https://data.example.org/api/automation/v1.0",
        "https://data.example.org/api/automation/v1.0/",
    ],
)
def test_the_workspace_may_be_written_in_several_ways(url: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(204)

    with Client(url=url, api_key=KEY, transport=httpx.MockTransport(answer)) as client:
        client.delete_user("bob")
    assert asked == ["https://data.example.org/api/automation/v1.0/users/bob/"]
    assert (client.host, repr(client)) == ("data.example.org", "<Client data.example.org>")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001", "http://localhost:8001/", "http://[::1]:8001", "http://127.9.9.9"]
)
def test_plain_http_is_for_loopback(url: str) -> None:
    with Client(url=url, api_key=KEY) as client:
        assert client.host in url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://data.example.org", "must start with https"),
        ("http://127.0.0.1.example.org", "must start with https"),
        ("http://localhost.example.org", "must start with https"),
        (f"https://me:{KEY}@data.example.org", "username or password"),
        ("https://data.example.org\\@other.example", "username or password"),
        (f"https://data.example.org/?apikey={KEY}", "nothing after"),
        ("https://data.example.org?", "nothing after"),
        (f"https://data.example.org/#{KEY}", "nothing after"),
        (f"https://data.example.org/explore/{KEY}", "without the path"),
        ("ftp://data.example.org", "must look like"),
        ("file:///etc/passwd", "must look like"),
        ("data.example.org", "must look like"),
        (KEY, "must look like"),
        ("", "must look like"),
        ("https://", "must look like"),
        ("https://data.example.org:port", "must look like"),
        ("https://" + "a" * 64 + ".example.org", "not the name of a host"),
        ("https://data..example.org", "not the name of a host"),
    ],
)
def test_any_other_address_is_refused_in_clear_words_that_repeat_no_secret(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Client(url=url, api_key=KEY)

    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["", "  \n", "two words", "line\nbreak", "clé", "nul\x00"])
def test_a_key_that_cannot_be_a_header_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="API key") as caught:
        Client(url="https://data.example.org", api_key=key)
    assert not key.strip() or key not in str(caught.value)
