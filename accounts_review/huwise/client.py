"""The client of one workspace's Automation API: the few calls that the product needs, and no others.

A GET is repeated where that can help: a short wait after 429, a 5xx, a connection that fails or breaks off. A DELETE
or a POST is one request on the wire, whatever comes of it (law 7). Every method raises :class:`HuwiseError` or a kind
of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import stamina

from .address import path_segment
from .connection import LARGEST_RECORD, LONGEST_ANSWER_SECONDS, TIMEOUT, Answer, ApiKey, Connection
from .errors import HuwiseError, RateLimited, UnexpectedAnswer
from .flight import in_flight, most_rows
from .headers import http_date
from .invitation import Invitee, invitation, member_in, provision
from .records import UserRecord, decode_user, key_owner
from .repetition import LONGEST_WAIT_SECONDS, worth_repeating
from .route import Route
from .wire import read_envelope, says_twice

LARGEST_PAGE = 1000
SMALL_PAGE = 100
"""What is asked for once a page was too large: then each account may have 80 kB of it."""
MOST_ROWS = 10 * LARGEST_PAGE
"""Of one page; some servers give a few more than they were asked for."""
PAGES_IN_FLIGHT = 8
DIRECT = Route()

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list; ``next`` is only a cross-check."""

    total_count: int
    views: Sequence[bytes]
    """Of each record its own JSON bytes, whatever they hold, as views on the answer: to be read, not to be kept."""
    next: str | None
    server_date: datetime | None
    digest: bytes = b""
    """Of the whole answer: two that are alike say the same."""

    @property
    def records(self) -> list[bytes]:
        """Each record's bytes, for keeps."""
        return list(map(bytes, self.views))


@dataclass(frozen=True, slots=True)
class _Uncut(Sequence[bytes]):
    """The records of an answer that was cut before: as many as then, and cut once more only for whoever reads them."""

    body: bytes
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        return iter(read_envelope(self.body).results)

    def __getitem__(self, at: Any) -> Any:
        return read_envelope(self.body).results[at]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """The one success of a DELETE: 204. Everything else is an exception."""

    status: int
    error_code: str = ""
    trace_id: str = ""


class Client:
    """Talks to the workspace at ``url`` with the API key, which leaves in the Authorization header only.

    ``route`` is the way there: through a proxy, or trusting further certificates. ``attempts`` and ``backoff`` (seconds
    before the second attempt, doubled each time) are for GETs; ``patience`` is how many seconds one answer may take;

    :raises ValueError: an address that is not https (a loopback host may be http), or that carries more than a host.
    """

    host: str = ""
    """The workspace's host, with its port where that is not the usual one."""

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        route: Route = DIRECT,
        transport: httpx.BaseTransport | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        patience: float = LONGEST_ANSWER_SECONDS,
        user_agent: str = "cleanup-portal",
        attempts: int = 4,
        backoff: float = 0.5,
    ) -> None:
        key = ApiKey(api_key)
        # A traceback that shows local variables would show it.
        del api_key
        self._connection = Connection(
            url=url,
            key=key,
            route=route,
            transport=transport,
            timeout=timeout,
            user_agent=user_agent,
            patience=patience,
        )
        self.host = self._connection.host
        self._attempts = attempts
        self._backoff = backoff
        self._abreast = PAGES_IN_FLIGHT
        self._rows = LARGEST_PAGE
        self._cutting = Lock()
        self._cut: dict[bytes, Page] = {}

    def __repr__(self) -> str:
        return f"<Client {self.host}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a closed client cannot be used again."""
        self._connection.close()

    def users_page(self, *, offset: int, limit: int = LARGEST_PAGE) -> Page:
        """One page of all users, ordered by username; at most 1000 (domain.md 2.4)."""
        return self._page("/users/", doing="reading users", offset=offset, limit=limit, sort="username")

    def users_pages(self) -> Iterator[Page]:
        """All pages of all users, some asked for ahead of being taken; one at a time once the workspace says 429.

        As many as were announced while they were read: an empty page ends them early.
        """
        return in_flight(lambda offset: self.users_page(offset=offset), most=lambda: self._abreast)

    def users_count(self) -> int:
        """How many users the workspace says it has."""
        return self.users_page(offset=0, limit=0).total_count

    def usernames_with(self, permission: str) -> set[str]:
        """Everyone who holds a permission, directly or through a group, in the workspace's own opinion.

        :raises UnexpectedAnswer: also where the pages do not add up to the count.
        """
        doing = f"reading who holds {permission}"
        found = self._every_record("/users/", doing=doing, sort="username", all_permissions=permission)
        return {decode_user(raw).username for raw in found} - {""}

    def groups(self) -> list[bytes]:
        """Every group, as raw records for :func:`decode_group`.

        :raises UnexpectedAnswer: also where the pages do not add up to the count.
        """
        return list(self._every_record("/groups/", doing="reading groups", sort="created_at"))

    def user(self, username: str) -> bytes:
        """One user with full groups, as a raw record for :func:`decode_user`.

        :raises NotFound: there is no such user.
        :raises UnsafeUsername: before anything is sent.
        """

        def whole(answer: Answer) -> bytes:
            if says_twice(answer.body):
                raise UnexpectedAnswer(message="it says one thing twice")
            return answer.body

        path = f"/users/{path_segment(username)}/"
        doing, params = f"reading user {username!r}", {"expand": "groups"}
        return self._get(path, doing=doing, read=whole, params=params, largest=LARGEST_RECORD)

    def key_owner(self) -> str | None:
        """Whose API key we use, or ``None`` where the answer does not tell (domain.md 2.3)."""
        return self._get(
            "/apikeys/", doing="reading who owns our API key", read=lambda answer: key_owner(answer.body), params={}
        )

    def delete_user(self, username: str) -> Deletion:
        """Remove a user from the workspace, for ever. One request, never repeated.

        Only 204 returns. After :class:`Unreachable` (unless ``sent`` is ``False``), :class:`ServerFault`,
        :class:`Redirected` or :class:`UnexpectedAnswer` it is unknown whether the user is gone: settle it by reading.

        :raises NotFound: there is no such user.
        :raises UnsafeUsername: before anything is sent.
        """
        path = f"/users/{path_segment(username)}/"
        answer = self._connection.exchange(
            method="DELETE", path=path, doing=self._at(f"deleting user {username!r}"), expect=204
        )
        return Deletion(status=answer.status)

    def invite(self, person: Invitee) -> UserRecord:
        """Make a person a member with rights; the workspace sends them a mail. One request, never repeated.

        After an error of the kinds named at :meth:`delete_user` it is unknown whether they are a member.

        :raises Refused: also where the workspace refuses the person inside an answer of success.
        """
        return self._join("/users/invite/", invitation(person), doing=f"inviting {person.username!r}")

    def provision(self, person: Invitee) -> UserRecord:
        """Make a member of a person who comes through an identity provider; else like :meth:`invite`."""
        return self._join("/users/provision/", provision(person), doing=f"provisioning {person.username!r}")

    def _join(self, path: str, payload: list[dict[str, Any]], *, doing: str) -> UserRecord:
        doing = self._at(doing)
        answer = self._connection.exchange(method="POST", path=path, doing=doing, expect=200, payload=payload)
        member = member_in(answer.body, doing=doing, status=answer.status, redact=self._connection.redact)
        if isinstance(member, HuwiseError):
            raise member
        return member

    def _every_record(self, path: str, *, doing: str, **params: str) -> Iterator[bytes]:
        """All pages of a list, by computed offsets, and nothing unless they are complete."""
        found: list[bytes] = []
        total, most, pages, is_shifted = 1, 0, 0, False
        while len(found) < total and not is_shifted:
            page = self._page(path, doing=doing, offset=len(found), limit=LARGEST_PAGE, **params)
            total, pages = page.total_count, pages + 1
            most = most or most_rows(total)
            found += page.records
            # On one page a record can only be listed twice; on several, it may have moved from one to the next.
            is_shifted = pages > 1 and len(set(found)) != len(found)
            if not page.records or total > most:
                break
        if is_shifted or len(found) != total:
            counted = f"{len(found)} records, {len(set(found))} of them distinct, where it counts {total}"
            raise UnexpectedAnswer(doing=self._at(doing), status=200, message=counted)
        return iter(found)

    def _page(self, path: str, *, doing: str, offset: int, limit: int, **params: str) -> Page:
        rows = min(limit, self._rows)
        given: dict[str, str | int] = {"limit": rows, "offset": offset, **params}
        try:
            return self._get(path, doing=doing, read=self._read_page, params=given)
        except UnexpectedAnswer as problem:
            if not problem.too_large or rows <= SMALL_PAGE:
                raise
        self._rows = SMALL_PAGE
        return self._page(path, doing=doing, offset=offset, limit=limit, **params)

    def _read_page(self, answer: Answer) -> Page:
        date, digest = http_date(answer.date), sha256(answer.body).digest()
        if before := self._cut.get(digest):
            return replace(before, server_date=date, views=_Uncut(answer.body, len(before.views)))
        # One after the other, for threads gain nothing here: a page of millions of rows takes 300 MB.
        with self._cutting:
            envelope = read_envelope(answer.body)
            if len(envelope.results) > MOST_ROWS:
                # A traceback keeps what its frames held.
                del envelope
                raise UnexpectedAnswer(message="it lists far more than it was asked for")
        page = Page(
            total_count=envelope.total_count,
            views=envelope.results,
            next=envelope.next,
            server_date=date,
            digest=digest,
        )
        self._cut[digest] = replace(page, views=_Uncut(b"", len(page.views)))
        return page

    def _get(
        self,
        path: str,
        *,
        doing: str,
        read: Callable[[Answer], T],
        params: Mapping[str, str | int],
        largest: int | None = None,
    ) -> T:
        for attempt in stamina.retry_context(
            on=worth_repeating,
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._backoff,
            wait_max=LONGEST_WAIT_SECONDS,
            wait_jitter=self._backoff,
        ):
            with attempt:
                return self._get_once(path, doing=self._at(doing), read=read, params=params, largest=largest)
        raise AssertionError("stamina either returns or raises")

    def _get_once(
        self,
        path: str,
        *,
        doing: str,
        read: Callable[[Answer], T],
        params: Mapping[str, str | int],
        largest: int | None,
    ) -> T:
        try:
            answer = self._connection.exchange(
                method="GET", path=path, doing=doing, expect=200, params=params, largest=largest
            )
        except RateLimited:
            self._abreast = 1
            raise
        try:
            return read(answer)
        except UnexpectedAnswer as problem:
            problem.doing, problem.status = doing, answer.status
            raise

    def _at(self, doing: str) -> str:
        return f"{doing} on {self.host}"
