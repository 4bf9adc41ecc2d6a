"""Where the portal may be aimed at: never into a private network, unless settings allow."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import httpx
import pytest

from accounts_review.huwise import Client, Reach, Route, Unreachable

PUBLIC = Reach(private=False, loopback=False)


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "127.0.0.1", "::1"),  # noqa: S104
        *("::", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "224.0.0.1", "ff02::1"),
    ],
)
def test_a_private_address_is_refused_however_it_is_written(address: str) -> None:
    assert not PUBLIC.allows(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert PUBLIC.allows(ip_address(address))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://localhost:9", "https://10.1.2.3", "https://[::1]"])
def test_an_address_that_says_so_itself_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ValueError, match="HUWISE_PRIVATE_NETWORKS"):
        Client(url=url, api_key="a-key-of-somebody", route=Route(reach=PUBLIC))


@pytest.mark.parametrize("answers", [["10.0.0.7"], ["8.8.8.8", "10.0.0.7"], ["127.0.0.1"]])
def test_a_name_that_leads_into_a_private_network_is_found_out_when_it_connects(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        assert host == "data.example.org"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, port)) for answer in answers]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    route = Route(reach=PUBLIC)
    with (
        Client(url="https://data.example.org", api_key="a-key-of-somebody", route=route, backoff=0.0) as client,
        pytest.raises(Unreachable, match="private network") as refused,
    ):
        client.users_count()
    assert (refused.value.kind, refused.value.sent) == ("private", False)


def test_private_networks_are_open_where_nothing_is_said() -> None:
    assert isinstance(Route().transport(httpx.URL("https://10.0.0.1")), httpx.BaseTransport)
