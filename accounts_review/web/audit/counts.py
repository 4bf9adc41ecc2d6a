"""How many entries a filter finds, and between which: what was counted before is not counted again.

Of 80,000 entries that took 7 ms of the database, and 25 ms of those of one person.
"""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db.models import Count, Max, Min, QuerySet

from accounts_review.models import AuditEntry
from accounts_review.models.prepared import Prepared

Numbers = QuerySet[AuditEntry, int]
MOST = 100
"""So many counts are kept in a process."""


class EntriesFound(NamedTuple):
    """How many entries were found, and the numbers of the first and the last of them."""

    total: int = 0
    first: int = 0
    last: int = 0


class _Counted(NamedTuple):
    """What was found up to an entry, whose digest covers all before it: while it stands, so do they."""

    seq: int
    digest: str
    found: EntriesFound


_KEPT: dict[object, _Counted] = {}
_TURN = Lock()


def found(numbers: Numbers, *, lasting: bool) -> EntriesFound:
    """What these entries are; ``lasting`` tells that an entry that is found or not will always be so."""
    if not lasting:
        return _look(numbers)
    try:
        key = numbers.query.sql_with_params()
    except EmptyResultSet:
        return EntriesFound()
    newest = _NEWEST.rows()
    if not newest:
        return EntriesFound()
    [(seq, digest)] = newest
    before, known = numbers.filter(seq__lte=seq), _KEPT.get(key)
    if known and (known.seq, known.digest) == (seq, digest):
        return known.found
    if known and _DIGEST.rows(seq=known.seq) == [(known.digest,)]:
        now = _both(known.found, _look(before.filter(seq__gt=known.seq)))
    else:
        now = _look(before)
    with _TURN:
        while len(_KEPT) >= MOST:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[key] = _Counted(seq, digest, now)
    return now


def _look(numbers: Numbers) -> EntriesFound:
    looked: dict[str, int] = numbers.aggregate(n=Count("seq"), first=Min("seq", default=0), last=Max("seq", default=0))
    return EntriesFound(*looked.values())


def _both(before: EntriesFound, since: EntriesFound) -> EntriesFound:
    """What was found before an entry, and what since."""
    return EntriesFound(before.total + since.total, before.first or since.first, since.last or before.last)


_NEWEST = Prepared(lambda: AuditEntry._base_manager.order_by("-seq").values_list("seq", "digest")[:1])
_DIGEST = Prepared(lambda seq: AuditEntry._base_manager.filter(seq=seq).values_list("digest"), seq=int)
