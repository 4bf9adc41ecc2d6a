from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from accounts_review.huwise import HuwiseError, ServerFault, UnexpectedAnswer, connection, decode_user

from .kit import Handler, PreparedWorkspace, as_bytes, listing, raw_page

BASE = "/api/automation/v1.0"


def test_a_page_is_asked_for_by_offset_in_the_order_of_usernames() -> None:
    workspace = PreparedWorkspace(listing({"username": "b"}, total=3, next="https://data.example.org/next"))
    page = workspace.client.users_page(offset=1, limit=1)
    assert workspace.paths == [f"{BASE}/users/?limit=1&offset=1&sort=username"]
    assert (page.total_count, page.next) == (3, "https://data.example.org/next")
    assert [decode_user(raw).username for raw in page.records] == ["b"]


def test_records_are_kept_byte_for_byte_whatever_they_are() -> None:
    body = b'{"results": [ {"username" : "a",  "x":1.0} , null, [1, 2], "s" ], "total_count": 4}'
    page = PreparedWorkspace(raw_page(body)).client.users_page(offset=0)
    assert page.records == [b'{"username" : "a",  "x":1.0}', b"null", b"[1, 2]", b'"s"']


@pytest.mark.parametrize(
    "hostile",
    [
        b'{"username": "a\\ud800, ]}"}',
        b'{"username": NaN, "x": [1, {"y": "\\"]"}]}',
        b'{"username": "a\xff"}',
        b'{"username": ' + b"9" * 5000 + b"}",
        b'{"username": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["surrogate", "nan", "not utf-8", "endless number", "endless nesting"],
)
def test_one_hostile_record_stops_neither_its_page_nor_changes_its_neighbours(hostile: bytes) -> None:
    body = b'{"total_count": 3, "results": [{"username": "b"}, ' + hostile + b', {"username" :"c"}], "next": null}'
    page = PreparedWorkspace(raw_page(body)).client.users_page(offset=0)
    assert page.records == [b'{"username": "b"}', hostile, b'{"username" :"c"}']
    assert page.total_count == 3
    decode_user(hostile)


@pytest.mark.parametrize("total", [18, "18", " 18 ", 18.0])
def test_the_count_may_be_a_number_or_its_text(total: object) -> None:
    workspace = PreparedWorkspace(listing(total=total))
    assert workspace.client.users_count() == 18
    assert workspace.paths == [f"{BASE}/users/?limit=0&offset=0&sort=username"]


@pytest.mark.parametrize("total", [None, "", "many", -1, "-1", 1.5, True, [], {}, 10_000_001, 2**31, "²", "9" * 5000])
def test_any_other_count_is_an_unexpected_answer(total: object) -> None:
    body = as_bytes({"total_count": total, "results": []})
    with pytest.raises(UnexpectedAnswer, match="total_count"):
        PreparedWorkspace(raw_page(body)).client.users_page(offset=0)


@pytest.mark.parametrize("results", [None, {}, "none", 0])
def test_results_that_are_no_list_are_an_unexpected_answer(results: object) -> None:
    workspace = PreparedWorkspace(raw_page(as_bytes({"total_count": 0, "results": results})))
    with pytest.raises(UnexpectedAnswer, match="not a list") as caught:
        workspace.client.users_page(offset=0)
    assert caught.value.status == 200
    assert "reading users on data.example.org" in str(caught.value)
    assert len(workspace.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b"[]", b"null", b'"x"', b"{}"])
def test_an_answer_that_is_no_list_at_all_is_not_asked_for_again(body: bytes) -> None:
    workspace = PreparedWorkspace(raw_page(body))
    with pytest.raises(UnexpectedAnswer):
        workspace.client.users_page(offset=0)
    assert len(workspace.requests) == 1


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Mon, 15 Jun 2026 08:00:00 GMT", datetime(2026, 6, 15, 8, tzinfo=UTC)),
        ("Mon, 15 Jun 2026 08:00:00 -0000", datetime(2026, 6, 15, 8, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_servers_clock_is_told(text: str, instant: datetime | None) -> None:
    page = PreparedWorkspace(raw_page(b'{"total_count": 0, "results": []}', date=text)).client.users_page(offset=0)
    assert page.server_date == instant


def pages_of(records: list[Any]) -> Handler:
    def answer(request: httpx.Request) -> httpx.Response:
        offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        return listing(*records[offset : offset + limit], total=len(records))

    return answer


def test_deep_nesting_that_never_closes_is_an_unexpected_answer() -> None:
    body = b'{"total_count": 1, "results": [{"username": ' + b"[" * 100_000
    with pytest.raises(UnexpectedAnswer):
        PreparedWorkspace(raw_page(body)).client.users_page(offset=0)


def test_who_holds_a_permission_is_read_from_every_page() -> None:
    workspace = PreparedWorkspace(pages_of([{"username": f"user{number}"} for number in range(2100)]))
    assert workspace.client.usernames_with("edit_domain") == {f"user{number}" for number in range(2100)}
    assert len(workspace.requests) == 3
    assert workspace.requests[2].url.params["all_permissions"] == "edit_domain"
    assert workspace.requests[2].url.params["offset"] == "2000"


def test_groups_are_read_from_every_page() -> None:
    groups = [{"uid": f"group{number}"} for number in range(1001)]
    workspace = PreparedWorkspace(pages_of(groups))
    assert [json.loads(raw) for raw in workspace.client.groups()] == groups
    assert len(workspace.requests) == 2


def test_no_groups_at_all_are_an_answer_too() -> None:
    assert PreparedWorkspace(listing()).client.groups() == []


@pytest.mark.parametrize(
    "answers",
    [
        [listing({"uid": "a"}, total=2), listing(total=2)],
        [listing({"uid": "a"}, total=2)],
        [listing({"uid": "a"}, {"uid": "b"}, total=1)],
        [listing({"uid": "a"}, {"uid": "a"}, {"uid": "b"}, total=2)],
        [listing({"uid": "a"}, total=2), listing({"uid": "b"}, {"uid": "c"}, total=2)],
        [listing(total=1)],
        [listing({"uid": "a"}, total=0)],
    ],
    ids=["empty page", "same page again", "more than counted", "one twice", "grown", "none", "uncounted"],
)
def test_pages_that_do_not_add_up_are_no_answer(answers: list[httpx.Response]) -> None:
    with pytest.raises(UnexpectedAnswer, match="records"):
        PreparedWorkspace(*answers).client.groups()


def test_accounts_that_are_too_large_for_one_page_are_read_by_the_hundred() -> None:
    people = [{"username": f"user{number}", "x": "x" * 20_000} for number in range(450)]
    workspace = PreparedWorkspace(pages_of(people))
    assert workspace.client.usernames_with("edit_domain") == {person["username"] for person in people}
    assert [request.url.params["limit"] for request in workspace.requests] == ["1000", *["100"] * 5]


def test_a_hundred_that_are_too_large_still_are_given_up() -> None:
    workspace = PreparedWorkspace(raw_page(b'{"total_count": 1, "results": ["' + b"x" * 9_000_000 + b'"]}'))
    with pytest.raises(UnexpectedAnswer, match="far too large"):
        workspace.client.users_page(offset=0)
    assert len(workspace.requests) == 2


def test_a_page_of_far_more_than_was_asked_for_is_no_answer() -> None:
    workspace = PreparedWorkspace(raw_page(b'{"total_count": 1, "results": [' + b"1," * 20_000 + b"1]}"))
    with pytest.raises(UnexpectedAnswer, match="far more than it was asked for"):
        workspace.client.users_page(offset=0)


def test_groups_that_become_more_with_every_page_are_no_answer() -> None:
    def growing(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        return listing(*({"uid": f"g{offset + more}"} for more in range(10)), total=offset + 20)

    workspace = PreparedWorkspace(growing)
    with pytest.raises(UnexpectedAnswer, match="records"):
        workspace.client.groups()
    assert len(workspace.requests) < 200


def test_a_user_is_read_with_full_groups_and_kept_byte_for_byte() -> None:
    workspace = PreparedWorkspace(raw_page(b'{ "username": "bob" }'))
    assert workspace.client.user("bob") == b'{ "username": "bob" }'
    assert workspace.paths == [f"{BASE}/users/bob/?expand=groups"]


@pytest.mark.parametrize("again", ['"permissions"', '"permission\\u0073"', ' "permissions" '])
def test_a_user_that_says_one_thing_twice_is_not_believed(again: str) -> None:
    """Another reader, the workspace's own among them, may believe the other."""
    body = f'{{"permissions": ["edit_domain"], "username": "bob", {again}: []}}'.encode()
    with pytest.raises(UnexpectedAnswer, match="twice"):
        PreparedWorkspace(raw_page(body)).client.user("bob")


def test_a_user_whose_groups_are_alike_says_nothing_twice() -> None:
    body = b' {"username": "bob", "groups": [{"uid": "a"}, {"uid": "a"}], "x": {"username": ",\\"{"}, "y": {}} '
    assert PreparedWorkspace(raw_page(body)).client.user("bob") == body


def test_a_user_of_many_megabytes_is_given_up() -> None:
    """Several are looked at at once, and each is kept with its case."""
    body = b'{"username": "bob", "x": "' + b"x" * 5_000_000 + b'"}'
    with pytest.raises(UnexpectedAnswer, match="far too large"):
        PreparedWorkspace(raw_page(body)).client.user("bob")


def test_a_user_with_hostile_content_is_still_read() -> None:
    assert PreparedWorkspace(raw_page(b'{"username": "\\ud800"}')).client.user("bob") == b'{"username": "\\ud800"}'


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html></html>", b'{"username": "bob"'])
def test_a_user_that_is_no_object_is_an_unexpected_answer(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"reading user 'bob' on data\.example\.org"):
        PreparedWorkspace(raw_page(body)).client.user("bob")


def test_the_first_owner_named_is_the_owner_of_the_key() -> None:
    odd: list[Any] = [{}, {"user": None}, {"user": "x"}, {"user": {"username": ""}}, {"user": {"username": 3}}]
    keys = [*odd, {"key": "0000", "user": {"username": "svc.cleanup"}}]
    assert PreparedWorkspace(listing(*keys)).client.key_owner() == "svc.cleanup"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"results": null}', b'{"results": [3]}', b'{"results": []}']
)
def test_an_answer_that_names_no_owner_is_none(body: bytes) -> None:
    assert PreparedWorkspace(raw_page(body)).client.key_owner() is None


class Unread(httpx.SyncByteStream):
    """A body that nobody may begin to read."""

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("it was read")


def test_an_answer_may_be_packed_once_and_says_so_to_the_workspace() -> None:
    packed = gzip.compress(b'{"total_count": 7, "results": []}')
    workspace = PreparedWorkspace(raw_page(packed, **{"Content-Encoding": "GZIP"}))
    assert workspace.client.users_count() == 7
    assert workspace.requests[0].headers["Accept-Encoding"] == "gzip"


def test_an_answer_is_unpacked_no_further_than_it_may_be_long() -> None:
    """One piece from the network can hold a thousand times its size."""
    packed, unpacked = gzip.compress(bytes(64 * 2**20)), list[int]()
    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(packed))
    unpacked += map(len, connection._unpacked(response, most=1000))
    assert unpacked == [1001]


def test_an_answer_that_only_says_that_it_is_packed_is_no_answer() -> None:
    lie = httpx.ByteStream(b"nothing of the kind")
    answer = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=lie)
    with pytest.raises(HuwiseError):
        PreparedWorkspace(answer).client.users_count()


@pytest.mark.parametrize("how", ["gzip, gzip", "gzip,br", "br", "zstd", "deflate"])
def test_an_answer_that_is_packed_otherwise_is_refused_unread(how: str) -> None:
    """A few kilobytes of it can unpack to gigabytes in one go."""

    def packed(status: int) -> httpx.Response:
        return httpx.Response(status, headers={"Content-Encoding": how}, stream=Unread())

    workspace = PreparedWorkspace(lambda request: packed(200))
    with pytest.raises(UnexpectedAnswer, match="packed"):
        workspace.client.users_count()
    assert len(workspace.requests) == 1
    with pytest.raises(ServerFault, match="500"):
        PreparedWorkspace(lambda request: packed(500)).client.users_count()


def test_a_removal_needs_no_body_however_it_is_said_to_be_packed() -> None:
    answer = httpx.Response(204, headers={"Content-Encoding": "br"}, stream=httpx.ByteStream(b"\x00"))
    assert PreparedWorkspace(answer).client.delete_user("marie").status == 204
