from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts_review.huwise import (
    Forbidden,
    HuwiseError,
    NotFound,
    RateLimited,
    Redirected,
    Refused,
    ServerFault,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    UnsafeUsername,
)
from accounts_review.huwise.errors import LONGEST_MESSAGE, error_from

from .kit import KEY, as_bytes

NOW = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 6, 16, tzinfo=UTC)
HTML = b"<!doctype html><html><body><h1>Bad gateway</h1></body></html>"


def error(status: int, body: Any = HTML, **headers: str) -> HuwiseError:
    return error_from(
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body if isinstance(body, bytes) else as_bytes(body),
        doing="reading users on data.example.org",
        now=NOW,
        redact=lambda text: text.replace(KEY, "***"),
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Redirected),
        (303, Redirected),
        (304, UnexpectedAnswer),
        (307, Redirected),
        (400, Refused),
        (401, Unauthorized),
        (403, Forbidden),
        (408, ServerFault),
        (409, Refused),
        (410, UnexpectedAnswer),
        (499, ServerFault),
        (429, RateLimited),
        (500, ServerFault),
        (502, ServerFault),
        (202, UnexpectedAnswer),
        (206, UnexpectedAnswer),
    ],
)
@pytest.mark.parametrize(
    "body", [HTML, b"", {"error_code": "some_code", "message": "Words."}], ids=["html", "empty", "json"]
)
def test_each_status_has_its_kind_whatever_the_body(status: int, kind: type[HuwiseError], body: Any) -> None:
    problem = error(status, body)
    assert type(problem) is kind
    assert problem.status == status


def test_only_a_404_in_the_words_of_the_api_says_that_a_user_is_gone() -> None:
    assert type(error(404, {"error_code": "not_found", "message": "Not found."})) is NotFound


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"",
        b"[]",
        {"message": "no route"},
        {"error_code": None},
        {"error_code": ""},
        {"errorcode": 10000, "error": "Unknown domain"},
        {"errorcode": "not_found"},
        {"error_code": "domain_not_found", "message": "This portal does not exist."},
        {"error_code": "Not_Found"},
        b'{"error_code": "not_fou',
    ],
)
def test_any_other_404_is_an_unexpected_answer(body: Any) -> None:
    assert type(error(404, body)) is UnexpectedAnswer


def test_the_form_of_the_automation_api_is_understood() -> None:
    body = {
        "error_code": "validation_error",
        "message": "Invalid input",
        "trace_id": "6b523c91",
        "detail": {"email": ["Required"]},
    }
    problem = error(400, body)
    assert (problem.error_code, problem.trace_id) == ("validation_error", "6b523c91")
    assert problem.message == 'Invalid input {"email": ["Required"]}'


def test_the_form_of_the_data_api_is_understood() -> None:
    body = {"errorcode": 10002, "reset_time": "2026-06-16T00:00:00Z", "error": "Too many requests on the domain."}
    problem = error(429, body)
    assert isinstance(problem, RateLimited)
    assert (problem.error_code, problem.message) == ("10002", "Too many requests on the domain.")
    assert problem.retry_at == MIDNIGHT


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "57600"},
        {"retry_after": "Tue, 16 Jun 2026 00:00:00 GMT"},
        {"retry_after": "soon", "x_ratelimit_reset": "2026-06-16 00:00:00+00:00"},
        {"x_ratelimit_reset": "2026-06-16T02:00:00+02:00"},
        {"x_ratelimit_reset": "2026-06-16 00:00:00"},
        {"x_ratelimit_reset": "1781568000"},
        {"x_ratelimit_reset": "1781568000.0"},
    ],
)
def test_the_end_of_a_rate_limit_is_read_in_every_form(headers: dict[str, str]) -> None:
    problem = error(429, **headers)
    assert isinstance(problem, RateLimited)
    assert problem.retry_at == MIDNIGHT
    assert str(problem).endswith("Try again after 2026-06-16 00:00:00+00:00.")


@pytest.mark.parametrize("text", ["", "soon", "-5", "nan", "inf", "1e3", "²", "9999-99-99", "9" * 39, "9" * 500])
def test_a_rate_limit_without_a_readable_end_does_not_crash(text: str) -> None:
    for name in ("retry_after", "x_ratelimit_reset"):
        problem = error(429, {"reset_time": ["odd"]}, **{name: text})
        assert isinstance(problem, RateLimited)
        assert problem.retry_at is None or problem.retry_at.year == 2027


def test_an_endless_retry_after_is_still_a_date() -> None:
    problem = error(429, retry_after="1000000000")
    assert isinstance(problem, RateLimited)
    assert problem.retry_at == datetime(2027, 6, 16, 8, 0, tzinfo=UTC)


def test_a_redirect_says_where_to_without_credentials_or_query() -> None:
    problem = error(302, location=f"https://me:pw@login.example.net/sso?next={KEY}#top")
    assert isinstance(problem, Redirected)
    assert problem.location == "https://login.example.net/sso"


@pytest.mark.parametrize("location", ["http://[bad", "", "//", "\x00"])
def test_a_redirect_to_nonsense_is_still_a_redirect(location: str) -> None:
    assert type(error(302, location=location)) is Redirected


def test_a_key_that_the_workspace_echoes_is_not_repeated() -> None:
    problem = error(401, {"error_code": KEY, "trace_id": KEY, "message": f"Unknown key {KEY}", "detail": {"k": KEY}})
    assert KEY not in f"{problem} {problem!r} {vars(problem)}"


def test_foreign_text_is_one_short_clean_line() -> None:
    problem = error(
        400, {"error_code": "bad\nrequest", "message": "a\x00b\x1b[31m\r\nlevel=error \ud800" + "x" * 10_000}
    )
    assert problem.message.isprintable()
    assert len(problem.message) == LONGEST_MESSAGE
    assert problem.error_code == "bad request"


@pytest.mark.parametrize("body", [b"[" * 100_000, b"null", b"3", b'"x"', b"\xff\xfe\x00", b'{"message": {"a": 1}}'])
def test_no_body_makes_reading_an_error_fail(body: bytes) -> None:
    assert type(error(500, body)) is ServerFault


def test_the_sentence_says_what_happened_to_what_and_what_to_do() -> None:
    body = {"error_code": "internal_error", "message": "A server error occurred.", "trace_id": "6b523c91"}
    assert str(error(500, body)) == (
        "The workspace reported an error while reading users on data.example.org "
        "(HTTP 500, internal_error, trace 6b523c91): "
        "A server error occurred. Try again later. If it happens again, send the trace to Huwise support."
    )


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("proxy", "HUWISE_PROXY"),
        ("connection", "then try again"),
        ("timeout", "then try again"),
        ("tls", "HUWISE_CA_FILE"),
        ("cut", "then try again"),
    ],
)
def test_unreachable_says_in_what_way(kind: Any, advice: str) -> None:
    sentences = {str(Unreachable(kind=each)) for each in ("proxy", "connection", "timeout", "tls", "cut")}
    assert len(sentences) == 5
    assert advice in str(Unreachable(kind=kind))


@pytest.mark.parametrize("kind", [HuwiseError, *HuwiseError.__subclasses__()])
def test_every_kind_can_be_made_bare_and_sent_to_another_process(kind: type[HuwiseError]) -> None:
    copy = pickle.loads(pickle.dumps(kind(doing="reading", status=418, message="tea")))
    assert isinstance(copy, kind)
    assert (copy.doing, copy.status, copy.message) == ("reading", 418, "tea")
    assert "418" in repr(copy)


def test_an_unsafe_username_has_no_status() -> None:
    assert UnsafeUsername().status is None
