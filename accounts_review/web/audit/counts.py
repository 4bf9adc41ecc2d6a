"""How many entries a filter finds: what was counted before is not counted again.

Of 80,000 entries that took 7 ms of the database, and 25 ms of those of one person.
"""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet

from accounts_review.models import AuditEntry
from accounts_review.models.prepared import Prepared

Numbers = QuerySet[AuditEntry, int]
MOST = 100
"""So many counts are kept in a process."""


class _Counted(NamedTuple):
    """How many there were up to an entry, whose digest covers all before it: while it stands, so do they."""

    seq: int
    digest: str
    found: int


_KEPT: dict[object, _Counted] = {}
_TURN = Lock()


def counted(numbers: Numbers, *, lasting: bool) -> int:
    """How many entries these are; ``lasting`` tells that an entry that is found or not will always be so."""
    if not lasting:
        return numbers.count()
    try:
        key = numbers.query.sql_with_params()
    except EmptyResultSet:
        return 0
    newest = _NEWEST.rows()
    if not newest:
        return 0
    [(seq, digest)] = newest
    found, known = numbers.filter(seq__lte=seq), _KEPT.get(key)
    if known and (known.seq, known.digest) == (seq, digest):
        return known.found
    if known and _DIGEST.rows(seq=known.seq) == [(known.digest,)]:
        count = known.found + found.filter(seq__gt=known.seq).count()
    else:
        count = found.count()
    with _TURN:
        while len(_KEPT) >= MOST:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[key] = _Counted(seq, digest, count)
    return count


_NEWEST = Prepared(lambda: AuditEntry._base_manager.order_by("-seq").values_list("seq", "digest")[:1])
_DIGEST = Prepared(lambda seq: AuditEntry._base_manager.filter(seq=seq).values_list("digest"), seq=int)
