"""The walk through all pages of a workspace's users, and the proof that it saw everyone (law 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from accounts_review.facts import incarnation_of
from accounts_review.huwise import Client, HuwiseError, User, decode_user, digest_of
from accounts_review.huwise.records import storable
from accounts_review.wording.findings import Found, of_error

PAGE = 1000

Known = dict[str, tuple[int, str]]
"""Accounts that are stored, by the digest of their record: key and username."""


@dataclass(slots=True)
class Walk:
    """What one walk saw. Records that are known by their digest are not decoded.

    ``problems`` say why it is not complete; none means that it is.
    """

    known: Known
    progress: Callable[[Walk], None]
    usernames: list[str] = field(default_factory=list)
    unchanged: set[int] = field(default_factory=set)
    fresh: dict[tuple[str, str], tuple[User, bytes]] = field(default_factory=dict)
    pages: int = 0
    expected: int | None = None
    problems: list[Found] = field(default_factory=list)
    second: Walk | None = None
    """The pass that looks once more, where there was one."""

    @property
    def is_complete(self) -> bool:
        return not self.problems

    @property
    def passes(self) -> list[dict[str, int | None]]:
        """What each pass counted."""
        walks = [self, self.second] if self.second else [self]
        return [{"pages": walk.pages, "read": len(walk.usernames), "expected": walk.expected} for walk in walks]

    def read(self, client: Client) -> None:
        """Read every page, then look for anything that shows that it was not everyone.

        Where there is more than one page, a second light pass has to agree. An error of the API ends the reading and
        becomes a problem.
        """
        try:
            self._read_pages(client)
            self._compare_counts(client)
            if self.pages > 1 and self.is_complete:
                self._compare_with_second_pass(client)
        except HuwiseError as error:
            self.problems.append(of_error("api", error))

    def _read_pages(self, client: Client) -> None:
        offset = 0
        while self.expected is None or offset < self.expected:
            page = client.users_page(offset=offset, limit=PAGE)
            if self.expected is None:
                self.expected = page.total_count
            elif page.total_count != self.expected:
                changed = {"code": "count_changed", "before": self.expected, "after": page.total_count}
                self.problems.append(changed)
                self.expected = max(self.expected, page.total_count)
            for raw in page.records:
                self._take(raw)
            self.pages += 1
            self.progress(self)
            if not page.records:
                break
            # By the rows that came, since a server may cap the size of a page.
            offset += len(page.records)

    def _take(self, raw: bytes) -> None:
        digest = digest_of(raw).hex()
        if digest in self.known:
            pk, username = self.known[digest]
            self.unchanged.add(pk)
            self.usernames.append(username)
            return
        try:
            user = decode_user(raw)
        except HuwiseError:
            self.problems.append({"code": "unreadable_record"})
            return
        self.usernames.append(user.username)
        self.fresh[user.username, incarnation_of(user)] = (user, raw)

    def _compare_counts(self, client: Client) -> None:
        repeated = [name for name, count in Counter(self.usernames).items() if count > 1]
        if repeated:
            self.problems.append({"code": "repeated", "count": len(repeated), "example": storable(repeated[0][:100])})
        read, counted = len(set(self.usernames)), client.users_count()
        if not read == self.expected == counted:
            counts = {"read": read, "announced": self.expected, "counted": counted}
            self.problems.append({"code": "counts_differ"} | counts)

    def _compare_with_second_pass(self, client: Client) -> None:
        seen = {digest_of(raw).hex(): (0, user.username) for user, raw in self.fresh.values()}
        self.second = Walk(known=self.known | seen, progress=lambda walk: self.progress(self))
        self.progress(self)
        self.second._read_pages(client)
        if differing := set(self.second.usernames) ^ set(self.usernames):
            self.problems.append({"code": "passes_disagree", "count": len(differing)})
