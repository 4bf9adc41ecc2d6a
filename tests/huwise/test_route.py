"""The way to a workspace out of a company's network: through its proxy, and trusting its own authority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts_review.huwise import Client, Route, Unreachable
from accounts_review.management.supervisor import free_port

from .kit import KEY
from .network import Authority, connect_only_proxy, make_authority, workspace_over_tls

PASSWORD = "s3cret/of the proxy"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def workspace(authority: Authority) -> Iterator[tuple[str, list[str]]]:
    with workspace_over_tls(authority) as serving:
        yield serving


def failure(url: str, route: Route, *, act: str = "count") -> Unreachable:
    with Client(url=url, api_key=KEY, route=route, attempts=1) as client, pytest.raises(Unreachable) as caught:
        client.users_count() if act == "count" else client.delete_user("bob")
    assert KEY not in str(caught.value)
    assert "s3cret" not in f"{caught.value} {vars(caught.value)}"
    return caught.value


def test_a_private_authority_is_trusted_where_it_is_named(
    workspace: tuple[str, list[str]], authority: Authority
) -> None:
    url, heard = workspace
    with Client(url=url, api_key=KEY, route=Route(authorities=authority.pem)) as client:
        assert client.users_count() == 0
    assert len(heard) == 1


def test_a_private_authority_that_is_not_named_is_told_with_how_to_name_it(workspace: tuple[str, list[str]]) -> None:
    url, heard = workspace
    problem = failure(url, Route())
    assert (problem.kind, problem.sent) == ("tls", False)
    assert "HUWISE_CA_FILE" in str(problem)
    assert heard == []


def test_an_expired_certificate_is_told_as_such(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, days=-1)
    with workspace_over_tls(authority) as (url, _heard):
        problem = failure(url, Route(authorities=authority.pem))
    assert problem.kind == "tls"
    assert "expired" in str(problem)


def test_a_proxy_that_only_lets_connect_through_is_enough(
    workspace: tuple[str, list[str]], authority: Authority
) -> None:
    url, heard = workspace
    with connect_only_proxy(password=PASSWORD) as proxy:
        address = f"http://portal:s3cret%2Fof%20the%20proxy@127.0.0.1:{proxy.port}"
        with Client(url=url, api_key=KEY, route=Route(proxy=address, authorities=authority.pem)) as client:
            assert client.users_count() == 0
            assert client.users_count() == 0
        assert set(proxy.asked) == {f"CONNECT {url.removeprefix('https://')} HTTP/1.1"}, "the rest it cannot read"
    assert len(heard) == 2


def test_a_certificate_that_is_not_trusted_behind_a_proxy_is_no_fault_of_the_proxy(
    workspace: tuple[str, list[str]],
) -> None:
    with connect_only_proxy() as proxy:
        problem = failure(workspace[0], Route(proxy=proxy.url))
    assert (problem.kind, problem.sent) == ("tls", False)


@pytest.mark.parametrize("act", ["count", "delete"])
@pytest.mark.parametrize(
    ("proxy", "detail"),
    [({"password": PASSWORD}, "407"), ({"refuse": True}, "403"), ({"mute": True}, "disconnected")],
    ids=["wants a password", "refuses", "hangs up"],
)
def test_what_the_proxy_refuses_is_told_as_its_and_was_not_sent(
    workspace: tuple[str, list[str]], proxy: dict[str, object], detail: str, act: str
) -> None:
    url, heard = workspace
    with connect_only_proxy(**proxy) as listening:  # type: ignore[arg-type]
        problem = failure(url, Route(proxy=listening.url), act=act)
    assert (problem.kind, problem.sent) == ("proxy", False)
    assert detail in str(problem)
    assert "HUWISE_PROXY" in str(problem)
    assert heard == []


def test_a_proxy_that_is_not_there_is_told_as_such() -> None:
    problem = failure("https://data.example.org", Route(proxy=f"http://127.0.0.1:{free_port(9000)}"))
    assert (problem.kind, problem.sent) == ("proxy", False)


def test_a_workspace_that_the_proxy_cannot_reach_is_for_the_proxy_to_tell(authority: Authority) -> None:
    with connect_only_proxy() as proxy:
        problem = failure(f"https://localhost:{free_port(9100)}", Route(proxy=proxy.url))
    assert problem.kind == "proxy"


def test_plain_http_on_a_loopback_address_goes_straight_there() -> None:
    with connect_only_proxy() as proxy:
        problem = failure(f"http://127.0.0.1:{free_port(9000)}", Route(proxy=proxy.url))
        assert (problem.kind, proxy.asked) == ("connection", [])


def test_the_password_of_the_proxy_is_in_no_repr() -> None:
    assert "s3cret" not in repr(Route(proxy="http://portal:s3cret@proxy.example.org:3128"))
