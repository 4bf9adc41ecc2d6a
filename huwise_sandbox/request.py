"""A request, read off the wire but not yet understood."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .listing import Query
from .replies import Refusal, error


@dataclass(frozen=True)
class RawRequest:
    """Method, raw target, headers (lower-case names) and body of one request."""

    method: str
    target: str
    host: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path as sent: still percent-encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> Query:
        text = urlsplit(self.target).query
        return tuple(parse_qsl(text, keep_blank_values=True))

    @property
    def url(self) -> str:
        """The absolute address, without the query."""
        return f"http://{self.host}{self.path}"

    def json(self) -> Any:
        """Return the body as JSON; what is not JSON is refused."""
        try:
            return json.loads(self.body)
        except ValueError as failure:
            raise Refusal(error(400)) from failure


def segments(path: str) -> tuple[str, ...]:
    """Split a path below some base, then decode each part.

    In this order, so that ``%2F`` stays inside a username; empty parts are kept, so
    that ``/users//`` is not mistaken for the list.
    """
    return tuple(unquote(part) for part in path.removeprefix("/").split("/"))
