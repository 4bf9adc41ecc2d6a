"""Search, sort, filter and page parameters, and the envelope around a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from .records import Record
from .replies import Refusal, error, invalid

USER_SORTS = ("username", "first_name", "last_name", "last_seen_at")
GROUP_SORTS = {
    "created_at": ("created_at",),
    "updated_at": ("updated_at",),
    "created_by__username": ("created_by", "username"),
    "updated_by__username": ("updated_by", "username"),
    "user_count": ("user_count",),
    "group__title": ("title",),
}
DEFAULT_LIMIT = 20
MAX_LIMIT = 1000

Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PageBounds:
    """Which rows of a listing were asked for."""

    limit: int
    offset: int

    @classmethod
    def of(cls, query: Query) -> Self:
        """Read ``limit`` and ``offset``, refusing what the contract does not allow."""
        limit = _whole_number(query, "limit", DEFAULT_LIMIT)
        if limit > MAX_LIMIT:
            message = f"Ensure this value is less than or equal to {MAX_LIMIT}."
            raise Refusal(invalid(limit=[message]))
        return cls(limit, _whole_number(query, "offset", 0))

    def cut(self, rows: list[Record]) -> list[Record]:
        return rows[self.offset : self.offset + self.limit]


@dataclass(frozen=True)
class Selection:
    """Which users were asked for, in which order.

    Several permissions in one filter must all be held: the contract does not say
    whether any would do, so a client should ask for one at a time.
    """

    search: str = ""
    sort: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    all_permissions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, query: Query) -> Self:
        """Read the filters of ``GET /users/``; an unknown ``sort`` is refused."""
        sort = values(query, "sort")
        if not set(sort) <= set(USER_SORTS):
            raise Refusal(error(400))
        return cls(
            search=one_value(query, "search", "").strip().casefold(),
            sort=sort,
            permissions=frozenset(values(query, "permissions")),
            all_permissions=frozenset(values(query, "all_permissions")),
        )


def values(query: Query, name: str) -> tuple[str, ...]:
    """Return an array parameter, whether repeated or separated by commas."""
    parts = (part for key, value in query if key == name for part in value.split(","))
    return tuple(part for part in parts if part)


def one_value(query: Query, name: str, default: str) -> str:
    """Return the last value of a parameter that should come once."""
    return dict(query).get(name, default)


def found(record: Record, fields: Iterable[str], search: str) -> bool:
    """Say whether any of the fields contains the (case-folded) search text."""
    return any(search in str(record.get(field) or "").casefold() for field in fields)


def sort_users(users: list[Record], sort: tuple[str, ...]) -> list[Record]:
    """Order users; where nothing decides, by username, and what has no value last."""

    def key(record: Record) -> list[tuple[bool, str]]:
        fields = (*sort, "username")
        return [(not record.get(f), str(record.get(f) or "")) for f in fields]

    return sorted(users, key=key)


def sort_groups(groups: list[Record], query: Query) -> list[Record]:
    """Order groups by the ``sort`` parameter, by default ``updated_at``."""
    sort = one_value(query, "sort", "updated_at")
    if sort not in GROUP_SORTS:
        raise Refusal(error(400))

    def key(record: Record) -> tuple[float, str, str]:
        value: object = record
        for step in GROUP_SORTS[sort]:
            value = value.get(step) if isinstance(value, dict) else None
        number = value if isinstance(value, int) else 0
        return number, str(value or ""), record["uid"]

    return sorted(groups, key=key)


def envelope(rows: list[Record], total: int, page: PageBounds, *, url: str, query: Query) -> Record:
    """Wrap a page; ``next`` and ``previous`` are absolute and keep the query."""

    def link(offset: int) -> str:
        kept = [(k, v) for k, v in query if k not in ("limit", "offset")]
        place = [("limit", str(page.limit)), ("offset", str(offset))]
        return f"{url}?{urlencode(place + kept)}"

    after = page.offset + page.limit
    has_next = page.limit > 0 and after < total
    has_previous = page.limit > 0 and page.offset > 0
    return {
        "total_count": total,
        "next": link(after) if has_next else None,
        "previous": link(max(0, page.offset - page.limit)) if has_previous else None,
        "results": rows,
    }


def _whole_number(query: Query, name: str, default: int) -> int:
    text = one_value(query, name, str(default))
    # `int` alone would also accept signs, spaces, underscores and other scripts.
    if not (text.isascii() and text.isdigit()):
        raise Refusal(invalid(**{name: ["A valid number, 0 or more, is required."]}))
    return int(text)
