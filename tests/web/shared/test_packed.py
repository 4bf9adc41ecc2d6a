"""Pages leave packed, where the browser takes that."""

from __future__ import annotations

import gzip
from typing import Any

from django.http import HttpResponse
from django.test import RequestFactory

from accounts_review.web.shared.middleware import QuickGZipMiddleware

PAGE = "<p>é</p>" * 1_000


def answer(text: str = PAGE, accepts: str = "gzip, br", **headers: str) -> Any:
    packing = QuickGZipMiddleware(lambda _request: HttpResponse(text, headers=headers))
    return packing(RequestFactory().get("/", headers={"Accept-Encoding": accepts}))


def test_a_page_is_packed_and_says_so() -> None:
    page = answer()
    assert gzip.decompress(page.content).decode() == PAGE
    assert (page["Content-Encoding"], page["Vary"]) == ("gzip", "Accept-Encoding")
    assert int(page["Content-Length"]) == len(page.content)


def test_its_size_is_another_each_time() -> None:
    assert len({len(answer().content) for _time in range(20)}) > 1


def test_who_cannot_unpack_gets_the_page_as_it_is() -> None:
    page = answer(accepts="br")
    assert page.content.decode() == PAGE
    assert page["Vary"] == "Accept-Encoding"


def test_what_is_packed_already_or_short_is_left_alone() -> None:
    assert answer(**{"Content-Encoding": "br"}).content.decode() == PAGE
    assert answer("short").content == b"short"


def test_what_is_no_page_and_what_has_a_tag_are_packed_as_django_does() -> None:
    for headers in ({"Content-Type": "application/json"}, {"ETag": '"1"'}):
        assert gzip.decompress(answer(**headers).content).decode() == PAGE
    assert answer(ETag='"1"')["ETag"] == 'W/"1"'
