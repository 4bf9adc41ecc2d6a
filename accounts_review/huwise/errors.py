"""What can go wrong between the portal and a workspace, as a tree of exceptions.

::

    HuwiseError            any of these
    ├── Unreachable        no complete answer: proxy, connection, timeout, TLS, cut off
    ├── Unauthorized       401: the workspace does not accept the API key
    ├── Forbidden          403: it does, but the key may not do this
    ├── NotFound           404 in the API's own words: there is no such user
    ├── RateLimited        429: a quota is used up, perhaps until midnight UTC
    ├── Refused            any other 4xx, such as "the last domain administrator"
    ├── ServerFault        5xx; 408 and 499, by which a proxy says that time ran out
    ├── Redirected         3xx, which is never followed
    ├── UnexpectedAnswer   an answer that the API does not promise; a 404 page of a proxy is one, any 304 and 410
    └── UnsafeUsername     nothing was sent: the name could address something else

``str()`` of each is a sentence for a person: what happened, to what, and what to do next. None ever holds the
API key, nor a chained httpx exception, whose request would hold it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from .headers import retry_instant

LONGEST_MESSAGE = 300
NO_SUCH_NAME = "not_found"


@dataclass(kw_only=True, eq=False, repr=False)
class HuwiseError(Exception):
    """Base of the tree.

    ``doing`` completes "while ..."; ``message`` is the workspace's own text, or the detail we know, cleaned and
    cut to one line. ``error_code`` and ``trace_id`` are what the vendor's support asks for; "" where absent.
    """

    what: ClassVar[str] = "The workspace could not be used"
    advice: ClassVar[str] = "Try again later."

    doing: str = ""
    message: str = ""
    status: int | None = None
    error_code: str = ""
    trace_id: str = ""

    def __str__(self) -> str:
        return f"{self._with_details(self._what())}. {self._advice()}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def details(self) -> str:
        """What a sentence that tells the kind of error does not say: during what it happened, and what came back."""
        return self._with_details("")

    def _with_details(self, what: str) -> str:
        facts = [
            f"HTTP {self.status}" if self.status else "",
            self.error_code,
            f"trace {self.trace_id}" if self.trace_id else "",
        ]
        known = ", ".join(fact for fact in facts if fact)
        told = " ".join(filter(None, (what, self.doing and f"while {self.doing}", known and f"({known})")))
        return ": ".join(filter(None, (told, self.message.rstrip("."))))

    def _what(self) -> str:
        return self.what

    def _advice(self) -> str:
        return self.advice


@dataclass(kw_only=True, eq=False, repr=False)
class Unreachable(HuwiseError):
    """No complete answer came.

    ``sent`` is ``False`` only where nothing of the request can have left, ``True`` where all of it was written,
    ``None`` where that is not known. After a DELETE anything but ``False`` means that it may have taken effect.
    Where TLS failed, ``is_untrusted`` tells whether that was for the certificate.
    """

    advice = "Check the workspace's address and the network, then try again."

    kind: Literal["proxy", "private", "connection", "timeout", "slow", "tls", "cut"] = "connection"
    sent: bool | None = None
    is_untrusted: bool = True

    @property
    def sentence(self) -> str:
        """Which of the sentences tells it."""
        if self.kind != "tls" or self.is_untrusted:
            return self.kind
        # Where something was sent, it had been agreed on, and broke afterwards.
        return "cut" if self.sent else "tls, not agreed"

    def _what(self) -> str:
        return {
            "proxy": "The proxy did not let the portal through to the workspace",
            "private": "The workspace's address leads into a private network",
            "connection": "The workspace could not be reached",
            "timeout": "The workspace did not answer in time",
            "slow": "The workspace answered far too slowly",
            "tls": "The workspace could not prove its identity",
            "tls, not agreed": "The workspace and the portal could not agree on an encrypted connection",
            "cut": "The workspace's answer was cut off",
        }[self.sentence]

    def _advice(self) -> str:
        return {
            "proxy": "Check HUWISE_PROXY, and that this proxy allows connections to the workspace.",
            "private": "Check the address; where it is meant, set HUWISE_PRIVATE_NETWORKS=true.",
            "tls": "Check the workspace's address. If its certificate comes from an authority of your own, or from a "
            "proxy that opens the traffic, set HUWISE_CA_FILE.",
            "tls, not agreed": "Check the workspace's address and its port, and the proxies and firewalls on the way.",
        }.get(self.sentence, self.advice)


class Unauthorized(HuwiseError):
    """401."""

    what = "The workspace does not accept the API key"
    advice = "Check HUWISE_API_KEY: the key may be revoked, or belong to another workspace."


class Forbidden(HuwiseError):
    """403."""

    what = "The API key is not allowed to do this"
    advice = "Give the permission edit_domain to the key and to the person who owns it."


class NotFound(HuwiseError):
    """404 with the one error code that the vendor's contract has for it: any other may speak of the route, of the
    workspace or of its plan, and says nothing about the user."""

    what = "The workspace does not know this name"
    advice = "Look in Huwise whether it is still there."


@dataclass(kw_only=True, eq=False, repr=False)
class RateLimited(HuwiseError):
    """429. ``retry_at`` is the instant the workspace names, ``None`` where it names none."""

    what = "The workspace's quota of calls is used up"

    retry_at: datetime | None = None

    def details(self) -> str:
        """With the instant, where it is known: no sentence that tells the kind of error says it."""
        return super().details() if self.retry_at is None else f"{super().details()}. {self._advice()}"

    def _advice(self) -> str:
        if self.retry_at is None:
            return "Try again later; daily quotas reset at midnight UTC."
        return f"Try again after {self.retry_at.isoformat(sep=' ', timespec='seconds')}."


class Refused(HuwiseError):
    """Any other 4xx. The refusal to remove the last domain administrator is one; its status is undocumented."""

    what = "The workspace refused the request"
    advice = "Read its reason before trying again."


class ServerFault(HuwiseError):
    """5xx, or 408 and 499: time ran out on the way, so what was asked for may have been done (law 7)."""

    what = "The workspace reported an error"
    advice = "Try again later. If it happens again, send the trace to Huwise support."


@dataclass(kw_only=True, eq=False, repr=False)
class Redirected(HuwiseError):
    """3xx. ``location`` is the target without its query; it was not visited, for it might get the API key."""

    what = "The workspace sent us to another address, which is never followed"
    advice = "Check that HUWISE_URL is the workspace's exact address."

    location: str = ""


@dataclass(kw_only=True, eq=False, repr=False)
class UnexpectedAnswer(HuwiseError):
    """An answer outside the contract. ``truncated`` tells JSON that begins well and breaks off or is broken,
    ``too_large`` one that was not read to its end."""

    what = "The answer is not what the Huwise API promises"
    advice = "Check that HUWISE_URL leads to the workspace itself, not to a login page or a proxy."

    truncated: bool = False
    too_large: bool = False


class UnsafeUsername(HuwiseError):
    """The name cannot be one segment of a URL path and nothing else (law 1); nothing was sent."""

    what = "This username cannot be put safely into a URL"
    advice = "Nothing was sent; handle this account by hand in the workspace's back office."


@dataclass(frozen=True, slots=True)
class _Details:
    """The two JSON forms of error, read into one."""

    is_about_name: bool = False
    error_code: str = ""
    trace_id: str = ""
    message: str = ""
    reset_time: object = None


def error_from(
    *,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    doing: str,
    now: datetime,
    redact: Callable[[str], str],
) -> HuwiseError:
    """Turn an answer that is not the expected one into its exception; the caller raises it.

    ``redact`` removes the API key from texts of the workspace, which may echo it.
    """
    details = _details(body)
    kind = _kind(status=status, is_about_name=details.is_about_name)
    error = kind(
        doing=doing,
        status=status,
        error_code=one_line(redact(details.error_code)),
        trace_id=one_line(redact(details.trace_id)),
        message=one_line(redact(details.message)),
    )
    if isinstance(error, RateLimited):
        error.retry_at = retry_instant(headers=headers, reset_time=details.reset_time, now=now)
    if isinstance(error, Redirected):
        error.location = one_line(redact(_without_query(headers.get("location", ""))))
        error.message = error.message or error.location
    return error


def one_line(text: str) -> str:
    """Foreign text made fit for a log line, a page and the database."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 4 * LONGEST_MESSAGE])
    return " ".join(printable.split())[:LONGEST_MESSAGE]


def _kind(*, status: int, is_about_name: bool) -> type[HuwiseError]:
    named: dict[int, type[HuwiseError]] = {
        304: UnexpectedAnswer,
        401: Unauthorized,
        403: Forbidden,
        404: NotFound if is_about_name else UnexpectedAnswer,
        408: ServerFault,
        410: UnexpectedAnswer,
        429: RateLimited,
        499: ServerFault,
    }
    by_hundred: dict[int, type[HuwiseError]] = {3: Redirected, 4: Refused, 5: ServerFault}
    return named.get(status) or by_hundred.get(status // 100, UnexpectedAnswer)


def _details(body: bytes) -> _Details:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return _Details()
    if not isinstance(content, dict):
        return _Details()
    code = content.get("error_code")
    return _Details(
        is_about_name=code == NO_SUCH_NAME,
        error_code=_text(code or content.get("errorcode")),
        trace_id=_text(content.get("trace_id")),
        message=" ".join(filter(None, (_text(content.get("message") or content.get("error")), _detail(content)))),
        reset_time=content.get("reset_time"),
    )


def _detail(content: dict[str, object]) -> str:
    detail = content.get("detail")
    return json.dumps(detail, ensure_ascii=False) if detail else ""


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _without_query(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def stops_cleanup(error: HuwiseError) -> bool:
    """Whether an error says that the key, the host or the way there is not what it was."""
    tls = isinstance(error, Unreachable) and error.kind == "tls"
    return tls or isinstance(error, Unauthorized | Forbidden | Redirected)
