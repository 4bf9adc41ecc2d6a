"""The walk through all pages of a workspace's users, and the proof that it saw everyone (law 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from accounts_review.huwise import Client, HuwiseError, User, decode_user, digest_of
from accounts_review.huwise.facts import incarnation_of

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
    problems: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return not self.problems

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
            self.problems.append(str(error))

    def _read_pages(self, client: Client) -> None:
        offset = 0
        while self.expected is None or offset < self.expected:
            page = client.users_page(offset=offset, limit=PAGE)
            if self.expected is None:
                self.expected = page.total_count
            elif page.total_count != self.expected:
                self.problems.append(f"the count changed from {self.expected} to {page.total_count} while paging")
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
            self.problems.append("a record is not an object and cannot be read")
            return
        self.usernames.append(user.username)
        self.fresh[user.username, incarnation_of(user)] = (user, raw)

    def _compare_counts(self, client: Client) -> None:
        repeated = [name for name, count in Counter(self.usernames).items() if count > 1]
        if repeated:
            self.problems.append(f"{len(repeated)} usernames were listed more than once, e.g. {repeated[0][:100]!r}")
        read, counted = len(set(self.usernames)), client.users_count()
        if not read == self.expected == counted:
            said = f"{read} accounts were read; {self.expected} announced at the start, {counted} at the end"
            self.problems.append(said)

    def _compare_with_second_pass(self, client: Client) -> None:
        seen = {digest_of(raw).hex(): (0, user.username) for user, raw in self.fresh.values()}
        again = Walk(known=self.known | seen, progress=lambda walk: self.progress(self))
        again._read_pages(client)
        if differing := set(again.usernames) ^ set(self.usernames):
            self.problems.append(f"a second pass disagreed about {len(differing)} accounts")
