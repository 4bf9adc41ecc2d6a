"""One HTTP exchange with a workspace: what is sent, how much is read, and which exception a failure becomes.

httpx's exceptions hold the request, and the request holds the API key. They end here: ours are made while theirs
is handled, and raised after, so that not even ``__context__`` leads back to the key.
"""

from __future__ import annotations

import json
import ssl
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic

import httpx
import structlog
from django.utils.translation import gettext as _

from . import deadline
from .address import base_url
from .errors import HuwiseError, UnexpectedAnswer, Unreachable, UnsafeUsername, error_from, one_line
from .private import PrivateAddress
from .route import Passage, Route

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
LARGEST_ANSWER = 8 * 1024 * 1024
"""Eight pages are read at once, and one of them cut into its records takes many times its size."""
LARGEST_RECORD = 4 * 1024 * 1024
"""Of a single account, of which several are read at once, kept, and put into a text."""
LARGEST_ERROR = 64 * 1024
LONGEST_ANSWER_SECONDS = 60.0
PACKED = "gzip"
"""How an answer may be packed: once, which makes a thousand bytes of one at most. Brotli, or gzip within gzip, makes
gigabytes of a few kilobytes, before anybody can count them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with the expected status, and the whole of its body."""

    status: int
    date: str | None
    body: bytes = field(repr=False)


class ApiKey(httpx.Auth):
    """The secret, put into each request as it leaves and shown nowhere."""

    def __init__(self, key: str) -> None:
        self._key = key.strip()
        if not self._key or not all("!" <= character <= "~" for character in self._key):
            raise ValueError(_("The API key is empty or contains characters that no API key has"))

    def __repr__(self) -> str:
        return "<ApiKey ***>"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Apikey {self._key}"
        yield request

    def redact(self, text: str) -> str:
        """Text from outside without the key, which a careless server may echo."""
        return text.replace(self._key, "***")


class Connection:
    """Sends single requests: no redirect, no retry, no cookie, no proxy or netrc of the environment.

    ``transport`` stands in for the whole way there, in tests.
    """

    host: str = ""

    def __init__(
        self,
        *,
        url: str,
        key: ApiKey,
        route: Route,
        transport: httpx.BaseTransport | None,
        timeout: httpx.Timeout,
        user_agent: str,
        patience: float,
    ) -> None:
        self._patience = patience
        self._base = base_url(url)
        self._key = key
        self.host = self._base.netloc.decode("ascii")
        self._is_proxied = transport is None and route.leads_through_proxy(self._base)
        self._http = httpx.Client(
            auth=key,
            transport=transport or route.transport(self._base),
            timeout=timeout,
            headers={
                "User-Agent": user_agent,
                "Accept": "application/json",
                "Accept-Encoding": PACKED,
                "Cache-Control": "no-cache",
            },
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            event_hooks={"response": [_put_location_aside]},
            follow_redirects=False,
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"<Connection {self.host}>"

    def close(self) -> None:
        self._http.close()

    def exchange(
        self,
        *,
        method: str,
        path: str,
        doing: str,
        expect: int,
        params: Mapping[str, str | int] | None = None,
        payload: object = None,
        largest: int | None = None,
    ) -> Answer:
        """Send one request and read its answer; ``path`` is below the API's own and ends in a slash.

        ``payload`` is what its body says, in JSON; ``None`` for a request without a body. Of an answer not more than
        ``largest`` bytes are read.

        :raises HuwiseError: whatever else than ``expect`` happens, as its kind of the tree.
        """
        request = self._request(method=method, path=path, params=params or {}, payload=payload)
        started = monotonic()
        with deadline.within(self._patience):
            outcome = self._send(request, doing=doing, expect=expect, largest=largest or LARGEST_ANSWER)
        spent = round((monotonic() - started) * 1000)
        log.debug("huwise.request", method=method, path=path, status=outcome.status, ms=spent)
        if isinstance(outcome, HuwiseError):
            raise outcome
        return outcome

    def redact(self, text: str) -> str:
        """Text of the workspace without the API key."""
        return self._key.redact(text)

    def _request(self, *, method: str, path: str, params: Mapping[str, str | int], payload: object) -> httpx.Request:
        """Build the request, and check that httpx, which resolves dot segments, left its path alone."""
        wanted = self._base.raw_path.decode("ascii") + path
        # In ASCII, because a lone surrogate, which a record may hold, has no UTF-8.
        content = None if payload is None else json.dumps(payload).encode("ascii")
        headers = {"Content-Type": "application/json"} if content else {}
        request = None
        with suppress(httpx.InvalidURL):
            request = self._http.build_request(
                method, f"{self._base}{path}", params=dict(params), content=content, headers=headers
            )
        if request is None or request.url.raw_path.split(b"?")[0] != wanted.encode():
            raise UnsafeUsername(message=one_line(path))
        return request

    def _send(self, request: httpx.Request, *, doing: str, expect: int, largest: int) -> Answer | HuwiseError:
        passage = Passage()
        if self._is_proxied:
            request.extensions["trace"] = passage
        try:
            with closing(self._http.send(request, stream=True)) as response:
                if deadline.came_unasked(response):
                    raise httpx.RemoteProtocolError("it was there before it was asked for", request=request)
                if response.status_code == expect:
                    return _answer(response, doing=doing, largest=largest)
                return self._error(response, doing=doing)
        except httpx.HTTPError as failure:
            if self._is_proxied and not passage.is_through:
                return Unreachable(doing=doing, message=one_line(str(failure)), kind="proxy", sent=False)
            return _unreachable(failure, doing=doing, said=self._key.redact(str(failure)))

    def _error(self, response: httpx.Response, *, doing: str) -> HuwiseError:
        return error_from(
            status=response.status_code,
            headers={**response.headers, "location": response.extensions["location"]},
            body=_beginning(response),
            doing=doing,
            now=datetime.now(UTC),
            redact=self.redact,
        )


def _put_location_aside(response: httpx.Response) -> None:
    """Keep httpx from building the redirected request, key and all, which it does although nobody follows it."""
    response.extensions["location"] = response.headers.pop("location", "")


def _can_unpack(response: httpx.Response) -> bool:
    return response.headers.get("content-encoding", "").strip().lower() in ("", "identity", PACKED)


def _answer(response: httpx.Response, *, doing: str, largest: int) -> Answer | HuwiseError:
    body, is_empty = bytearray(), response.status_code == httpx.codes.NO_CONTENT
    if not is_empty and not _can_unpack(response):
        return UnexpectedAnswer(doing=doing, status=response.status_code, message="it is packed as nobody asked for")
    if is_empty and deadline.ends_with_head(response):
        _end(response)
    for piece in () if is_empty else _unpacked(response, most=largest):
        body += piece
        if len(body) > largest:
            return UnexpectedAnswer(
                doing=doing, status=response.status_code, message="it is far too large", too_large=True
            )
        if deadline.is_over():
            return Unreachable(doing=doing, kind="slow", sent=True)
    return Answer(status=response.status_code, date=response.headers.get("date"), body=bytes(body))


def _end(response: httpx.Response) -> None:
    """Come to the end of an answer without a body, or its connection cannot be used for the next request."""
    assert isinstance(response.stream, httpx.SyncByteStream)
    with suppress(httpx.HTTPError):
        for _piece in response.stream:
            return


def _beginning(response: httpx.Response) -> bytes:
    """What an error has to say. Its status is known already, so a body that breaks off changes nothing."""
    body = bytearray()
    with suppress(httpx.HTTPError):
        for piece in _unpacked(response, most=LARGEST_ERROR) if _can_unpack(response) else ():
            body += piece
            if deadline.is_over():
                break
    return bytes(body[:LARGEST_ERROR])


def _unpacked(response: httpx.Response, *, most: int) -> Iterator[bytes]:
    """What a body says, up to just beyond so many bytes: httpx would unpack 64 kB to 66 MB before anybody counts."""
    is_packed = response.headers.get("content-encoding", "").strip().lower() == PACKED
    unpacking, left = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), most + 1
    assert isinstance(response.stream, httpx.SyncByteStream)
    for chunk in response.stream:
        try:
            piece = unpacking.decompress(chunk, left) if is_packed else chunk
        except zlib.error as error:
            raise httpx.DecodingError(str(error), request=response.request) from error
        left -= len(piece)
        yield piece
        if left <= 0:
            return


def _unreachable(failure: httpx.HTTPError, *, doing: str, said: str) -> Unreachable:
    problem = Unreachable(doing=doing, message=one_line(said), kind="cut", sent=None)
    if isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        problem.kind, problem.sent = "connection", False
    elif isinstance(failure, httpx.ReadError | httpx.ReadTimeout | httpx.RemoteProtocolError | httpx.DecodingError):
        problem.sent = True
    if isinstance(failure, httpx.TimeoutException):
        problem.kind = "slow" if deadline.is_over() else "timeout"
    elif _is_private(failure):
        problem.kind = "private"
    elif fault := _tls_fault(failure):
        problem.kind, problem.is_untrusted = "tls", isinstance(fault, ssl.SSLCertVerificationError)
    return problem


def _is_private(failure: httpx.HTTPError) -> bool:
    return isinstance(failure.__cause__, PrivateAddress) or isinstance(failure.__context__, PrivateAddress)


def _tls_fault(failure: BaseException | None) -> ssl.SSLError | None:
    """What TLS itself failed with, if it did; a handshake that was merely cut off is like any other cut."""
    while failure is not None:
        if isinstance(failure, ssl.SSLError):
            return None if isinstance(failure, ssl.SSLEOFError | ssl.SSLZeroReturnError) else failure
        failure = failure.__cause__ or failure.__context__
    return None
