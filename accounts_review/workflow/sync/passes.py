"""The passes through all pages of a workspace's users, and the proof that they saw everyone (law 3).

Whoever joins while the list is read pushes rows back, so that some are read twice; whoever is removed pulls rows
forward, so that some are missed. The first does no harm, the second is found by reading once more: a sync is complete
when two passes show the same set of those who had joined before the first began.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accounts_review.facts import incarnation_of, whole_incarnation
from accounts_review.huwise import Client, HuwiseError, Page, UserRecord, decode_user, digest_of
from accounts_review.huwise.records import storable
from accounts_review.rules.dates import valid_instant
from accounts_review.wording.findings import Found, of_error

PAGE = 1000
REPEATS = 5
"""So often the light pass is repeated while the list does not hold still."""
TOLERANCE = timedelta(minutes=1)
"""A date of joining may be so far ahead of the date of the answer that it stands in."""
NAMED = 5

NAMELESS = "— "
"""What stands before the address of an account that has no username."""

Known = dict[str, tuple[int, str]]
"""Accounts that an accepted sync stored, by the digest of their record: key and username."""

Key = tuple[str, str]
"""Username and incarnation, without fractions of a second."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that is not known, decoded once for all passes."""

    user: UserRecord
    raw: bytes
    key: Key
    joined_at: datetime | None


@dataclass(slots=True)
class Pass:
    """What one pass through all pages saw."""

    names: set[str] = field(default_factory=set)
    joined_meanwhile: set[str] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    nameless: dict[str, list[str]] = field(default_factory=dict)
    """What stands for the username of records that have none, by digest, as often as they were read."""
    unchanged: set[int] = field(default_factory=set)
    fresh: dict[Key, tuple[UserRecord, bytes]] = field(default_factory=dict)
    pages: int = 0
    announced: int = 0
    counted: int = 0
    """How many accounts the workspace said it has, on the first page and after the last."""

    @property
    def had_joined(self) -> set[str]:
        """Who was there before the first pass began."""
        return self.names - self.joined_meanwhile

    @property
    def is_whole(self) -> bool:
        """Whether as many were read as there are; some may have joined meanwhile, and nobody may have been removed."""
        return self.announced <= len(self.names) <= self.counted

    @property
    def moved(self) -> bool:
        return self.announced != self.counted

    def count(self, username: str, digest: str) -> None:
        """Count a record; those that have no username are told apart by what they say, and how often."""
        if username.startswith(NAMELESS):
            alike = self.nameless.setdefault(digest, [])
            alike.append(username)
            username = f"\0{digest} {len(alike)}"
        if username in self.names:
            self.repeated.append(username)
        self.names.add(username)

    @property
    def counts(self) -> dict[str, int]:
        return {"pages": self.pages, "read": len(self.names), "expected": self.announced}


@dataclass(slots=True)
class Passes:
    """What a sync saw of the users. Records that are known by their digest are not decoded.

    ``problems`` say why it is not complete; none means that it is. ``health`` says what is odd and does no harm.
    """

    known: Known
    began: datetime
    """By our clock; the workspace's own counts, where its answers say what time it is."""
    progress: Callable[[Passes], None]
    problems: list[Found] = field(default_factory=list)
    done: list[Pass] = field(default_factory=list)
    _decoded: dict[str, Seen] = field(default_factory=dict)
    _is_timed: bool = False

    @property
    def is_complete(self) -> bool:
        return not self.problems

    @property
    def last(self) -> Pass:
        return self.done[-1] if self.done else Pass()

    @property
    def unchanged(self) -> set[int]:
        """Keys of the accounts whose record is what the last accepted sync stored."""
        return self.last.unchanged

    @property
    def fresh(self) -> dict[Key, tuple[UserRecord, bytes]]:
        """All other records."""
        return self.last.fresh

    @property
    def usernames(self) -> set[str]:
        """Everyone who has a username."""
        return {name for name in self.last.names if not name.startswith("\0")}

    @property
    def counts(self) -> list[dict[str, int]]:
        """What each pass counted."""
        return [one.counts for one in self.done]

    @property
    def health(self) -> list[Found]:
        if not self.last.nameless:
            return []
        names = sorted(name.removeprefix(NAMELESS) for names in self.last.nameless.values() for name in names)
        return [{"code": "nameless", "count": len(names), "names": ", ".join(names[:NAMED])}]

    def read(self, client: Client) -> None:
        """Read every page, and again until two passes agree; one page that holds still is read once.

        An error of the API ends the reading and becomes a problem.
        """
        try:
            self._read_pass(client)
            if self.last.pages > 1 or self.last.moved:
                self._read_again(client)
        except HuwiseError as error:
            self.problems.append(of_error("api", error))
            if len(self.done) > 1:
                # What a pass that broke off saw is less than what the one before it did.
                self.done.pop()
        if not self.problems:
            self._compare_counts()

    def _read_again(self, client: Client) -> None:
        for _ in range(1 + REPEATS):
            before = self.last.had_joined
            self._read_pass(client)
            differing = before ^ self.last.had_joined
            if not differing and not self._is_shrinking:
                return
        if differing:
            self.problems.append({"code": "passes_disagree", "count": len(differing)})
        else:
            counts = {"before": self.last.announced, "after": self.last.counted}
            self.problems.append({"code": "count_changed"} | counts)

    @property
    def _is_shrinking(self) -> bool:
        return self.last.counted < self.last.announced

    def _compare_counts(self) -> None:
        last = self.last
        if last.is_whole:
            return
        if last.repeated:
            example = storable(last.repeated[0][:100])
            self.problems.append({"code": "repeated", "count": len(last.repeated), "example": example})
        counts = {"read": len(last.names), "announced": last.announced, "counted": last.counted}
        self.problems.append({"code": "counts_differ"} | counts)

    def _read_pass(self, client: Client) -> None:
        one = Pass()
        self.done.append(one)
        offset, expected = 0, 1
        while offset < expected:
            page = client.users_page(offset=offset, limit=PAGE)
            if not one.pages:
                one.announced = expected = page.total_count
            expected = max(expected, page.total_count)
            at = self._time_of(page)
            for raw in page.records:
                self._take(one, raw, at=at)
            one.pages += 1
            self.progress(self)
            if not page.records:
                break
            # By the rows that came, since a server may cap the size of a page.
            offset += len(page.records)
        one.counted = client.users_count()

    def _time_of(self, page: Page) -> datetime:
        """What time it is in the workspace; the first answer that says so tells when the first pass began."""
        if page.server_date is not None and not self._is_timed:
            self.began, self._is_timed = page.server_date, True
        return page.server_date or self.began

    def _take(self, one: Pass, raw: bytes, *, at: datetime) -> None:
        digest = digest_of(raw).hex()
        if digest in self.known:
            pk, username = self.known[digest]
            one.unchanged.add(pk)
            one.count(username, digest)
            return
        seen = self._decoded.get(digest)
        if seen is None:
            try:
                seen = self._decoded[digest] = _seen(decode_user(raw), raw, digest, at=at)
            except HuwiseError:
                self.problems.append({"code": "unreadable_record"})
                return
        one.fresh[seen.key] = (seen.user, seen.raw)
        one.count(seen.key[0], digest)
        if seen.joined_at is not None and self.began <= seen.joined_at <= at + TOLERANCE:
            one.joined_meanwhile.add(seen.key[0])


def key_of(user: UserRecord, digest: str) -> Key:
    """What an account is known by; one that has no username, by its address and what else its record says."""
    incarnation = whole_incarnation(incarnation_of(user))
    if user.username:
        return user.username, incarnation
    return f"{NAMELESS}{user.email or user.display_name or digest[:8]}", f"{incarnation} {digest}"


def _seen(user: UserRecord, raw: bytes, digest: str, *, at: datetime) -> Seen:
    return Seen(user=user, raw=raw, key=key_of(user, digest), joined_at=valid_instant(user.joined_at, read_at=at))
