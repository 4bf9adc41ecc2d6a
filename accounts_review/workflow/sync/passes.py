"""The passes through all pages of a workspace's users, and the proof that they saw everyone (law 3).

Whoever joins while the list is read pushes rows back, so that some are read twice; whoever is removed pulls rows
forward, so that some are missed. The first does no harm, the second is found by reading once more: a sync is complete
when two passes show the same set of those who had joined before the first began.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accounts_review.huwise import Client, HuwiseError, Page, decode_user, digest_of
from accounts_review.huwise.records import storable
from accounts_review.models.account import NAMELESS
from accounts_review.wording.findings import Found, of_error
from accounts_review.workflow.sync.known import STRANGE, Known, namesakes
from accounts_review.workflow.sync.one_pass import Pass
from accounts_review.workflow.sync.staged_record import StagedRecord, record_of
from accounts_review.workflow.sync.staging import FRESH, SEEN_NAMES, UNCHANGED, Staging

REPEATS = 5
"""So often the light pass is repeated while the list does not hold still."""
TOLERANCE = timedelta(minutes=1)
"""A date of joining may be so far ahead of the date of the answer that it stands in."""
NAMED = 5
UNREADABLE: Found = {"code": "unreadable_record"}

# Put so, the database need not sort them.
_STRANGERS = f"""
SELECT count(*) FROM (
    SELECT DISTINCT record.name FROM sync_record record
    WHERE {FRESH} AND NOT record.is_nameless AND NOT EXISTS (
        SELECT FROM accounts_review_account account
        WHERE {UNCHANGED} AND md5(account.username) = md5(record.name) AND account.username = record.name
    )
) names
"""  # noqa: S608

_HAD_JOINED = f"""
{SEEN_NAMES} EXCEPT SELECT name FROM sync_record record WHERE {FRESH} AND joined_meanwhile
"""  # noqa: S608
_BEFORE = _HAD_JOINED.replace("%(pass)s", "%(before)s")
_DIFFERING = f"""
WITH last AS ({_HAD_JOINED}), before AS ({_BEFORE})
SELECT (SELECT count(*) FROM (TABLE last EXCEPT TABLE before) gone)
    + (SELECT count(*) FROM (TABLE before EXCEPT TABLE last) come)
"""  # noqa: S608


@dataclass(slots=True)
class Passes:
    """What a sync saw of the users. Records that are known by their digest are not decoded, others are staged.

    ``problems`` say why it is not complete; none means that it is. ``health`` says what is odd and does no harm.
    """

    staging: Staging
    began: datetime
    """By our clock; the workspace's own counts, where its answers say what time it is."""
    progress: Callable[[Passes], None]
    clock: Callable[[], datetime] | None = None
    """Ours, where it is to be compared with the workspace's."""
    known: Known = field(default_factory=Known)
    problems: list[Found] = field(default_factory=list)
    done: list[Pass] = field(default_factory=list)
    skew: timedelta = timedelta(0)
    """How far our clock was from the workspace's, where both are known."""
    _is_timed: bool = False

    @property
    def is_complete(self) -> bool:
        return not self.problems

    @property
    def last(self) -> Pass:
        return self.done[-1] if self.done else Pass(0)

    @property
    def population(self) -> int:
        """How many have a username."""
        return self.last.population

    @property
    def has_doubles(self) -> bool:
        """Whether more than one record may be about the same account."""
        return self.last.records > self.last.read or bool(self.last.nameless)

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

    def compare_clocks(self, largest_skew: timedelta) -> None:
        """Have clocks that disagree be a problem: by one that is ahead, everybody is dormant."""
        if self.skew > largest_skew:
            self.problems.append({"code": "clock_skewed", "seconds": round(self.skew.total_seconds())})

    def start_again(self) -> None:
        """Forget what was read."""
        self.done.clear()
        self.problems.clear()
        self._is_timed = False
        self.staging.start_again()

    def read(self, client: Client, *, known: Known) -> None:
        """Read every page, and again until two passes agree; one page that holds still is read once.

        An error of the API ends the sync and becomes a problem.
        """
        self.known = known
        try:
            self.read_until_alike(client)
        except HuwiseError as error:
            self.problems.append(of_error("api", error))
            if len(self.done) > 1:
                # What a pass that broke off saw is less than what the one before it did.
                self.done.pop()
            else:
                self._close(self.last)
        if not self.problems:
            self._compare_counts()

    def read_until_alike(self, client: Client, *, before: Pass | None = None) -> None:
        """Read a pass, and again until two agree; ``before`` is what an earlier sync saw.

        Where they do not, that is a problem. Raises the error of the API.
        """
        self._read_pass(client, before or self.last)
        if self.last.pages > 1 or self.last.moved:
            self._read_again(client)

    def _read_again(self, client: Client) -> None:
        for _ in range(1 + REPEATS):
            self._read_pass(client, self.last)
            differing = self._differing()
            if not differing and not self._is_shrinking:
                return
        if differing:
            self.problems.append({"code": "passes_disagree", "count": differing})
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
        if repeated := last.records - last.read:
            example = storable(self._repeated_name()[:100])
            self.problems.append({"code": "repeated", "count": repeated, "example": example})
        counts = {"read": last.read, "announced": last.announced, "counted": last.counted}
        self.problems.append({"code": "counts_differ"} | counts)

    def _read_pass(self, client: Client, before: Pass) -> None:
        one = Pass(len(self.done) + 1)
        self.done.append(one)
        for page in client.users_pages():
            if not one.pages:
                one.announced = page.total_count
            at = self._time_of(page)
            self._take(one, page, before, at=at)
            self.progress(self)
        one.counted = client.users_count()
        self._close(one, before)

    def _time_of(self, page: Page) -> datetime:
        """What time it is in the workspace; the first answer that says so tells when the first pass began."""
        if page.server_date is not None and not self._is_timed:
            self.began, self._is_timed = page.server_date, True
            if self.clock:
                self.skew = abs(self.clock() - page.server_date)
        return page.server_date or self.began

    def _take(self, one: Pass, page: Page, before: Pass, *, at: datetime) -> None:
        number, start = one.pages, len(one.places)
        if number < before.pages and before.digests[number] == page.digest and start == before.starts[number]:
            one.repeat(number, before)
        else:
            strangers = self._strangers(one, page, at=at)
            self.staging.add(one.number, number, strangers, most=len(page.views))
        one.starts.append(start)
        one.digests.append(page.digest)

    def _strangers(self, one: Pass, page: Page, *, at: datetime) -> Iterable[StagedRecord]:
        """Note the records of a page that are known, and give the others."""
        place_of, places, members = self.known.place_of, one.places, one.members
        for view in page.views:
            digest = digest_of(view)
            place = place_of(digest, len(places))
            if place == STRANGE:
                raw = bytes(view)
                try:
                    user = decode_user(raw)
                except HuwiseError:
                    # Said once: there may be as many as a list has records.
                    if UNREADABLE not in self.problems:
                        self.problems.append(UNREADABLE)
                    continue
                yield record_of(user, raw, digest.hex(), joined_between=(self.began, at + TOLERANCE), at=at)
            places.append(place)
            members += digest

    def _close(self, one: Pass, before: Pass | None = None) -> None:
        """Count what a pass saw; from now on it is the last."""
        if before and before.staged and one.is_the_same and one.pages == before.pages:
            one.nameless, one.population, one.staged = before.nameless, before.population, before.staged
        else:
            self._count(one)
            one.staged = one.number

    def _count(self, one: Pass) -> None:
        staging, known = self.staging, self.known
        if one.repeating and staging.number:
            staging.repeat(one.number, one.repeating, before=staging.number)
        seen = bytearray(len(known))
        for place in one.places:
            if place != STRANGE:
                seen[place] = 1
        staging.close_pass(one.number, known.keys_of_unseen(seen))
        one.nameless = self._nameless(one)
        shared = 0
        if len(known) and (not known.are_distinct or any(seen[place] for place in known.unlisted)):
            sharing = namesakes(staging.workspace, known)
            shared = sum(max(0, sum(seen[place] for place in places) - 1) for places in sharing)
        strangers = one.places.count(STRANGE)
        # Where nobody is stored, and each came after the one before, nobody was read twice.
        if strangers and not (staging.is_first and staging.in_order and not staging.has_nameless):
            strangers = staging.one(_STRANGERS)
        one.population = seen.count(1) - sum(seen[place] for place in known.nameless) - shared + strangers

    def _nameless(self, one: Pass) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        if self.known.nameless:
            for place in one.places:
                if place in self.known.nameless:
                    found[str(place)].append(self.known.nameless[place])
        if self.staging.has_nameless:
            for digest, name in self.staging.stream_fresh("digest, name", "is_nameless"):
                found[digest].append(name)
        return dict(found)

    def _differing(self) -> int:
        """How many of those who had joined before the first began only one of the last two passes saw."""
        before, last = self.done[-2:]
        if last.staged == before.staged:
            return 0
        alike = {digest: len(names) for digest, names in last.nameless.items()}
        were = {digest: len(names) for digest, names in before.nameless.items()}
        nameless = sum(abs(alike.get(digest, 0) - were.get(digest, 0)) for digest in alike.keys() | were.keys())
        return nameless + int(self.staging.one(_DIFFERING, before=before.staged))

    def _repeated_name(self) -> str:
        query = f"SELECT name FROM ({SEEN_NAMES}) seen GROUP BY name HAVING count(*) > 1 ORDER BY name LIMIT 1"  # noqa: S608
        if name := self.staging.one(query):
            return str(name)
        # A record that is known is noted once, however often it was read.
        others = {STRANGE, *self.known.nameless}
        times_read = Counter(self.last.places)
        place = next(place for place, times in times_read.items() if times > 1 and place not in others)
        username = "SELECT username FROM accounts_review_account WHERE id = %(key)s"
        return str(self.staging.one(username, key=self.known.keys[place]))
