"""What is read is staged while it is made: where that breaks off, the sync goes on as if nothing had been read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from accounts_review.huwise import decode_user, digest_of
from accounts_review.models import Workspace
from accounts_review.workflow.sync.staged_record import StagedRecord, record_of
from accounts_review.workflow.sync.staging import FEW, SEEN_NAMES, Staging, staging
from tests.stage import NOW, someone

pytestmark = pytest.mark.django_db(transaction=True)


def records(count: int) -> Iterator[StagedRecord]:
    for number in range(count):
        raw = json.dumps(someone(f"p{number:05d}")).encode()
        yield record_of(decode_user(raw), raw, digest_of(raw).hex(), at=NOW)


def broken_off(count: int) -> Iterator[StagedRecord]:
    yield from records(count)
    raise LookupError("the list is no longer in the order in which it was remembered")


def names(staged: Staging) -> list[str]:
    return sorted(name for (name,) in staged.stream(SEEN_NAMES))


@pytest.mark.parametrize("count", [FEW - 1, FEW, FEW + 50])
def test_a_page_that_breaks_off_leaves_nothing_once_all_is_read_again(workspace: Workspace, count: int) -> None:
    with staging(workspace, read_at=NOW) as staged:
        with pytest.raises(LookupError):
            staged.add(1, 0, broken_off(count), most=1000)
        staged.start_again()
        staged.add(1, 0, records(3), most=1000)
        staged.close_pass(1, ())
        assert names(staged) == ["p00000", "p00001", "p00002"]


@pytest.mark.parametrize("sizes", [(1, 1, 1), (FEW, 1, FEW - 1), (3 * FEW,), (FEW - 1, 3 * FEW)])
def test_every_record_is_staged_once_however_many_a_page_has(workspace: Workspace, sizes: tuple[int, ...]) -> None:
    everyone = records(sum(sizes))
    with staging(workspace, read_at=NOW) as staged:
        for page, size in enumerate(sizes):
            staged.add(1, page, (next(everyone) for _ in range(size)), most=size)
        staged.close_pass(1, ())
        assert names(staged) == [f"p{number:05d}" for number in range(sum(sizes))]
        assert staged.seq == sum(sizes)
