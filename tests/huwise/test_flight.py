"""Pages in flight: all of a list, each once and in its order, however many are asked for at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from accounts_review.huwise import UnexpectedAnswer
from accounts_review.huwise.flight import in_flight

from .kit import PreparedWorkspace, listing


@dataclass
class SmallPage:
    total_count: int
    views: list[bytes]


class Listing:
    """A list that gives at most ``cap`` rows a page, and counts who asks at the same time."""

    def __init__(self, size: int, *, cap: int = 10) -> None:
        self.rows = [b"%d" % number for number in range(size)]
        self.cap, self.most = cap, 0
        self.asked: list[int] = []
        self._lock, self._now = threading.Lock(), 0

    def fetch(self, offset: int) -> SmallPage:
        with self._lock:
            self.asked.append(offset)
            self._now += 1
            self.most = max(self.most, self._now)
        page = SmallPage(len(self.rows), self.rows[offset : offset + self.cap])
        with self._lock:
            self._now -= 1
        return page

    def read(self, most: int = 8) -> list[bytes]:
        return [row for page in in_flight(self.fetch, most=lambda: most) for row in page.views]


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 95, 300])
@pytest.mark.parametrize("most", [1, 2, 8])
def test_every_row_comes_once_and_in_order(size: int, most: int) -> None:
    listing = Listing(size)
    assert listing.read(most) == listing.rows
    assert sorted(listing.asked) == list(range(0, max(size, 1), 10))
    assert listing.most <= most


def test_pages_are_asked_for_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=30)

    def fetch(offset: int) -> SmallPage:
        if offset:
            together.wait()
        return SmallPage(5, [b"x"])

    assert len(list(in_flight(fetch, most=lambda: 4))) == 5


def test_a_server_that_gives_fewer_rows_in_the_middle_is_followed_to_the_last_row() -> None:
    listing = Listing(100)
    regular = listing.fetch

    def fetch(offset: int) -> SmallPage:
        listing.cap = 3 if offset >= 50 else 10
        return regular(offset)

    read = [row for page in in_flight(fetch, most=lambda: 1) for row in page.views]
    assert read == listing.rows


def test_a_list_that_grows_is_read_to_its_new_end() -> None:
    listing = Listing(25)
    pages = in_flight(listing.fetch, most=lambda: 2)
    read = next(pages).views
    listing.rows += [b"late"] * 10
    assert read + [row for page in pages for row in page.views] == listing.rows


def test_a_list_that_grows_without_end_is_given_up() -> None:
    """It would be read for ever: at each page there are more to come."""
    read: list[SmallPage] = []
    with pytest.raises(UnexpectedAnswer, match="grows without end"):
        read.extend(in_flight(lambda offset: SmallPage(offset + 20, [b"x"] * 10), most=lambda: 4))
    assert len(read) < 200


def test_an_empty_page_ends_the_list() -> None:
    pages = list(in_flight(lambda offset: SmallPage(100, [b"x"] * 10 if offset < 20 else []), most=lambda: 3))
    assert [len(page.views) for page in pages] == [10, 10, 0]


def test_a_page_that_fails_ends_it_after_those_before() -> None:
    def fetch(offset: int) -> SmallPage:
        if offset == 30:
            raise OSError("broken")
        return SmallPage(100, [b"x"] * 10)

    read: list[SmallPage] = []
    with pytest.raises(OSError, match="broken"):
        read.extend(page for page in in_flight(fetch, most=lambda: 4))
    assert len(read) == 3


def test_a_workspace_that_says_429_is_asked_for_one_page_at_a_time_from_then_on() -> None:
    lock, now, most, refused = threading.Lock(), 0, [0], [False]

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal now
        offset = int(request.url.params["offset"])
        with lock:
            now += 1
            most[0] = max(most[0], now)
            is_refused = offset == 3 and not refused[0]
            refused[0] |= is_refused
            if is_refused:
                most[0] = 0
        try:
            if is_refused:
                reset = (datetime.now(UTC) + timedelta(milliseconds=1)).isoformat()
                return httpx.Response(429, json={"reset_time": reset})
            return listing({"username": f"u{offset:03d}"}, total=60)
        finally:
            with lock:
                now -= 1

    client = PreparedWorkspace(answer).client
    names = [bytes(view) for page in client.users_pages() for view in page.views]
    assert len(set(names)) == len(names) == 60
    assert client._abreast == 1
