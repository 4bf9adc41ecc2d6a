"""One pass through all pages of a workspace's users."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from accounts_review.huwise.records import DIGEST_BYTES


@dataclass(slots=True)
class Pass:
    """What one pass through all pages saw: of each record its place among those known, or that it is not."""

    number: int
    places: array[int] = field(default_factory=lambda: array("i"))
    members: bytearray = field(default_factory=bytearray)
    """The digest of each record."""
    starts: list[int] = field(default_factory=list)
    """Where the records of each page begin."""
    digests: list[bytes] = field(default_factory=list)
    """Of each page."""
    repeating: list[int] = field(default_factory=list)
    """The pages on which it saw what the pass before it did."""
    nameless: dict[str, list[str]] = field(default_factory=dict)
    """What stands for the username of records that have none, by digest, as often as they were read."""
    population: int = 0
    """How many usernames there are, once all is read."""
    announced: int = 0
    counted: int = 0
    """How many accounts the workspace said it has, on the first page and after the last."""
    staged: int = 0
    """The pass under which what it saw is staged: the first that saw the same; 0 until its end."""

    @property
    def pages(self) -> int:
        return len(self.starts)

    @property
    def read(self) -> int:
        """How many accounts were seen; until the end of the pass, how many records."""
        return self.population + sum(map(len, self.nameless.values())) if self.staged else self.records

    @property
    def records(self) -> int:
        return len(self.places)

    @property
    def is_whole(self) -> bool:
        """Whether as many were read as there are; some may have joined meanwhile, and nobody may have been removed."""
        return self.announced <= self.read <= self.counted

    @property
    def moved(self) -> bool:
        return self.announced != self.counted

    @property
    def is_the_same(self) -> bool:
        """Whether every page was, byte for byte, what the pass before saw."""
        return len(self.repeating) == self.pages

    @property
    def counts(self) -> dict[str, int]:
        return {"pages": self.pages, "records": self.records, "read": self.read, "expected": self.announced}

    def members_of(self, page: int) -> bytearray:
        """The digests of the records on a page."""
        return self.members[DIGEST_BYTES * self.starts[page] : DIGEST_BYTES * self._end_of(page)]

    def repeat(self, page: int, before: Pass) -> None:
        """Note that a page is what it was."""
        self.places.extend(before.places[before.starts[page] : before._end_of(page)])
        self.members += before.members_of(page)
        self.repeating.append(page)

    def _end_of(self, page: int) -> int:
        return self.starts[page + 1] if page + 1 < self.pages else self.records
